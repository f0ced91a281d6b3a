import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idProblem } from '../../src/core/change/change.ts';
import {
  isRemovalsKey,
  parseRetryRecord,
  removalsIn,
  removalsKey,
  removalsValue,
  renderRemovals,
  type Removal,
} from '../../src/core/log/live-record.ts';
import { RemovalWindow } from '../../src/pipeline/state/removal-window.ts';
import type { Instant } from '../../src/ports.ts';

const WINDOW_MS = 1_000;
const WALL = 1_790_000_000_000;
const at = (monotonic: number, wallAhead = WALL): Instant => ({ monotonic, wall: monotonic + wallAhead });

/** All that is due is written, and acknowledged. */
function write(window: RemovalWindow, now: Instant): ReadonlyMap<string, readonly Removal[]> {
  window.owe();
  const due = window.take(now);
  for (const { key } of due) window.acknowledge(key);
  return new Map(due.map(({ key, removals }) => [key, removals]));
}

/** What a next owner finds: the newest record of each key. */
class Topic {
  readonly records = new Map<string, readonly Removal[]>();

  writtenBy(window: RemovalWindow, now: Instant): void {
    for (const [key, removals] of write(window, now)) {
      if (removals.length === 0) this.records.delete(key);
      else this.records.set(key, removals);
    }
  }

  restored(now: Instant): RemovalWindow {
    const window = new RemovalWindow(WINDOW_MS);
    for (const [key, removals] of this.records) window.read(key, removals);
    window.restore(now);
    return window;
  }
}

const countsOf = (window: RemovalWindow, group = 'g') => [window.removedOf(group).ofGroup, window.countBeside(null)];

