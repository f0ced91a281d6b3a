/** The supervisor of the consumer: which end of a consumer another one follows, when, and which one ends the log. */
import type { Admin, Cluster, Kafka, PartitionMetadata, Producer } from 'kafkajs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import type { Connection } from '../../src/adapters/kafka/connection.ts';
import type { SessionListener } from '../../src/adapters/kafka/session.ts';
import type { ChangeLogHandler } from '../../src/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

/** The sessions that were opened, in their order. */
const built = vi.hoisted((): { listener: SessionListener; cluster: Partial<Cluster>; hasJoined: boolean }[] => []);
/** Of the topics, as Kafka has them. */
const ids = vi.hoisted(() => ({ s: 's1', r: 'r1' }));
/** How long an inspection takes. */
const inspection = vi.hoisted(() => ({ takes: async (): Promise<void> => undefined }));

vi.mock('../../src/adapters/kafka/direct-fetch.ts', () => ({
  topicIdsFrom: async (_: object, [topic]: readonly (keyof typeof ids)[]) => [topic === undefined ? null : ids[topic]],
  inspectPartition: async () => {
    const found = { topicId: ids.s, retryTopicId: ids.r, first: null };
    await inspection.takes();
    return found;
  },
}));

vi.mock('../../src/adapters/kafka/connection.ts', () => ({
  retry: {},
  openConnection: (): Connection => {
    const client = () => ({ connect: async () => undefined, disconnect: async () => undefined });
    const kafka = { admin: () => stubOf<Admin>(client()), producer: () => stubOf<Producer>(client()) };
    return { kafka: stubOf<Kafka>(kafka), close: async () => undefined };
  },
}));

const aPartition: PartitionMetadata = { partitionErrorCode: 0, partitionId: 0, leader: 1, replicas: [1], isr: [1] };

vi.mock('../../src/adapters/kafka/session.ts', () => ({
  Session: class {
    readonly listener: SessionListener;
    readonly cluster = { findTopicPartitionMetadata: () => [aPartition] };
    hasJoined = false;

    constructor(_options: object, _host: object, { listener }: { listener: SessionListener }) {
      this.listener = listener;
      built.push(this);
    }

    start(): void {}
    fault(): null {
      return null;
    }
    guard(call: () => void): void {
      call();
    }
    async close(): Promise<void> {}
  },
}));

const REBUILD_MS = 750;
const UNPERMITTED_MS = 5_000;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const connection = { brokers: ['b:9092'], clientId: 'c', ssl: null, sasl: null };
const times = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000, rebalanceTimeoutMs: 10_000 };
const options = { ...connection, ...times, groupId: 'g', topics: { source: 's', retry: 'r' } };

let clock: ManualClock;
let log: KafkaChangeLog;
let failures: string[];
let losses: string[];
/** Of the retry topic. */
let replaced: number;

beforeEach(async () => {
  built.length = 0;
  Object.assign(ids, { s: 's1', r: 'r1' });
  inspection.takes = async () => undefined;
  clock = new ManualClock();
  [failures, losses, replaced] = [[], [], 0];
  log = new KafkaChangeLog(options, { clock, logger: quiet });
  const handler: ChangeLogHandler = {
    joining: () => undefined,
    assigned: () => undefined,
    heartbeat: () => undefined,
    records: () => 'taken',
    offsetOutOfRange: (topic) => void (replaced += topic === 'retry' ? 1 : 0),
    lost: (reason) => void losses.push(reason),
    failed: ({ message }) => void failures.push(message),
  };
  await log.join(handler);
});

afterEach(() => log.leave());

const last = () => {
  const consumer = built.at(-1);
  if (consumer === undefined) throw new Error('no consumer was built');
  return consumer;
};

const kafkaError = (type: string): Error => Object.assign(new Error(type), { type });

const join = (): void => {
  last().hasJoined = true;
  last().listener.assigned({
    cluster: stubOf<Cluster>(last().cluster),
    memberId: 'm',
    partitions: [0],
    isExcluded: false,
  });
};

const heartbeat = (): void => last().listener.heartbeat({ generation: 1, sentAt: clock.now() });

