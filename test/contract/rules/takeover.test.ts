import { expect, test } from 'vitest';
import { renderFence } from '../../../src/core/log/live-record.ts';
import { anIntent, aState, commitBefore, expire, failing, lastFence, stubborn } from '../../support/retry-records.ts';
import type { World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const lateFence = (world: World, epoch: number): bigint =>
  world.produce({
    topic: topics.retry,
    partition: 0,
    value: 'late',
    ...renderFence({ owner: 'former', epoch, seq: 0 }, 'late'),
  });

test('fence: what a former owner parks behind the new fence is void for every later owner', async () => {
  // given an add that a former owner was about to park when it lost the partition; the next owner has done it all
  const world = await aWorld();
  const former = await world.start({ name: 'former' });
  await until(() => former.pipeline.stats().ready, 'the first owner');
  former.kill();
  const add = world.change('g', { add: ['u'] });
  const remove = world.change('g', { remove: ['u'] });
  expire(world);
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  next.kill();
  // when its record comes late, and an instance restores
  world.produce(aState({ owner: former.owner, epoch: 1, seq: 1 }, [anIntent({ offset: add, op: 'add', attempt: 1 })]));
  expire(world);
  const last = await world.start({ name: 'last' });
  await world.expectRest(last);
  // then it has no effect, and the next restore does not even see it
  await until(() => world.lastState('g')?.stamp.owner === last.owner, 'the repair');
  expect(world.lastState('g')?.intents).toEqual([]);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(world.outcome(remove, 'u')).toBe('already_synced');
});

test('fence: nothing begins before everything up to the own fence is read', async () => {
  // given an add that is parked and committed, and whose record comes last of thousands
  const world = await aWorld();
  const add = world.change('g', { add: ['u'] });
  commitBefore(world, 1n);
  lateFence(world, 1);
  for (let seq = 1; seq < 5_000; seq += 1) {
    world.produce({ ...aState({ owner: 'former', epoch: 1, seq }, []), key: `h${seq}` });
  }
  world.produce(aState({ owner: 'former', epoch: 1, seq: 5_000 }, [anIntent({ offset: add, op: 'add', attempt: 1 })]));
  // when the next owner comes
  const next = await world.start();
  // then it applies the add
  await world.expectRest(next);
  expect(world.outcome(add, 'u')).toBe('recovered');
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test('epoch: a late fence of a former owner makes nothing of the present one void', async () => {
  // given a second owner who has parked an add
  const world = await aWorld();
  const repair = failing(world);
  const former = await world.start({ name: 'former' });
  await until(() => former.pipeline.stats().ready, 'the first owner');
  former.kill();
  expire(world);
  const add = world.change('g', { add: ['u'] });
  const present = await world.start({ name: 'present', pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the parking');
  // when a fence of the first one comes late, and then a record of the present one
  lateFence(world, 1);
  world.change('g', { add: ['v'] });
  await until(() => world.lastState('g')?.intents.length === 2, 'the second parking');
  await until(() => world.committed() === 2n, 'its commit');
  present.kill();
  // then the next owner finds both
  repair();
  expire(world);
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'v']);
  expect(world.outcome(add, 'u')).toBe('recovered');
});

test('epoch: an owner that reads a higher epoch gives up the partition and joins again', async () => {
  // given an owner with something parked
  const world = await aWorld();
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the parking');
  const [member] = world.broker.group('rollcall').memberIds;
  // when it reads a fence of a later owner
  lateFence(world, 7);
  // then it drops its state, joins again, and owns only above that epoch
  await until(() => (lastFence(world)?.stamp.epoch ?? 0) > 7, 'a fence above the other');
  expect(world.broker.group('rollcall').memberIds).not.toContain(member);
  expect(one.logger.lines).toContainEqual(
    expect.objectContaining({
      fields: expect.objectContaining({ reason: 'the retry partition holds a higher epoch' }),
    }),
  );
  repair();
  await world.expectRest(one);
  expect(world.outcome(add, 'u')).toBe('recovered');
});
