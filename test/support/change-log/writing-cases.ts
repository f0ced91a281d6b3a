/** What is written: records, commits, topics; and reading it back. */
import { expect, test } from 'vitest';
import type { ReadProgress } from '../../../src/core/log/reading.ts';
import type { SendOutcome, TopicRecord } from '../../../src/ports.ts';
import type { Open } from './driver.ts';
import { join, numbered, produce, readAll, settled, texts } from './driver.ts';

export function commitCases(open: Open): void {
  test('keeps commits with up to 4,096 characters of metadata, partition by partition', async () => {
    const it = await open(3);
    const { log, handler } = await join(it);
    await settled([{ log, handler }], 3);
    expect(await log.committed(0)).toEqual({ offset: null, metadata: '' });
    const metadata = 'ä→'.repeat(2048);
    await log.commit([
      { partition: 0, offset: 7n, metadata },
      { partition: 1, offset: 0n, metadata: '' },
    ]);
    expect(await log.committed(0)).toEqual({ offset: 7n, metadata });
    expect(await log.committed(1)).toEqual({ offset: 0n, metadata: '' });
    expect(await log.committed(2)).toEqual({ offset: null, metadata: '' });
  });

  test('rejects a commit with longer metadata', async () => {
    const it = await open(1);
    const joined = await join(it);
    await settled([joined], 1);
    await expect(joined.log.commit([{ partition: 0, offset: 1n, metadata: 'x'.repeat(4097) }])).rejects.toThrow();
    expect(await joined.log.committed(0)).toEqual({ offset: null, metadata: '' });
  });

  test('rejects a commit after leaving', async () => {
    const it = await open(1);
    const joined = await join(it);
    await settled([joined], 1);
    await joined.log.leave();
    await expect(joined.log.commit([{ partition: 0, offset: 1n, metadata: '' }])).rejects.toThrow();
  });
}

export function sendCases(open: Open): void {
  test('writes to the partition that is named, else to that of the key as the Java client does', async () => {
    const it = await open(4);
    const { log } = await join(it);
    const topic = it.outputTopic;
    await log.send([
      { topic, partition: 3, key: 'foobar', value: 'named', headers: [] },
      // murmur2('foobar') = -790332482, murmur2('21') = -973932308: modulo 4 of the lower 31 bits
      { topic, partition: null, key: 'foobar', value: 'by key', headers: [] },
      { topic, partition: null, key: '21', value: 'by key', headers: [] },
    ]);
    const written = await readAll(it, topic);
    expect(written.map(({ partition, key }) => `${partition} ${Buffer.from(key ?? []).toString()}`).toSorted()).toEqual(
      ['0 21', '2 foobar', '3 foobar'],
    );
  });

  test('writes thousands of records in one call, in order', async () => {
    const it = await open(2);
    const { log } = await join(it);
    const records = Array.from({ length: 5000 }, (_, index) => ({
      topic: it.outputTopic,
      partition: index % 2,
      key: 'k',
      value: String(index),
      headers: [],
    }));
    expect(await log.send(records)).toEqual(records.map(() => 'written'));
    const written = await readAll(it, it.outputTopic);
    for (const partition of [0, 1]) {
      const values = texts(written.filter((record) => record.partition === partition));
      expect(values).toEqual(records.filter((record) => record.partition === partition).map(({ value }) => value));
    }
  });

  test('refuses alone the record that is too large', async () => {
    const it = await open(1);
    const { log } = await join(it);
    const large = Buffer.alloc(2 * 1024 * 1024, 'incompressible?');
    const record = { topic: it.outputTopic, partition: 0, key: 'k', headers: [] };
    const outcomes = await log.send([
      { ...record, value: 'before' },
      { ...record, value: large },
      { ...record, value: 'after' },
      { ...record, value: large, gzip: true },
    ]);
    expect(outcomes).toEqual(['written', 'too_large', 'written', 'written']);
    const written = await readAll(it, it.outputTopic);
    expect(new Set(written.map(({ value }) => value?.length))).toEqual(
      new Set(['before'.length, 'after'.length, large.length]),
    );
    expect(written).toHaveLength(3);
  });

  test('refuses alone the record without a key, where the topic is compacted', async () => {
    const it = await open(1);
    const { log } = await join(it);
    const record = { topic: it.retryTopic, partition: 0, headers: [] };
    const outcomes = await log.send([
      { ...record, key: 'k', value: 'before' },
      { ...record, key: null, value: 'no key' },
      { ...record, key: 'k', value: 'after' },
      { ...record, key: 'l', value: 'behind' },
    ]);
    expect(outcomes).toEqual(['written', { kind: 'refused', error: expect.any(Error) }, 'written', 'written']);
    expect(errorsOf(outcomes)).toEqual([expect.stringMatching(/^INVALID_RECORD: /)]);
    expect(texts(await readAll(it, it.retryTopic))).toEqual(['before', 'after', 'behind']);
  });

  test('chooses the partition of a key as the Java client does, by their number', async () => {
    const it = await open(4);
    const { log } = await join(it);
    expect(await log.partitionCount(it.outputTopic)).toBe(4);
    await expect(log.partitionCount(`${it.outputTopic}.missing`)).rejects.toThrow();
    const record = { topic: it.outputTopic, partition: null, headers: [] };
    await log.send([
      { ...record, key: 'foobar', value: 'in 2' },
      { ...record, key: Buffer.from('21'), value: 'in 0' },
    ]);
    const found = await readAll(it, it.outputTopic);
    expect(new Map(found.map(({ partition, value }) => [partition, String(value)]))).toEqual(
      new Map([
        [0, 'in 0'],
        [2, 'in 2'],
      ]),
    );
  });

  test('rejects a send to a topic that is not there', async () => {
    const it = await open(1);
    const { log } = await join(it);
    await expect(
      log.send([{ topic: `${it.outputTopic}.missing`, partition: 0, key: 'k', value: 'v', headers: [] }]),
    ).rejects.toThrow();
  });

  test('knows the bounds of a partition', async () => {
    const it = await open(2);
    const { log } = await join(it);
    await produce(it, 'source', numbered(1, 0, 5));
    await produce(it, 'retry', numbered(0, 0, 2));
    expect(await log.bounds('source', 0)).toEqual({ start: 0n, end: 0n });
    expect(await log.bounds('source', 1)).toEqual({ start: 0n, end: 5n });
    expect(await log.bounds('retry', 0)).toEqual({ start: 0n, end: 2n });
  });
}

