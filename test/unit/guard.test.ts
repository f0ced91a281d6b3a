import { aSnapshot } from '../support/a-snapshot.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/adapters/system.ts';
import type { Approval, Held, HeldBy, Intent } from '../../src/core/change/change.ts';
import {
  type GuardLimits,
  guardVerdict,
  HELD_BY,
  heldDigest,
  heldFailure,
  isGuarded,
  refusedFailure,
  removalsOfRun,
  NOTHING_REMOVED,
} from '../../src/core/group/guard.ts';
import { fold } from '../../src/core/change/pending.ts';
import { plan } from '../../src/core/target/snapshot.ts';
import { anIntent, atOffset, type IntentParts } from '../support/an-intent.ts';

/** The defaults of the configuration. */
const limits: GuardLimits = {
  groupPercent: 30,
  groupFloor: 10,
  groupCount: 500,
  windowCount: 5_000,
  windowMs: 600_000,
};
const verdict = (count: number, groupSize: number, ofOwner = 0) =>
  guardVerdict({ count, groupSize, removed: { ...NOTHING_REMOVED, ofOwner } }, limits);

const held: Held = { kind: 'held', by: 'group_percent', since: 5 };
const approval: Approval = { kind: 'approved', digest: 'd'.repeat(64), author: 'jane', reason: null, at: 6 };
const removal = (parts: IntentParts = {}): Intent => anIntent({ op: 'remove', ...parts });

test('what a run reserves: who is to go, and who has gone by what may be its own request', () => {
  const snapshot = aSnapshot(['a', 'b']);
  const due = [
    removal({ member: 'a' }),
    removal({ member: 'lost', unsure: ['remove'] }),
    removal({ member: 'tried', attempt: 1 }),
    removal({ member: 'never-there' }),
    removal({ member: 'approved', unsure: ['remove'], guard: approval }),
    anIntent({ member: 'x' }),
  ];
  expect(removalsOfRun(due, snapshot, () => true)).toEqual({ count: 3, unseenCount: 2 });
});

