import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WHOLE_GROUP, type Approval, type Intent } from '../../src/core/change/change.ts';
import type { Doubt, UnconfirmedView } from '../../src/core/target/doubt.ts';
import { guardVerdict, type GuardLimits, NOTHING_REMOVED } from '../../src/core/group/guard.ts';
import type { Snapshot } from '../../src/core/target/snapshot.ts';
import { isSatisfied } from '../../src/core/target/snapshot.ts';
import { nextStep, type Situation, type Step } from '../../src/core/group/step.ts';
import { aSnapshot } from '../support/a-snapshot.ts';
import { anIntent } from '../support/an-intent.ts';

const add = (member: string): Intent => anIntent({ member });
const remove = (member: string): Intent => anIntent({ member, op: 'remove' });
const showing = (...members: string[]): Snapshot => aSnapshot(members);
const doubt: Doubt = { kind: 'gained', untilMs: 100 };

const lax: GuardLimits = {
  groupPercent: 100,
  groupFloor: 0,
  groupCount: Infinity,
  windowCount: Infinity,
  windowMs: 1,
};
const approval: Approval = { kind: 'approved', digest: 'd'.repeat(64), author: 'jane', reason: null, at: 1 };
const approved = (member: string): Intent => ({ ...remove(member), guard: approval });
const fullState = (...members: string[]): Intent =>
  anIntent({ op: 'state', member: WHOLE_GROUP, whole: { members, deleted: false } });

/** The intent was accepted and is not shown. */
const accepted = (intent: Intent, lookAtMs = 50): UnconfirmedView => ({
  lookAtMs,
  intents: new Set([intent]),
  members: new Set([intent.member]),
});

const situation = (parts: Partial<Situation>): Situation => ({
  due: [],
  exhausted: new Set(),
  snapshot: showing(),
  isFresh: true,
  doubt: null,
  suspects: [],
  membersMax: 50,
  unseenMax: 50,
  guard: lax,
  pendingRemovals: [],
  removalCountMax: Number.POSITIVE_INFINITY,
  removed: NOTHING_REMOVED,
  nowMs: 0,
  ...parts,
});

describe('the next step', () => {
  const [a, b, c] = [add('a'), add('b'), remove('c')];
  const spentA = { due: [a], exhausted: new Set([a]) };

  test.each<[string, Partial<Situation>, object]>([
    ['nothing due', {}, { kind: 'done' }],
    ['nothing due, though in doubt', { doubt }, { kind: 'done' }],
    ['no snapshot', { due: [a], snapshot: null }, { kind: 'read' }],
    ['something unconfirmed, its look due', { due: [a], unconfirmed: accepted(a, 0) }, { kind: 'look' }],
    [
      'something unconfirmed, its look due, in doubt',
      { due: [a], unconfirmed: accepted(a, 0), doubt },
      { kind: 'look' },
    ],
    ['something unconfirmed', { due: [a], unconfirmed: accepted(a) }, { kind: 'wait_for_doubt', untilMs: 50 }],
    [
      'something unconfirmed, no snapshot',
      { due: [a], unconfirmed: accepted(a), snapshot: null },
      { kind: 'wait_for_doubt', untilMs: 50 },
    ],
    [
      'something unconfirmed, in doubt',
      { due: [a], unconfirmed: accepted(a), doubt },
      { kind: 'wait_for_doubt', untilMs: 50 },
    ],
    ['something to send beside it', { due: [a, b], unconfirmed: accepted(a) }, { kind: 'patch', part: [b] }],
    [
      'something to send beside a newer no-op about it',
      { due: [remove('a'), b], unconfirmed: accepted(a) },
      { kind: 'patch', part: [b] },
    ],
    [
      'a newer no-op about it',
      { due: [remove('a')], unconfirmed: accepted(a) },
      { kind: 'wait_for_doubt', untilMs: 50 },
    ],
    [
      'a newer one about it that is to be sent',
      { due: [remove('a')], unconfirmed: accepted(a), snapshot: showing('a') },
      { kind: 'patch' },
    ],
    ['another no-op beside it', { due: [a, c], unconfirmed: accepted(a) }, { kind: 'final', noop: [c], givenUp: [] }],
    [
      'a full state that came meanwhile',
      { due: [fullState()], unconfirmed: accepted(a) },
      { kind: 'wait_for_doubt', untilMs: 50 },
    ],
    ['no snapshot, in doubt', { due: [a], snapshot: null, doubt }, { kind: 'read' }],
    ['the doubt is over', { due: [a], doubt, nowMs: 100 }, { kind: 'forget_doubt' }],
    ['the doubt is over, only a last look left', { ...spentA, doubt, nowMs: 100 }, { kind: 'forget_doubt' }],
    ['something to send', { due: [a, c], snapshot: showing('c') }, { kind: 'patch', part: [c, a] }],
    ['something to send from the cache', { due: [a], isFresh: false }, { kind: 'patch', part: [a] }],
    ['something to send, in doubt', { due: [a], doubt }, { kind: 'patch', part: [a] }],
    [
      'a no-op beside it is looked at afterwards',
      { due: [a, b], snapshot: showing('b') },
      { kind: 'patch', part: [a] },
    ],
    ['no-ops only', { due: [a, c], snapshot: showing('a') }, { kind: 'final', noop: [a, c], givenUp: [] }],
    ['no-ops from the cache', { due: [a], snapshot: showing('a'), isFresh: false }, { kind: 'confirm' }],
    ['no-ops in doubt', { due: [a], snapshot: showing('a'), doubt }, { kind: 'wait_for_doubt', untilMs: 100 }],
    [
      'no-ops in doubt from the cache',
      { due: [a], snapshot: showing('a'), isFresh: false, doubt },
      { kind: 'wait_for_doubt' },
    ],
    ['a last look, not so', spentA, { kind: 'final', noop: [], givenUp: [a] }],
    ['a last look, so after all', { ...spentA, snapshot: showing('a') }, { kind: 'final', noop: [a], givenUp: [] }],
    ['a last look from the cache', { ...spentA, isFresh: false }, { kind: 'confirm' }],
    ['a last look without a snapshot', { ...spentA, snapshot: null }, { kind: 'read' }],
    ['a last look in doubt', { ...spentA, doubt }, { kind: 'wait_for_doubt', untilMs: 100 }],
    ['a last look in doubt, unread', { ...spentA, snapshot: null, doubt }, { kind: 'wait_for_doubt', untilMs: 100 }],
    ['a spent one beside another', { due: [a, b], exhausted: new Set([a]) }, { kind: 'patch', part: [b] }],
    ['suspects go first, by halves', { due: [a, b, c], suspects: [a, b] }, { kind: 'patch', part: [a] }],
    ['no suspect is due any more', { due: [b], suspects: [a] }, { kind: 'patch', part: [b] }],
    ['more than fits', { due: [a, b], membersMax: 1 }, { kind: 'patch', part: [a] }],
  ])('%s', (_, parts, expected) => {
    expect(nextStep(situation(parts))).toMatchObject(expected);
  });
});

