import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  comparePositions,
  isSamePosition,
  offsetText,
  OFFSET_PATTERN,
  type Position,
  positionText,
  readOffset,
} from '../../src/core/change/change.ts';

const at = (offset: bigint, index: number | null = null): Position => ({ topic: 't', partition: 2, offset, index });

const position = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.option(fc.nat(999_999_999)))
  .map(([offset, index]) => at(offset, index));
/** So near to each other that they meet. */
const near = fc
  .tuple(fc.bigInt({ min: 0n, max: 3n }), fc.option(fc.nat(3)))
  .map(([offset, index]) => at(offset, index));

describe('positions', () => {
  test('are ordered by offset, then by index', () => {
    const ascending = [at(1n, 9), at(2n, 0), at(2n, 1), at(2n, 10), at(3n), at(10n), at(2n ** 62n), at(2n ** 62n, 1)];
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) expect(Math.sign(comparePositions(a, b))).toBe(Math.sign(i - j));
    }
  });

  test('have a total order, whatever they are', () => {
    fc.assert(
      fc.property(near, near, near, (a, b, c) => {
        expect(Math.sign(comparePositions(a, b))).toBe(0 - Math.sign(comparePositions(b, a)));
        if (comparePositions(a, b) >= 0 && comparePositions(b, c) >= 0)
          expect(comparePositions(a, c)).toBeGreaterThanOrEqual(0);
        expect(isSamePosition(a, b)).toBe(comparePositions(a, b) === 0);
      }),
    );
  });

  test('of one record are the same only where the event is; nothing is at no position', () => {
    expect([0, 1, 2].map((index) => isSamePosition(at(5n, 1), at(5n, index)))).toEqual([false, true, false]);
    expect(isSamePosition(at(5n), at(6n))).toBe(false);
    expect([isSamePosition(undefined, at(5n)), isSamePosition(at(5n), undefined)]).toEqual([false, false]);
    expect(isSamePosition(undefined, undefined)).toBe(false);
  });

  test('do not depend on how many events the record is taken to hold: its first one is where it was', () => {
    expect(isSamePosition(at(5n), at(5n, 0))).toBe(true);
    expect(comparePositions(at(5n), at(5n, 1))).toBeLessThan(0);
  });
});

describe('as text', () => {
  test.each([
    [at(42n), '42', 't/2/42'],
    [at(42n, 0), '42.0', 't/2/42.0'],
    [at(42n, 13), '42.13', 't/2/42.13'],
    [at(2n ** 63n - 1n, 999_999_999), '9223372036854775807.999999999', 't/2/9223372036854775807.999999999'],
  ])('%o is %s', (position, offset, whole) => {
    expect([offsetText(position), positionText(position)]).toEqual([offset, whole]);
  });

  test('an offset is read as it was written', () => {
    fc.assert(
      fc.property(position, ({ offset, index }) => {
        const text = offsetText({ offset, index });
        expect(text).toMatch(OFFSET_PATTERN);
        expect(readOffset(text)).toEqual({ offset, index });
      }),
    );
  });

  test.each(['', '-1', '42.', '.1', '42.1.1', '42.-1', ' 42', '42\n', '4e2', '0x2', '1'.repeat(20), '1.1234567890'])(
    '%j is no offset',
    (text) => {
      expect(text).not.toMatch(OFFSET_PATTERN);
      expect(() => readOffset(text)).toThrow('not an offset');
    },
  );
});
