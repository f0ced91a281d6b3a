/** Where the readings of a topic begin. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system.ts';
import { TopicReading } from '../../src/console/topic-reading.ts';
import { stubOf } from '../support/stub.ts';
import type { LogTools, ReadOptions, TopicRecord } from '../../src/ports.ts';

test('a partition that had nothing since the asked time is read on from that time, not from its beginning', async () => {
  const calls: unknown[] = [];
  const record = { partition: 0, offset: 7n, key: null, value: null, headers: [], timestamp: 1 } as TopicRecord;
  const tools = stubOf<LogTools>({
    describeTopic: async () => ({ partitionCount: 2, replicationFactor: 1, settings: new Map() }),
    async *read(_: string, { from, partitions }: ReadOptions) {
      calls.push({ from, partitions });
      if (calls.length === 1) yield record;
    },
  });
  const bounds = async () => new Map([[0, { start: 0n, end: 8n }]]);
  const context = { stderr: new PassThrough(), clock: systemClock, stop: new AbortController().signal };
  const reading = new TopicReading('report', 'reports', { tools, bounds, context }, { noteBatch: () => undefined });
  await reading.open();
  reading.startAtTime(1000);
  for (let times = 0; times < 2; times += 1) for await (const _ of reading.read());
  expect(calls).toEqual([
    { from: { since: 1000 }, partitions: [0, 1] },
    { from: { offsets: new Map([[0, 8n]]) }, partitions: [0] },
    { from: { since: 1000 }, partitions: [1] },
  ]);
});