describe('the window of a partition', () => {
  test('counts by group and in all, until the window has passed, to the millisecond', () => {
    const window = new RemovalWindow(WINDOW_MS);
    window.note('g', at(100));
    window.note('g', at(100));
    window.note('h', at(100));
    window.note('g', at(400));
    const counts = [1_099, 1_100, 1_399, 1_400].map((now) => {
      window.expire(at(now));
      return countsOf(window);
    });
    expect(counts).toEqual([
      [3, 4],
      [1, 1],
      [1, 1],
      [0, 0],
    ]);
  });

  test('is empty again once it has passed, and so is its topic', () => {
    const window = new RemovalWindow(WINDOW_MS);
    const topic = new Topic();
    for (let i = 0; i < 5_000; i++) {
      window.reserve(`g${i % 700}`, { count: 1, size: 20 });
      window.note(`g${i % 700}`, at(i));
      window.release(`g${i % 700}`);
      window.expire(at(i));
      if (i % 10 === 0) topic.writtenBy(window, at(i));
    }
    expect(window.countBeside(null)).toBe(WINDOW_MS);
    window.expire(at(10_000));
    topic.writtenBy(window, at(10_000));
    expect([window.size, window.countBeside(null), window.isDue, topic.records.size]).toEqual([0, 0, false, 0]);
  });

  test('knows the size that the group had before the oldest removal', () => {
    const window = new RemovalWindow(WINDOW_MS);
    expect(window.removedOf('g').sizeBefore).toBeNull();
    window.reserve('g', { count: 2, size: 12 });
    window.note('g', at(0));
    window.reserve('g', { count: 1, size: 50 });
    window.note('g', at(500));
    expect(window.removedOf('g')).toEqual({ ofGroup: 2, sizeBefore: 12 });
    window.expire(at(1_000));
    expect(window.removedOf('g')).toEqual({ ofGroup: 1, sizeBefore: 50 });
  });

  test('counts what is reserved for others, and what has taken effect once only', () => {
    const window = new RemovalWindow(WINDOW_MS);
    window.reserve('g', { count: 3, size: 12 });
    expect([window.countBeside('g'), window.countBeside('h')]).toEqual([0, 3]);
    window.note('g', at(0));
    expect([window.countBeside('g'), window.countBeside('h')]).toEqual([1, 3]);
    window.reserve('g', { count: 2, size: 11 });
    expect(window.countBeside('h')).toBe(3);
    window.release('g');
    window.release('g');
    expect(window.countBeside('h')).toBe(1);
  });

  test('holds a commit back from the round in which a removal is due until it is acknowledged', () => {
    const window = new RemovalWindow(WINDOW_MS);
    window.note('g', at(0));
    expect(window.isOwing).toBe(false);
    window.owe();
    const [first] = window.take(at(0));
    const key = first?.key ?? '';
    // Of the next round.
    window.note('g', at(1));
    expect(window.isOwing).toBe(true);
    window.giveBack(key);
    expect([window.isOwing, window.isDue]).toEqual([true, true]);
    window.owe();
    window.take(at(1));
    window.acknowledge(key);
    expect([window.isOwing, window.isDue]).toEqual([false, false]);
  });

  test('writes slices that stay small, each under a key of its own', () => {
    const window = new RemovalWindow(WINDOW_MS);
    const topic = new Topic();
    for (let i = 0; i < 1_000; i++) window.note(`g${i}`, at(5));
    topic.writtenBy(window, at(5));
    expect([...topic.records.values()].map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 100));
    // What is removed later concerns none of them.
    window.note('g', at(200));
    expect([...write(window, at(200)).values()].map(({ length }) => length)).toEqual([1]);
  });

  test('owes each half of a slice that the topic refuses', () => {
    const window = new RemovalWindow(WINDOW_MS);
    for (let i = 0; i < 4; i++) window.note(`g${i}`, at(5));
    window.owe();
    const [refused] = window.take(at(5));
    if (refused === undefined) throw new Error('a slice is due');
    window.giveBack(refused.key);
    expect(window.shrink(refused.key, at(5))).toBe(true);
    // No round of settle has begun since.
    for (const { key } of window.take(at(5))) {
      expect(window.isOwing).toBe(true);
      window.acknowledge(key);
    }
    expect(window.isOwing).toBe(false);
  });

  test('halves a slice that the topic refuses, and at the last leaves out the group', () => {
    const window = new RemovalWindow(WINDOW_MS);
    for (let i = 0; i < 9; i++) window.note(`g${i}`, at(5));
    const topic = new Topic();
    for (let round = 0; round < 20 && window.isDue; round++) {
      window.owe();
      for (const { key, removals } of window.take(at(5))) {
        const fits = removals.length === 1 && removals[0]?.group !== 'g3';
        if (fits) {
          topic.records.set(key, removals);
          window.acknowledge(key);
          continue;
        }
        window.giveBack(key);
        expect(window.shrink(key, at(5))).toBe(true);
      }
    }
    expect(window.isOwing).toBe(false);
    const next = topic.restored(at(5));
    expect(next.countBeside(null)).toBe(9);
    expect(['g2', 'g3'].map((group) => next.removedOf(group).ofGroup)).toEqual([1, 0]);
    // and this owner knows it all
    expect(window.removedOf('g3').ofGroup).toBe(1);
  });
});

