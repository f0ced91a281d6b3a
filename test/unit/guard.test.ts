import { aSnapshot } from '../support/a-snapshot.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/adapters/system.ts';
import type { Approval, Held, HeldBy, Intent } from '../../src/core/change.ts';
import {
  countOf,
  type GuardLimits,
  guardVerdict,
  HELD_BY,
  heldDigest,
  heldFailure,
  isGuarded,
  refusedFailure,
  withinWindow,
} from '../../src/core/guard.ts';
import { fold } from '../../src/core/pending.ts';
import { plan } from '../../src/core/plan.ts';
import { anIntent, atOffset, type IntentParts } from '../support/an-intent.ts';

/** The defaults of the design. */
const limits: GuardLimits = {
  groupPercent: 30,
  groupFloor: 10,
  groupCount: 500,
  windowCount: 5_000,
  windowMs: 600_000,
};
const verdict = (count: number, groupSize: number, countInWindow = 0) =>
  guardVerdict({ count, groupSize, countInWindow }, limits);

const held: Held = { kind: 'held', by: 'group_percent', since: 5 };
const approval: Approval = { kind: 'approved', digest: 'd'.repeat(64), author: 'jane', at: 6 };
const removal = (parts: IntentParts = {}): Intent => anIntent({ op: 'remove', ...parts });

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
      guardVerdict({ count, groupSize: 10, countInWindow: 0 }, { ...limits, groupPercent });
    expect([of(0, 0), of(0, 1), of(100, 10)]).toEqual([null, 'group_percent', null]);
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
  test('are removals that nobody has approved', () => {
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

describe('the window', () => {
  const removed = [
    { at: 100, count: 2 },
    { at: 200, count: 3 },
    { at: 300, count: 4 },
  ];

  test('ends its length after the removal, to the millisecond', () => {
    const counts = [300, 399, 400, 401, 500, 599, 600].map((now) => countOf(withinWindow(removed, now, 300)));
    expect(counts).toEqual([9, 9, 7, 7, 4, 4, 0]);
  });

  test('loses nothing by being tidied', () => {
    const tidied = withinWindow(removed, 350, 300);
    expect(withinWindow(tidied, 450, 300)).toEqual(withinWindow(removed, 450, 300));
    expect(countOf([])).toBe(0);
  });
});

describe('what people are told', () => {
  test.each(Object.keys(HELD_BY) as HeldBy[])('says of %s what would happen and how to decide', (by) => {
    const { code, message, advice } = heldFailure(by, 'abc');
    expect([code, message.includes(HELD_BY[by])]).toEqual([by, true]);
    expect(advice).toContain('rollcall held show abc');
  });

  test('says who has refused', () => {
    expect(refusedFailure('jane')).toMatchObject({ code: 'refused', message: 'jane has refused this removal.' });
  });
});
