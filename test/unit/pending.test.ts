import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Approval, Held, Intent } from '../../src/core/change/change.ts';
import {
  afterGroupAnswered,
  countedFrom,
  fold,
  isDue,
  isHeld,
  isParked,
  revived,
  startedAgain,
  wasTried,
} from '../../src/core/change/pending.ts';
import { atOffset } from '../support/an-intent.ts';

/** The life of one intent: fresh, parked once, parked again, given up. Copies of different age meet after a takeover. */
const copy = (offset: bigint, age: number): Intent =>
  atOffset(offset, {
    op: offset % 2n === 0n ? 'add' : 'remove',
    attempt: age,
    notBefore: age * 10,
    dead: age === 3 ? { at: 99, reason: 'attempts_exhausted' } : null,
  });

const intents = fc
  .uniqueArray(fc.tuple(fc.bigInt({ min: 0n, max: 6n }), fc.nat(3)), { selector: String, minLength: 1, maxLength: 12 })
  .map((copies) => copies.map(([offset, age]) => copy(offset, age)));

const winnerOf = (list: readonly Intent[]): Intent => list.reduce((a, b) => fold(a, b).winner);

describe('folding', () => {
  test('is commutative and idempotent', () => {
    fc.assert(
      fc.property(intents, intents, ([a], [b]) => {
        if (a === undefined || b === undefined) return;
        expect(fold(a, b).winner).toEqual(fold(b, a).winner);
        expect(fold(a, b).loser).toEqual(fold(b, a).loser);
        expect(fold(a, a)).toEqual({ winner: a, loser: null });
      }),
    );
  });

  test('is associative: whatever the order and the grouping of arrival, the newest position wins', () => {
    fc.assert(
      fc.property(
        intents.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }), fc.nat(list.length)),
        ),
        ([list, shuffled, cut]) => {
          const newest = list.reduce((max, { source }) => (source.offset > max ? source.offset : max), 0n);
          const winner = winnerOf(shuffled);
          expect(winner.source.offset).toBe(newest);
          expect(winner).toEqual(winnerOf(list));
          const [left, right] = [shuffled.slice(0, cut), shuffled.slice(cut)];
          if (left.length > 0 && right.length > 0) expect(fold(winnerOf(left), winnerOf(right)).winner).toEqual(winner);
        },
      ),
    );
  });

  test('everything but the newest is superseded, and by something newer', () => {
    fc.assert(
      fc.property(intents, (list) => {
        const superseded = new Set<bigint>();
        let pending = list[0];
        for (const intent of list.slice(1)) {
          if (pending === undefined) return;
          const { winner, loser } = fold(pending, intent);
          if (loser !== null) {
            expect(winner.source.offset).toBeGreaterThan(loser.source.offset);
            superseded.add(loser.source.offset);
          }
          pending = winner;
        }
        const offsets = new Set(list.map(({ source }) => source.offset));
        expect(superseded).toEqual(new Set([...offsets].filter((offset) => offset !== pending?.source.offset)));
      }),
    );
  });

  test('of two events of one record the later one wins', () => {
    const [first, second] = [0, 1].map((index) =>
      atOffset(5n, { op: index === 0 ? 'remove' : 'add', source: { index } }),
    );
    if (first === undefined || second === undefined) throw new Error('two');
    expect(fold(first, second)).toEqual({ winner: second, loser: first });
    expect(fold(second, first)).toEqual({ winner: second, loser: first });
  });

  test('add then remove never cancel out: the remove stays', () => {
    const [add, remove] = [atOffset(1n, { op: 'add' }), atOffset(2n, { op: 'remove' })];
    expect(fold(add, remove)).toEqual({ winner: remove, loser: add });
    expect(fold(remove, add)).toEqual({ winner: remove, loser: add });
  });

  test('a dead intent is replaced by a newer one, and replaces an older one', () => {
    const dead = copy(5n, 3);
    expect(fold(dead, copy(6n, 0))).toEqual({ winner: copy(6n, 0), loser: dead });
    expect(fold(dead, copy(4n, 0))).toEqual({ winner: dead, loser: copy(4n, 0) });
  });

  test('the same intent read again wakes no dead one and gives no parked one its attempts back', () => {
    for (const age of [1, 2, 3]) {
      expect(fold(copy(5n, age), copy(5n, 0))).toEqual({ winner: copy(5n, age), loser: null });
      expect(fold(copy(5n, 0), copy(5n, age))).toEqual({ winner: copy(5n, age), loser: null });
    }
  });

  test('a woken one is what its copy in the source is: neither supersedes the other', () => {
    const awake = revived(copy(5n, 3));
    expect(fold(awake, copy(5n, 0))).toEqual({ winner: awake, loser: null });
    expect(fold(awake, copy(6n, 0)).winner.source.offset).toBe(6n);
  });
});

