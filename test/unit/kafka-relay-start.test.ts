/** What the start of a relay names while its topic has partitions without a leader. */
import type { Cluster, PartitionMetadata } from 'kafkajs';
import { expect, test, vi } from 'vitest';
import { RelayStart } from '../../src/adapters/kafka/relay-start.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const sick: PartitionMetadata = { partitionErrorCode: 5, partitionId: 0, leader: -1, replicas: [3], isr: [3] };

vi.mock('../../src/adapters/kafka/admin.ts', async () => {
  const { NoLeaderError } = await import('../../src/adapters/kafka/leaders.ts');
  return {
    KafkaAdmin: class {
      boundsOfAll = () => Promise.reject(new NoLeaderError('t', sick));
      close = async () => undefined;
    },
  };
});

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const connection = { brokers: ['b:9092'], clientId: 'c', ssl: null, sasl: null };
const times = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000, rebalanceTimeoutMs: 10_000 };
const cluster = stubOf<Cluster>({ findTopicPartitionMetadata: () => [sick], refreshMetadata: async () => undefined });

test('once another instance has the topic, this one names none of its partitions', async () => {
  const clock = new ManualClock();
  const start = new RelayStart(
    { ...connection, ...times, groupId: 'g', topic: 't', lookBackMs: 0 },
    { clock, logger: quiet },
  );
  let isWanted = true;
  const beginning = start.of([0], cluster, () => isWanted);
  /** Once a second. */
  const look = async (): Promise<void> => {
    for (let second = 0; second < 5; second += 1) {
      await clock.advance(1_000);
      start.fault();
    }
  };
  await look();
  expect(start.obstacles()).toEqual([expect.stringContaining('t/0 has no leader')]);
  isWanted = false;
  start.standBy();
  await look();
  expect(start.obstacles()).toEqual([]);
  expect(await beginning).toEqual([]);
});