describe('the verdict', () => {
  test.each([
    [0, 10, null],
    [3, 10, null],
    [4, 10, 'group_percent'],
    [3, 11, null],
    [4, 13, 'group_percent'],
    [4, 14, null],
    [300, 1_000, null],
    [301, 1_000, 'group_percent'],
    [10, 10, 'group_percent'],
  ])('about %i removals of %i members: %s', (count, groupSize, expected) => {
    expect(verdict(count, groupSize)).toBe(expected);
  });

  test('about a small group does not count shares: below the floor everybody may go', () => {
    expect([9, 1, 0].map((groupSize) => verdict(9, groupSize))).toEqual([null, null, null]);
    expect(verdict(9, 10)).toBe('group_percent');
  });

  test('counts removals at once, however large the group is', () => {
    expect([500, 501].map((count) => verdict(count, 100_000))).toEqual([null, 'group_count']);
  });

  test('counts what was removed elsewhere within the window', () => {
    expect([4_900, 4_901].map((before) => verdict(100, 100_000, before))).toEqual([null, 'window_count']);
    expect([1, 0].map((count) => verdict(count, 100_000, 5_000))).toEqual(['window_count', null]);
  });

  test('follows its limits: none of a group at 0 %, all of it at 100 %', () => {
    const of = (groupPercent: number, count: number) =>
      guardVerdict({ count, groupSize: 10, removed: NOTHING_REMOVED }, { ...limits, groupPercent });
    expect([of(0, 0), of(0, 1), of(100, 10)]).toEqual([null, 'group_percent', null]);
  });

  const drip = (count: number, groupSize: number, ofGroup: number, sizeBefore: number | null) =>
    guardVerdict({ count, groupSize, removed: { ofGroup, sizeBefore, ofOwner: ofGroup } }, limits);

  test('counts removals one at a time as the same number together, by share and by count', () => {
    expect([0, 1, 2, 3].map((removed) => drip(1, 10 - removed, removed, removed === 0 ? null : 10))).toEqual([
      null,
      null,
      null,
      'group_percent',
    ]);
    expect(drip(1, 9_500, 499, 9_999)).toBeNull();
    expect(drip(1, 9_500, 500, 10_000)).toBe('group_count');
  });

  test('lets no members who were added meanwhile make room, nor any that were few before', () => {
    // Ten members, three removed, a hundred added.
    expect(drip(1, 107, 3, 10)).toBe('group_percent');
    // Nine members, below the floor, a hundred added: what is there now counts.
    expect([29, 30].map((count) => drip(count, 106, 3, 9))).toEqual([null, 'group_percent']);
    // Of twenty members ten went with an approval.
    expect([2, 3].map((removed) => drip(1, 10 - removed, removed, 20))).toEqual([null, 'group_percent']);
  });

  test('does not count shares at 100 %, however often a member comes and goes', () => {
    expect(
      guardVerdict(
        { count: 1, groupSize: 10, removed: { ofGroup: 40, sizeBefore: 10, ofOwner: 40 } },
        { ...limits, groupPercent: 100 },
      ),
    ).toBeNull();
  });

  test('holds removals one at a time exactly where it holds as many together', () => {
    const cases = fc.record({
      size: fc.integer({ min: 1, max: 60 }),
      removed: fc.nat(60),
      elsewhere: fc.nat(30),
      own: fc.record({
        groupPercent: fc.nat(100),
        groupFloor: fc.nat(20),
        groupCount: fc.nat(40),
        windowCount: fc.nat(40),
      }),
    });
    fc.assert(
      fc.property(cases, ({ size, removed, elsewhere, own: more }) => {
        const own = { ...limits, ...more };
        const [ofGroup, count] = [Math.min(removed, size - 1), 1];
        const oneMore = guardVerdict(
          { count, groupSize: size - ofGroup, removed: { ofGroup, sizeBefore: size, ofOwner: elsewhere + ofGroup } },
          own,
        );
        const together = guardVerdict(
          { count: ofGroup + count, groupSize: size, removed: { ...NOTHING_REMOVED, ofOwner: elsewhere } },
          own,
        );
        expect(oneMore === null).toBe(together === null);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is never milder for more removals', () => {
    const size = fc.nat(2_000);
    fc.assert(
      fc.property(size, size, fc.nat(6_000), (count, groupSize, before) => {
        if (verdict(count, groupSize, before) !== null) expect(verdict(count + 1, groupSize, before)).not.toBeNull();
        if (verdict(count, groupSize, before + 1) === null) expect(verdict(count, groupSize, before)).toBeNull();
      }),
    );
  });
});

describe('what is counted', () => {
  test('are removals without an approval', () => {
    expect(isGuarded(removal())).toBe(true);
    expect(isGuarded(removal({ guard: held }))).toBe(true);
    expect(isGuarded(removal({ guard: approval }))).toBe(false);
    expect(isGuarded(anIntent())).toBe(false);
  });

  test('is what is left after folding: removals that were taken back, or are so already, do not count', () => {
    const members = Array.from({ length: 10 }, (_, i) => `m${i}`);
    const snapshot = aSnapshot(members);
    // Everybody goes, all but three come back; one of those is not there any more.
    const standing = members.map((member, i) => {
      const [gone, back] = [atOffset(1n, { member, op: 'remove' }), atOffset(2n, { member, op: 'add' })];
      return i < 3 ? gone : fold(gone, back).winner;
    });
    const { todo } = plan([...standing, atOffset(3n, { member: 'elsewhere', op: 'remove' })], snapshot);
    const count = todo.filter(isGuarded).length;
    expect(count).toBe(3);
    expect(verdict(count, snapshot.members.size)).toBeNull();
  });
});

describe('the digest of what is held', () => {
  const digest = (intents: readonly Intent[], group = 'g') => heldDigest(group, intents, sha256);
  const heldAt = (offset: bigint, member: string, index: number | null = null): Intent =>
    removal({ member, guard: held, source: { offset, index } });
  const two = [heldAt(7n, 'a'), heldAt(8n, 'b')];

  test('is the SHA-256 of the group and the sorted ids', () => {
    expect(digest(two)).toBe(sha256('["g","t/0/7/a","t/0/8/b"]'));
    expect(digest(two)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is none where nothing is held', () => {
    const dead = { ...heldAt(7n, 'a'), dead: { at: 1, reason: 'refused' } } as const;
    expect(digest([])).toBeNull();
    expect(digest([removal(), removal({ guard: approval }), dead, anIntent()])).toBeNull();
  });

  test.each<[string, readonly Intent[]]>([
    ['one less', two.slice(0, 1)],
    ['one more', [...two, heldAt(8n, 'c')]],
    ['another member', [heldAt(7n, 'a'), heldAt(8n, 'c')]],
    ['the same members of a later event', [heldAt(9n, 'a'), heldAt(8n, 'b')]],
    ['the same members of another event of the record', [heldAt(7n, 'a', 1), heldAt(8n, 'b')]],
    ['members that change places', [heldAt(7n, 'b'), heldAt(8n, 'a')]],
    ['ids that are cut elsewhere', [heldAt(7n, 'a"'), heldAt(8n, 'b')]],
  ])('is another one for %s', (_, others) => {
    expect(digest(others)).not.toBe(digest(two));
  });

  test('is another one for another group', () => {
    expect(digest(two, 'h')).not.toBe(digest(two));
  });

  const intents = fc.uniqueArray(
    fc.tuple(fc.bigInt({ min: 0n, max: 3n }), fc.constantFrom('a', 'b', ',', '"', 'a","b'), fc.option(fc.nat(2))),
    { selector: String, maxLength: 6 },
  );

  test('names exactly the set: not its order, nor why, since when or how often tried, nor what else is pending', () => {
    fc.assert(
      fc.property(
        intents.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }), fc.nat(), intents),
        ),
        ([list, shuffled, since, others]) => {
          const set = list.map(([offset, member, index]) => heldAt(offset, member, index));
          const again = shuffled.map(([offset, member, index]) => ({
            ...heldAt(offset, member, index),
            attempt: 3,
            guard: { ...held, by: 'window_count', since } as const,
          }));
          const rest = others.map(([offset, member]) => atOffset(offset, { member }));
          expect(digest([...rest, ...again])).toBe(digest(set));
        },
      ),
    );
  });

  test('differs wherever the sets do', () => {
    const idsOf = (list: readonly Intent[]) =>
      list.map(({ member, source }) => JSON.stringify([member, String(source.offset), source.index])).toSorted();
    fc.assert(
      fc.property(intents, intents, (left, right) => {
        const [a, b] = [left, right].map((list) =>
          list.map(([offset, member, index]) => heldAt(offset, member, index)),
        );
        expect(digest(a ?? []) === digest(b ?? [])).toBe(idsOf(a ?? []).join() === idsOf(b ?? []).join());
      }),
    );
  });
});

describe('what operators see', () => {
  test.each(Object.keys(HELD_BY) as HeldBy[])('says of %s what would happen and how to decide', (by) => {
    const { code, message, advice } = heldFailure(by, 'abc');
    expect([code, message.includes(HELD_BY[by])]).toEqual([by, true]);
    expect(advice).toContain('rollcall held show abc');
  });

  test('says who has refused, and why', () => {
    const messageOf = (reason: string | null): string => refusedFailure({ author: 'jane', reason }).message;
    expect(refusedFailure({ author: 'jane', reason: null }).code).toBe('refused');
    expect(messageOf(null)).toBe('jane has refused this removal.');
    expect(messageOf('not this week')).toBe('jane has refused this removal: not this week.');
    expect(messageOf('Not now!')).toBe('jane has refused this removal: Not now!');
  });
});