async function end(type: string, waitMs = REBUILD_MS): Promise<void> {
  last().listener.ended(kafkaError(type));
  await clock.advance(waitMs);
}

test('a topic that brokers do not know now and then is waited for each time', async () => {
  for (let time = 1; time <= 20; time += 1) {
    join();
    await end('UNKNOWN_TOPIC_OR_PARTITION');
  }
  expect([failures, built.length]).toEqual([[], 21]);
});

test('a topic that stays away ends the log at the fifth try in a row', async () => {
  for (let time = 1; time <= 4; time += 1) await end('UNKNOWN_TOPIC_OR_PARTITION');
  expect([failures, built.length]).toEqual([[], 5]);
  await end('UNKNOWN_TOPIC_OR_PARTITION');
  expect(failures).toEqual([expect.stringContaining('rollcall topics create')]);
  await clock.advance(60_000);
  expect(built).toHaveLength(5);
});

test('what is not permitted ends the log; what was permitted before is waited for', async () => {
  join();
  heartbeat();
  await end('TOPIC_AUTHORIZATION_FAILED', UNPERMITTED_MS - 1);
  expect([failures, built.length]).toEqual([[], 1]);
  await clock.advance(1);
  expect(built).toHaveLength(2);
  await log.leave();
  expect(failures).toEqual([]);
});

test('what was never permitted ends the log', async () => {
  join();
  await end('TOPIC_AUTHORIZATION_FAILED', UNPERMITTED_MS);
  expect([failures.length, built.length]).toEqual([1, 1]);
});

test('a loss is reported where something was joined', async () => {
  await end('REBALANCE_IN_PROGRESS');
  expect(losses).toEqual([]);
  join();
  await end('REBALANCE_IN_PROGRESS');
  expect(losses).toEqual(['REBALANCE_IN_PROGRESS']);
});

test('once it is left, no other consumer is built', async () => {
  last().listener.ended(kafkaError('REBALANCE_IN_PROGRESS'));
  await log.leave();
  await clock.advance(60_000);
  expect([built.length, clock.scheduledCount]).toEqual([1, 0]);
});

test('a source that was recreated is given up once, and the new one is read', async () => {
  join();
  await log.inspect(0, null);
  await clock.advance(10_000);
  expect([built.length, losses]).toEqual([1, []]);
  ids.s = 's2';
  // It is noticed, and takes its time to be read again.
  await clock.advance(30_000);
  expect([built.length, losses]).toEqual([2, ['the topic s was deleted and recreated']]);
  join();
  await log.inspect(0, null);
  await clock.advance(60_000);
  expect([built.length, losses.length]).toEqual([2, 1]);
});

test('that the retry topic was recreated is reported once, each time', async () => {
  join();
  await log.inspect(0, null);
  for (const [time, id] of ['r2', 'r3'].entries()) {
    ids.r = id;
    await clock.advance(60_000);
    expect([replaced, losses]).toEqual([time + 1, []]);
  }
});

test('what was inspected for a consumer that is gone is not watched', async () => {
  // given an inspection that still waits for its answer
  join();
  let answer = (): void => undefined;
  inspection.takes = () => new Promise((resolve) => (answer = resolve));
  const inspecting = log.inspect(0, null);
  // when its consumer is lost, the topics are recreated, and the answer comes
  await end('REBALANCE_IN_PROGRESS');
  Object.assign(ids, { s: 's2', r: 'r2' });
  answer();
  await inspecting;
  join();
  await clock.advance(60_000);
  // then the former topics are not missed
  expect([built.length, losses, replaced]).toEqual([2, ['REBALANCE_IN_PROGRESS'], 0]);
});

test('what was inspected for a former consumer is not watched for the next one', async () => {
  // given a consumer whose topics are watched
  join();
  await log.inspect(0, null);
  // when it is lost, and the topics are recreated
  await end('REBALANCE_IN_PROGRESS');
  Object.assign(ids, { s: 's2', r: 'r2' });
  join();
  await clock.advance(60_000);
  // then the next one reads them, and misses nothing of the former ones
  expect([built.length, losses, replaced]).toEqual([2, ['REBALANCE_IN_PROGRESS'], 0]);
});
