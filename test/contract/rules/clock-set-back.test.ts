/** The wall clock is set back: what waits is tried as long after as was meant, not by the time that was wrong (protocol.md 9.5). */
import { expect, test } from 'vitest';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const DAY = 86_400_000;
const members = (world: QuickWorld): readonly string[] => [...world.target.group('g').members];

test.each(['the same owner', 'the next owner'])(
  'clock: what is parked does not wait for the difference: %s',
  async (who) => {
    const world = new QuickWorld();
    const one = await world.start();
    world.clock.jumpWall(DAY);
    world.target.onGet = () => answer(404);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(1_000);
    expect(one.pipeline.stats().parked).toBe(1);
    world.clock.jumpWall(-DAY);
    world.target.onGet = () => null;
    // It waits as long as it did before, which is a minute.
    await world.clock.advance(50_000);
    expect(members(world)).toEqual([]);
    if (who === 'the next owner') {
      world.produce({ group_id: 'other', add_members: ['b'] });
      await world.clock.advance(1_000);
      one.kill();
      await world.start();
    }
    await world.clock.advance(40_000);
    expect(members(world)).toEqual(['a']);
  },
);

test('clock: what an owner has parked whose clock was a month ahead waits as long as a wait may be', async () => {
  const world = new QuickWorld();
  world.clock.jumpWall(30 * DAY);
  const one = await world.start();
  world.target.onGet = () => answer(404);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(1_000);
  one.kill();
  world.clock.jumpWall(-30 * DAY);
  world.target.onGet = () => null;
  await world.start();
  // An hour is the longest that a server may ask for, which is longer than any wait of the schedule here.
  await world.clock.advance(3_500_000);
  expect(members(world)).toEqual([]);
  await world.clock.advance(200_000);
  expect(members(world)).toEqual(['a']);
});

test('clock: what has just been read does not wait for it either', async () => {
  const world = new QuickWorld({ pipeline: { lingerMs: 2_000 } });
  await world.start();
  world.produce({ remove_members: ['a'] });
  world.target.group('g').members.add('a');
  await world.clock.advance(500);
  world.clock.jumpWall(-DAY);
  await world.clock.advance(5_000);
  expect(members(world)).toEqual([]);
});

test('clock: what waits for its last look is given up in time', async () => {
  const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 1, slowScheduleMs: [] };
  const world = new QuickWorld({ pipeline: { retry } });
  const one = await world.start();
  world.clock.jumpWall(DAY);
  world.target.onPatch = () => answer(500);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(10);
  world.target.onGet = () => answer(503);
  await world.clock.advance(25_000);
  world.clock.jumpWall(-DAY);
  world.target.onGet = () => null;
  await world.clock.advance(120_000);
  expect(one.pipeline.stats()).toMatchObject({ pending: 0, dead: 1 });
});
