/** What the consumer of a relay hands on: nothing before it is known where to begin, everything of its assignment from then on. */
import type { Cluster, ConsumerConfig, EachBatchPayload } from 'kafkajs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RelayReading } from '../../src/adapters/kafka/relay.ts';
import type { RelayStart, StartingPoint } from '../../src/adapters/kafka/relay-start.ts';
import { ManualClock } from '../support/manual-clock.ts';

type Listener = (event: { readonly payload: object }) => void;

/** kafkajs's consumer, as far as it is used. */
const kafka = vi.hoisted(
  (): {
    readonly listeners: Map<string, Listener>;
    readonly calls: (readonly [name: string, partition: number, offset?: string])[];
    eachBatch: (payload: EachBatchPayload) => Promise<void>;
  } => ({ listeners: new Map(), calls: [], eachBatch: async () => undefined }),
);

vi.mock('../../src/adapters/kafka/connection.ts', async (original) => ({
  ...(await original<object>()),
  openConnection: () => ({ kafka: { consumer: aConsumer }, close: async () => undefined }),
}));

const names = ['GROUP_JOIN', 'REQUEST', 'HEARTBEAT', 'FETCH', 'START_BATCH_PROCESS', 'CRASH'];

function aConsumer({ partitionAssigners = [] }: ConsumerConfig) {
  for (const assigner of partitionAssigners)
    assigner({ cluster: {} as Cluster, groupId: 'g', logger: undefined as never });
  const each = (name: string) => (places: readonly { readonly partitions: readonly number[] }[]) => {
    for (const { partitions } of places) for (const partition of partitions) kafka.calls.push([name, partition]);
  };
  return {
    events: Object.fromEntries(names.map((name) => [name, name])),
    on: (name: string, listener: Listener) => void kafka.listeners.set(name, listener),
    connect: async () => undefined,
    subscribe: async () => undefined,
    run: async ({ eachBatch }: { eachBatch: typeof kafka.eachBatch }) => {
      kafka.eachBatch = eachBatch;
    },
    pause: each('pause'),
    resume: each('resume'),
    seek: ({ partition, offset }: { partition: number; offset: string }) =>
      void kafka.calls.push(['seek', partition, offset]),
    disconnect: async () => undefined,
  };
}

const SESSION_MS = 6_000;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const connection = { brokers: ['b:9092'], clientId: 'c', ssl: null, sasl: null };
const times = { sessionTimeoutMs: SESSION_MS, heartbeatIntervalMs: 1_000, rebalanceTimeoutMs: 10_000 };
const options = { ...connection, ...times, groupId: 'g', topic: 't', lookBackMs: 0 };
const point = (partition: number): StartingPoint => ({ partition, from: 5n, committed: 5n, end: 9n });

let clock: ManualClock;
let reading: RelayReading;
let heard: string[];
let isStandingBy: boolean;
/** Where to begin. @param isWanted as the consumer says it meanwhile */
let points: (isWanted: () => boolean) => Promise<readonly StartingPoint[]>;

beforeEach(async () => {
  kafka.listeners.clear();
  kafka.calls.length = 0;
  clock = new ManualClock();
  heard = [];
  isStandingBy = false;
  points = async () => [point(0)];
  const handler = {
    assigned: () => void heard.push('assigned'),
    records: ({ partition }: { readonly partition: number }) => {
      heard.push(`records of ${partition}`);
      return 'taken' as const;
    },
    offsetOutOfRange: () => undefined,
    lost: () => void heard.push('lost'),
  };
  const ended = (): void => void heard.push('ended');
  const of: RelayStart['of'] = (_partitions, _cluster, isWanted) => points(isWanted);
  const standBy = () => void (isStandingBy = true);
  const start = { of, standBy, end: () => undefined } as Pick<RelayStart, 'of' | 'standBy' | 'end'> as RelayStart;
  reading = new RelayReading(options, { clock, logger: quiet }, { handler, ended, start });
  reading.session.start();
  await clock.settle();
});

afterEach(async () => {
  const closing = reading.close();
  await clock.settle();
  await closing;
});

const emit = (name: string, payload: object): void => kafka.listeners.get(name)?.({ payload });

