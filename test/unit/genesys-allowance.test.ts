import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Allowance, Answered, RateLimitHeaders } from '../../src/adapters/genesys/gate.ts';
import {
  answered,
  budgetOf,
  closed,
  firstAllowance,
  freeAt,
  givenBack,
  throttled,
  taken,
} from '../../src/adapters/genesys/gate.ts';
import { convergesInMs } from '../../src/core/status/convergence.ts';

/** Takes as many permits as are free at `now`, at most `max`. */
function spend(allowance: Allowance, now: number, max = 1000): readonly [Allowance, number] {
  let [after, count] = [allowance, 0];
  while (count < max && freeAt(after, now) <= now) {
    after = taken(after, now);
    count += 1;
  }
  return [after, count];
}

/** An answer of 300 a minute, received when it was sent. */
const heard = (at: number, change: Partial<RateLimitHeaders> = {}): RateLimitHeaders => ({
  allowed: 300,
  count: 1,
  resetMs: 60_000,
  sentAt: at,
  receivedAt: at,
  ...change,
});

/** One request sent and answered at once. */
const after = (allowance: Allowance, answer: RateLimitHeaders): Allowance =>
  answered(taken(allowance, answer.sentAt), telling(answer));

const telling = (limits: RateLimitHeaders): Answered => ({
  sentAt: limits.sentAt,
  isThrottled: false,
  rateLimits: limits,
});

describe('before the headers speak', () => {
  test('a small burst is free at once, then permits come evenly', () => {
    const [spent, count] = spend(firstAllowance(null), 0);
    expect(count).toBe(3);
    expect(freeAt(spent, 0)).toBeCloseTo(60_000 / 177);
  });

  test.each([
    [null, 180],
    [300, 300],
    [20, 20],
    [1, 1],
  ])('a rate of %s gives at most %i permits in the worst minute, and nearly as many', (rate, limit) => {
    let [allowance, count] = spend(firstAllowance(rate), 0);
    for (let now = freeAt(allowance, 0); now < 60_000; now = freeAt(allowance, now)) {
      allowance = taken(allowance, now);
      count += 1;
    }
    expect(count).toBeLessThanOrEqual(limit);
    expect(count).toBeGreaterThanOrEqual(limit - 1);
  });

  test('a permit given back is free again at once', () => {
    const [spent] = spend(firstAllowance(null), 0);
    const back = givenBack(spent);
    expect(freeAt(back, 0)).toBeLessThanOrEqual(0);
    expect(freeAt(taken(back, 0), 0)).toBe(freeAt(spent, 0));
  });
});

