/** What commands ask the coordinator of a consumer group, while it starts or moves. */
import type { Admin, Broker, Cluster, Consumer, ConsumerConfig, Kafka } from 'kafkajs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../src/adapters/kafka/connection.ts';
import { createLogTools, GroupInUseError } from '../../src/adapters/kafka/tools.ts';
import { aLog } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

/** As kafkajs throws them. */
const failureOf = (type: string): Error => Object.assign(new Error(`refused: ${type}`), { type, retriable: true });
const notFound = (): Error => Object.assign(new Error('not found'), { name: 'KafkaJSGroupCoordinatorNotFound' });

let asked = 0;
/** What the try of that number, from 1 on, fails with; null: it succeeds. */
let failing: (tried: number) => Error | null = () => null;

beforeEach(() => {
  asked = 0;
  failing = () => null;
});

async function answer<T>(result: T): Promise<T> {
  asked += 1;
  const error = failing(asked);
  if (error !== null) throw error;
  return result;
}

const ended = { connect: async () => undefined, disconnect: async () => undefined };

const cluster = stubOf<Cluster>({
  findGroupCoordinator: () => answer(stubOf<Broker>({ offsetCommit: async () => undefined as never })),
});

vi.mock('../../src/adapters/kafka/connection.ts', () => ({
  retry: {},
  openConnection: (): Connection => {
    const kafka = stubOf<Kafka>({
      admin: () =>
        stubOf<Admin>({
          ...ended,
          fetchTopicMetadata: async () => ({ topics: [] }),
          fetchOffsets: () => answer([{ topic: 's', partitions: [{ partition: 0, offset: '3', metadata: null }] }]),
          describeGroups: () =>
            answer({
              groups: [{ state: 'Empty', members: [] }] as unknown as Awaited<
                ReturnType<Admin['describeGroups']>
              >['groups'],
            }),
        }),
      consumer: ({ partitionAssigners: [assigner] = [] }: ConsumerConfig) => {
        assigner?.({ cluster } as Parameters<NonNullable<typeof assigner>>[0]);
        return stubOf<Consumer>(ended);
      },
    });
    return { kafka, close: async () => undefined };
  },
}));

function someTools() {
  const clock = new ManualClock();
  const connection = { brokers: ['b:1'], clientId: 'c', ssl: null, sasl: null };
  return { clock, tools: createLogTools(connection, { clock, logger: aLog() }) };
}

type Tools = ReturnType<typeof someTools>['tools'];

const questions: readonly (readonly [string, (tools: Tools) => Promise<unknown>])[] = [
  ['committed offsets', (tools) => tools.committedOffsets('g', 's')],
  ['committed offsets with their metadata', (tools) => tools.committedIn('g', 's')],
  ['the members of a group', (tools) => tools.consumerGroup('g')],
  ['a commit', (tools) => tools.commitWithoutMembers('g', 's', [{ partition: 0, offset: 1n, metadata: '' }])],
];

describe.each(questions)('%s', (_, ask) => {
  test.each([
    failureOf('GROUP_LOAD_IN_PROGRESS'),
    failureOf('GROUP_COORDINATOR_NOT_AVAILABLE'),
    failureOf('NOT_COORDINATOR_FOR_GROUP'),
    notFound(),
    Object.assign(new Error('gave up'), { retriable: false, cause: failureOf('GROUP_LOAD_IN_PROGRESS') }),
  ])('waits while the coordinator says: $message', async (refusal) => {
    const { clock, tools } = someTools();
    failing = (tried) => (tried < 4 ? refusal : null);
    const result = ask(tools).then(() => 'answered');
    await clock.advance(60_000);
    expect(await result).toBe('answered');
    expect(asked).toBe(4);
  });

  test('ends with what the coordinator says last, where it never serves', async () => {
    const { clock, tools } = someTools();
    failing = (tried) => failureOf(tried < 4 ? 'GROUP_LOAD_IN_PROGRESS' : 'NOT_COORDINATOR_FOR_GROUP');
    const end = vi.fn<() => void>();
    const refused = expect(ask(tools).finally(end)).rejects.toMatchObject({ type: 'NOT_COORDINATOR_FOR_GROUP' });
    await clock.advance(6_999);
    expect(end).not.toHaveBeenCalled();
    // Before `status` ends without it.
    await clock.advance(1);
    expect(end).toHaveBeenCalled();
    await refused;
    expect(clock.scheduledCount).toBe(0);
  });

  test('asks no more once the command has ended', async () => {
    const { clock, tools } = someTools();
    failing = () => failureOf('GROUP_LOAD_IN_PROGRESS');
    const refused = expect(ask(tools)).rejects.toThrow('closed');
    await clock.settle();
    await tools.close();
    const before = asked;
    await clock.advance(60_000);
    await refused;
    expect(asked).toBe(before);
  });

  test.each(['GROUP_AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED'])(
    'does not ask again after %s',
    async (type) => {
      failing = () => failureOf(type);
      await expect(ask(someTools().tools)).rejects.toMatchObject({ type });
      expect(asked).toBe(1);
    },
  );
});

test('a commit to a group with members is refused without another try', async () => {
  failing = () => failureOf('UNKNOWN_MEMBER_ID');
  await expect(someTools().tools.commitWithoutMembers('g', 's', [])).rejects.toThrow(GroupInUseError);
  expect(asked).toBe(1);
});
