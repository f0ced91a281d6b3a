import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Breaker, Observation, OpenBreaker, RequestKind } from '../../src/core/target/breaker.ts';
import { afterUndecidedProbe, closedBreaker, nextProbe, observe, signOf } from '../../src/core/target/breaker.ts';
import type { Outcome } from '../../src/core/target/outcome.ts';

type Kind = Outcome['kind'];
type Seen = readonly [outcome: Kind, group: string];

const aSeen = (seen: Partial<Observation>): Observation => ({
  request: 'read',
  outcome: 'transient',
  cause: {},
  status: null,
  groups: ['a'],
  isReadable: false,
  isAlone: false,
  isProbe: false,
  pendingGroups: 9,
  failuresMax: 5,
  now: 0,
  ...seen,
});

const afterAll = (seen: readonly Partial<Observation>[], from: Breaker = closedBreaker): Breaker =>
  seen.reduce<Breaker>((breaker, each, now) => observe(breaker, aSeen({ now, ...each })), from);

const after = (seen: readonly Seen[], pendingGroups = 9): Breaker =>
  afterAll(seen.map(([outcome, group]) => ({ outcome, groups: [group], pendingGroups })));

const times = (count: number, outcome: Kind, groups: readonly string[]): Seen[] =>
  Array.from({ length: count }, (_, i) => [outcome, groups[i % groups.length] ?? ''] as const);

const asOpen = (breaker: Breaker): OpenBreaker => {
  if (breaker.kind === 'closed') throw new Error('it is closed');
  return breaker;
};

const SUCCESSES: readonly Kind[] = ['applied', 'unchanged'];
const ANSWERS: readonly Kind[] = [...SUCCESSES, 'conflict', 'not_found', 'rejected_member', 'too_large', 'rejected'];
const ALL: readonly Kind[] = [...ANSWERS, 'transient', 'denied', 'unauthorized', 'throttled', 'not_started'];

