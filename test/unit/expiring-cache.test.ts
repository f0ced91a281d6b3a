import { ExpiringCache } from '../../src/adapters/ids/scim.ts';
import { expect, test } from 'vitest';

test('a value is there until its end, and not at it', () => {
  const cache = new ExpiringCache<string>(10);
  cache.set('a', 'x', 100);
  expect([cache.get('a', 99), cache.get('a', 100), cache.size]).toEqual(['x', null, 0]);
});

test('beyond the bound the one that was used longest ago goes', () => {
  const cache = new ExpiringCache<number>(2);
  cache.set('a', 1, 100);
  cache.set('b', 2, 100);
  cache.get('a', 0);
  cache.set('c', 3, 100);
  expect(['a', 'b', 'c'].map((key) => cache.get(key, 0))).toEqual([1, null, 3]);
});

test('never holds more than its bound', () => {
  const cache = new ExpiringCache<number>(100);
  for (let index = 0; index < 10_000; index += 1) cache.set(String(index), index, 1);
  expect(cache.size).toBe(100);
});

test('a value that is set again counts as new', () => {
  const cache = new ExpiringCache<number>(2);
  cache.set('a', 1, 100);
  cache.set('b', 2, 100);
  cache.set('a', 3, 100);
  cache.set('c', 4, 100);
  expect(['a', 'b', 'c'].map((key) => cache.get(key, 0))).toEqual([3, null, 4]);
});
