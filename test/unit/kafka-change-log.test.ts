/** The supervisor of the consumer: which end of a consumer another one follows, when, and which one ends the log. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import type { ConsumerListener } from '../../src/adapters/kafka/consumer.ts';
import type { ChangeLogHandler } from '../../src/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The consumers that were built, in their order. */
const built = vi.hoisted((): { listener: ConsumerListener; hasJoined: boolean; replaced: number }[] => []);
/** Of the topics, as Kafka has them. */
const ids = vi.hoisted(() => ({ s: 's1', r: 'r1' }));

vi.mock('../../src/adapters/kafka/inspection.ts', () => ({
  topicIdsFrom: async (_: object, [topic]: readonly (keyof typeof ids)[]) => [topic === undefined ? null : ids[topic]],
  inspectPartition: async () => ({ topicId: ids.s, retryTopicId: ids.r, first: null }),
}));

vi.mock('../../src/adapters/kafka/consumer.ts', () => ({
  LogConsumer: class {
    readonly listener: ConsumerListener;
    hasJoined = false;
    replaced = 0;
    readonly cluster = { findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1 }] };

    constructor(_options: object, _host: object, listener: ConsumerListener) {
      this.listener = listener;
      built.push(this);
    }

    readonly intake = { standing: () => [] };
    start(): void {}
    fault(): null {
      return null;
    }
    retryReplaced(): void {
      this.replaced += 1;
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

beforeEach(async () => {
  built.length = 0;
  Object.assign(ids, { s: 's1', r: 'r1' });
  clock = new ManualClock();
  [failures, losses] = [[], []];
  log = new KafkaChangeLog(options, { clock, logger: quiet });
  const handler: ChangeLogHandler = {
    joining: () => undefined,
    assigned: () => undefined,
    heartbeat: () => undefined,
    records: () => 'taken',
    offsetOutOfRange: () => undefined,
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
  last().listener.assigned({ memberId: 'm', partitions: [0], partitionCount: 1 });
};

const beat = (): void => last().listener.heartbeat({ generation: 1, sentAt: clock.now() });

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
  beat();
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
    expect([last().replaced, losses]).toEqual([time + 1, []]);
  }
});
