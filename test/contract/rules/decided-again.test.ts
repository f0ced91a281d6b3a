/** A request to decide that was carried out by a former owner, and is read again by the next one (protocol.md 11, 12). */
import { expect, test } from 'vitest';
import { decide, digestOf, heldIn, partDecision, wholeDecision } from '../../support/decisions.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const guard = { groupPercent: 100, groupFloor: 10, groupCount: 2, windowCount: 1_000_000, windowMs: 600_000 };
/** Nothing is tried again within the test. */
const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [3_600_000] };

/** Three removals are held, and no request would succeed. */
async function threeHeld() {
  const world = new QuickWorld({ pipeline: { guard, retry } });
  const one = await world.start();
  world.produce({ add_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  world.target.onPatch = () => answer(503);
  world.produce({ remove_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  return { world, one, held: heldIn(world) };
}

const done = { approve: 'approved', reject: 'rejected' } as const;

test.each(['approve', 'reject'] as const)('%s: the next owner answers as the first one', async (kind) => {
  const { world, one, held } = await threeHeld();
  const whole = wholeDecision(digestOf(held));
  const first = await decide(world, kind, whole);
  expect(first).toBe(`${done[kind]} 3`);
  one.kill();
  await world.start();
  expect(await decide(world, kind, whole)).toBe(first);
  // and of what was never held nothing is known
  expect(await decide(world, kind, wholeDecision('0'.repeat(64)))).toBe('gone 0');
});

test.each(['approve', 'reject'] as const)(
  '%s: decisions about parts, and about the rest, have the same answers again, also by the next owner',
  async (kind) => {
    const { world, one, held } = await threeHeld();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => held.filter(({ member }) => member === name));
    const asked = [partDecision(a ?? []), partDecision(b ?? []), wholeDecision(digestOf(c ?? []))];
    const answers = async (): Promise<readonly string[]> => {
      const said: string[] = [];
      for (const value of asked) said.push(await decide(world, kind, value));
      return said;
    };
    const first = await answers();
    expect(first).toEqual(asked.map(() => `${done[kind]} 1`));
    expect(await answers()).toEqual(first);
    one.kill();
    await world.start();
    expect(await answers()).toEqual(first);
    // The opposite decision finds nothing that it could be about.
    const other = kind === 'approve' ? 'reject' : 'approve';
    expect(await decide(world, other, asked[0] ?? '')).toBe('gone 0');
  },
);
