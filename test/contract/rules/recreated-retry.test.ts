/** A retry topic that was recreated has lost what was parked: memory is written again, or the loss is reported. */
import { expect, test } from 'vitest';
import { expire, failing, stubborn } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until, within } from '../../support/world.ts';

/** A change is parked and committed; the target fails until `recover`. */
async function parkedWorld(): Promise<{ world: World; one: Instance; recover: () => void }> {
  const world = await aWorld();
  const recover = failing(world);
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.committed() === 1n && world.lastState('g')?.intents.length === 1, 'the parking');
  return { world, one, recover };
}

test('recreated retry topic: its owner writes what it has in memory again', async () => {
  const { world, one, recover } = await parkedWorld();
  // when it is recreated, whether or not it has grown beyond what was read, before its owner joins again
  for (const fill of [0, 200]) {
    world.broker.recreateTopic(topics.retry);
    for (let i = 0; i < fill; i += 1)
      world.produce({ topic: topics.retry, partition: 0, key: `other${i}`, value: null, headers: [] });
    // then
    await until(() => world.lastState('g')?.intents.length === 1, 'the record');
    await until(() => one.pipeline.stats().ready, 'the restore');
  }
  // and a new owner finds it
  one.kill();
  expire(world);
  recover();
  const two = await world.start({ name: 'two' });
  await within(two.pipeline.whenAtRest(), 'rest');
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test('recreated retry topic: a new owner reports the possible loss, once', async () => {
  const { world, one } = await parkedWorld();
  one.kill();
  expire(world);
  world.broker.recreateTopic(topics.retry);
  // Somebody has written to it since.
  world.produce({ topic: topics.retry, partition: 0, key: 'other', value: null, headers: [] });
  const two = await world.start({ name: 'two' });
  await until(() => two.pipeline.stats().ready, 'the restore');
  expect(two.pipeline.stats().possibleLosses).toBe(1);
  world.change('g', { add: [] });
  await until(() => world.committed() === 2n, 'a commit');
  two.kill();
  expire(world);
  const three = await world.start({ name: 'three' });
  await until(() => three.pipeline.stats().ready, 'the restore');
  expect(three.pipeline.stats().possibleLosses).toBe(0);
});
