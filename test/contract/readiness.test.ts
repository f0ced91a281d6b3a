import { expect, test } from 'vitest';
import { aWorld, until } from '../support/world.ts';

test('readiness: an instance that is left without a partition is ready to take over', async () => {
  // given an owner of the only partition
  const world = await aWorld({ partitionCount: 1 });
  const owner = await world.start();
  await until(() => owner.pipeline.stats().ready, 'the owner');
  // when another instance joins
  const spare = await world.start({ name: 'spare' });
  expect(spare.pipeline.stats().ready).toBe(false);
  // then both are ready, and one has nothing
  await until(() => [owner, spare].every(({ pipeline }) => pipeline.stats().ready), 'both');
  const owned = [owner, spare].map(({ pipeline }) => pipeline.stats().partitions.length);
  expect(owned.toSorted((a, b) => a - b)).toEqual([0, 1]);
});
