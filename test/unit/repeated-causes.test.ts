import { expect, test } from 'vitest';
import { RepeatedCauses } from '../../src/core/text/repeated-causes.ts';

test('of a cause that lasts the first line and one a minute are let through, with how many were left out', () => {
  const causes = new RepeatedCauses();
  const admitted = Array.from({ length: 240 }, (_, i) => causes.admit('ECONNREFUSED 10.0.0.1:9092', i * 500));
  expect(admitted.flatMap((leftOut, i) => (leftOut === null ? [] : [[i * 500, leftOut]]))).toEqual([
    [0, 0],
    [60_000, 119],
  ]);
});

test('each cause counts for itself', () => {
  const causes = new RepeatedCauses();
  expect(causes.admit('a', 0)).toBe(0);
  expect(causes.admit('b', 10)).toBe(0);
  expect(causes.admit('a', 20)).toBeNull();
  expect(causes.admit('b', 60_010)).toBe(0);
  expect(causes.admit('a', 60_010)).toBe(1);
});

test('causes that never come again do not fill the memory', () => {
  const causes = new RepeatedCauses();
  for (let i = 0; i < 5_000; i += 1) expect(causes.admit(`cause ${i}`, i)).toBe(0);
});
