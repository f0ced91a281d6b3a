/** What a log says of a topic, by which another one in its place is recognised. */
import { expect, test } from 'vitest';
import { join, numbered, type Open, produce, settled } from './driver.ts';

export function historyCases(open: Open): void {
  test('tells the topic id of the source, and the first record at or after an offset', async () => {
    const it = await open(2);
    await produce(it, 'source', numbered(1, 0, 5));
    const joined = await join(it);
    const { log, handler } = joined;
    await settled([joined], 2);
    await handler.until('the records', () => handler.recordsOf('source', 1).length === 5);
    const { topicId, retryTopicId } = await log.inspect(0, null);
    for (const id of [topicId, retryTopicId]) expect(id).toMatch(/^[\w-]{1,64}$/);
    expect(topicId).not.toBe(retryTopicId);
    expect(await log.inspect(1, null)).toEqual({ topicId, retryTopicId, first: null });
    for (const { offset, timestamp, leaderEpoch } of handler.recordsOf('source', 1)) {
      expect(leaderEpoch).toBeGreaterThanOrEqual(0);
      expect(await log.inspect(1, offset)).toEqual({
        topicId,
        retryTopicId,
        first: { offset, timestamp, leaderEpoch },
      });
    }
    expect(await log.inspect(1, 2n)).toMatchObject({ first: { offset: 2n } });
  });

  test('looks ahead in the source: the end of each partition, and the first record from an offset on, paused or not', async () => {
    const it = await open(3);
    await produce(it, 'source', numbered(1, 0, 5));
    const joined = await join(it, ({ log }, self) => {
      self.onAssigned = () => log.pause('source', 1);
    });
    const { log, handler } = joined;
    await settled([joined], 3);
    await produce(it, 'source', numbered(2, 0, 7));
    await handler.until('the records', () => handler.recordsOf('source', 2).length === 7);
    const wanted = new Map([
      [1, 3n],
      [2, 7n],
    ]);
    const ahead = await log.lookAhead(wanted);
    expect([0, 1, 2].map((partition) => ahead.get(partition)?.end)).toEqual([0n, 5n, 7n]);
    expect(ahead.get(1)?.first).toEqual((await log.inspect(1, 3n)).first);
    expect([ahead.get(0)?.first, ahead.get(2)?.first]).toEqual([null, null]);
    // Nothing of it was read.
    expect(handler.recordsOf('source', 1)).toEqual([]);
  });

  test('a member of a recreated source joins again, and finds another topic id', async () => {
    // given a member that has read the source
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 5));
    const joined = await join(it);
    const { log, handler } = joined;
    await settled([joined], 1);
    await handler.until('the records', () => handler.recordsOf('source', 0).length === 5);
    const { topicId } = await log.inspect(0, null);
    const joins = (): number => handler.events.filter(({ type }) => type === 'assigned').length;
    const before = joins();
    // when
    await it.recreateSource();
    await produce(it, 'source', numbered(0, 0, 8));
    // then
    await handler.until('another assignment', () => joins() > before);
    await settled([joined], 1);
    const after = await log.inspect(0, 6n);
    expect(after.topicId).toMatch(/^[\w-]{1,64}$/);
    expect(after.topicId).not.toBe(topicId);
    expect(after.first?.offset).toBe(6n);
  });
}
