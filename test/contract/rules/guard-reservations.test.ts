/**
 * Removals that a run of a group is about to send count for the guard's window (protocol.md 11.3): as many as it still
 * sends, and no more.
 */
import { expect, test } from 'vitest';
import type { PatchGroupRequest } from '../../../src/ports.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const MINUTE_MS = 60_000;
const guard = { groupPercent: 100, groupFloor: 1, groupCount: 100, windowCount: 100, windowMs: 10 * MINUTE_MS };

/** One member a request. */
function aWorldOf(groups: Readonly<Record<string, readonly string[]>>, limits: Partial<typeof guard>): QuickWorld {
  const world = new QuickWorld({ pipeline: { guard: { ...guard, ...limits }, membersPerPatchMax: 1 } });
  for (const [group, members] of Object.entries(groups))
    for (const member of members) world.target.group(group).members.add(member);
  return world;
}

/** A PATCH that is wanted stays unanswered until it is let through. */
function holdBack({ target }: QuickWorld, isWanted: (request: PatchGroupRequest) => boolean): () => void {
  let letThrough = (): void => undefined;
  const through = new Promise<void>((resolve) => (letThrough = resolve));
  const patch = target.patchGroup.bind(target);
  target.patchGroup = async (request) => {
    if (isWanted(request)) await through;
    return patch(request);
  };
  return () => letThrough();
}

const isAbout =
  (member: string) =>
  ({ body }: PatchGroupRequest): boolean =>
    JSON.stringify(body).includes(`"${member}`) || JSON.stringify(body).includes(`\\"${member}\\"`);

const outcomesOf = (world: QuickWorld): Record<string, string> =>
  Object.fromEntries(world.reports().map(({ member, outcome }) => [member, outcome]));

test('guard: what the target refuses is not counted for other groups while its own group goes on', async () => {
  const world = aWorldOf({ g: ['m0', 'm1'], h: ['y'] }, { windowCount: 2 });
  world.target.onPatch = (request) => (isAbout('m0')(request) || isAbout('m1')(request) ? answer(400) : null);
  // given a group whose removals are refused, and whose addition is on its way
  const letThrough = holdBack(world, isAbout('x'));
  await world.start();
  world.produce({ remove_members: ['m0', 'm1'], add_members: ['x'] });
  await world.clock.advance(MINUTE_MS);
  expect(world.target.group('g').members.has('x')).toBe(false);
  // when another group removes
  world.produce({ group_id: 'h', remove_members: ['y'] });
  await world.clock.advance(MINUTE_MS);
  // then
  expect(outcomesOf(world)).toMatchObject({ y: 'applied' });
  letThrough();
  await world.clock.advance(MINUTE_MS);
  expect(outcomesOf(world)).toMatchObject({ x: 'applied', m0: 'failed', m1: 'failed' });
});

test('guard: a removal that is accepted and not shown yet counts once, beside the next one of its group', async () => {
  const world = aWorldOf({ g: ['m0', 'm1', 'm2'] }, { windowCount: 2 });
  const { target } = world;
  // given a removal that the target accepts, and does not show for a while
  target.onPatch = (request) => (isAbout('m0')(request) ? target.shown('g') : null);
  await world.start();
  world.produce({ remove_members: ['m0'] });
  await world.clock.advance(100);
  expect(world.reports()).toEqual([]);
  // when one more is to go, then two are no more than the limit
  world.produce({ remove_members: ['m1'] });
  await world.clock.advance(500);
  expect(outcomesOf(world)).toEqual({ m1: 'applied' });
  target.group('g').members.delete('m0');
  await world.clock.advance(MINUTE_MS);
  expect(outcomesOf(world)).toEqual({ m0: 'applied', m1: 'applied' });
});

test('guard: each removal counts with the size that the group has had before it, however long its run takes', async () => {
  const world = aWorldOf({ g: ['m0', 'm1', 'm2', 'm3'] }, { groupPercent: 50 });
  // given a run of two removals, the second of them answered 7 minutes after the first
  const letThrough = holdBack(world, isAbout('m1'));
  await world.start();
  world.produce({ remove_members: ['m0', 'm1'] });
  await world.clock.advance(7 * MINUTE_MS);
  letThrough();
  // when the first one has left the window, and another member is added
  await world.clock.advance(4 * MINUTE_MS);
  world.produce({ add_members: ['x'] });
  await world.clock.advance(1_000);
  expect(outcomesOf(world)).toEqual({ m0: 'applied', m1: 'applied', x: 'applied' });
  // then two of the three before the second are too many, where two of four are not
  world.produce({ remove_members: ['m2'] });
  await world.clock.advance(1_000);
  expect(outcomesOf(world)).toMatchObject({ m2: 'held' });
});
