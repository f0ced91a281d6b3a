import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  conflictDelayMs,
  decideRetry,
  parkUntested,
  probeDelayMs,
  type RetryFacts,
  type RetryPolicy,
  scheduleOf,
  scheduleOfUntested,
} from '../../src/core/target/retry.ts';

const policy: RetryPolicy = { baseMs: 1000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [60_000, 300_000] };
const facts = (parts: Partial<RetryFacts>): RetryFacts => ({
  schedule: 'fast',
  attempt: 0,
  now: 1_000_000,
  random: 0,
  retryAfterMs: null,
  ...parts,
});
const ALMOST_ONE = 1 - 2 ** -53;

test.each([
  [0, 2000],
  [1, 4000],
  [2, 8000],
  [3, 16_000],
])('failure after %i failures is parked for at most %i ms, and for 1 ms at least', (attempt, bound) => {
  const longest = { kind: 'park', attempt: attempt + 1, delayMs: bound, notBefore: 1_000_000 + bound };
  expect(decideRetry(policy, facts({ attempt }))).toEqual(longest);
  expect(decideRetry(policy, facts({ attempt, random: ALMOST_ONE }))).toMatchObject({ delayMs: 1 });
});

test('the cap bounds the wait, and the fifth failure gives up', () => {
  expect(decideRetry({ ...policy, capMs: 3000 }, facts({ attempt: 3 }))).toMatchObject({ delayMs: 3000 });
  expect(decideRetry(policy, facts({ attempt: 4 }))).toEqual({ kind: 'give_up', attempt: 5 });
});

test('failure n of the slow schedule waits entry n; the one after the last gives up', () => {
  const slow = (attempt: number) => decideRetry(policy, facts({ schedule: 'slow', attempt, random: 0.9 }));
  expect(slow(0)).toEqual({ kind: 'park', attempt: 1, delayMs: 60_000, notBefore: 1_060_000 });
  expect(slow(1)).toMatchObject({ kind: 'park', attempt: 2, delayMs: 300_000 });
  expect(slow(2)).toEqual({ kind: 'give_up', attempt: 3 });
  const none = { ...policy, slowScheduleMs: [] };
  expect(decideRetry(none, facts({ schedule: 'slow' }))).toEqual({ kind: 'give_up', attempt: 1 });
});

test('what was never refused alone waits the last entry of its schedule again, and is not given up', () => {
  const untested = (schedule: 'fast' | 'slow', attempt: number, more: Partial<RetryPolicy> = {}) =>
    parkUntested({ ...policy, ...more }, facts({ schedule, attempt }));
  expect(untested('slow', 0)).toMatchObject({ kind: 'park', attempt: 1, delayMs: 60_000 });
  expect(untested('slow', 1)).toMatchObject({ kind: 'park', attempt: 2, delayMs: 300_000 });
  expect(untested('slow', 2)).toEqual({ kind: 'park', attempt: 2, delayMs: 300_000, notBefore: 1_300_000 });
  expect(untested('slow', 4)).toMatchObject({ kind: 'park', attempt: 4, delayMs: 300_000 });
  expect(untested('slow', 0, { slowScheduleMs: [] })).toMatchObject({ kind: 'park', attempt: 1, delayMs: 30_000 });
  expect(untested('fast', 3)).toMatchObject({ kind: 'park', attempt: 4, delayMs: 16_000 });
  expect(untested('fast', 4)).toMatchObject({ kind: 'park', attempt: 4, delayMs: 16_000 });
  expect(untested('fast', 0, { attemptsMax: 1 })).toMatchObject({ kind: 'park', attempt: 1, delayMs: 2_000 });
});

test('what was never refused alone waits as long as the target asks for', () => {
  for (const schedule of ['fast', 'slow'] as const) {
    for (const attempt of [0, 9]) {
      const decision = parkUntested(policy, facts({ schedule, attempt, retryAfterMs: 900_000 }));
      expect(decision).toMatchObject({ delayMs: 900_000, notBefore: 1_900_000 });
    }
  }
});

test('never earlier than asked for, never outside the bounds', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('fast' as const, 'slow' as const),
      fc.nat(8),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.option(fc.nat(100_000)),
      (schedule, attempt, random, retryAfterMs) => {
        const decision = decideRetry(policy, facts({ schedule, attempt, random, retryAfterMs }));
        expect(decision.attempt).toBe(attempt + 1);
        if (decision.kind === 'give_up') return;
        const bound = schedule === 'fast' ? Math.min(1000 * 2 ** (attempt + 1), 30_000) : 300_000;
        expect(decision.delayMs).toBeGreaterThan(0);
        expect(decision.delayMs).toBeGreaterThanOrEqual(retryAfterMs ?? 0);
        expect(decision.delayMs).toBeLessThanOrEqual(Math.max(bound, retryAfterMs ?? 0));
        expect(decision.notBefore).toBe(1_000_000 + decision.delayMs);
      },
    ),
  );
});

test('retry: what may be corrected elsewhere is slow, what was refused is never tried again', () => {
  expect((['not_found', 'denied', 'rejected_member'] as const).map(scheduleOf)).toEqual(['slow', 'slow', 'slow']);
  expect((['transient', 'conflict'] as const).map(scheduleOf)).toEqual(['fast', 'fast']);
  expect((['throttled', 'unauthorized', 'too_large'] as const).map(scheduleOf)).toEqual(['free', 'free', 'free']);
  expect(scheduleOf('rejected')).toBe('never');
  expect((['rejected', 'too_large', 'denied', 'no_target'] as const).map(scheduleOfUntested)).toEqual(
    Array(4).fill('slow'),
  );
  expect(scheduleOfUntested('transient')).toBe('fast');
});

test('a re-plan after a conflict waits with jitter, a probe of an open breaker 1 s, 2 s … 30 s', () => {
  expect([conflictDelayMs(1, 0), conflictDelayMs(2, 0), conflictDelayMs(9, 0)]).toEqual([100, 200, 1000]);
  expect(conflictDelayMs(1, ALMOST_ONE)).toBe(1);
  expect([1, 2, 3, 4, 5, 6, 60].map(probeDelayMs)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});
