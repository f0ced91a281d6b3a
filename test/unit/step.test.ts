import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Intent } from '../../src/core/change.ts';
import type { Doubt } from '../../src/core/doubt.ts';
import type { Snapshot } from '../../src/core/plan.ts';
import { isSo } from '../../src/core/plan.ts';
import { nextStep, type Situation } from '../../src/core/step.ts';
import { anIntent } from '../support/an-intent.ts';

const add = (member: string): Intent => anIntent({ member });
const remove = (member: string): Intent => anIntent({ member, op: 'remove' });
const showing = (...members: string[]): Snapshot => ({ version: '"7"', members: new Set(members) });
const doubt: Doubt = { kind: 'gained', untilMs: 100 };

const situation = (parts: Partial<Situation>): Situation => ({
  due: [],
  spent: new Set(),
  snapshot: showing(),
  isFresh: true,
  doubt: null,
  suspects: [],
  membersMax: 50,
  nowMs: 0,
  ...parts,
});

describe('the next step', () => {
  const [a, b, c] = [add('a'), add('b'), remove('c')];
  const spentA = { due: [a], spent: new Set([a]) };

  test.each<[string, Partial<Situation>, object]>([
    ['nothing due', {}, { kind: 'done' }],
    ['nothing due, though in doubt', { doubt }, { kind: 'done' }],
    ['no snapshot', { due: [a], snapshot: null }, { kind: 'read' }],
    ['no snapshot, in doubt', { due: [a], snapshot: null, doubt }, { kind: 'read' }],
    ['the doubt is over', { due: [a], doubt, nowMs: 100 }, { kind: 'forget_doubt' }],
    ['the doubt is over, only a last look left', { ...spentA, doubt, nowMs: 100 }, { kind: 'forget_doubt' }],
    ['something to send', { due: [a, c], snapshot: showing('c') }, { kind: 'patch', part: [c, a], riding: [] }],
    ['something to send from the cache', { due: [a], isFresh: false }, { kind: 'patch', part: [a] }],
    ['something to send, in doubt', { due: [a], doubt }, { kind: 'patch', part: [a] }],
    ['a no-op beside it rides', { due: [a, b], snapshot: showing('b') }, { kind: 'patch', part: [a], riding: [b] }],
    ['no-ops only', { due: [a, c], snapshot: showing('a') }, { kind: 'final', noop: [a, c], givenUp: [] }],
    ['no-ops from the cache', { due: [a], snapshot: showing('a'), isFresh: false }, { kind: 'confirm' }],
    ['no-ops in doubt', { due: [a], snapshot: showing('a'), doubt }, { kind: 'hold', untilMs: 100 }],
    ['no-ops in doubt from the cache', { due: [a], snapshot: showing('a'), isFresh: false, doubt }, { kind: 'hold' }],
    ['a last look, not so', spentA, { kind: 'final', noop: [], givenUp: [a] }],
    ['a last look, so after all', { ...spentA, snapshot: showing('a') }, { kind: 'final', noop: [a], givenUp: [] }],
    ['a last look from the cache', { ...spentA, isFresh: false }, { kind: 'confirm' }],
    ['a last look without a snapshot', { ...spentA, snapshot: null }, { kind: 'read' }],
    ['a last look in doubt', { ...spentA, doubt }, { kind: 'hold', untilMs: 100 }],
    ['a last look in doubt, unread', { ...spentA, snapshot: null, doubt }, { kind: 'hold', untilMs: 100 }],
    ['a spent one beside another', { due: [a, b], spent: new Set([a]) }, { kind: 'patch', part: [b], riding: [] }],
    ['suspects go first, by halves', { due: [a, b, c], suspects: [a, b] }, { kind: 'patch', part: [a] }],
    ['no suspect is due any more', { due: [b], suspects: [a] }, { kind: 'patch', part: [b] }],
    ['more than fits', { due: [a, b], membersMax: 1 }, { kind: 'patch', part: [a] }],
  ])('%s', (_, parts, expected) => {
    expect(nextStep(situation(parts))).toMatchObject(expected);
  });
});

const MEMBERS = ['a', 'b', 'c', 'd', 'e'];
const someMembers = fc.subarray(MEMBERS);

const situations: fc.Arbitrary<Situation> = fc
  .record({
    ops: fc.array(fc.constantFrom('add' as const, 'remove' as const), { minLength: 5, maxLength: 5 }),
    due: someMembers,
    spent: someMembers,
    suspects: someMembers,
    members: someMembers,
    isRead: fc.boolean(),
    isFresh: fc.boolean(),
    untilMs: fc.option(fc.constantFrom(50, 150)),
    membersMax: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ ops, due, spent, suspects, members, isRead, isFresh, untilMs, membersMax }) => {
    const intents = MEMBERS.map((member, i) => anIntent({ member, op: ops[i] ?? 'add' }));
    const of = (names: readonly string[]): Intent[] => intents.filter(({ member }) => names.includes(member));
    return {
      due: of(due),
      spent: new Set(of(spent).filter(({ member }) => due.includes(member))),
      suspects: of(suspects),
      snapshot: isRead ? showing(...members) : null,
      isFresh: isRead && isFresh,
      doubt: untilMs === null ? null : { kind: 'request', ifMatch: '"7"', untilMs },
      membersMax,
      nowMs: 100,
    };
  });

describe('in every situation', () => {
  test('nothing is final in doubt, from the cache, or unread; and then nothing is left to send', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind !== 'final') return;
        const { snapshot } = now;
        expect([now.doubt, now.isFresh, snapshot === null]).toEqual([null, true, false]);
        if (snapshot === null) return;
        expect(step.noop.every((intent) => isSo(intent, snapshot))).toBe(true);
        expect(step.givenUp.every((intent) => !isSo(intent, snapshot) && now.spent.has(intent))).toBe(true);
        expect(new Set([...step.noop, ...step.givenUp])).toEqual(new Set(now.due));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a request is not empty, fits, changes something, and holds no spent intent; what rides along is so', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind !== 'patch') return;
        expect(step.snapshot).toBe(now.snapshot);
        expect(step.part.length).toBeGreaterThan(0);
        expect(step.part.length).toBeLessThanOrEqual(now.membersMax);
        const isRight = (intent: Intent): boolean =>
          now.due.includes(intent) && !now.spent.has(intent) && !isSo(intent, step.snapshot);
        expect(step.part.every(isRight)).toBe(true);
        expect(step.riding.every((intent) => now.due.includes(intent) && isSo(intent, step.snapshot))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('what waits, waits for the end of a doubt that is not over', () => {
    fc.assert(
      fc.property(situations, (now) => {
        const step = nextStep(now);
        if (step.kind === 'hold') expect([now.doubt?.untilMs, step.untilMs]).toEqual([150, 150]);
        if (step.kind === 'forget_doubt') expect(now.doubt?.untilMs).toBe(50);
        expect(step.kind === 'done').toBe(now.due.length === 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
