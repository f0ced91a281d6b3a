/** What is handed out: which records, from where, and when not. */
import { expect, test } from 'vitest';
import { waitMaxMs } from '../recording-handler.ts';
import type { Open } from './driver.ts';
import { heartbeats, join, numbered, offsets, plain, produce, settled, texts } from './driver.ts';

export function readingCases(open: Open): void {
  test('hands out exactly the records of each partition, in order', async () => {
    // given records before and after the join
    const it = await open(3);
    await produce(
      it,
      'source',
      [0, 1, 2].flatMap((partition) => numbered(partition, 0, 700)),
    );
    const { handler } = await join(it);
    await handler.until('the first records', () => handler.batches.length > 0);
    await produce(
      it,
      'source',
      [0, 1, 2].flatMap((partition) => numbered(partition, 700, 1000)),
    );
    // when
    await handler.until('all records', () =>
      [0, 1, 2].every((partition) => handler.recordsOf('source', partition).length >= 1000),
    );
    // then
    for (const partition of [0, 1, 2]) {
      expect(texts(handler.recordsOf('source', partition))).toEqual(
        numbered(partition, 0, 1000).map(({ value }) => value),
      );
      expect(handler.recordsOf('source', partition).map(({ offset }) => offset)).toEqual(offsets(0, 1000));
    }
  });

  test('says in each batch where to read on and where the end is', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 1200));
    const { handler } = await join(it);
    await handler.until('the end', () => handler.batches.some(({ nextOffset }) => nextOffset === 1200n));
    let position = 0n;
    for (const { records, nextOffset, endOffset } of handler.batches) {
      expect(records[0]?.offset).toBe(position);
      expect(nextOffset).toBe((records.at(-1)?.offset ?? -1n) + 1n);
      expect(endOffset).toBeGreaterThanOrEqual(nextOffset);
      position = nextOffset;
    }
    expect(handler.batches.at(-1)?.endOffset).toBe(1200n);
  });

  test('hands out keys, values and headers to the byte, null among them', async () => {
    const it = await open(1);
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const sent = [
      { key: bytes, value: bytes, headers: [['bytes', bytes] as const, ['empty', new Uint8Array()] as const] },
      { key: null, value: 'no key', headers: [] },
      { key: 'tombstone', value: null, headers: [['ключ', Buffer.from('значение')] as const] },
      { key: '', value: '', headers: [] },
    ];
    await produce(
      it,
      'source',
      sent.map((record) => ({ partition: 0, ...record })),
    );
    const before = Date.now();
    const { handler } = await join(it);
    await handler.until('the records', () => handler.recordsOf('source', 0).length === sent.length);
    expect(handler.recordsOf('source', 0).map(plain)).toEqual(sent.map(plain));
    for (const { timestamp } of handler.recordsOf('source', 0))
      expect(Math.abs(timestamp - before)).toBeLessThan(waitMaxMs);
  });
}

