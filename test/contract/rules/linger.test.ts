import { expect, test } from 'vitest';
import { QuickWorld } from '../../support/quick-world.ts';

const lingerMs = 1_000;

async function aRunningWorld(spent: number): Promise<QuickWorld> {
  const world = new QuickWorld({ pipeline: { lingerMs } });
  await world.start();
  world.target.gate.spent = spent;
  return world;
}

const members = (world: QuickWorld): readonly string[] => [...world.target.group('g').members];

test('linger: with an unspent budget a change is sent at once', async () => {
  const world = await aRunningWorld(0);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(10);
  expect(members(world)).toEqual(['a']);
});

test('linger: what comes together goes out together all the same', async () => {
  const world = await aRunningWorld(0);
  for (const member of ['a', 'b', 'c']) world.produce({ add_members: [member] });
  await world.clock.advance(10);
  expect([members(world), world.target.group('g').version]).toEqual([['a', 'b', 'c'], 2]);
});

test('linger: the more of the budget is spent, the longer a burst may gather', async () => {
  const world = await aRunningWorld(0.5);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(lingerMs / 2 - 50);
  world.produce({ add_members: ['b'] });
  expect(members(world)).toEqual([]);
  await world.clock.advance(100);
  expect([members(world), world.target.group('g').version]).toEqual([['a', 'b'], 2]);
});
