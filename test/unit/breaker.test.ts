import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterProbe, type Breaker, closedBreaker, observe } from '../../src/core/breaker.ts';
import type { Outcome } from '../../src/core/outcome.ts';

type Kind = Outcome['kind'];
type Seen = readonly [outcome: Kind, group: string];

const FAILURES = 5;
const after = (seen: readonly Seen[], pendingGroups = 9): Breaker =>
  seen.reduce<Breaker>(
    (breaker, [outcome, group], now) => observe(breaker, { outcome, group, pendingGroups, failuresMax: FAILURES, now }),
    closedBreaker,
  );
const times = (count: number, outcome: Kind, groups: readonly string[]): Seen[] =>
  Array.from({ length: count }, (_, i) => [outcome, groups[i % groups.length] ?? ''] as const);

const ANSWERS: readonly Kind[] = [
  'applied',
  'unchanged',
  'conflict',
  'not_found',
  'rejected_member',
  'too_large',
  'rejected',
];
const ALL: readonly Kind[] = [...ANSWERS, 'transient', 'denied', 'unauthorized', 'throttled', 'not_started'];

describe('the breaker opens', () => {
  test('for the target at the fifth transient failure over three groups, and names the last', () => {
    const groups = ['a', 'b', 'c'];
    expect(after(times(4, 'transient', groups)).kind).toBe('closed');
    const open = { kind: 'open', reason: 'target', group: 'b', since: 4, probes: 0 };
    expect(after(times(5, 'transient', groups))).toEqual(open);
  });

  test.each([
    [1, ['a'], 'open'],
    [2, ['a'], 'closed'],
    [2, ['a', 'b'], 'open'],
    [3, ['a', 'b'], 'closed'],
    [3, ['a', 'b', 'c'], 'open'],
    [900, ['a', 'b', 'c'], 'open'],
    [900, ['a', 'b'], 'closed'],
  ])('with %i pending groups over as many, at most three: failures of %j leave it %s', (pending, groups, kind) => {
    expect(after(times(8, 'transient', groups), pending).kind).toBe(kind);
  });

  test('as soon as the failures reach another group, when there are enough', () => {
    expect(after([...times(9, 'transient', ['a', 'b']), ['transient', 'c']])).toMatchObject({ reason: 'target' });
  });

  test('for the permission when three groups in a row are denied, however often each', () => {
    expect(after(times(20, 'denied', ['a', 'b'])).kind).toBe('closed');
    expect(after(times(3, 'denied', ['a', 'b', 'c']))).toMatchObject({
      kind: 'open',
      reason: 'permission',
      group: 'c',
    });
  });

  test('for a refused token at once', () => {
    expect(after([['unauthorized', 'a']])).toMatchObject({ kind: 'open', reason: 'auth', group: 'a' });
  });

  test.each(ANSWERS)('not when an answer of the target comes between: %s', (outcome) => {
    const transient = times(4, 'transient', ['a', 'b', 'c']);
    const denied = times(2, 'denied', ['a', 'b']);
    expect(after([...transient, [outcome, 'x'], ...transient]).kind).toBe('closed');
    expect(after([...denied, [outcome, 'x'], ['denied', 'c'], ['denied', 'd']]).kind).toBe('closed');
  });

  test.each(['throttled', 'not_started'] as const)('although it was %s between: that tells nothing', (outcome) => {
    const groups = ['a', 'b', 'c'];
    const seen: Seen[] = [...times(4, 'transient', groups), [outcome, 'a'], ['transient', 'c']];
    expect(after(seen)).toMatchObject({ reason: 'target' });
    expect(
      after([
        ['denied', 'a'],
        ['denied', 'b'],
        [outcome, 'a'],
        ['denied', 'c'],
      ]),
    ).toMatchObject({
      reason: 'permission',
    });
  });

  test('for nothing else', () => {
    const quiet = fc.constantFrom<Kind[]>(...ANSWERS, 'throttled', 'not_started');
    fc.assert(
      fc.property(fc.array(fc.tuple(quiet, fc.constantFrom('a', 'b', 'c'))), (seen) => {
        expect(after(seen)).toEqual(closedBreaker);
      }),
    );
  });

  test('once: what comes while it is open changes nothing', () => {
    const open = after([['unauthorized', 'a']]);
    for (const outcome of ALL) {
      expect(observe(open, { outcome, group: 'z', pendingGroups: 9, failuresMax: FAILURES, now: 99 })).toBe(open);
    }
  });
});

describe('a probe', () => {
  const opened = {
    target: after(times(5, 'transient', ['a', 'b', 'c'])),
    permission: after(times(3, 'denied', ['a', 'b', 'c'])),
    auth: after([['unauthorized', 'a']]),
  };
  const reasons = ['target', 'permission', 'auth'] as const;

  test.each(reasons.flatMap((reason) => ANSWERS.map((outcome) => [reason, outcome] as const)))(
    'of an open breaker (%s) that is answered closes it, and counts anew: %s',
    (reason, outcome) => {
      expect(afterProbe(opened[reason], outcome)).toEqual(closedBreaker);
    },
  );

  test.each([
    ['target', 'denied', 'closed'],
    ['auth', 'denied', 'closed'],
    ['permission', 'denied', 'permission'],
    ['target', 'transient', 'target'],
    ['auth', 'transient', 'target'],
    ['permission', 'transient', 'target'],
    ['target', 'unauthorized', 'auth'],
    ['auth', 'unauthorized', 'auth'],
    ['permission', 'unauthorized', 'auth'],
    ['target', 'throttled', 'target'],
    ['auth', 'throttled', 'auth'],
    ['permission', 'not_started', 'permission'],
  ] as const)('of an open breaker (%s) that ends %s: %s', (reason, outcome, expected) => {
    const next = afterProbe(opened[reason], outcome);
    expect(next.kind === 'open' ? next.reason : 'closed').toBe(expected);
    if (next.kind === 'open') expect(next).toEqual({ ...opened[reason], reason: expected, probes: 1 });
  });

  test('of a closed breaker means nothing', () => {
    for (const outcome of ALL) expect(afterProbe(closedBreaker, outcome)).toBe(closedBreaker);
  });
});
