/** Partitions without a leader among others: the others are asked about, and those are named. */
import type { Cluster, Kafka, PartitionMetadata } from 'kafkajs';
import { beforeEach, expect, test } from 'vitest';
import { explainKafkaError } from '../../src/adapters/kafka/errors.ts';
import { leadersOf } from '../../src/adapters/kafka/leaders.ts';
import { leaveOutLeaderless } from '../../src/adapters/kafka/patches.ts';
import { LeaderWatch } from '../../src/adapters/kafka/watches.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const aPartition = (partitionId: number, leader: number): PartitionMetadata => ({
  partitionErrorCode: leader < 0 ? 5 : 0,
  partitionId,
  leader,
  replicas: [1, 2, 3],
  isr: [3],
});

let metadata: Record<string, PartitionMetadata[]> | null = {};
let asked: unknown[] = [];
let refreshed = 0;

const inside = {
  brokerPool: { createBroker: () => ({ metadata: async () => ({ topicMetadata: [] }) }) },
  findTopicPartitionMetadata: (topic: string) => {
    if (metadata === null) throw new Error('Topic metadata not loaded');
    return metadata[topic] ?? [];
  },
  findLeaderForPartitions: () => ({ '7': [1] }),
  fetchTopicsOffset: async (topics: { topic: string; partitions: { partition: number }[] }[]) => {
    asked.push(topics);
    return topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((each) => ({ ...each, offset: '40' })),
    }));
  },
  refreshMetadata: async () => void (refreshed += 1),
};

/** As kafkajs makes it. */
function aCluster(): Cluster {
  const name = Symbol('private:Kafka:createCluster');
  const create = (options: object): Cluster => ({ ...stubOf<Cluster>(inside), ...options });
  const kafka = Object.assign(stubOf<Kafka>({}), { [name]: create });
  leaveOutLeaderless(kafka);
  return kafka[name]?.({}) ?? expect.unreachable();
}

beforeEach(() => {
  metadata = { whole: [aPartition(0, 7)], half: [aPartition(0, -1), aPartition(1, 7)], none: [aPartition(0, -1)] };
  asked = [];
  refreshed = 0;
});

const all = (topic: string) => ({ topic, fromBeginning: true, partitions: (metadata?.[topic] ?? []).map(numberOf) });
const numberOf = ({ partitionId }: PartitionMetadata) => ({ partition: partitionId });

test('offsets are asked of those with a leader; every topic and partition stands in the answer', async () => {
  const found = await aCluster().fetchTopicsOffset([all('whole'), all('half'), all('none')]);
  expect(asked).toEqual([
    [
      { topic: 'whole', fromBeginning: true, partitions: [{ partition: 0 }] },
      { topic: 'half', fromBeginning: true, partitions: [{ partition: 1 }] },
    ],
  ]);
  const none = { partition: 0, offset: '-1' };
  expect(found).toEqual([
    { topic: 'whole', partitions: [{ partition: 0, offset: '40' }] },
    { topic: 'half', partitions: [{ partition: 1, offset: '40' }, none] },
    { topic: 'none', partitions: [none] },
  ]);
});

test('the leader of one that has none is asked for in vain, with the place, the cause and the remedy', () => {
  expect(leadersOf(aCluster(), 'half', [1])).toEqual({ '7': [1] });
  let error: unknown;
  try {
    leadersOf(aCluster(), 'half', [0, 1]);
  } catch (thrown) {
    error = thrown;
  }
  expect(explainKafkaError(error)).toMatchObject({
    code: 'no_leader',
    message: "LEADER_NOT_AVAILABLE: half/0 has no leader. Start Kafka's node 3, which holds it.",
    retriable: true,
  });
});

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

function aWatch() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const lines: Line[] = [];
  const line = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields });
  const logger = { debug: () => undefined, info: line('info'), warn: line('warn'), error: line('error') };
  let assigned = { cluster: aCluster(), topics: ['whole', 'half'], partitions: [0] };
  let isAssigned = true;
  const watch = new LeaderWatch({ clock, logger }, () => (isAssigned ? assigned : undefined));
  const look = async (afterMs = 0): Promise<void> => {
    await clock.advance(afterMs);
    watch.look();
  };
  const assign = (...partitions: number[]): void => void (assigned = { ...assigned, partitions });
  return { watch, look, lines, assign, lose: () => (isAssigned = false) };
}

test('one that lasts is named until it has a leader; the metadata are asked for again meanwhile', async () => {
  const { watch, look, lines, lose } = aWatch();
  await look();
  await look(2_999);
  expect([watch.obstacles(), lines, refreshed]).toEqual([[], [], 2]);
  await look(1);
  await look(1_000);
  const obstacle =
    'partition half/0 has no leader (LEADER_NOT_AVAILABLE) since 2026-01-01T00:00:00.000Z, nothing of it is read. ' +
    "Start Kafka's node 3, which holds it.";
  expect(watch.obstacles()).toEqual([obstacle]);
  const fields = { topic: 'half', partition: 0, error: 'LEADER_NOT_AVAILABLE' };
  expect(lines).toMatchObject([
    { level: 'error', message: 'a partition has no leader, nothing of it is read until it has one', fields },
  ]);
  // While kafkajs disconnects it has no metadata, and a consumer that is built again has nothing assigned for a while.
  metadata = null;
  await look(1_000);
  lose();
  await look(1_000);
  expect(watch.obstacles()).toEqual([obstacle]);
});

test('one that has a leader again, or never lasted, is named no more', async () => {
  const { watch, look, lines } = aWatch();
  await look();
  metadata = { half: [aPartition(0, 7)] };
  await look(1_000);
  expect([lines, refreshed]).toEqual([[], 1]);
  metadata = { half: [aPartition(0, -1)] };
  await look(1_000);
  await look(3_000);
  metadata = { half: [aPartition(0, 7)] };
  await look(1_000);
  expect(watch.obstacles()).toEqual([]);
  expect(lines.at(-1)).toEqual({
    level: 'info',
    message: 'the partition has a leader again',
    fields: { topic: 'half', partition: 0 },
  });
});

test('one that goes to another instance is named no more, and has no leader for all that', async () => {
  const { watch, look, lines, assign } = aWatch();
  await look();
  await look(3_000);
  expect(watch.obstacles()).toHaveLength(1);
  assign(1);
  await look(1_000);
  expect([watch.obstacles(), lines.map(({ level }) => level)]).toEqual([[], ['error']]);
});