describe('once the headers speak', () => {
  test('all that they allow is free at once, less what is still out', () => {
    const [allowance] = spend(firstAllowance(null), 0, 3);
    const [, count] = spend(answered(allowance, telling(heard(0, { count: 100 }))), 0);
    expect(count).toBe(300 - 100 - 2);
  });

  test('a huge allowance slows nothing down', () => {
    const allowance = after(firstAllowance(null), heard(0, { allowed: 1_000_000 }));
    expect(spend(allowance, 0, 5000)[1]).toBe(5000);
  });

  test('what is spent comes back when the window is over, and not before', () => {
    const allowance = after(firstAllowance(null), heard(0, { count: 300, resetMs: 7000 }));
    expect(freeAt(allowance, 6999)).toBe(7000);
    expect(spend(allowance, 7000)[1]).toBe(300);
  });

  test('where everything allowed is still out, only an answer opens it', () => {
    const [allowance] = spend(after(firstAllowance(null), heard(0, { allowed: 2 })), 61_000);
    expect(freeAt(allowance, 200_000)).toBe(Infinity);
    expect(freeAt(answered(allowance, null), 200_000)).toBeLessThanOrEqual(200_000);
  });

  test('an older answer that comes late does not raise what is left', () => {
    const newer = after(firstAllowance(null), heard(10, { count: 299 }));
    const late = after(newer, heard(5, { count: 200, receivedAt: 20 }));
    expect(spend(late, 20)[1]).toBe(1);
  });

  test('an answer about the window before says nothing of the present one', () => {
    let allowance = after(firstAllowance(null), heard(0, { count: 300 }));
    allowance = after(allowance, heard(60_000, { count: 1 }));
    allowance = after(allowance, heard(59_900, { count: 300, resetMs: 1000, receivedAt: 60_100 }));
    expect(spend(allowance, 60_100)[1]).toBe(299);
  });

  test('a window that began earlier than thought is taken up at once', () => {
    let allowance = after(firstAllowance(null), heard(0, { count: 299, resetMs: 5000 }));
    allowance = after(allowance, heard(3000, { count: 1 }));
    expect(spend(allowance, 3000)[1]).toBe(299);
    expect(freeAt(after(allowance, heard(3001, { count: 300 })), 3001)).toBe(63_000);
  });

  test('a window that lasts longer than thought is believed', () => {
    let allowance = after(firstAllowance(null), heard(0, { count: 300, resetMs: 30_000 }));
    allowance = after(allowance, heard(30_000, { count: 300, resetMs: 10_000 }));
    expect(freeAt(allowance, 30_001)).toBe(40_000);
  });

  test('a request without limits in its answer counts as spent', () => {
    const allowance = answered(after(firstAllowance(null), heard(0, { count: 298 })), null);
    expect(spend(allowance, 0)[1]).toBe(1);
  });

  test('a set rate holds besides them', () => {
    const allowance = after(firstAllowance(60), heard(0, { allowed: 1_000_000 }));
    expect(spend(allowance, 0)[1]).toBe(0);
    expect(spend(allowance, 1_100)[1]).toBe(1);
  });
});

describe('closed', () => {
  test('nothing is free until then, and a shorter closing does not shorten a longer one', () => {
    const allowance = closed(closed(firstAllowance(null), 0, 5000), 0, 2000);
    expect(freeAt(allowance, 0)).toBe(5000);
    expect(spend(allowance, 4999)[1]).toBe(0);
    expect(spend(allowance, 5000)[1]).toBe(3);
  });

  test.each([60, 180, 600])('no credit gathers meanwhile: with %i a minute it goes on where it stood', (rate) => {
    const [spent] = spend(firstAllowance(rate), 0);
    const waitMs = freeAt(spent, 0);
    for (const closings of [[1_000], [60_000], [1_000, 20_000, 600_000]]) {
      let allowance = spent;
      for (const until of closings) allowance = closed(allowance, 0, until);
      const until = closings.at(-1) ?? 0;
      expect(spend(allowance, until)[1]).toBe(0);
      expect(freeAt(allowance, until)).toBeCloseTo(until + waitMs);
      expect(spend(allowance, until + 600_000)[1]).toBeLessThanOrEqual(rate / 60);
    }
  });

  test('after a 429 the pace holds, until an answer to a later request has named the limits', () => {
    const free = after(firstAllowance(null), heard(0));
    const throttledOnce = closed(throttled(free, 10), 20, 1_020);
    expect(spend(free, 1_020)[1]).toBe(299);
    // The one that was taken before counts still.
    expect(spend(throttledOnce, 1_020)[1]).toBe(2);
    expect(spend(after(throttledOnce, heard(15, { count: 2, receivedAt: 1_020 })), 1_020)[1]).toBeLessThanOrEqual(3);
    expect(spend(after(throttledOnce, heard(1_020, { count: 2 })), 1_020)[1]).toBe(298);
  });
});

