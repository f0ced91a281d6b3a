/** The prediction of `rollcall status`: by budget, by slots, by the longest run of one group, by waits, and by reading. */
import { expect, test } from 'vitest';
import fc from 'fast-check';
import {
  convergesInMs,
  leftOf,
  type RequestBudget,
  type Speed,
  type WorkAhead,
} from '../../src/core/status/convergence.ts';

const NO_LIMIT: RequestBudget = { window: null, pace: null, closedForMs: 0 };
const someWork = (work: Partial<WorkAhead>): WorkAhead => ({
  requests: 0,
  longestRun: 0,
  waitMs: 0,
  unread: 0,
  ...work,
});
const someSpeed = (speed: Partial<Speed> = {}): Speed => ({ slots: 10, requestMs: 100, readPerSecond: null, ...speed });
const aWindow = (window: Partial<NonNullable<RequestBudget['window']>> = {}): RequestBudget => ({
  ...NO_LIMIT,
  window: { allowed: 300, used: 0, resetsInMs: 60_000, lengthMs: 60_000, ...window },
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
  ['a pace, with what was saved up', 13, { ...NO_LIMIT, pace: { intervalMs: 1_000, firstInMs: -2_000 } }, 10_100],
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
      }),
    ),
    pace: fc.option(fc.record({ intervalMs: fc.nat(1_000), firstInMs: fc.integer({ min: -5_000, max: 5_000 }) })),
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
