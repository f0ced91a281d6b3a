import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32, fnv1a, hashingOf, partitionOfKey, type KeyPlace } from '../../src/core/log/reading.ts';

type PartitionOf = (key: Uint8Array, count: number) => number;

const java: PartitionOf = partitionOfKey;
const librdkafka: PartitionOf = (key, count) => crc32(key) % count;
const sarama: PartitionOf = (key, count) => Math.abs(fnv1a(key)) % count;
/** As a routing by a field of the record, or a hash that is not among the known ones. */
const foreign: PartitionOf = (key, count) => {
  const sum = key.reduce((hash, byte) => (hash * 31 + byte) >>> 0, 7);
  return ((sum ^ (sum >>> 15)) >>> 0) % count;
};

const bytes = (text: string): Uint8Array => Buffer.from(text);
const keys = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `group-${from + i}`);
const placed = (names: readonly string[], partitionOf: PartitionOf, count: number): KeyPlace[] =>
  names.map((name) => ({ key: bytes(name), partition: partitionOf(bytes(name), count) }));

describe('the hashes', () => {
  // Values of the reference implementations: zlib's crc32, and http://www.isthe.com/chongo/tech/comp/fnv/.
  test('are those of their sources', () => {
    expect(crc32(bytes('123456789'))).toBe(0xcbf43926);
    expect(crc32(bytes(''))).toBe(0);
    expect(fnv1a(bytes('')) >>> 0).toBe(0x811c9dc5);
    expect(fnv1a(bytes('foobar')) >>> 0).toBe(0xbf9cf968);
  });
});

describe('one hash for all keys', () => {
  test.for([
    ['murmur2', java],
    ['CRC-32', librdkafka],
    ['FNV-1a', sarama],
  ] as const)('is named: %s', ([name, partitionOf]) => {
    for (const count of [2, 3, 6, 50])
      expect(hashingOf(placed(keys(100), partitionOf, count), count)).toMatchObject({
        kind: 'one',
        name: expect.stringContaining(name),
      });
  });

  test('that is not known is unknown, never mixed', () => {
    for (const count of [2, 3, 6, 50])
      expect(hashingOf(placed(keys(100), foreign, count), count)).toEqual({ kind: 'unknown' });
  });

  test('of which a few keys tell too little is never mixed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.nat(2)), { maxLength: 4 }), (pairs) => {
        const places = pairs.map(([key, partition]) => ({ key: bytes(key), partition }));
        return hashingOf(places, 3).kind !== 'mixed';
      }),
    );
  });
});

describe('two producers with two hashes', () => {
  test.for([
    ['murmur2', 'CRC-32', java, librdkafka],
    ['murmur2', 'FNV-1a', java, sarama],
    ['CRC-32', 'FNV-1a', librdkafka, sarama],
  ] as const)('are found: %s and %s', ([first, second, one, other]) => {
    for (const count of [3, 6, 12]) {
      const places = [...placed(keys(15), one, count), ...placed(keys(15, 100), other, count)];
      const hashing = hashingOf(places, count);
      expect(hashing).toMatchObject({
        kind: 'mixed',
        names: [expect.stringContaining(first), expect.stringContaining(second)],
      });
    }
  });

  test('on two partitions too, where there are enough keys', () => {
    expect(hashingOf([...placed(keys(40), java, 2), ...placed(keys(40, 100), librdkafka, 2)], 2).kind).toBe('mixed');
  });

  test('are not claimed where a record lies where neither puts it', () => {
    const count = 6;
    const taken = [java, librdkafka, sarama].map((partitionOf) => partitionOf(bytes('odd'), count));
    const odd = { key: bytes('odd'), partition: [0, 1, 2, 3].find((partition) => !taken.includes(partition)) ?? 0 };
    const places = [...placed(keys(15), java, count), ...placed(keys(15, 100), librdkafka, count), odd];
    expect(hashingOf(places, count)).toEqual({ kind: 'unknown' });
  });
});

test('with one partition, or no keys, there is nothing to tell', () => {
  expect(hashingOf(placed(keys(10), java, 1), 1)).toEqual({ kind: 'unknown' });
  expect(hashingOf([], 6)).toEqual({ kind: 'unknown' });
});
