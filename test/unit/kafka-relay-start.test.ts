/** What the start of a relay names while its topic has partitions without a leader, and what is left of one that is not wanted any more. */
import type { Cluster, PartitionMetadata } from 'kafkajs';
import { beforeEach, expect, test, vi } from 'vitest';
import { RelayStart } from '../../src/adapters/kafka/relay-start.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const sick: PartitionMetadata = { partitionErrorCode: 5, partitionId: 0, leader: -1, replicas: [3], isr: [3] };
const led: PartitionMetadata = { ...sick, partitionErrorCode: 0, leader: 3 };

const broker = vi.hoisted(() => ({
  hasLeader: false,
  /** The id of the topic. */
  topicId: async (): Promise<string> => 'id-1',
}));

beforeEach(() => void Object.assign(broker, { hasLeader: false, topicId: async () => 'id-1' }));

vi.mock('../../src/adapters/kafka/admin.ts', async () => {
  const { NoLeaderError } = await import('../../src/adapters/kafka/leaders.ts');
  return {
    KafkaAdmin: class {
      boundsOfAll = async () => {
        if (!broker.hasLeader) throw new NoLeaderError('t', sick);
        return [{ partition: 0, start: 0n, end: 9n }];
      };
      committedIn = async () => new Map();
      close = async () => undefined;
    },
  };
});

vi.mock('../../src/adapters/kafka/direct-fetch.ts', () => ({ topicIdsFrom: async () => [await broker.topicId()] }));

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const connection = { brokers: ['b:9092'], clientId: 'c', ssl: null, sasl: null };
const times = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000, rebalanceTimeoutMs: 10_000 };
const cluster = stubOf<Cluster>({
  findTopicPartitionMetadata: () => [broker.hasLeader ? led : sick],
  refreshMetadata: async () => undefined,
});

function aStart() {
  const clock = new ManualClock();
  const options = { ...connection, ...times, groupId: 'g', topic: 't', lookBackMs: 0 };
  const start = new RelayStart(options, { clock, logger: quiet });
  /** Once a second. */
  const look = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await clock.advance(1_000);
      start.look();
    }
  };
  return { clock, start, look };
}

test('once another instance has the topic, this one names none of its partitions', async () => {
  const { start, look } = aStart();
  let isWanted = true;
  const beginning = start.of([0], cluster, () => isWanted);
  await look(5);
  expect(start.obstacles()).toEqual([expect.stringContaining('t/0 has no leader')]);
  isWanted = false;
  start.standBy();
  await look(5);
  expect(start.obstacles()).toEqual([]);
  expect(await beginning).toEqual([]);
});

test('a topic that is recreated while it is read is a reason to begin again', async () => {
  const { start, look } = aStart();
  broker.hasLeader = true;
  expect(await start.of([0], cluster, () => true)).toEqual([{ partition: 0, committed: 0n, from: 0n, end: 9n }]);
  broker.topicId = async () => 'id-2';
  await look(10);
  expect(start.fault()).toBe('the topic t was deleted and recreated');
});

test.each<[string, (start: RelayStart) => void]>([
  ['another instance has the topic', (start) => start.standBy()],
  [
    'its consumer is gone, and another one begins',
    (start) => {
      start.end();
      void start.of([0], cluster, () => true);
    },
  ],
])('what is found once %s is not watched', async (_, meanwhile) => {
  // given a start that still waits for the id of the topic
  const { clock, start, look } = aStart();
  broker.hasLeader = true;
  const answers: ((id: string) => void)[] = [];
  broker.topicId = () => new Promise((resolve) => answers.push(resolve));
  let isWanted = true;
  const beginning = start.of([0], cluster, () => isWanted);
  await clock.settle();
  // when it is not wanted any more, the topic is recreated, and the answer comes late
  isWanted = false;
  meanwhile(start);
  await clock.settle();
  answers[1]?.('id-2');
  await clock.settle();
  answers[0]?.('id-1');
  const points = await beginning;
  // then the former topic is not missed
  broker.topicId = async () => 'id-2';
  await look(10);
  expect([start.fault(), points]).toEqual([null, []]);
});
