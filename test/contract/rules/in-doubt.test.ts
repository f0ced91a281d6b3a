import { expect, test } from 'vitest';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { holdNext, requests } from '../../support/group-requests.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, until } from '../../support/world.ts';

/** No doubt ends by itself in a test. */
const lateApplyMs = 600_000;
const sessionTimeoutMs = 60_000;
const requestTimeoutMs = 10_000;
const patient = { requestTimeoutMs: 10 * lateApplyMs };
/** Since the time-out. No further: a read that begins at the end of the doubt has a time-out, too. */
const untilDoubtEnds = lateApplyMs - requestTimeoutMs;

interface Late {
  readonly clock: JumpingClock;
  readonly world: World;
  readonly one: Instance;
  readonly add: bigint;
  /** The PATCH of the add arrives. */
  readonly land: () => Promise<void>;
}

/** The PATCH with the add of `u` has timed out and is still travelling. */
async function aLateAdd(attemptsMax = 100): Promise<Late> {
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const held = holdNext(world.sandbox, 'PATCH');
  const add = world.change('g', { add: ['u'] });
  const retry = { baseMs: 1e9, capMs: 1e9, attemptsMax, slowScheduleMs: [] };
  const one = await world.start({ api: { requestTimeoutMs }, pipeline: { lateApplyMs, retry } });
  await held.arrived;
  await clock.jump(requestTimeoutMs);
  await until(() => requests(world.sandbox, 'PATCH')[0]?.ended === true, 'the time-out');
  const land = async (): Promise<void> => {
    held.release();
    await until(() => world.sandbox.version('g') === 2, 'the late add');
  };
  return { clock, world, one, add, land };
}

const answeredReads = (world: World): number => requests(world.sandbox, 'GET').filter(({ ended }) => ended).length;

/** A remove comes, and is seen to be so already. */
async function aRemoveThatIsSo({ world, one }: Pick<Late, 'world' | 'one'>, member = 'u'): Promise<bigint> {
  const before = answeredReads(world);
  const remove = world.change('g', { remove: [member] });
  await until(() => answeredReads(world) > before && one.pipeline.stats().inFlight === 0, 'the read that shows no u');
  return remove;
}

const finalsOf = (world: World, offset: bigint): readonly string[] =>
  world
    .reports()
    .filter(({ final, source }) => final && source.offset === String(offset))
    .map(({ outcome }) => outcome);

test('doubt: a late add that lands after a newer remove was a no-op is undone', async () => {
  // given an add that has timed out and is still travelling, and a newer remove that has nothing to do
  const late = await aLateAdd();
  const { clock, world, one, land } = late;
  const remove = await aRemoveThatIsSo(late);
  // when the add lands
  await land();
  await clock.jump(untilDoubtEnds);
  // then the remove removes, and no report said otherwise
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(finalsOf(world, remove)).toEqual(['applied']);
});

test('doubt: a version past the one of the late request ends it', async () => {
  // given an add that has timed out and is still travelling
  const late = await aLateAdd();
  const { world, one, land, add } = late;
  // when another client has moved the version before a remove is read
  world.sandbox.setMembers('g', ['other']);
  const remove = await aRemoveThatIsSo(late);
  // then the remove is final without a wait, and what comes late has no effect
  await world.expectRest(one);
  await land();
  expect(world.sandbox.members('g')).toEqual(['other']);
  expect(world.outcome(remove, 'u')).toBe('already_synced');
  expect(world.outcome(add, 'u')).toBe('superseded');
});

