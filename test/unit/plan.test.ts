import { NOTHING_REMOVED } from '../../src/core/group/guard.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Intent } from '../../src/core/change/change.ts';
import { afterPatch, groupPath, isSatisfied, patchBody, plan, type Snapshot } from '../../src/core/target/snapshot.ts';
import { nextStep } from '../../src/core/group/step.ts';
import { aSnapshot, versioned } from '../support/a-snapshot.ts';
import { anIntent, validId } from '../support/an-intent.ts';

const API = 'https://api.example.com';
const TO = { snapshot: aSnapshot([]), publicApiUrl: API };
const showing = (...members: string[]): Snapshot => aSnapshot(members);
const add = (member: string): Intent => anIntent({ member });
const remove = (member: string): Intent => anIntent({ member, op: 'remove' });

const intentsAndSnapshot = fc.uniqueArray(
  fc.record({ member: validId(), op: fc.constantFrom('add' as const, 'remove' as const), isMember: fc.boolean() }),
  { selector: ({ member }) => member, maxLength: 60 },
);

describe('the plan', () => {
  test('drops adds of members and removes of others, and sends removals first', () => {
    const [a, b, c, d] = [add('a'), remove('b'), add('c'), remove('d')];
    expect(plan([a, b, c, d], showing('a', 'b'))).toEqual({ noop: [a, d], todo: [b, c] });
  });

  test('knows members by what the target calls them, whatever the source does', () => {
    const [known, other] = [anIntent({ member: 'ada', target: 'u-1' }), anIntent({ member: 'u-1', target: 'u-2' })];
    const gone = anIntent({ member: 'bob', target: 'u-3', op: 'remove' });
    expect(plan([known, other, gone], showing('u-1', 'u-3'))).toEqual({ noop: [known], todo: [gone, other] });
    expect(patchBody([gone, other], TO).Operations).toMatchObject([
      { op: 'remove', path: 'members[value eq "u-3"]' },
      { op: 'add', value: [{ value: 'u-2', $ref: `${API}/api/v2/scim/v2/Users/u-2` }] },
    ]);
    expect([...afterPatch(showing('u-3'), [gone, other], versioned('"8"')).members]).toEqual(['u-2']);
  });

  test('of a member that is not resolved is a fault, never a request', () => {
    const unresolved = anIntent({ member: 'ada', target: null });
    for (const op of ['add', 'remove'] as const) {
      expect(() => plan([{ ...unresolved, op }], showing('ada'))).toThrow('ada is not resolved');
      expect(() => patchBody([{ ...unresolved, op }], TO)).toThrow('ada is not resolved');
    }
  });

  test('loses nothing, and carried out it leaves nothing to do', () => {
    fc.assert(
      fc.property(intentsAndSnapshot, (list) => {
        const snapshot = showing(...list.filter(({ isMember }) => isMember).map(({ member }) => member));
        const due = list.map(({ member, op }) => anIntent({ member, op }));
        const { noop, todo } = plan(due, snapshot);
        expect(new Set([...noop, ...todo])).toEqual(new Set(due));
        expect(noop.every((intent) => isSatisfied(intent, snapshot))).toBe(true);
        expect(todo.some((intent) => isSatisfied(intent, snapshot))).toBe(false);
        const after = afterPatch(snapshot, todo, versioned('"8"'));
        expect(plan(due, after)).toEqual({ noop: due, todo: [] });
        expect(after.version).toBe('"8"');
      }),
    );
  });
});

describe('a PATCH', () => {
  test('is one add of all new members and one filtered remove per removed member', () => {
    expect(patchBody([remove('x'), remove('y'), add('a'), add('b')], TO)).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [
        { op: 'remove', path: 'members[value eq "x"]' },
        { op: 'remove', path: 'members[value eq "y"]' },
        {
          op: 'add',
          path: 'members',
          value: ['a', 'b'].map((value) => ({ value, $ref: `${API}/api/v2/scim/v2/Users/${value}` })),
        },
      ],
    });
    expect(patchBody([add('a')], TO).Operations.map(({ op }) => op)).toEqual(['add']);
    expect(patchBody([remove('x')], TO).Operations.map(({ op }) => op)).toEqual(['remove']);
  });

  test('of any ids removes exactly the named members, never all of them', () => {
    fc.assert(
      fc.property(intentsAndSnapshot, (list) => {
        const part = list.map(({ member, op }) => anIntent({ member, op }));
        const { Operations } = patchBody(part, TO);
        const filters = Operations.filter(({ op }) => op === 'remove').map(({ path, value }) => {
          expect(value).toBeUndefined();
          const [, literal] = /^members\[value eq ("(?:[^"\\]|\\.)*")\]$/su.exec(path) ?? [];
          return literal === undefined ? path : (JSON.parse(literal) as unknown);
        });
        expect(filters).toEqual(part.filter(({ op }) => op === 'remove').map(({ member }) => member));
        const adds = Operations.filter(({ op }) => op === 'add');
        expect(adds.length).toBeLessThanOrEqual(1);
        expect(adds.flatMap(({ value }) => value ?? []).map(({ value }) => value)).toEqual(
          part.filter(({ op }) => op === 'add').map(({ member }) => member),
        );
        expect(Operations.filter(({ op }) => op !== 'add' && op !== 'remove')).toEqual([]);
      }),
    );
  });

  test('names users and groups by one path segment each, whatever their ids', () => {
    fc.assert(
      fc.property(validId(), (id) => {
        const [operation] = patchBody([add(id)], TO).Operations;
        const reference = operation?.value?.[0]?.$ref ?? '';
        for (const [text, prefix] of [
          [reference, `${API}/api/v2/scim/v2/Users/`],
          [`${API}${groupPath(id)}`, `${API}/api/v2/scim/v2/groups/`],
        ] as const) {
          expect(text.startsWith(prefix)).toBe(true);
          expect(text.slice(prefix.length)).not.toMatch(/[/?#"\s]/u);
          expect(decodeURIComponent(text.slice(prefix.length))).toBe(id);
        }
      }),
    );
  });
});

