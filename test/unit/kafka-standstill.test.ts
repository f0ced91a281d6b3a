/** A partition with something to read that is not read any further: a hole is passed, for anything else there is a fault. */
import type { Cluster, PartitionMetadata } from 'kafkajs';
import { beforeEach, expect, test, vi } from 'vitest';
import { Standstill, type Intake, type ReadPosition } from '../../src/adapters/kafka/intake.ts';
import type { KafkaLogOptions } from '../../src/adapters/kafka/options.ts';
import { stubOf } from '../support/stub.ts';

interface Asked {
  readonly topic: string;
  readonly positions: readonly { readonly partition: number; readonly offset: bigint }[];
}

let asked: Asked[] = [];
/** Of every partition: the end that can be read, and the end of the hole at the position. */
let end = 0n;
let holeEnd = (offset: bigint): bigint => offset;
let inQuestion: () => Promise<void> = async () => undefined;
let leaderless: readonly number[] = [];

const aCluster = stubOf<Cluster>({
  findTopicPartitionMetadata: () =>
    [0, 1].map((partitionId) =>
      stubOf<PartitionMetadata>({ partitionId, leader: leaderless.includes(partitionId) ? -1 : 7 }),
    ),
});

beforeEach(() => {
  asked = [];
  end = 9n;
  holeEnd = (offset) => offset;
  inQuestion = async () => undefined;
  leaderless = [];
});

vi.mock('../../src/adapters/kafka/direct-fetch.ts', () => ({
  fetchDirectly: async ({ topic, positions }: Asked) => {
    asked.push({ topic, positions: positions.map(({ partition, offset }) => ({ partition, offset })) });
    await inQuestion();
    return positions.map(({ partition }) => ({ partition, lastStableOffset: end }));
  },
  endOfHole: async (_cluster: Cluster, _topic: string, { offset }: ReadPosition & { offset: bigint }) =>
    holeEnd(offset),
}));

function aStandstill(places: ReadPosition[], committed: bigint | null = null) {
  const skipped: (readonly [partition: number, next: bigint])[] = [];
  const waiting: number[] = [];
  const session = { cluster: aCluster as Cluster | undefined };
  const watched = {
    session,
    intake: stubOf<Intake>({
      standing: (sinceMs: number) => places.filter(({ since }) => since <= -sinceMs),
      waits: ({ partition }: ReadPosition) => void waiting.push(partition),
      skip: ({ partition }: ReadPosition, next: bigint) => void skipped.push([partition, next]),
    }),
  };
  const options = { groupId: 'g', topics: { source: 's', retry: 'r' } } as KafkaLogOptions;
  const admin = {
    committed: async () => ({ offset: committed, metadata: '' }),
    bounds: async () => ({ start: 2n, end: 9n }),
  };
  const standstill = new Standstill(watched, options, admin);
  const look = async (): Promise<void> => {
    standstill.look();
    await settled();
  };
  return { standstill, look, skipped, waiting, session };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** `stoodMs`: for how long it has not moved. */
const aPlace = (stoodMs: number, offset: bigint | null = 5n, partition = 0) => ({
  topic: 'source' as const,
  partition,
  offset,
  since: -stoodMs,
});

test('after three seconds it is looked whether there is more to read, and a hole is passed', async () => {
  holeEnd = () => 7n;
  const { look, skipped, waiting } = aStandstill([aPlace(2_999, 5n, 1), aPlace(3_000)]);
  await look();
  expect(asked).toEqual([{ topic: 's', positions: [{ partition: 0, offset: 5n }] }]);
  expect([skipped, waiting]).toEqual([[[0, 7n]], []]);
});

test('one that is read to its end stands still for no fault', async () => {
  end = 5n;
  const { standstill, look, skipped, waiting } = aStandstill([aPlace(60_000)]);
  await look();
  expect([standstill.fault(), skipped, waiting]).toEqual([null, [], [0]]);
});

test('one without a leader is no fault, then and later, and hides no hole of another', async () => {
  const places = [aPlace(30_000), aPlace(3_000, 5n, 1)];
  const { standstill, look, skipped, waiting } = aStandstill(places);
  await look();
  expect(standstill.fault()).toBe('s/0 is not read any further');
  leaderless = [0];
  holeEnd = () => 7n;
  await look();
  expect([standstill.fault(), skipped, waiting]).toEqual([null, [[1, 7n]], [0]]);
});

test.each([
  ['the committed offset', 4n, 4n],
  ['the start of the topic, where nothing is committed', null, 2n],
])('one that has read nothing yet is looked at from %s', async (_, committed, offset) => {
  await aStandstill([aPlace(3_000, null)], committed).look();
  expect(asked).toEqual([{ topic: 's', positions: [{ partition: 0, offset }] }]);
});

test('one that has something to read for 30 s, and no hole, is a fault; before it was looked at it is none', async () => {
  const places = [aPlace(30_000)];
  const { standstill, look } = aStandstill(places);
  expect(standstill.fault()).toBeNull();
  await look();
  expect(standstill.fault()).toBe('s/0 is not read any further');
  places[0] = aPlace(29_999);
  expect(standstill.fault()).toBeNull();
});

test('one that has caught up since is no fault', async () => {
  const { standstill, look } = aStandstill([aPlace(30_000)]);
  await look();
  end = 5n;
  await look();
  expect(standstill.fault()).toBeNull();
});

test('one that has moved on while the hole was looked for is left alone', async () => {
  const place = aPlace(3_000);
  const { look, skipped } = aStandstill([place]);
  inQuestion = async () => void (place.since = -1);
  holeEnd = () => 7n;
  await look();
  expect(skipped).toEqual([]);
});

test('it looks at one time only, and again after a question without an answer', async () => {
  const { look } = aStandstill([aPlace(3_000)]);
  let fail = (): void => undefined;
  inQuestion = () => new Promise((_, reject) => (fail = () => reject(new Error('no broker'))));
  await look();
  await look();
  expect(asked).toHaveLength(1);
  fail();
  await settled();
  inQuestion = async () => undefined;
  await look();
  await look();
  expect(asked).toHaveLength(3);
});

test('nothing is asked while nothing is assigned', async () => {
  const { look, session } = aStandstill([aPlace(3_000)]);
  session.cluster = undefined;
  await look();
  expect(asked).toEqual([]);
});
