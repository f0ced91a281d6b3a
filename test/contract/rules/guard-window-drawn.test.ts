/**
 * The guard's window (protocol.md 11.3), drawn: removals one at a time, under owners that come and go, are held from just the one on
 * with which a single event of all of them would be held.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QuickWorld } from '../../support/quick-world.ts';

type Turn = 'stays' | 'is killed' | 'hands over';

interface Drawn {
  readonly size: number;
  readonly groupPercent: number;
  readonly groupCount: number;
  /** What becomes of the owner before each removal. */
  readonly turns: readonly Turn[];
}

const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    size: fc.integer({ min: 8, max: 40 }),
    groupPercent: fc.constantFrom(5, 10, 25, 30, 50, 75, 100),
    groupCount: fc.constantFrom(1, 4, 9, 500),
  })
  .chain((limits) =>
    fc
      .array(fc.constantFrom<Turn>('stays', 'stays', 'stays', 'stays', 'is killed', 'hands over'), {
        minLength: limits.size,
        maxLength: limits.size,
      })
      .map((turns) => ({ ...limits, turns })),
  );

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

function aWorld({ size, groupPercent, groupCount }: Drawn): QuickWorld {
  const guard = { groupPercent, groupFloor: 10, groupCount, windowCount: 5_000, windowMs: 3_600_000 };
  const world = new QuickWorld({ pipeline: { guard } });
  for (const name of names(size)) world.target.group('g').members.add(name);
  return world;
}

/** How many are left where so many are removed by one event. */
async function leftAfterBulk(limits: Drawn, count: number): Promise<number> {
  const world = aWorld(limits);
  const { kill } = await world.start();
  world.produce({ remove_members: names(count) });
  await world.clock.advance(5_000);
  kill();
  return world.target.group('g').members.size;
}

/** How many are left where they are removed one at a time, up to the second one that is held. */
async function leftAfterDrip(limits: Drawn): Promise<number> {
  const world = aWorld(limits);
  let owner = await world.start();
  const { members } = world.target.group('g');
  for (const [i, turn] of limits.turns.entries()) {
    if (turn !== 'stays') {
      const former = owner;
      if (turn === 'is killed') former.kill();
      owner = await world.start();
      if (turn === 'hands over') void former.pipeline.drain();
      await world.clock.advance(40_000);
    }
    world.produce({ remove_members: [`m${i}`] });
    await world.clock.advance(3_000);
    if (owner.pipeline.stats().held === 2) break;
  }
  expect(world.reports().filter(({ outcome }) => outcome === 'retry_scheduled')).toEqual([]);
  owner.kill();
  expect(members.size + world.reports().filter(({ outcome }) => outcome === 'applied').length).toBe(limits.size);
  return members.size;
}

test('guard: removals one at a time, under any owners, are held where the same number together would be', async () => {
  await fc.assert(
    fc.asyncProperty(drawn, async (limits) => {
      const left = await leftAfterDrip(limits);
      const removed = limits.size - left;
      if (removed > 0) expect(await leftAfterBulk(limits, removed)).toBe(left);
      // One more would have been held with all of them.
      if (left > 0) expect(await leftAfterBulk(limits, removed + 1)).toBe(limits.size);
    }),
    { numRuns: 25 },
  );
}, 120_000);