describe('the next owner', () => {
  test('counts the same, by clocks of its own, until the same moment', () => {
    const window = new RemovalWindow(WINDOW_MS);
    const topic = new Topic();
    window.reserve('g', { count: 2, size: 12 });
    window.note('g', at(100));
    window.note('g', at(600));
    topic.writtenBy(window, at(600));
    // Its monotonic clock began 700 ms after the other one.
    const next = topic.restored(at(50, WALL + 650));
    expect(next.removedOf('g')).toEqual({ ofGroup: 2, sizeBefore: 12 });
    next.expire(at(450, WALL + 650));
    expect(countsOf(next)).toEqual([1, 1]);
    next.expire(at(950, WALL + 650));
    expect(countsOf(next)).toEqual([0, 0]);
    topic.writtenBy(next, at(950, WALL + 650));
    expect([next.size, topic.records.size]).toEqual([0, 0]);
  });

  test('never counts shorter for a clock that was ahead', () => {
    const window = new RemovalWindow(WINDOW_MS);
    const topic = new Topic();
    window.note('g', at(0, WALL + 3_600_000));
    topic.writtenBy(window, at(0, WALL + 3_600_000));
    const next = topic.restored(at(0));
    next.expire(at(999));
    expect(countsOf(next)).toEqual([1, 1]);
    next.expire(at(1_000));
    expect(next.countBeside(null)).toBe(0);
  });

  test('has the right times although the wall clock was set after the removal', () => {
    for (const jumpMs of [-3_600_000, 3_600_000]) {
      const window = new RemovalWindow(WINDOW_MS);
      const topic = new Topic();
      window.note('g', at(0));
      topic.writtenBy(window, at(0));
      window.expire(at(100, WALL + jumpMs));
      topic.writtenBy(window, at(100, WALL + jumpMs));
      const next = topic.restored(at(900, WALL + jumpMs));
      expect(countsOf(next)).toEqual([1, 1]);
      next.expire(at(1_000, WALL + jumpMs));
      expect(countsOf(next)).toEqual([0, 0]);
    }
  });

  test('writes again a slice whose last record does not count, or its tombstone', () => {
    const window = new RemovalWindow(WINDOW_MS);
    window.note('g', at(0));
    const [[key] = ['']] = [...write(window, at(0))];
    window.rewrite(key, at(1));
    window.rewrite(removalsKey(7), at(1));
    expect(new Map([...write(window, at(1))].map(([name, { length }]) => [name, length]))).toEqual(
      new Map([
        [key, 1],
        [removalsKey(7), 0],
      ]),
    );
    expect(window.isDue).toBe(false);
  });

  test('knows what any history of removals, writes and take-overs comes to', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('remove' as const), group: fc.constantFrom('a', 'b', 'c'), ms: fc.nat(200) }),
      fc.record({ kind: fc.constantFrom('write' as const, 'take over' as const), ms: fc.nat(400) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let [window, now] = [new RemovalWindow(WINDOW_MS), 0];
        const topic = new Topic();
        const removed: { group: string; at: number }[] = [];
        for (const { ms, ...what } of steps) {
          now += ms;
          window.expire(at(now));
          if (what.kind === 'remove') {
            window.note(what.group, at(now));
            removed.push({ group: what.group, at: now });
          } else topic.writtenBy(window, at(now));
          if (what.kind === 'take over') window = topic.restored(at(now));
          const counted = removed.filter((each) => each.at > now - WINDOW_MS);
          expect(window.countBeside(null)).toBe(counted.length);
          for (const group of ['a', 'b', 'c'])
            expect(window.removedOf(group).ofGroup).toBe(counted.filter((each) => each.group === group).length);
        }
      }),
    );
  });
});

describe('a record of the window', () => {
  const removals: readonly Removal[] = [
    { group: 'g', count: 3, at: WALL, size: 20 },
    { group: null, count: 1, at: WALL + 5, size: null },
  ];
  const stamp = { owner: 'i1', epoch: 4, seq: 9 };
  const wire = (value: string | null) => ({
    key: Buffer.from(removalsKey(5)),
    value: value === null ? null : Buffer.from(value),
    headers: renderRemovals(stamp, removalsKey(5), removals).headers,
  });

  test('has a key that no group and no request has', () => {
    expect([idProblem(removalsKey(5)), isRemovalsKey(removalsKey(5))]).toEqual(['control_character', true]);
    expect(removalsKey(5)).toBe('\u0000rollcall.removals.5');
  });

  test('comes back as it was written, and as a tombstone where nothing is left', () => {
    const { value } = renderRemovals(stamp, removalsKey(5), removals);
    expect(parseRetryRecord(wire(value))).toEqual({ kind: 'removals', key: removalsKey(5), stamp, removals });
    expect(renderRemovals(stamp, removalsKey(5), []).value).toBeNull();
    expect(parseRetryRecord(wire(null))).toMatchObject({ kind: 'removals', removals: null });
  });

  test('of a newer version is read as far as it is known', () => {
    const known = { group: 'g', count: 2, at: WALL, size: 'large', why: 'x' };
    const value = JSON.stringify({ v: 2, more: 1, removals: [{ kind: 'new' }, known, null] });
    expect(removalsIn(Buffer.from(value))).toEqual([{ group: 'g', count: 2, at: WALL, size: null }]);
    expect(['', 'x', '[]', '{"removals":{}}'].map((text) => removalsIn(Buffer.from(text)))).toEqual([[], [], [], []]);
  });

  test('without a stamp is written again', () => {
    const read = parseRetryRecord({ ...wire(removalsValue(removals)), headers: [] });
    expect(read).toMatchObject({ kind: 'unreadable', group: removalsKey(5) });
  });
});
