/** The prediction of `rollcall status`: by budget, by slots, by the longest run of one group, by waits, and by reading. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  convergesInMs,
  isPredictable,
  leftOf,
  type RequestBudget,
  type Speed,
} from '../../src/core/status/convergence.ts';
import { workAhead, type GroupNeed, type Intake, type Work, type WorkAhead } from '../../src/core/status/work-ahead.ts';

const NO_LIMIT: RequestBudget = { window: null, pace: null, closedForMs: 0 };
const someWork = (work: Partial<WorkAhead>) => ({ requests: 0, longestRun: 0, waitMs: 0, unread: 0, ...work });
const someSpeed = (speed: Partial<Speed> = {}): Speed => ({ slots: 10, requestMs: 100, readPerSecond: null, ...speed });
const aWindow = (window: Partial<NonNullable<RequestBudget['window']>> = {}): RequestBudget => ({
  ...NO_LIMIT,
  window: { allowed: 300, used: 0, resetsInMs: 60_000, lengthMs: 60_000, isAssumed: false, ...window },
});

test('convergence: nothing to do takes no time', () => {
  expect(convergesInMs(someWork({}), someSpeed(), aWindow({ used: 300 }))).toBe(0);
});

test.each<[string, number, RequestBudget, number]>([
  ['fits into what is left of the window', 290, aWindow({ used: 10 }), 2_900],
  ['one more has to wait for the next window', 291, aWindow({ used: 10 }), 60_100],
  ['each further window takes its whole length', 890, aWindow({ used: 10, resetsInMs: 12_000 }), 72_000 + 3_000],
  ['a window that is used up', 1, aWindow({ used: 300, resetsInMs: 5_000 }), 5_100],
  ['a window that is used up beyond what it allows', 300, aWindow({ used: 450, resetsInMs: 5_000 }), 8_000],
  [
    'a pace, with what was saved up',
    13,
    { ...NO_LIMIT, pace: { intervalMs: 1_000, firstInMs: -2_000, perMinute: 63 } },
    10_100,
  ],
  ['closed after a 429', 2, { ...aWindow(), closedForMs: 7_000 }, 7_100],
])('convergence, by the budget: %s', (_, requests, budget, ms) => {
  expect(convergesInMs(someWork({ requests }), someSpeed(), budget)).toBe(ms);
});

test.each<[string, Partial<WorkAhead>, Partial<Speed>, number]>([
  ['no more than the slots together', { requests: 100 }, {}, 1_000],
  ['a request takes its time, however many slots there are', { requests: 1 }, { slots: 50 }, 100],
  ['those of one group go one after the other', { requests: 100, longestRun: 60 }, {}, 6_000],
  ['a wait for another try, and the try', { requests: 1, longestRun: 1, waitMs: 30_000 }, {}, 30_100],
  ['what is not read yet', { requests: 10, unread: 50_000 }, { readPerSecond: 10_000 }, 5_100],
  ['until a request was answered, one is taken to take 200 ms', { requests: 20 }, { requestMs: null }, 400],
])('convergence without a limit: %s', (_, work, speed, ms) => {
  expect(convergesInMs(someWork(work), someSpeed(speed), NO_LIMIT)).toBe(ms);
});

test('convergence: more work never takes less time', () => {
  const budgets = fc.record({
    window: fc.option(
      fc.record({
        allowed: fc.nat(300),
        used: fc.nat(400),
        resetsInMs: fc.nat(60_000),
        lengthMs: fc.integer({ min: 60_000, max: 120_000 }),
        isAssumed: fc.constant(false),
      }),
    ),
    pace: fc.option(
      fc.record({
        intervalMs: fc.nat(1_000),
        firstInMs: fc.integer({ min: -5_000, max: 5_000 }),
        perMinute: fc.constant(60),
      }),
    ),
    closedForMs: fc.nat(60_000),
  });
  const property = fc.property(budgets, fc.nat(2_000), fc.nat(500), (budget, requests, more) => {
    // A window is long enough for what it allows.
    const ms = (count: number): number => convergesInMs(someWork({ requests: count }), someSpeed(), budget);
    expect(ms(requests + more)).toBeGreaterThanOrEqual(ms(requests));
  });
  fc.assert(property, { seed: 13, numRuns: 2_000 });
});

test('what is left of the budget: never less than nothing, and not known before the target has spoken', () => {
  expect([aWindow({ used: 120 }), aWindow({ used: 301 }), NO_LIMIT].map(leftOf)).toEqual([180, 0, null]);
});

describe('the work that is ahead', () => {
  const NOW = 50_000;
  const aNeed = (need: Partial<GroupNeed>): GroupNeed => ({
    changes: 0,
    fullStates: 0,
    isUnknown: false,
    waitUntil: 0,
    ...need,
  });
  const NOTHING: Work = { records: 0, changes: 0, finished: 0, patches: 0, reads: 0 };
  const given = (needs: readonly GroupNeed[], intake: Partial<Intake> = {}): WorkAhead =>
    workAhead(needs, { intake: { unread: 0, room: 1_000, lately: NOTHING, ...intake }, membersMax: 50, now: NOW });

  test.each<[string, Partial<GroupNeed>, number]>([
    ['nothing is left to change', { isUnknown: true }, 0],
    ['one PATCH takes 50', { changes: 50 }, 1],
    ['51 need two', { changes: 51 }, 2],
    ['a group that is not known is read first', { changes: 3, isUnknown: true }, 2],
    ['of a full state one PATCH is known', { fullStates: 1, isUnknown: true }, 2],
  ])('of one group: %s', (_, need, requests) => {
    expect(given([aNeed(need)])).toMatchObject({ requests, longestRun: requests });
  });

  test('of several groups: all of them, the longest run, and the last wait', () => {
    const needs = [aNeed({ changes: 120 }), aNeed({ changes: 1, isUnknown: true, waitUntil: NOW + 700 }), aNeed({})];
    expect(given(needs)).toMatchObject({ requests: 5, longestRun: 3, waitMs: 700, isSample: true });
  });

  test('what is not read falls to the groups that are known, as far as it is let in', () => {
    const needs = [aNeed({ changes: 40 }), aNeed({ changes: 10 })];
    // 50 are known, and 450 more: ten times as many for each.
    expect(given(needs, { unread: 450 })).toMatchObject({ requests: 8 + 2, longestRun: 8 });
  });

  test('what waits for long takes no room in that, though it counts for the limit', () => {
    const needs = [aNeed({ changes: 10 }), aNeed({ changes: 0 })];
    expect(given(needs, { unread: 90 })).toMatchObject({ requests: 2 });
    expect(given(needs, { unread: 90, room: 0 })).toMatchObject({ requests: 1 + 9 });
  });

  test('a record is as many changes as records lately were', () => {
    const lately = { ...NOTHING, records: 10, changes: 1_000 };
    expect(given([aNeed({ changes: 100 })], { unread: 3, lately }).requests).toBe(8);
  });

  test('what is let in later needs as many requests as what waits, or as what was finished lately', () => {
    const needs = [aNeed({ changes: 50 }), aNeed({ changes: 50 })];
    const full = { room: 0, unread: 1_000 };
    const after = (finished: number, patches: number, reads = 0): number =>
      given(needs, { ...full, lately: { ...NOTHING, finished, patches, reads } }).requests;
    expect(given(needs, full).requests).toBe(2 + 20);
    expect(after(99, 1)).toBe(2 + 20);
    expect(after(500, 5)).toBe(2 + 10);
    expect(after(500, 400)).toBe(2 + 800);
    // Half as many reads as before.
    expect(after(500, 5, 20)).toBe(2 + 30);
  });

  test('a tenth has to be read lately to tell what the rest needs, or ten thousand', () => {
    const isSample = (unread: number, records: number): boolean =>
      given([], { unread, lately: { ...NOTHING, records, changes: records } }).isSample;
    expect([isSample(1_000, 99), isSample(1_000, 100)]).toEqual([false, true]);
    expect([isSample(10_000_000, 9_999), isSample(10_000_000, 10_000)]).toEqual([false, true]);
    expect(isSample(0, 0)).toBe(true);
  });

  test.each<[boolean, string, number | undefined]>([
    [true, 'running', 5],
    [true, 'catching_up', 5],
    [false, 'restoring', 5],
    [false, 'refused', 5],
    [false, 'running', undefined],
  ])('its end can be predicted: %s, where a partition is %s with %s unread', (isSo, phase, unread) => {
    const ahead = given([]);
    expect(
      isPredictable(ahead, [
        { phase: 'running', unread: 0 },
        { phase, unread },
      ]),
    ).toBe(isSo);
    expect(isPredictable({ ...ahead, isSample: false }, [])).toBe(false);
  });
});