describe('a full state that is due', () => {
  const [state, c] = [fullState('a'), remove('c')];

  test.each<[string, Partial<Situation>, object]>([
    ['is worked out on a fresh read', {}, { kind: 'expand', state }],
    ['before anything is sent', { due: [add('b'), state, c], snapshot: showing('c') }, { kind: 'expand', state }],
    ['is read first', { snapshot: null, isFresh: false }, { kind: 'read' }],
    ['is confirmed where the snapshot is of the cache', { isFresh: false }, { kind: 'confirm' }],
    ['waits while a request may still land', { doubt }, { kind: 'wait_for_doubt', untilMs: 100 }],
    ['waits unread, too', { doubt, snapshot: null, isFresh: false }, { kind: 'wait_for_doubt', untilMs: 100 }],
    [
      'holds back what comes on top of it',
      { due: [state, c], snapshot: showing('c'), doubt },
      { kind: 'wait_for_doubt' },
    ],
    ['reads again after the doubt', { doubt, nowMs: 100 }, { kind: 'forget_doubt' }],
  ])('%s', (_, parts, expected) => {
    const step = nextStep(situation({ due: [state], ...parts }));
    expect(step).toMatchObject(expected);
    if (step.kind === 'expand') expect(step.state).toBe(state);
  });
});

