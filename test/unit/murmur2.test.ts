import { expect, test } from 'vitest';
import { murmur2, partitionOfKey } from '../../src/core/log/reading.ts';
import { durationOf } from '../support/duration.ts';

// The vectors of Apache Kafka's own UtilsTest.testMurmur2.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('hashes %j as the Java client does', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test('chooses a partition by the lower 31 bits, for bytes within a larger buffer too', () => {
  const key = Buffer.from('..foobar..').subarray(2, 8);
  expect(partitionOfKey(key, 7)).toBe((-790332482 & 0x7fffffff) % 7);
});

test('takes time in proportion to the key, of which anybody may send a megabyte', () => {
  const [short, long] = [Buffer.alloc(50_000, 'k'), Buffer.alloc(1_000_000, 'k')];
  partitionOfKey(long, 7);
  const small = durationOf(() => partitionOfKey(short, 7));
  // Twenty times as long; a quadratic one takes four hundred times as long.
  expect(durationOf(() => partitionOfKey(long, 7))).toBeLessThan(100 * small);
});