describe('the breaker opens', () => {
  test('for the target at the fifth transient failure over three groups', () => {
    const groups = ['a', 'b', 'c'];
    expect(after(times(4, 'transient', groups)).kind).toBe('closed');
    const open = { kind: 'open', reason: 'target', since: 4, pauses: { failed: 'read', probes: 0 } };
    expect(after(times(5, 'transient', groups))).toMatchObject(open);
  });

  test('never by groups that fail alone', () => {
    const alone = { isAlone: true, pendingGroups: 1 };
    for (const outcome of ['transient', 'denied', 'unauthorized'] as const) {
      const seen = ['a', 'b', 'c', 'd', 'e', 'f'].map((group) => ({ ...alone, outcome, groups: [group] }));
      expect(afterAll(seen)).toBe(closedBreaker);
    }
  });

  test('and names all failures that opened it, those of one group too', () => {
    const { openedBy } = asOpen(after(times(5, 'transient', ['a']), 1));
    expect(openedBy.map(({ now }) => now)).toEqual([0, 1, 2, 3, 4]);
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

  test('for failed reads only, while fewer than three groups are pending', () => {
    const write = { request: 'write', groups: ['a'], pendingGroups: 1 } as const;
    expect(afterAll(Array.from({ length: 9 }, () => write))).toEqual(closedBreaker);
    expect(afterAll(Array.from({ length: 5 }, () => ({ ...write, request: 'read' as const })))).toMatchObject({
      reason: 'target',
    });
    const writes = ['a', 'b', 'c', 'a', 'b'].map((group) => ({ ...write, groups: [group], pendingGroups: 3 }));
    expect(afterAll(writes)).toMatchObject({ reason: 'target', pauses: { failed: 'write' } });
  });

  test('for no answer 5xx to a change of a group that can be read', () => {
    const write = (group: string, status: number | null) =>
      ({ request: 'write', groups: [group], isReadable: true, status }) as const;
    const groups = ['a', 'b', 'c', 'd', 'e'];
    expect(afterAll(groups.map((group) => write(group, 503)))).toEqual(closedBreaker);
    expect(afterAll(groups.map((group) => write(group, null)))).toMatchObject({ reason: 'target' });
  });

  test('for the permission when three groups in a row are denied, however often each', () => {
    expect(after(times(20, 'denied', ['a', 'b'])).kind).toBe('closed');
    expect(after(times(3, 'denied', ['a', 'b', 'c']))).toMatchObject({ kind: 'open', reason: 'permission' });
  });

  test('for no 403 to a change', () => {
    const groups = ['a', 'b', 'c', 'd'];
    for (const isReadable of [true, false]) {
      const write = { request: 'write', outcome: 'denied', status: 403, isReadable } as const;
      expect(afterAll(groups.map((group) => ({ ...write, groups: [group] })))).toEqual(closedBreaker);
      expect(signOf(aSeen(write))).toBe(isReadable ? 'own' : 'unclear');
    }
  });

  test('for a failed look-up as for one failure, however many groups wait for it', () => {
    const groups = ['a', 'b', 'c', 'd', 'e'];
    for (const outcome of ['transient', 'denied'] as const) {
      const lookUp = { request: 'look_up', outcome, groups } as const;
      expect(afterAll([lookUp, lookUp]).kind).toBe('closed');
      expect(afterAll(Array.from({ length: 5 }, () => lookUp))).toMatchObject({
        kind: 'open',
        pauses: { failed: 'look_up' },
      });
    }
  });

  test('for failures that share an answer as for one', () => {
    const cause = {};
    const groups = ['a', 'b', 'c', 'd', 'e'];
    const shared = groups.map((group) => ({ cause, groups: [group] }));
    expect(afterAll(shared).kind).toBe('closed');
    expect(afterAll([...shared, ...groups.slice(1).map((group) => ({ groups: [group] }))]).kind).toBe('open');
  });

  test('for a refused token at once', () => {
    expect(after([['unauthorized', 'a']])).toMatchObject({ kind: 'open', reason: 'auth' });
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
    const denied: Seen[] = [...times(2, 'denied', ['a', 'b']), [outcome, 'a'], ['denied', 'c']];
    expect(after(denied)).toMatchObject({ reason: 'permission' });
  });

  test('for nothing else', () => {
    const quiet = fc.constantFrom<Kind[]>(...ANSWERS, 'throttled', 'not_started');
    fc.assert(
      fc.property(fc.array(fc.tuple(quiet, fc.constantFrom('a', 'b', 'c'))), (seen) => {
        expect(after(seen)).toEqual(closedBreaker);
      }),
    );
  });

  test('and keeps a bounded number of failures of groups that fail alone', () => {
    const closed = after(times(3_000, 'transient', ['a', 'b']));
    expect(closed.kind === 'closed' ? closed.transient.length : 0).toBe(1_000);
  });
});

const opened = {
  target: after(times(5, 'transient', ['a', 'b', 'c'])),
  permission: after(times(3, 'denied', ['a', 'b', 'c'])),
  auth: after([['unauthorized', 'a']]),
};
const reasons = ['target', 'permission', 'auth'] as const;

describe('an open breaker', () => {
  test.each(reasons)('(%s) is closed by a success of any group, and by no other answer but of a probe', (reason) => {
    for (const outcome of ALL) {
      const next = observe(opened[reason], aSeen({ outcome, groups: ['z'] }));
      if (SUCCESSES.includes(outcome)) expect(next.kind).toBe('closed');
      else expect(next).toBe(opened[reason]);
    }
  });

  test.each(reasons.flatMap((reason) => ANSWERS.map((outcome) => [reason, outcome] as const)))(
    '(%s) is closed by any answer to a probe, and counts from the beginning: %s',
    (reason, outcome) => {
      const closed = observe(opened[reason], aSeen({ outcome, isProbe: true }));
      expect(closed).toMatchObject({ kind: 'closed', transient: [], denied: [] });
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
  ] as const)('(%s), whose probe ends %s: %s', (reason, outcome, expected) => {
    const next = observe(opened[reason], aSeen({ outcome, isProbe: true }));
    expect(next.kind === 'open' ? next.reason : 'closed').toBe(expected);
    if (next.kind === 'open') expect(next.pauses.probes).toBe(1);
  });

  test('is not closed by a read where writes failed; a write decides', () => {
    const open = afterAll(['a', 'b', 'c', 'd', 'e'].map((group) => ({ request: 'write', groups: [group] }) as const));
    for (const isProbe of [true, false]) {
      expect(observe(open, aSeen({ outcome: 'applied', isProbe }))).toBe(open);
      expect(observe(open, aSeen({ request: 'write', outcome: 'applied', isProbe }))).toEqual(closedBreaker);
    }
    const failed = aSeen({ request: 'write', isReadable: true, isProbe: true });
    expect(observe(open, failed)).toMatchObject({ kind: 'open', pauses: { probes: 1 } });
    // The group's own failure: it would not have opened it.
    expect(observe(open, { ...failed, status: 500 }).kind).toBe('closed');
    expect(observe(open, { ...failed, outcome: 'denied' }).kind).toBe('closed');
  });

  test('stays so after a failure of a group that fails alone, by its own reason', () => {
    for (const reason of ['target', 'auth', 'permission'] as const) {
      for (const outcome of ['transient', 'denied', 'unauthorized'] as const) {
        const next = observe(opened[reason], aSeen({ outcome, isAlone: true, isProbe: true }));
        expect(next).toMatchObject({ kind: 'open', reason });
        expect(observe(opened[reason], aSeen({ outcome, isAlone: true }))).toBe(opened[reason]);
      }
    }
  });

  test('whose probe decides nothing is closed if the target has answered it', () => {
    expect(afterUndecidedProbe(asOpen(opened.target), 'answered').kind).toBe('closed');
    expect(afterUndecidedProbe(asOpen(opened.target), 'not_started')).toMatchObject({ pauses: { probes: 1 } });
  });
});

describe('the pauses between probes', () => {
  const probed = (request: RequestKind, outcome: Kind): Partial<Observation> => ({ request, outcome, isProbe: true });
  const failures = ['a', 'b', 'c', 'a', 'b'].map((group) => ({ groups: [group] }));

  test.each([
    ['read', 'applied', 0],
    ['read', 'unchanged', 0],
    ['read', 'not_found', 3],
    ['look_up', 'unchanged', 3],
  ] as const)('after a closing by a %s that ends %s go on at %i', (request, outcome, probes) => {
    const twice = [probed('read', 'transient'), probed('read', 'transient')];
    const again = afterAll([...failures, ...twice, probed(request, outcome), ...failures]);
    expect(asOpen(again).pauses.probes).toBe(probes);
  });

  test('begin again once a request of the kind that failed has succeeded', () => {
    const closed = afterAll([...failures, probed('read', 'transient'), probed('read', 'not_found')]);
    const still = afterAll([{ request: 'write', outcome: 'applied' }, ...failures], closed);
    expect(asOpen(still).pauses.probes).toBe(2);
    expect(asOpen(afterAll([{ outcome: 'applied' }, ...failures], closed)).pauses.probes).toBe(0);
  });

  test('go on where something else has ended a row of failures that was too short', () => {
    const closed = afterAll([...failures, probed('read', 'transient'), probed('read', 'not_found')]);
    const others = [{}, { outcome: 'denied' }, { request: 'write', outcome: 'applied' }] as const;
    expect(asOpen(afterAll([...others, ...failures], closed)).pauses.probes).toBe(2);
  });
});

test('the next probe is of what has not failed, else of what failed longest ago', () => {
  const candidates = [5, 3, 0, 4].map((failedAt) => ({ failedAt }));
  expect(nextProbe(candidates)).toBe(candidates[2]);
  expect(nextProbe(candidates.filter(({ failedAt }) => failedAt > 0))).toEqual({ failedAt: 3 });
  expect(nextProbe([])).toBeNull();
});