const noGuard = { groupPercent: 100, groupFloor: 0, groupCount: Infinity, windowCount: Infinity, windowMs: 1 };

interface Sent {
  readonly part: readonly string[];
  readonly isRefused: boolean;
}

/** A target that refuses every request with a bad member in it, walked as a flight does: the refused part is suspect. */
function walk(members: readonly string[], bad: ReadonlySet<string>, membersMax: number): readonly Sent[] {
  let due = members.map(add);
  let suspects: readonly Intent[] = [];
  let snapshot = showing();
  const sent: Sent[] = [];
  for (let turn = 0; turn < 1_000; turn += 1) {
    const known = {
      snapshot,
      isFresh: true,
      doubt: null,
      guard: noGuard,
      pendingRemovals: [],
      removalCountMax: 0,
      removed: NOTHING_REMOVED,
      unseenMax: membersMax,
      nowMs: 0,
    };
    const step = nextStep({ ...known, due, exhausted: new Set(), suspects, membersMax });
    if (step.kind !== 'patch') return sent;
    const { part } = step;
    const isRefused = part.some(({ member }) => bad.has(member));
    sent.push({ part: part.map(({ member }) => member), isRefused });
    if (!isRefused) {
      snapshot = afterPatch(snapshot, part, snapshot);
      suspects = suspects.filter((intent) => !part.includes(intent));
    } else suspects = part.length === 1 ? [] : part;
    // What landed is final, the isolated one is parked.
    if (!isRefused || part.length === 1) due = due.filter((intent) => !part.includes(intent));
  }
  throw new Error('no end');
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

describe('bisection', () => {
  test('lands all good members, refuses each bad one alone, and sends no part twice', () => {
    const cases = fc
      .integer({ min: 1, max: 50 })
      .chain((n) => fc.tuple(fc.constant(names(n)), fc.subarray(names(n)), fc.integer({ min: 1, max: 50 })));
    fc.assert(
      fc.property(cases, ([members, bad, membersMax]) => {
        const sent = walk(members, new Set(bad), membersMax);
        const landed = sent.filter(({ isRefused }) => !isRefused).flatMap(({ part }) => part);
        expect(landed.toSorted()).toEqual(members.filter((member) => !bad.includes(member)).toSorted());
        const alone = sent.filter(({ part, isRefused }) => isRefused && part.length === 1).flatMap(({ part }) => part);
        expect(alone.toSorted()).toEqual(bad.toSorted());
        const keys = sent.map(({ part }) => part.toSorted().join());
        expect(new Set(keys).size).toBe(keys.length);
        expect(sent.every(({ part }) => part.length <= membersMax)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('of 41 members takes at most 10 requests for one bad one, wherever it is', () => {
    const counts = names(41).map((bad) => walk(names(41), new Set([bad]), 50).length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
  });

  test('of n members finds one bad one in about log2(n) requests', () => {
    for (let n = 1; n <= 50; n += 1) {
      const counts = names(n).map((bad) => walk(names(n), new Set([bad]), 50).length);
      expect(Math.max(...counts)).toBeLessThanOrEqual(Math.ceil(Math.log2(n)) + 3);
    }
  });

  test('splits the other half unsent when one half has landed', () => {
    const sent = walk(names(4), new Set(['m3']), 50);
    expect(sent.map(({ part }) => part.join())).toEqual(['m0,m1,m2,m3', 'm0,m1', 'm2', 'm3']);
  });

  test('lets untried rests go together', () => {
    const sent = walk(names(4), new Set(['m0']), 50);
    expect(sent.map(({ part }) => part.join())).toEqual(['m0,m1,m2,m3', 'm0,m1', 'm0', 'm1,m2,m3']);
  });
});