describe('the guard', () => {
  const [a, b, c, d, e] = [add('a'), remove('b'), remove('c'), approved('d'), remove('e')];
  const all = showing('b', 'c', 'd', 'e');
  const atMost = (groupCount: number): GuardLimits => ({ ...lax, groupCount });

  test('lets as many removals pass as may', () => {
    const step = nextStep(situation({ due: [a, b, c], snapshot: all, guard: atMost(2) }));
    expect(step).toMatchObject({ kind: 'patch', part: [b, c, a] });
  });

  test('holds all that are one too many, and nothing else; adds and approved ones go on', () => {
    const first = situation({ due: [a, b, c, d, e], snapshot: all, guard: atMost(2) });
    expect(nextStep(first)).toEqual({ kind: 'hold_removals', intents: [b, c, e], by: 'group_count' });
    expect(nextStep({ ...first, due: [a, d] })).toMatchObject({ kind: 'patch', part: [d, a] });
  });

  test('holds nothing for what the cache says: the group is read first', () => {
    const now = situation({ due: [a, b, c, e], snapshot: all, guard: atMost(2), isFresh: false });
    expect(nextStep(now)).toEqual({ kind: 'confirm', snapshot: all });
    expect(nextStep({ ...now, due: [a, b, c] })).toMatchObject({ kind: 'patch', part: [b, c, a] });
  });

  test('counts what would be sent: not what is absent already, and not what is tried for the last time', () => {
    const absent = situation({ due: [b, c, e], snapshot: showing('b', 'c'), guard: atMost(2) });
    expect(nextStep(absent)).toMatchObject({ kind: 'patch', part: [b, c] });
    const exhausted = situation({ due: [b, c, e], exhausted: new Set([e]), snapshot: all, guard: atMost(2) });
    expect(nextStep(exhausted)).toMatchObject({ kind: 'patch', part: [b, c] });
  });

  test('counts all that is due, however few a request may hold', () => {
    const step = nextStep(situation({ due: [b, c, e], snapshot: all, guard: atMost(2), membersMax: 1 }));
    expect(step).toMatchObject({ kind: 'hold_removals', intents: [b, c, e] });
  });

  test('judges by the size of the group as it was read', () => {
    const guard = { ...lax, groupPercent: 30, groupFloor: 10 };
    const ten = showing('b', 'c', 'e', 'd', '1', '2', '3', '4', '5', '6');
    expect(nextStep(situation({ due: [b, c, e], snapshot: ten, guard }))).toMatchObject({ kind: 'patch' });
    const due = [b, c, e, remove('1')];
    expect(nextStep(situation({ due, snapshot: ten, guard }))).toMatchObject({ by: 'group_percent' });
    expect(nextStep(situation({ due, snapshot: all, guard }))).toMatchObject({ kind: 'patch' });
  });

  test('counts those whom a doubtful read does not show as members, also where it shows few', () => {
    const guard = { ...lax, groupPercent: 30, groupFloor: 10 };
    const four = { ...all, isDoubtful: true };
    const unseen = ['1', '2', '3', '4', '5', '6'].map(remove);
    expect(nextStep(situation({ due: unseen, snapshot: four, guard }))).toMatchObject({ by: 'group_percent' });
    expect(nextStep(situation({ due: unseen.slice(1), snapshot: four, guard }))).toMatchObject({ kind: 'patch' });
  });

  test('counts all that is pending, also what is not due, and holds all of it', () => {
    const later = { ...remove('d'), notBefore: 1_000_000 };
    const unknown = { ...remove('f'), target: null };
    const now = situation({ due: [b, c], snapshot: showing('b', 'c', 'd', 'e'), guard: atMost(3) });
    expect(nextStep({ ...now, pendingRemovals: [b, c, later] })).toMatchObject({ kind: 'patch', part: [b, c] });
    const all = nextStep({ ...now, pendingRemovals: [b, c, later, unknown] });
    expect(all).toMatchObject({ kind: 'hold_removals', intents: [b, c, later, unknown] });
    // What is absent already does not count, and where nothing is due nothing is judged.
    expect(nextStep({ ...now, pendingRemovals: [b, c, later, remove('gone')] })).toMatchObject({ kind: 'patch' });
    expect(nextStep({ ...now, due: [a], pendingRemovals: [b, c, later, unknown] })).toMatchObject({ part: [a] });
  });

  test('counts what was removed from the group within the window, against its size before', () => {
    const guard = { ...lax, groupPercent: 30, groupFloor: 10 };
    const seven = showing('b', 'c', 'e', 'd', '1', '2', '3');
    const now = situation({ due: [b], snapshot: seven, guard });
    const after = (ofGroup: number): Step =>
      nextStep({ ...now, removed: { ...NOTHING_REMOVED, ofGroup, sizeBefore: 7 + ofGroup } });
    expect([0, 2, 3].map((removed) => after(removed).kind)).toEqual(['patch', 'patch', 'hold_removals']);
  });

  test('counts what was removed elsewhere within the window', () => {
    const guard = { ...lax, windowCount: 10 };
    const now = situation({ due: [b, c], snapshot: all, guard });
    const elsewhere = (ofOwner: number): Step => nextStep({ ...now, removed: { ...NOTHING_REMOVED, ofOwner } });
    expect(elsewhere(8)).toMatchObject({ kind: 'patch' });
    expect(elsewhere(9)).toMatchObject({ kind: 'hold_removals', by: 'window_count' });
  });
});

const MEMBERS = ['a', 'b', 'c', 'd', 'e'];
const someMembers = fc.subarray(MEMBERS);

