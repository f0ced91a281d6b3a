import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TopicPartitions, takeWave, type Placed } from '../../src/adapters/kafka/waves.ts';

const topicPartitions = new TopicPartitions();

function aPlaced({ index = 0, partition = 0, bytes = 100, gzip = false }): Placed {
  const record = { topic: 't', partition: null, key: 'k', value: 'v', headers: [] };
  return {
    record: gzip ? { ...record, gzip: true } : record,
    index,
    topicPartition: topicPartitions.of('t', partition),
    bytes,
  };
}

function allWaves(records: readonly Placed[]): readonly (readonly Placed[])[] {
  const waves: (readonly Placed[])[] = [];
  for (let left = records; left.length > 0;) {
    const { wave, rest } = takeWave(left);
    waves.push([...wave.values()].flat());
    left = rest;
  }
  return waves;
}

const records = fc
  .array(fc.record({ partition: fc.nat(3), bytes: fc.constantFrom(100, 400_000, 2_000_000), gzip: fc.boolean() }), {
    maxLength: 60,
  })
  .map((list) => list.map((options, index) => aPlaced({ ...options, index })));

describe('waves', () => {
  test('carry every record once, those of a partition in their order', () => {
    fc.assert(
      fc.property(records, (list) => {
        const sent = allWaves(list).flat();
        for (const partition of [0, 1, 2, 3]) {
          const of = (placed: readonly Placed[]) => placed.filter((one) => one.topicPartition.partition === partition);
          expect(of(sent)).toEqual(of(list));
        }
        expect(sent).toHaveLength(list.length);
      }),
    );
  });

  test('have one compression each and keep to the bytes of a batch', () => {
    fc.assert(
      fc.property(records, (list) => {
        for (const wave of allWaves(list)) {
          expect(new Set(wave.map(({ record }) => record.gzip)).size).toBe(1);
          for (const partition of [0, 1, 2, 3]) {
            const own = wave.filter((one) => one.topicPartition.partition === partition);
            const bytes = own.reduce((sum, one) => sum + one.bytes, 0);
            expect(own.length <= 1 || bytes <= 900_000).toBe(true);
          }
        }
      }),
    );
  });

  test.each([
    [900_000, [2]],
    [900_001, [1, 1]],
  ])('of one partition have at most 900,000 bytes, and just as many: %i', (bytes, lengths) => {
    expect(allWaves([bytes - 1, 1].map((size) => aPlaced({ bytes: size }))).map(({ length }) => length)).toEqual(
      lengths,
    );
  });

  test.each([
    [4_000_000, [20]],
    [4_000_020, [19, 1]],
  ])('of many partitions have at most 4,000,000 bytes, and just as many: %i', (bytes, lengths) => {
    const many = Array.from({ length: 20 }, (_, partition) => aPlaced({ partition, bytes: bytes / 20 }));
    expect(allWaves(many).map(({ length }) => length)).toEqual(lengths);
  });
});