test('hold: what is so while in doubt is not reported, and committed only as the live record holds it', async () => {
  // given a remove that is so while an add of the same owner is still travelling
  const late = await aLateAdd();
  const { clock, world, one, land } = late;
  const remove = await aRemoveThatIsSo(late);
  const after = world.change('h', { add: [] });
  await until(() => world.hasCompletedRange() || (world.committed() ?? 0n) > after, 'a commit');
  expect(finalsOf(world, remove)).toEqual([]);
  expect(world.lastState('g')?.intents.map(({ source }) => source.offset)).toEqual([remove]);
  // when the owner dies before the add lands
  one.kill();
  await land();
  await clock.jump(sessionTimeoutMs);
  const two = await world.start({ name: 'two', pipeline: { lateApplyMs }, api: patient });
  // then the next owner has it still to do
  await until(() => world.outcome(remove, 'u') !== undefined, 'the remove');
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(finalsOf(world, remove)).toEqual(['applied']);
});

test('noop: what a former owner has sent may still land', async () => {
  // given an owner that died while its add was travelling
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const held = holdNext(world.sandbox, 'PATCH');
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: { lateApplyMs } });
  await held.arrived;
  one.kill();
  await clock.jump(sessionTimeoutMs);
  // and a new owner, for whom a newer remove has nothing to do
  const remove = world.change('g', { remove: ['u'] });
  const reads = answeredReads(world);
  const two = await world.start({ name: 'two', pipeline: { lateApplyMs }, api: patient });
  await until(() => answeredReads(world) > reads && two.pipeline.stats().inFlight === 0, 'the read of the new owner');
  // when the add lands
  held.release();
  await until(() => world.sandbox.version('g') === 2, 'the late add');
  await clock.jump(lateApplyMs);
  // then the remove removes, and no report said otherwise
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(finalsOf(world, remove)).toEqual(['applied']);
});

test('doubt: a read that began before its end does not decide', async () => {
  // given a new owner in doubt, whose read shows the group without `u`, but is not answered yet
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const held = holdNext(world.sandbox, 'PATCH');
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: { lateApplyMs } });
  await held.arrived;
  one.kill();
  await clock.jump(sessionTimeoutMs);
  const remove = world.change('g', { remove: ['u'] });
  const read = holdNext(world.sandbox, 'GET', 'after');
  const two = await world.start({ name: 'two', pipeline: { lateApplyMs }, api: patient });
  await read.arrived;
  // when the add of the former owner lands, and the doubt ends, before the answer comes
  held.release();
  await until(() => world.sandbox.version('g') === 2, 'the late add');
  await clock.jump(lateApplyMs);
  read.release();
  // then it is read again
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(finalsOf(world, remove)).toEqual(['applied']);
});

test('last-look: what was applied without an answer is not given up', async () => {
  // given a target that applies and does not answer, and no second try
  const world = await aWorld();
  world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'resetAfterApply' } });
  const add = world.change('g', { add: ['u'] });
  // when the only try has failed
  const retry = { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] };
  const one = await world.start({ pipeline: { lateApplyMs: 50, retry } });
  // then a read finds it done
  await world.expectRest(one);
  expect(finalsOf(world, add)).toEqual(['recovered']);
  expect(world.records('dead-letter')).toEqual([]);
});

test('last-look: nothing is given up while it may still land', async () => {
  // given an add whose only try has timed out and is still travelling
  const { clock, world, one, add, land } = await aLateAdd(1);
  // and a second look at the group, for another change
  await aRemoveThatIsSo({ world, one }, 'other');
  // when it lands after all
  await land();
  await clock.jump(untilDoubtEnds);
  // then it was never called a failure
  await world.expectRest(one);
  expect(finalsOf(world, add)).toEqual(['recovered']);
  expect(world.records('dead-letter')).toEqual([]);
});

test('last-look: what is not so out of doubt is given up, once', async () => {
  // given a target that refuses for a reason of its own
  const world = await aWorld();
  world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const retry = { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] };
  const one = await world.start({ pipeline: { lateApplyMs: 50, retry } });
  // then it is given up after the doubt
  await world.expectRest(one);
  expect(finalsOf(world, add)).toEqual(['permanent_failure']);
  expect(world.lastState('g')?.intents).toMatchObject([{ member: 'u', dead: { reason: 'attempts_exhausted' } }]);
  expect(world.records('dead-letter')).toHaveLength(1);
});