const situations: fc.Arbitrary<Situation> = fc
  .record({
    ops: fc.array(fc.constantFrom('add' as const, 'remove' as const), { minLength: 5, maxLength: 5 }),
    due: someMembers,
    exhausted: someMembers,
    suspects: someMembers,
    members: someMembers,
    isRead: fc.boolean(),
    isFresh: fc.boolean(),
    untilMs: fc.option(fc.constantFrom(50, 150)),
    membersMax: fc.integer({ min: 1, max: 6 }),
    unseenMax: fc.integer({ min: 1, max: 6 }),
    approvals: someMembers,
    hasState: fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0),
    guard: fc.record({
      groupPercent: fc.constantFrom(0, 30, 50, 100),
      groupFloor: fc.nat(5),
      groupCount: fc.nat(4),
      windowCount: fc.nat(6),
      windowMs: fc.constant(1),
    }),
    pendingRemovals: fc.constant([]),
    removalCountMax: fc.constant(Number.POSITIVE_INFINITY),
    removed: fc.record({ ofGroup: fc.nat(2), sizeBefore: fc.option(fc.nat(5)), ofOwner: fc.nat(3) }),
  })
  .map(({ ops, due, exhausted, suspects, members, isRead, isFresh, untilMs, approvals, hasState, ...limits }) => {
    const intents = MEMBERS.map((member, i) =>
      anIntent({ member, op: ops[i] ?? 'add', guard: approvals.includes(member) ? approval : null }),
    );
    const of = (names: readonly string[]): Intent[] => intents.filter(({ member }) => names.includes(member));
    return {
      due: [...of(due), ...(hasState ? [fullState('a')] : [])],
      exhausted: new Set(of(exhausted).filter(({ member }) => due.includes(member))),
      suspects: of(suspects),
      snapshot: isRead ? showing(...members) : null,
      isFresh: isRead && isFresh,
      doubt: untilMs === null ? null : { kind: 'request', ifMatch: '"7"', untilMs },
      ...limits,
      nowMs: 100,
    };
  });

/** What the guard would be asked about, in the order of the members. */
const guarded = ({ due, exhausted }: Situation, snapshot: Snapshot): Intent[] =>
  due.filter(
    (intent) =>
      intent.op === 'remove' && intent.guard === null && !exhausted.has(intent) && !isSatisfied(intent, snapshot),
  );

const verdict = (now: Situation, snapshot: Snapshot) =>
  guardVerdict(
    { count: guarded(now, snapshot).length, groupSize: snapshot.members.size, removed: now.removed },
    now.guard,
  );

describe('in every situation', () => {
  test('nothing is final in doubt, from the cache, or unread; and then nothing is left to send', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind !== 'final') return;
        const { snapshot } = now;
        expect([now.doubt, now.isFresh, snapshot === null]).toEqual([null, true, false]);
        if (snapshot === null) return;
        expect(step.noop.every((intent) => isSatisfied(intent, snapshot))).toBe(true);
        expect(step.givenUp.every((intent) => !isSatisfied(intent, snapshot) && now.exhausted.has(intent))).toBe(true);
        expect(new Set([...step.noop, ...step.givenUp])).toEqual(new Set(now.due));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a request is not empty, fits, changes something, and holds no spent intent', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind !== 'patch') return;
        expect(step.snapshot).toBe(now.snapshot);
        expect(step.part.length).toBeGreaterThan(0);
        expect(step.part.length).toBeLessThanOrEqual(now.membersMax);
        const isRight = (intent: Intent): boolean =>
          now.due.includes(intent) && !now.exhausted.has(intent) && !isSatisfied(intent, step.snapshot);
        expect(step.part.every(isRight)).toBe(true);
        expect(verdict(now, step.snapshot)).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  test('held are all removals that the guard has a say in, and only where they are too many; then all else goes on', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind !== 'hold_removals') return;
        const { snapshot } = now;
        expect(now.isFresh).toBe(true);
        if (snapshot === null) throw new Error('held unread');
        expect(step.intents).toEqual(guarded(now, snapshot));
        expect(step.by).toBe(verdict(now, snapshot));
        const rest = now.due.filter((intent) => !step.intents.includes(intent));
        expect(nextStep({ ...now, due: rest }).kind).not.toBe('hold_removals');
      }),
      { numRuns: 2_000 },
    );
  });

  test('a full state comes first, and is worked out on a fresh read out of doubt only', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        const isWhole = now.due.some(({ op }) => op === 'state');
        if (isWhole) expect(['forget_doubt', 'wait_for_doubt', 'read', 'confirm', 'expand']).toContain(step.kind);
        if (step.kind === 'expand') {
          expect([isWhole, now.doubt, now.isFresh, step.snapshot]).toEqual([true, null, true, now.snapshot]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('what waits, waits for the end of a doubt that is not over', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind === 'wait_for_doubt') expect([now.doubt?.untilMs, step.untilMs]).toEqual([150, 150]);
        if (step.kind === 'forget_doubt') expect(now.doubt?.untilMs).toBe(50);
        expect(step.kind === 'done').toBe(now.due.length === 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
