import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, retryAfterMs, secondsMs, throttledPauseMs, tokenLifetime } from '../../src/core/target/retry.ts';

const NOW = Date.parse('2026-08-01T12:00:00Z');
const read = (text: string | null): number | null =>
  retryAfterMs((name) => (name === 'retry-after' ? text : null), NOW);

describe('Retry-After', () => {
  test.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['1.5', 1_500],
    ['0.001', 1],
    ['3600', 3_600_000],
    ['Sat, 01 Aug 2026 12:00:30 GMT', 30_000],
    ['Saturday, 01-Aug-26 12:00:30 GMT', 30_000],
    ['Sat Aug  1 12:00:30 2026', 30_000],
  ])('%j means %i ms', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test.each([
    null,
    '',
    '0',
    '0.0',
    '-3',
    '3601',
    '86400',
    '99999999999999999999',
    '1e3',
    '0x10',
    'NaN',
    'soon',
    '7 seconds',
    'Sat, 01 Aug 2026 12:00:00 GMT',
    'Sat, 01 Aug 2026 11:59:00 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Sat, 01 Aug 2026 13:00:01 GMT',
    'Sat, 01 Aug 2027 12:00:00 GMT',
    'Sat, 41 Aug 2026 12:00:30 GMT',
    '2026-08-01T12:00:30Z',
  ])('%j counts as not given', (text) => {
    expect(read(text)).toBe(null);
  });

  test('whatever it says, it asks for between nothing and an hour', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.double().map(String),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (text) => {
          const asked = read(text);
          if (asked !== null) expect(asked >= 1 && asked <= 3_600_000).toBe(true);
        },
      ),
    );
  });
});

test('a header that counts seconds is read alike', () => {
  expect(['17', '0', '-1', '', '3601', null].map(secondsMs)).toEqual([17_000, null, null, null, null, null]);
});

describe('the wait after a 429', () => {
  const wait = (askedMs: number | null, failuresInRow = 1, random = 0): number =>
    throttledPauseMs({ askedMs, failuresInRow, random });

  test('is what was asked for, a minute where nothing was, and a second at least', () => {
    expect([7_000, 3_600_000, null, 1].map((askedMs) => wait(askedMs))).toEqual([7_000, 3_600_000, 60_000, 1_000]);
  });

  test('grows with each one in a row', () => {
    expect([1, 2, 3, 4, 7, 1_100].map((failuresInRow) => wait(1_000, failuresInRow))).toEqual([
      1_000, 2_000, 4_000, 8_000, 60_000, 60_000,
    ]);
    expect(wait(30_000, 3)).toBe(30_000);
  });

  test('is lengthened by jitter, never shortened', () => {
    expect([wait(10_000, 1, 0.5), wait(null, 1, 0.999), wait(1_000, 2, 0.5)]).toEqual([10_500, 65_994, 2_100]);
  });
});

test('without a word of the server, waits grow up to a limit, and are a second at least', () => {
  const waits = (random: number) =>
    [1, 2, 3, 20].map((failuresInRow) => backoffMs({ askedMs: null, failuresInRow, random }));
  expect(waits(0.5)).toEqual([1_000, 2_000, 4_000, 30_000]);
  expect(waits(0)).toEqual([1_000, 1_000, 1_000, 1_000]);
});

test('the wait after another failure is a second at least, and never less than was asked for', () => {
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: 1, max: 3_600_000 })),
      fc.integer({ min: 1, max: 2_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (askedMs, failuresInRow, random) => {
        const waitMs = backoffMs({ askedMs, failuresInRow, random });
        expect(waitMs).toBeGreaterThanOrEqual(Math.max(1_000, askedMs ?? 0));
        expect(waitMs).toBeLessThanOrEqual(Math.max(60_000, askedMs ?? 0));
      },
    ),
  );
});

describe('a token', () => {
  test.each([
    [86_400, 86_370_000, 86_400_000],
    ['3600', 3_570_000, 3_600_000],
    [40, 20_000, 40_000],
    [10, 5_000, 10_000],
  ])('that lives for %j s is renewed in time', (seconds, renewAfterMs, expiresAfterMs) => {
    expect(tokenLifetime(seconds)).toEqual({ renewAfterMs, expiresAfterMs });
  });

  test.each([undefined, null, 0, -1, 0.001, 9, Number.NaN, Infinity, 1e12, '', 'soon', {}, [60], true])(
    'whose lifetime is %j is renewed after an hour, or a 401',
    (seconds) => {
      expect(tokenLifetime(seconds)).toEqual({ renewAfterMs: 3_600_000, expiresAfterMs: Infinity });
    },
  );
});