async function join(...partitions: number[]): Promise<void> {
  emit('GROUP_JOIN', { memberAssignment: { t: partitions } });
  await clock.settle();
}

/** A batch of one record. Whether it was taken. */
async function fetchOf(partition: number): Promise<boolean> {
  let isTaken = false;
  const messages = [{ offset: '5', key: null, value: null, timestamp: '1', headers: {} }];
  const batch = { topic: 't', partition, highWatermark: '9', messages, lastOffset: () => '5' };
  const payload = { batch, isStale: () => false, resolveOffset: () => (isTaken = true) };
  await kafka.eachBatch(payload as object as EachBatchPayload);
  return isTaken;
}

test('it reads from where it is to begin', async () => {
  await join(0);
  expect(kafka.calls).toEqual([
    ['pause', 0],
    ['seek', 0, '5'],
    ['resume', 0],
  ]);
  expect([await fetchOf(0), heard]).toEqual([true, ['assigned', 'records of 0']]);
});

test('what was paused before a rebalance is read after it', async () => {
  await join(0);
  reading.pause(0);
  expect(await fetchOf(0)).toBe(false);
  await join(0);
  expect(kafka.calls.at(-1)).toEqual(['resume', 0]);
  expect(await fetchOf(0)).toBe(true);
});

test('a batch that waits for its turn while the group is joined again comes again', async () => {
  await join(0);
  const batches = [fetchOf(0), fetchOf(0)];
  expect(await batches[0]).toBe(true);
  emit('GROUP_JOIN', { memberAssignment: { t: [0] } });
  expect(await batches[1]).toBe(false);
  expect(await fetchOf(0)).toBe(true);
});

test('a consumer that has crashed is asked for nothing any more', async () => {
  await join(0);
  emit('CRASH', { error: new Error('a fault') });
  kafka.calls.length = 0;
  reading.pause(0);
  reading.resume(0);
  reading.session.seek('t', 0, 7n);
  expect(kafka.calls).toEqual([]);
});

test('nothing is handed on before it is known where to begin', async () => {
  let answer: (found: readonly StartingPoint[]) => void = () => undefined;
  points = () => new Promise((resolve) => (answer = resolve));
  await join(0);
  expect([await fetchOf(0), heard]).toEqual([false, []]);
  answer([point(0)]);
  await clock.settle();
  expect(await fetchOf(0)).toBe(true);
});

test('where to begin under a former assignment counts for nothing', async () => {
  const answers: ((found: readonly StartingPoint[]) => void)[] = [];
  points = () => new Promise((resolve) => answers.push(resolve));
  await join(0);
  await join(0);
  answers[0]?.([point(0)]);
  await clock.settle();
  expect([await fetchOf(0), heard]).toEqual([false, []]);
});

test.each<[string, () => Promise<void>]>([
  ['is assigned again', () => join(0)],
  ['has crashed', async () => emit('CRASH', { error: new Error('a fault') })],
  [
    'is closed',
    async () => {
      const closing = reading.close();
      await clock.settle();
      await closing;
    },
  ],
])('where to begin is not waited for once it %s', async (_, endIt) => {
  let isWanted = (): boolean => false;
  points = (asked) => {
    isWanted = asked;
    return new Promise(() => undefined);
  };
  await join(0);
  const isFirstWanted = isWanted;
  expect(isFirstWanted()).toBe(true);
  await endIt();
  expect(isFirstWanted()).toBe(false);
});

test('nothing is handed on once another instance has the topic', async () => {
  await join(0);
  await join();
  expect([await fetchOf(0), heard]).toEqual([false, ['assigned', 'lost']]);
  expect(isStandingBy).toBe(true);
});

test('the lease holds for half a session from the sending of the last good heartbeat on', async () => {
  expect(reading.holdsLease()).toBe(false);
  await join(0);
  expect(reading.holdsLease()).toBe(true);
  const sentAt = clock.now();
  emit('REQUEST', { apiName: 'Heartbeat', sentAt: sentAt.wall });
  await clock.advance(1_000);
  emit('HEARTBEAT', { memberId: 'm', groupGenerationId: 1 });
  await clock.advance(SESSION_MS / 2 - 1_002);
  expect(reading.holdsLease()).toBe(true);
  await clock.advance(2);
  expect(reading.holdsLease()).toBe(false);
});
