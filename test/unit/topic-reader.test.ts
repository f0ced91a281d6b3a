import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { readTopic } from '../../src/adapters/memory-log/memory-topic.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import { ManualClock } from '../support/manual-clock.ts';

const RECORDS = 12_000;

test.each([{ follow: false }, { follow: true }])('a long read leaves no listener behind: %j', async ({ follow }) => {
  // given
  const broker = new MemoryBroker(new ManualClock(), systemRandom);
  broker.createTopic({ topic: 't', partitionCount: 1, replicationFactor: 1, settings: {} });
  const topic = broker.topic('t');
  const record = { topic: 't', partition: 0, key: 'k', value: 'v', headers: [] };
  broker.append(Array.from({ length: RECORDS }, () => record));
  const over = new AbortController();
  const { signal } = over;
  // when
  let most = 0;
  let read = 0;
  for await (const { offset } of readTopic(topic, { from: 'beginning', follow, signal })) {
    most = Math.max(most, getEventListeners(signal, 'abort').length);
    read += 1;
    if (follow && offset === BigInt(RECORDS - 1)) over.abort();
  }
  // then
  expect(read).toBe(RECORDS);
  expect(most).toBeLessThanOrEqual(1);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