describe('429s in a row', () => {
  const answeredAt = (allowance: Allowance, sentAt: number, isThrottled: boolean): Allowance =>
    answered(taken(allowance, sentAt), { sentAt, isThrottled, rateLimits: null });

  test('are counted, but those that were on their way together count as one', () => {
    let allowance = closed(throttled(firstAllowance(null), 0), 50, 1_050);
    allowance = closed(throttled(allowance, 20), 60, 1_060);
    expect(allowance.throttledInRow).toBe(1);
    allowance = closed(throttled(allowance, 1_060), 1_100, 3_100);
    expect(allowance.throttledInRow).toBe(2);
  });

  test('end with an answer to a request that was sent after them, and with no other', () => {
    const throttledOnce = closed(throttled(firstAllowance(null), 0), 50, 1_050);
    expect(answeredAt(throttledOnce, 20, false).throttledInRow).toBe(1);
    expect(answeredAt(throttledOnce, 1_060, true).throttledInRow).toBe(1);
    expect(answered(taken(throttledOnce, 1_060), null).throttledInRow).toBe(1);
    expect(answeredAt(throttledOnce, 1_060, false).throttledInRow).toBe(0);
  });
});

describe('the budget that operators see', () => {
  /** When the last of so many permits is taken by a gate whose requests are answered as soon as they are sent. */
  function lastPermitAt(allowance: Allowance, from: number, count: number): number {
    let now = from;
    for (let i = 0; i < count; i += 1) {
      now = Math.max(now, freeAt(allowance, now));
      const sent = taken(allowance, now);
      allowance = answered(sent, sent.window && telling(headersOf(sent.window, now)));
    }
    return now;
  }

  const headersOf = ({ allowed, count, endsAt }: NonNullable<Allowance['window']>, now: number): RateLimitHeaders =>
    heard(now, { allowed, count: count + 1, resetMs: endsAt - now });
  const INSTANTLY = { slots: 1_000_000, requestMs: 0, readPerSecond: null };

  const starts: fc.Arbitrary<readonly [Allowance, number]> = fc
    .record({
      rate: fc.option(fc.integer({ min: 1, max: 600 })),
      heard: fc.option(
        fc.record({
          allowed: fc.integer({ min: 1, max: 300 }),
          count: fc.nat(300),
          resetMs: fc.integer({ min: 1, max: 90_000 }),
        }),
      ),
      later: fc.nat(200_000),
      closedMs: fc.option(fc.nat(30_000)),
    })
    .map(({ rate, heard: limits, later, closedMs }) => {
      // Where a set rate and windows limit in turn, each of them alone is predicted.
      const first = firstAllowance(limits === null ? rate : null);
      const spoken = limits === null ? first : after(first, heard(0, limits));
      return [closedMs === null ? spoken : closed(spoken, later, later + closedMs), later];
    });

  test('it says when the last of some requests may go out', () => {
    const property = fc.property(starts, fc.integer({ min: 1, max: 900 }), ([allowance, now], requests) => {
      const ahead = { requests, longestRun: 0, waitMs: 0, unread: 0 };
      const predicted = convergesInMs(ahead, INSTANTLY, budgetOf(allowance, now));
      // Intervals of a pace are rounded up by a billionth.
      expect(predicted).toBeCloseTo(lastPermitAt(allowance, now, requests) - now, 0);
    });
    fc.assert(property, { seed: 7, numRuns: 3_000 });
  });

  test('requests without an answer are spent, and nothing is known before the headers speak', () => {
    expect(budgetOf(firstAllowance(null), 0)).toMatchObject({ window: null, pace: { perMinute: 180 } });
    expect(budgetOf(firstAllowance(60), 0).pace).toMatchObject({ perMinute: 60 });
    const spoken = after(firstAllowance(null), heard(0, { count: 20 }));
    expect(budgetOf(taken(taken(spoken, 5), 5), 10_000).window).toEqual({
      allowed: 300,
      used: 22,
      resetsInMs: 50_000,
      lengthMs: 60_000,
      isAssumed: false,
    });
    expect(budgetOf(spoken, 10_000).pace).toBeNull();
  });
});
