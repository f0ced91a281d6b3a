/** Who owns what, and which events members get about it. */
import { expect, test } from 'vitest';
import type { Open } from './driver.ts';
import { generationsOf, heartbeats, join, numbered, produce, producedReachesOneOwner, settled } from './driver.ts';

export function groupCases(open: Open): void {
  test('gives each partition of both topics to one member, while members come, leave or are killed', async () => {
    const it = await open(6);
    const first = await join(it);
    await settled([first], 6);
    const second = await join(it);
    await settled([first, second], 6);
    const third = await join(it);
    await settled([first, second, third], 6);
    await producedReachesOneOwner(it, [first, second, third]);
    // when one leaves
    await second.log.leave();
    await settled([first, third], 6);
    await producedReachesOneOwner(it, [first, third]);
    // and one is killed
    await it.kill(first.log);
    await settled([third], 6);
    await producedReachesOneOwner(it, [third]);
  });

  test('says joining before assigned, and brings no records in between', async () => {
    const it = await open(2);
    const first = await join(it);
    const second = await join(it);
    await settled([first, second], 2);
    await produce(it, 'source', [...numbered(0, 0, 5), ...numbered(1, 0, 5)]);
    await second.log.leave();
    await settled([first], 2);
    await first.handler.until('records', () => first.handler.recordsOf('source', 1).length >= 5);
    for (const { handler } of [first, second]) {
      const order = handler.events.map(({ type }) => type).filter((type) => type !== 'heartbeat');
      expect(order[0]).toBe('joining');
      for (const [index, type] of order.entries()) {
        if (type === 'assigned') expect(order[index - 1]).toBe('joining');
        if (type === 'records') expect(['assigned', 'records']).toContain(order[index - 1]);
      }
    }
  });

  test('names the generation by a heartbeat after each assignment; it grows', async () => {
    const it = await open(2);
    const started = performance.now();
    const first = await join(it);
    await settled([first], 2);
    const second = await join(it);
    await settled([first, second], 2);
    await second.log.leave();
    await settled([first], 2);
    const generations = generationsOf(first.handler);
    expect(generations.length).toBeGreaterThanOrEqual(3);
    expect(generations.every((generation, index) => generation > (generations[index - 1] ?? 0))).toBe(true);
    for (const event of first.handler.events) {
      if (event.type === 'heartbeat') expect(event.heartbeat.sentAt.monotonic).toBeGreaterThanOrEqual(started);
    }
  });

  test('hands over at once when a member leaves, and tells it nothing more', async () => {
    const it = await open(2);
    const first = await join(it);
    const second = await join(it);
    await settled([first, second], 2);
    await first.log.leave();
    const before = first.handler.events.length;
    await settled([second], 2);
    await heartbeats(second.handler, 2);
    expect(first.handler.events.length).toBe(before);
  });
}

export function ownershipCases(open: Open): void {
  test('keeps the member id of a live member over rebalances', async () => {
    const it = await open(2);
    const first = await join(it);
    await settled([first], 2);
    const memberId = first.handler.assignment?.memberId;
    const second = await join(it);
    await settled([first, second], 2);
    await second.log.leave();
    await settled([first], 2);
    expect(first.handler.assignment?.memberId).toBe(memberId);
    expect(
      second.handler.events.some((event) => event.type === 'assigned' && event.assignment.memberId === memberId),
    ).toBe(false);
  });

  test('gives a dropped member a new id, and refuses its commits until then', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 3));
    const { log, handler } = await join(it);
    await settled([{ log, handler }], 1);
    const memberId = handler.assignment?.memberId;
    await log.commit([{ partition: 0, offset: 1n, metadata: 'owned' }]);
    // when
    await it.evict(log);
    const whileDropped =
      handler.assignment?.memberId === memberId
        ? log.commit([{ partition: 0, offset: 2n, metadata: 'dropped' }])
        : Promise.reject(new Error('too late'));
    // then
    await expect(whileDropped).rejects.toThrow();
    await handler.until(
      'a new member id',
      () => handler.assignment !== null && handler.assignment.memberId !== memberId,
    );
    expect(await log.committed(0)).toEqual({ offset: 1n, metadata: 'owned' });
  });

  test('joins again as another member on request', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 3));
    const { log, handler } = await join(it);
    await handler.until('records', () => handler.recordsOf('source', 0).length === 3);
    const memberId = handler.assignment?.memberId;
    // when
    log.rejoin('a higher epoch was read');
    // then
    await handler.until(
      'a new member id',
      () => handler.assignment !== null && handler.assignment.memberId !== memberId,
    );
    const after = handler.events.map(({ type }) => type).lastIndexOf('lost');
    expect(handler.events[after]).toEqual({ type: 'lost', reason: 'a higher epoch was read' });
    await handler.until('the records again', () => handler.recordsOf('source', 0).length === 6);
    await log.commit([{ partition: 0, offset: 3n, metadata: '' }]);
  });
}