const errorsOf = (outcomes: readonly SendOutcome[]): readonly string[] =>
  outcomes.flatMap((outcome) => (typeof outcome === 'object' ? [outcome.error.message] : []));

export function toolCases(open: Open): void {
  test('describes topics and makes them once', async () => {
    const { tools, outputTopic, retryTopic } = await open(3);
    const topic = `${outputTopic}.made`;
    expect(await tools.describeTopic(topic)).toBeNull();
    const specification = {
      topic,
      partitionCount: 2,
      replicationFactor: 1,
      settings: { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '86400000' },
    };
    expect(await tools.createTopic(specification)).toBe('created');
    expect(await tools.createTopic(specification)).toBe('exists');
    const described = await tools.describeTopic(topic);
    expect(described).toMatchObject({ partitionCount: 2, replicationFactor: 1 });
    expect(described?.settings.get('min.compaction.lag.ms')).toBe('86400000');
    const retry = await tools.describeTopic(retryTopic);
    expect(retry?.partitionCount).toBe(3);
    expect(retry?.settings.get('cleanup.policy')).toBe('compact');
    expect(retry?.settings.get('retention.ms')).toMatch(/^-?\d+$/);
  });

  test('reads to the ends of the start, and follows until it is aborted', async () => {
    const it = await open(2);
    await produce(it, 'source', [...numbered(0, 0, 3), ...numbered(1, 0, 3)]);
    const toTheEnds: TopicRecord[] = [];
    const { signal } = new AbortController();
    for await (const record of it.tools.read(it.sourceTopic, { from: 'beginning', follow: false, signal })) {
      if (toTheEnds.length === 0) await produce(it, 'source', numbered(1, 3, 4));
      toTheEnds.push(record);
    }
    expect(toTheEnds).toHaveLength(6);
    // when followed
    const abort = new AbortController();
    const followed: TopicRecord[] = [];
    const reading = it.tools.read(it.sourceTopic, { from: 'beginning', follow: true, signal: abort.signal });
    for await (const record of reading) {
      followed.push(record);
      if (followed.length === 7) await produce(it, 'source', numbered(1, 4, 5));
      if (followed.length === 8) abort.abort();
    }
    // then
    expect(texts(followed.filter(({ partition }) => partition === 1))).toEqual(
      numbered(1, 0, 5).map(({ value }) => value),
    );
  });

  test('reads some partitions from a time on, and says how far it is', async () => {
    const it = await open(3);
    await produce(
      it,
      'source',
      [0, 1, 2].flatMap((partition) => numbered(partition, 0, 5)),
    );
    const earlier = Math.max(...(await readAll(it, it.sourceTopic)).map(({ timestamp }) => timestamp));
    while (Date.now() <= earlier) await new Promise<void>((resolve) => setImmediate(resolve));
    await produce(it, 'source', [...numbered(0, 5, 7), ...numbered(1, 5, 8)]);
    const { signal } = new AbortController();
    const steps: ReadProgress[] = [];
    const later: TopicRecord[] = [];
    const options = { from: { since: earlier + 1 }, follow: false, signal } as const;
    const onProgress = (progress: ReadProgress) => void steps.push(progress);
    for await (const record of it.tools.read(it.sourceTopic, { ...options, partitions: [1, 2], onProgress }))
      later.push(record);
    expect(texts(later)).toEqual(numbered(1, 5, 8).map(({ value }) => value));
    expect(steps[0]).toEqual({ passed: 0, total: 3 });
    expect(steps.at(-1)).toEqual({ passed: 3, total: 3 });
    // nothing is that young, and no partition is asked for
    const none = { ...options, from: { since: Date.now() + 3_600_000 } };
    for await (const record of it.tools.read(it.sourceTopic, none)) expect(record).toBeUndefined();
    for await (const record of it.tools.read(it.sourceTopic, { ...options, partitions: [] }))
      expect(record).toBeUndefined();
  });
  test('reads until a time, and says how far that is', async () => {
    // given
    const it = await open(2);
    await produce(it, 'source', [...numbered(0, 0, 3), ...numbered(1, 0, 5)]);
    const earlier = Math.max(...(await readAll(it, it.sourceTopic)).map(({ timestamp }) => timestamp));
    while (Date.now() <= earlier) await new Promise<void>((resolve) => setImmediate(resolve));
    await produce(it, 'source', numbered(1, 5, 8));
    const { signal } = new AbortController();
    const steps: ReadProgress[] = [];
    const readUntil = async (until: number, since = 0): Promise<ReturnType<typeof texts>> => {
      const options = { from: { since }, until, follow: false, signal } as const;
      const read: TopicRecord[] = [];
      const onProgress = (progress: ReadProgress) => void steps.push(progress);
      for await (const record of it.tools.read(it.sourceTopic, { ...options, onProgress })) read.push(record);
      return texts(read.toSorted((left, right) => left.partition - right.partition));
    };
    const valuesOf = (...records: ReturnType<typeof numbered>) => records.map(({ value }) => value);
    // when nothing of partition 0 is that young, then it is read to its end
    expect(await readUntil(earlier + 1)).toEqual(valuesOf(...numbered(0, 0, 3), ...numbered(1, 0, 5)));
    expect(steps[0]).toEqual({ passed: 0, total: 8 });
    expect(steps.at(-1)).toEqual({ passed: 8, total: 8 });
    expect(await readUntil(Date.now() + 3_600_000)).toHaveLength(11);
    // when it is over before it begins
    steps.length = 0;
    expect(await readUntil(1, earlier + 1)).toEqual([]);
    expect(steps.at(-1)).toEqual({ passed: 0, total: 0 });
  });
  test('reads from an offset of each partition on', async () => {
    const it = await open(3);
    await produce(
      it,
      'source',
      [0, 1, 2].flatMap((partition) => numbered(partition, 0, 6)),
    );
    const { signal } = new AbortController();
    const from = {
      offsets: new Map([
        [0, 4n],
        [1, 99n],
      ]),
    };
    const read: TopicRecord[] = [];
    for await (const record of it.tools.read(it.sourceTopic, { from, follow: false, signal })) read.push(record);
    const of = (wanted: number) => read.filter(({ partition }) => partition === wanted).map(({ offset }) => offset);
    expect([of(0), of(1), of(2)]).toEqual([[4n, 5n], [], [0n, 1n, 2n, 3n, 4n, 5n]]);
  });
}
