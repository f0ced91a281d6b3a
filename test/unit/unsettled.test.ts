import { describe, expect, test } from 'vitest';
import { writePauseMs } from '../../src/core/target/retry.ts';
import { type Place, Unsettled } from '../../src/pipeline/state/unsettled.ts';

const at = (ms: number) => ({ wall: 1_000_000 + ms, monotonic: ms });
const place = (name: string, owner: number | null = null, topic = 'reports'): Place => ({
  name,
  topic,
  act: 'write',
  owner,
});

test('the pauses between tries grow, up to a limit', () => {
  expect([1, 2, 3, 4, 5, 6, 60].map(writePauseMs)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

describe('a place that cannot be written to', () => {
  test('is due again after a pause that grows with each failure', () => {
    const unsettled = new Unsettled();
    unsettled.fail(place('a'), 'sick', at(0));
    expect([499, 500].map((ms) => unsettled.isWaiting('a', at(ms)))).toEqual([true, false]);
    expect(unsettled.nextInMs(at(100))).toBe(400);
    unsettled.fail(place('a'), 'sick', at(500));
    expect([1_499, 1_500].map((ms) => unsettled.isWaiting('a', at(ms)))).toEqual([true, false]);
    expect(new Unsettled().nextInMs(at(0))).toBeNull();
    // A round may have passed it over just before it became due.
    expect(unsettled.nextInMs(at(1_500))).toBe(100);
  });

  test('begins with the first pause again after a success', () => {
    const unsettled = new Unsettled();
    for (const ms of [0, 500, 1_500]) unsettled.fail(place('a'), 'sick', at(ms));
    unsettled.clear('a');
    unsettled.fail(place('a'), 'sick', at(9_000));
    expect(unsettled.isWaiting('a', at(9_500))).toBe(false);
    expect(unsettled.list()).toMatchObject([{ since: 1_009_000, isLasting: false }]);
  });

  test('is lasting from the third failure in a row on, reported with its last error since its first', () => {
    const unsettled = new Unsettled();
    const failures = ['first', 'second', 'third'].map((error, i) => {
      unsettled.fail(place('a'), error, at(1_000 * i));
      return unsettled.list();
    });
    expect(failures.map(([stuck]) => stuck?.isLasting)).toEqual([false, false, true]);
    expect(failures[2]).toEqual([
      { topic: 'reports', act: 'write', error: 'third', since: 1_000_000, isLasting: true },
    ]);
  });

  test('is reported once for its topic, by the place that fails most', () => {
    const unsettled = new Unsettled();
    unsettled.fail(place('a'), 'once', at(0));
    for (const ms of [5, 600]) unsettled.fail(place('b'), 'twice', at(ms));
    unsettled.fail(place('c', 0, 'retry'), 'other', at(0));
    expect(unsettled.list().map(({ topic, error }) => [topic, error])).toEqual([
      ['reports', 'twice'],
      ['retry', 'other'],
    ]);
  });

  test('is worth a line in the log once a minute for each cause', () => {
    const unsettled = new Unsettled();
    const says = (name: string, error: string, ms: number): boolean =>
      unsettled.fail(place(name), error, at(ms)) !== null;
    expect(says('a', 'sick', 0)).toBe(true);
    expect(says('a', 'sick', 59_999)).toBe(false);
    expect(says('b', 'sick', 59_999)).toBe(false);
    expect(says('a', 'other', 59_999)).toBe(true);
    expect(says('a', 'sick', 60_000)).toBe(true);
  });

  test('that is postponed waits without a failure of its own, and counts as not tried', () => {
    const unsettled = new Unsettled();
    unsettled.postpone(place('a'), 'sick', at(7));
    expect([unsettled.isWaiting('a', at(506)), unsettled.isWaiting('a', at(507))]).toEqual([true, false]);
    expect(unsettled.triedAt('a')).toBe(-1);
    unsettled.fail(place('a'), 'sick', at(507));
    expect(unsettled.triedAt('a')).toBe(507);
  });

  test('is due at once when everything is hurried', () => {
    const unsettled = new Unsettled();
    unsettled.fail(place('a'), 'sick', at(10));
    unsettled.hurry();
    expect(unsettled.isWaiting('a', at(10))).toBe(false);
    expect(unsettled.list()).toHaveLength(1);
  });

  test('goes with its source partition, or when nothing waits for it', () => {
    const unsettled = new Unsettled();
    for (const each of [place('a', 0), place('b', 1), place('c'), place('d')]) unsettled.fail(each, 'sick', at(0));
    unsettled.revoke(0);
    unsettled.retain(({ name }) => name !== 'c');
    expect(['a', 'b', 'c', 'd'].map((name) => unsettled.isFailing(name))).toEqual([false, true, false, true]);
  });
});