export function positionCases(open: Open): void {
  test('starts where the handler seeks to during the assignment event', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 20));
    const { handler } = await join(it, ({ log }, self) => {
      self.onAssigned = () => log.seek('source', 0, 15n);
    });
    await handler.until('the rest', () => handler.recordsOf('source', 0).length >= 5);
    expect(handler.recordsOf('source', 0).map(({ offset }) => offset)).toEqual(offsets(15, 20));
  });

  test('hands out nothing of a partition that was paused during the assignment event, until it is resumed', async () => {
    // given source 0 paused
    const it = await open(2);
    await produce(it, 'source', [...numbered(0, 0, 10), ...numbered(1, 0, 10)]);
    const { log, handler } = await join(it, (joined, self) => {
      self.onAssigned = () => joined.log.pause('source', 0);
    });
    // when the other one is read, and some heartbeats pass
    await handler.until('partition 1', () => handler.recordsOf('source', 1).length === 10);
    await heartbeats(handler, 3);
    // then
    expect(handler.events.filter((event) => event.type === 'records' && event.batch.partition === 0)).toEqual([]);
    // and when it is resumed
    log.resume('source', 0);
    await handler.until('partition 0', () => handler.recordsOf('source', 0).length === 10);
    expect(handler.recordsOf('source', 0).map(({ offset }) => offset)).toEqual(offsets(0, 10));
  });

  test('keeps a partition paused over a rebalance', async () => {
    const it = await open(1);
    const first = await join(it, (joined, self) => {
      self.onAssigned = () => self.events.some(({ type }) => type === 'assigned') || joined.log.pause('source', 0);
    });
    await produce(it, 'source', numbered(0, 0, 3));
    await produce(it, 'retry', numbered(0, 0, 1));
    const generation = first.handler.generation;
    // when another member comes, and the owner of the partition among the two has been informed
    const second = await join(it);
    await settled([first, second], 1);
    expect(first.handler.generation).toBeGreaterThan(generation);
    await second.log.leave();
    await settled([first], 1);
    await heartbeats(first.handler, 3);
    // then
    expect(first.handler.recordsOf('source', 0)).toEqual([]);
    first.log.resume('source', 0);
    await first.handler.until('the records', () => first.handler.recordsOf('source', 0).length === 3);
  });

  test('brings a declined batch again after resume, without gap or repeat', async () => {
    // given a handler that declines everything from the third batch on
    const it = await open(1);
    let isFull = false;
    const { log, handler } = await join(it, (joined, self) => {
      self.onRecords = ({ records }) => {
        if (!isFull) isFull = records.some(({ offset }) => offset >= 300n);
        if (isFull) joined.log.pause('source', 0);
        return isFull ? 'declined' : 'taken';
      };
    });
    for (const from of [0, 200, 400]) await produce(it, 'source', numbered(0, from, from + 200));
    await handler.until('a declined batch', () => isFull);
    await heartbeats(handler, 2);
    // when
    handler.onRecords = () => 'taken';
    log.resume('source', 0);
    // then
    await handler.until('all records', () => handler.recordsOf('source', 0).length >= 600);
    expect(handler.recordsOf('source', 0).map(({ offset }) => offset)).toEqual(offsets(0, 600));
  });

  test('goes on where a seek outside of the assignment leads to', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 10));
    const { log, handler } = await join(it);
    await handler.until('the records', () => handler.recordsOf('source', 0).length === 10);
    log.seek('source', 0, 7n);
    await handler.until('the repeat', () => handler.recordsOf('source', 0).length === 13);
    expect(
      handler
        .recordsOf('source', 0)
        .slice(10)
        .map(({ offset }) => offset),
    ).toEqual(offsets(7, 10));
  });

  test('says that an offset does not exist, and reads on at the start', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 5));
    const { handler } = await join(it, ({ log }, self) => {
      self.onAssigned = () => log.seek('source', 0, 1000n);
    });
    await handler.until('the records', () => handler.recordsOf('source', 0).length >= 5);
    const types = handler.events.map(({ type }) => type).filter((type) => type !== 'heartbeat');
    expect(types.slice(0, 4)).toEqual(['joining', 'assigned', 'offsetOutOfRange', 'records']);
    expect(handler.recordsOf('source', 0).map(({ offset }) => offset)).toEqual(offsets(0, 5));
  });

  test('reads source from the committed offset and retry from its beginning', async () => {
    const it = await open(1);
    await produce(it, 'source', numbered(0, 0, 10));
    await produce(it, 'retry', numbered(0, 0, 4));
    const first = await join(it);
    await first.handler.until(
      'all',
      () => first.handler.recordsOf('source', 0).length + first.handler.recordsOf('retry', 0).length === 14,
    );
    await first.log.commit([{ partition: 0, offset: 2n, metadata: '' }]);
    await first.log.leave();
    // when
    const second = await join(it);
    await second.handler.until(
      'the rest',
      () => second.handler.recordsOf('source', 0).length >= 8 && second.handler.recordsOf('retry', 0).length >= 4,
    );
    // then
    expect(second.handler.recordsOf('source', 0).map(({ offset }) => offset)).toEqual(offsets(2, 10));
    expect(second.handler.recordsOf('retry', 0).map(({ offset }) => offset)).toEqual(offsets(0, 4));
  });
}

export function compactionCases(open: Open): void {
  test('reads over what compaction left out, to the end', async () => {
    // given a retry topic whose last record is a removed tombstone
    const it = await open(1);
    const record = { partition: 0, headers: [] };
    await produce(it, 'retry', [
      { ...record, key: 'a', value: 'a1' },
      { ...record, key: 'b', value: 'b1' },
      { ...record, key: 'a', value: 'a2' },
      { ...record, key: 'b', value: null },
    ]);
    await it.compactRetry?.();
    // when
    const { log, handler } = await join(it);
    await handler.until('the end', () => handler.batches.some(({ nextOffset }) => nextOffset === 4n));
    // then
    expect(texts(handler.recordsOf('retry', 0)).filter((value) => value !== null)).toEqual(['a2']);
    expect(handler.batches.at(-1)).toMatchObject({ nextOffset: 4n, endOffset: 4n });
    expect((await log.bounds('retry', 0)).end).toBe(4n);
  });
}
