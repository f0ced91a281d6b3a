import { expect, test } from 'vitest';
import { Sparing } from '../../src/admin/readiness.ts';

test('what takes long to work out is worked out again after a while only, however often it is asked for', () => {
  let now = 0;
  let count = 0;
  const clock = { now: () => ({ wall: now, monotonic: now }) };
  const costly = new Sparing(clock, () => {
    now += 10;
    count += 1;
    return count;
  });
  expect([costly.value(), costly.value()]).toEqual([1, 1]);
  now += 189;
  expect(costly.value()).toBe(1);
  now += 1;
  expect(costly.value()).toBe(2);
});

test('what takes no time is always worked out', () => {
  let count = 0;
  const cheap = new Sparing({ now: () => ({ wall: 0, monotonic: 0 }) }, () => (count += 1));
  expect([cheap.value(), cheap.value()]).toEqual([1, 2]);
});
