/** The supervisor of the consumer: which end of a consumer another one follows, when, and which one ends the log. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import type { ConsumerListener } from '../../src/adapters/kafka/consumer.ts';
import type { ChangeLogHandler } from '../../src/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The consumers that were built, in their order. */
const built = vi.hoisted((): { listener: ConsumerListener; hasJoined: boolean }[] => []);

vi.mock('../../src/adapters/kafka/consumer.ts', () => ({
  LogConsumer: class {
    readonly listener: ConsumerListener;
    hasJoined = false;

    constructor(_options: object, _host: object, listener: ConsumerListener) {
      this.listener = listener;
      built.push(this);
    }

    readonly intake = { standing: () => [] };
    start(): void {}
    fault(): null {
      return null;
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
  clock = new ManualClock();
  [failures, losses] = [[], []];
  log = new KafkaChangeLog(options, { clock, log: quiet });
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

test('a loss is told where something was joined', async () => {
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
