import { expect, test } from 'vitest';
import { durationText } from '../../src/core/text/duration.ts';

test.each<[number, string]>([
  [-5, '0 ms'],
  [0, '0 ms'],
  [340, '340 ms'],
  [499.6, '500 ms'],
  [999, '1 s'],
  [1_400, '1 s'],
  [59_600, '1 min'],
  [200_000, '3 min 20 s'],
  [3_600_000, '1 h'],
  [3_605_000, '1 h'],
  [7_530_000, '2 h 5 min'],
  [86_400_000, '1 d'],
  [349_200_000, '4 d 1 h'],
])('duration: %d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