const guard: Held = { kind: 'held', by: 'group_percent', since: 5 };
const approval: Approval = { kind: 'approved', digest: 'd'.repeat(64), author: 'jane', reason: null, at: 6 };

describe('waiting', () => {
  test('an intent is due when its time has come, a dead one never', () => {
    expect([9, 10, 11].map((now) => isDue(atOffset(1n, { notBefore: 10 }), now))).toEqual([false, true, true]);
    expect(isDue(copy(1n, 3), Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('parked is what was tried and is not dead', () => {
    expect([0, 1, 2, 3].map((age) => isParked(copy(1n, age)))).toEqual([false, true, true, false]);
  });

  test('the answer of the group ends what waits for the group, not the wait of a member', () => {
    const parked = (waits: Intent['waits']) => atOffset(1n, { attempt: 2, notBefore: 10, waits });
    expect(afterGroupAnswered(parked('group'))).toEqual({ ...parked('group'), notBefore: 0 });
    expect(afterGroupAnswered(parked('member'))).toEqual(parked('member'));
  });

  test('what a replay wakes starts again, immediately', () => {
    const dead = { at: 9, reason: 'attempts_exhausted' } as const;
    expect(revived({ ...copy(5n, 3), dead })).toEqual(copy(5n, 0));
  });

  test('that tries have failed stays known where they do not count, until a last look', () => {
    const dead = { at: 9, reason: 'attempts_exhausted' } as const;
    const tried = atOffset(1n, { attempt: 2 });
    const again = { ...tried, attempt: 0, isTried: true };
    expect([countedFrom(tried, 0), startedAgain(tried), revived(tried)]).toEqual([again, again, again]);
    expect(startedAgain(atOffset(1n))).toEqual(atOffset(1n));
    expect(countedFrom(again as Intent, 0)).toEqual(again);
    expect([tried, again as Intent, atOffset(1n)].map(wasTried)).toEqual([true, true, false]);
    expect([tried, again as Intent].map((each) => wasTried(revived({ ...each, dead })))).toEqual([false, false]);
  });

  test('a full state whose wait was reported has its end reported, from wherever its tries are counted', () => {
    const state = atOffset(1n, { op: 'state', member: '', attempt: 2 });
    expect(revived(state)).toEqual({ ...state, attempt: 0, isTried: true });
    expect(countedFrom(countedFrom(state, 1), 0)).toEqual({ ...state, attempt: 0, isTried: true });
    expect(startedAgain({ ...state, attempt: 0 })).toEqual({ ...state, attempt: 0 });
    expect([state, revived(state), { ...state, attempt: 0 }].map(wasTried)).toEqual([true, true, false]);
  });

  test('what is held waits in the live record until an operator has decided, however late it is', () => {
    const held = atOffset(1n, { op: 'remove', guard });
    expect([isHeld(held), isParked(held), isDue(held, Number.MAX_SAFE_INTEGER)]).toEqual([true, true, false]);
    const approved = { ...held, guard: approval };
    expect([isHeld(approved), isParked(approved), isDue(approved, 0)]).toEqual([false, false, true]);
  });

  test('what was refused is dead, and held again once it is woken; an approval is good for one life', () => {
    const refused = atOffset(1n, { op: 'remove', guard, dead: { at: 9, reason: 'refused' } });
    expect([isHeld(refused), isParked(refused)]).toEqual([false, false]);
    expect(revived(refused)).toEqual(atOffset(1n, { op: 'remove', guard }));
    const dead = { at: 9, reason: 'attempts_exhausted' } as const;
    expect(revived(atOffset(1n, { op: 'remove', guard: approval, attempt: 5, dead }))).toEqual(
      atOffset(1n, { op: 'remove' }),
    );
    // What waits for its next try has not ended.
    expect(revived(atOffset(1n, { op: 'remove', guard: approval, attempt: 5 })).guard).toEqual(approval);
  });

  test('what a full state came to is due only once it is recorded', () => {
    const fresh = atOffset(1n, { waits: 'record' });
    expect([isDue(fresh, Number.MAX_SAFE_INTEGER), isParked(fresh)]).toEqual([false, true]);
    expect(afterGroupAnswered(fresh)).toEqual(fresh);
    expect([isDue({ ...fresh, waits: null }, 0), isParked({ ...fresh, waits: null })]).toEqual([true, false]);
  });
});
