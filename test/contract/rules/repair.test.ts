import { expect, test } from 'vitest';
import { anIntent, aRequest, aState, expire, failing, lastFence, stubborn } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const dayMs = 86_400_000;
const patient = { retry: { baseMs: dayMs, capMs: dayMs, attemptsMax: 5, slowScheduleMs: [] } };

interface ParkedAdd {
  readonly world: World;
  readonly one: Instance;
  readonly add: bigint;
  readonly repair: () => void;
}

/** A second owner, under epoch 2 or more, with an add of `u` parked for a day and committed. */
async function aParkedAdd(): Promise<ParkedAdd> {
  const world = await aWorld();
  const repair = failing(world);
  const former = await world.start({ name: 'former' });
  await until(() => former.pipeline.stats().ready, 'the first owner');
  former.kill();
  expire(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: patient });
  await until(() => world.committed() === 1n, 'the parking');
  return { world, one, add, repair };
}

const late = { owner: 'former', epoch: 1, seq: 9 };

test('repair: a record of a former owner is not taken over but written over, before the cleaner comes', async () => {
  // given a parked add, and a late record of a former owner that knows nothing of it
  const { world, one, add, repair } = await aParkedAdd();
  world.produce(aState(late, []));
  // when the owner has read it back, and everything is cleaned
  await until(() => world.lastState('g')?.stamp.owner === one.owner, 'the repair');
  one.kill();
  world.broker.compact(topics.retry, { forced: true });
  // then the next owner still finds the add, when it is asked for
  repair();
  expire(world);
  const next = await world.start();
  world.produce(aRequest('r', [anIntent({ offset: add, op: 'add' })]));
  await world.expectRest(next);
  expect(world.sandbox.members('g')).toEqual(['u']);
  expect(world.outcome(add, 'u')).toBe('applied');
});

test('repair: so is one that a restore finds last', async () => {
  // given a parked add, and a late record of a former owner while no instance runs
  const { world, one, add, repair } = await aParkedAdd();
  one.kill();
  world.produce(aState(late, [anIntent({ offset: 0n, op: 'remove', attempt: 3 })]));
  expire(world);
  // when the next owner has restored, is gone, and everything is cleaned
  const next = await world.start({ name: 'next', pipeline: patient });
  await until(() => world.lastState('g')?.stamp.owner === next.owner, 'the repair');
  next.kill();
  world.broker.compact(topics.retry, { forced: true });
  // then the last owner still finds the add, when it is asked for
  repair();
  expire(world);
  const last = await world.start({ name: 'last' });
  world.produce(aRequest('r', [anIntent({ offset: add, op: 'add' })]));
  await world.expectRest(last);
  expect(world.sandbox.members('g')).toEqual(['u']);
  expect(world.outcome(add, 'u')).toBe('applied');
});

test("repair: so is one of another owner under the owner's own epoch, although its number is higher", async () => {
  // given a parked add, and a record of the same epoch: the consumer group was deleted in between
  const { world, one } = await aParkedAdd();
  const epoch = lastFence(world)?.stamp.epoch ?? 0;
  world.produce(aState({ owner: 'another', epoch, seq: 1_000 }, []));
  // then
  await until(() => world.lastState('g')?.stamp.owner === one.owner, 'the repair');
  expect(world.lastState('g')).toMatchObject({ stamp: { epoch, seq: 1_001 }, intents: [{ member: 'u' }] });
});

test('repair: an unreadable record is written over, too', async () => {
  const { world, one } = await aParkedAdd();
  world.produce({ topic: topics.retry, partition: 0, key: 'g', value: 'nonsense', headers: [] });
  await until(() => world.lastState('g')?.stamp.owner === one.owner && world.retry().at(-1)?.kind === 'state');
  expect(world.lastState('g')?.intents).toHaveLength(1);
});

test('seq: a late duplicate of an old record of the owner is not taken for the newest', async () => {
  // given an add that was parked, superseded by a remove, and both done
  const world = await aWorld();
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.lastState('g')?.intents.length === 1, 'the parking');
  const parked = world.retry().findLastIndex((record) => record.kind === 'state');
  const remove = world.change('g', { remove: ['u'] });
  await world.expectRest(one);
  await until(() => world.lastState('g')?.intents.length === 0, 'the tombstone');
  one.kill();
  repair();
  // when the record of the parking is written a second time, and an instance restores
  world.broker.duplicate(topics.retry, 0, BigInt(parked));
  expire(world);
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  // then nothing of it is done
  await until(() => world.lastState('g')?.stamp.owner === next.owner, 'the repair');
  expect(world.sandbox.members('g')).toEqual([]);
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(world.outcome(remove, 'u')).toBe('already_synced');
});

test('seq: the owner writes over such a duplicate when it reads it back', async () => {
  // given an add that was parked and is done
  const world = await aWorld();
  const repair = failing(world);
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.lastState('g')?.intents.length === 1, 'the parking');
  const parked = world.retry().findLastIndex((record) => record.kind === 'state');
  repair();
  await world.expectRest(one);
  // when the record of the parking is written a second time
  world.broker.duplicate(topics.retry, 0, BigInt(parked));
  // then the tombstone is written again, and stands last when everything is cleaned
  await until(() => world.lastState('g')?.intents.length === 0, 'the repair');
  world.broker.compact(topics.retry, { forced: true });
  expect(world.lastState('g')?.intents ?? []).toEqual([]);
});

test('repair: a live record that was copied into another partition is written over there, and refuses no next owner', async () => {
  // given an add that is parked, of the first of two partitions
  const world = await aWorld({ partitionCount: 2 });
  const repair = failing(world);
  const value = JSON.stringify({ group_id: 'g', add_members: ['u'] });
  world.produce({ topic: topics.source, partition: 0, key: 'g', value, headers: [] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.lastState('g')?.intents.length === 1, 'the parking');
  // when its record is written to the other partition, whose owner has written it
  const parked = world.records(topics.retry).findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g');
  const copy = { key: 'g', value: parked?.value ?? null, headers: parked?.headers ?? [] };
  world.produce({ topic: topics.retry, partition: 1, ...copy });
  // then it is replaced there by a tombstone, and said
  const last = () => world.retry(1).findLast((record) => record.kind === 'state');
  await until(() => last()?.intents.length === 0, 'the repair');
  const said = one.logger.lines.filter(({ message }) => message.startsWith('a live record of another partition'));
  expect(said.map(({ fields }) => fields)).toMatchObject([{ partition: 1, group: 'g' }]);
  // and the next owner does what was parked
  one.kill();
  repair();
  expire(world);
  const next = await world.start({ name: 'next' });
  await until(() => world.sandbox.members('g').length === 1, 'the add');
  await until(() => next.pipeline.stats().ready, 'both partitions');
});
