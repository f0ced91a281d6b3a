import { expect, test } from 'vitest';
import type { IntentFacts } from '../../support/retry-records.ts';
import {
  aState,
  anIntent,
  commitBefore,
  expire,
  failing,
  fences,
  lastFence,
  stubborn,
} from '../../support/retry-records.ts';
import type { World } from '../../support/world.ts';
import { aWorld, topics, until, within } from '../../support/world.ts';

test('base: a recreated consumer group goes on above the epochs of the old one', async () => {
  // given an add that is parked under a high epoch, and a group that is deleted
  const world = await aWorld();
  const repair = failing(world);
  for (const name of ['first', 'second']) {
    const former = await world.start({ name });
    await until(() => former.pipeline.stats().ready, 'an owner');
    former.kill();
    expire(world);
  }
  const add = world.change('g', { add: ['u'] });
  const third = await world.start({ name: 'third', pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the parking');
  const epoch = lastFence(world)?.stamp.epoch ?? 0;
  third.kill();
  expire(world);
  world.broker.deleteGroup('rollcall');
  repair();
  // when its generations begin with 1 again
  const recreated = await world.start({ name: 'recreated' });
  // then the owner fences above the old epoch, and applies the add
  await within(recreated.pipeline.whenAtRest(), 'rest');
  const own = fences(world).filter(({ stamp }) => stamp.owner === recreated.owner);
  expect(own.map(({ stamp }) => stamp.epoch)).toEqual([1, epoch + 1]);
  expect(world.sandbox.members('g')).toEqual(['u']);
  expect(world.outcome(add, 'u')).toBe('recovered');
  expect(world.committed()).toBe(1n);
});

const parked = (facts: Partial<IntentFacts>) => (world: World) => {
  world.produce(
    aState({ owner: 'former', epoch: 0, seq: 1 }, [anIntent({ offset: 0n, op: 'add', attempt: 1, ...facts })]),
  );
};

test.each([
  ['refused-parked: an offset at the end of the source', parked({ offset: 1n }), /offsets beyond the end/],
  ['refused-parked: a change of another topic', parked({ topic: 'renamed' }), /another topic or partition/],
  ['refused-parked: a change of another partition', parked({ partition: 1 }), /another topic or partition/],
  [
    'refused-record: a parked change of another record at its offset',
    parked({ offset: 0n, member: 'v' }),
    /another record at offset 0/,
  ],
  [
    'refused-committed: an offset beyond the end',
    (world: World) => commitBefore(world, 2n),
    /committed offset lies beyond the end/,
  ],
])('recreated consumer group: %s', async (_, given, problem) => {
  // given a source of one change, and what it cannot have brought about
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  given(world);
  // when an instance gains the partition
  const one = await world.start();
  // then it does not begin, and says why
  await until(() => one.pipeline.stats().partitions[0]?.phase === 'refused', 'the refusal');
  const refusal = one.logger.lines.find(({ message }) => message.includes('partition refused'));
  expect(refusal?.fields).toMatchObject({ problem: expect.stringMatching(problem) });
  expect(one.pipeline.stats().ready).toBe(false);
  expect(world.sandbox.stats.journal).toEqual([]);
  expect(world.reports()).toEqual([]);
});

test('refused-committed: an offset at the end is the state of rest', async () => {
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  commitBefore(world, 1n);
  const one = await world.start();
  await world.expectRest(one);
});

test('partition count: source and retry that differ are not joined', async () => {
  const world = await aWorld();
  world.broker.deleteTopic(topics.retry);
  world.broker.createTopic({ topic: topics.retry, partitionCount: 2, replicationFactor: 1, settings: {} });
  await expect(world.start()).rejects.toThrow(/partitions/);
});

test('co-partitioning: a group is parked in the partition that its change came from, whatever its key says', async () => {
  // given the same group in each of three partitions
  const world = await aWorld({ partitionCount: 3 });
  failing(world);
  const value = JSON.stringify({ group_id: 'g', add_members: ['u'] });
  for (const partition of [0, 1, 2]) {
    world.produce({ topic: topics.source, partition, key: 'g', value, headers: [] });
  }
  // when two instances share them
  const one = await world.start({ name: 'one', pipeline: stubborn });
  const two = await world.start({ name: 'two', pipeline: stubborn });
  const states = (partition: number) =>
    world.retry(partition).flatMap((record) => (record.kind === 'state' && record.intents.length > 0 ? [record] : []));
  await until(() => [one, two].every(({ pipeline }) => pipeline.stats().ready), 'both owners');
  await until(() => [0, 1, 2].every((partition) => states(partition).length > 0), 'three records');
  // then each partition holds its own, by its owner
  for (const partition of [0, 1, 2]) {
    expect(
      states(partition).every(({ intents }) => intents.every(({ source }) => source.partition === partition)),
    ).toBe(true);
  }
});
