import { expect, test } from 'vitest';
import { KeyWatch } from '../../src/pipeline/state/source-watch.ts';
import { aLog } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';

function aWatch() {
  const clock = new ManualClock();
  const logger = aLog();
  const watch = new KeyWatch({ clock, logger }, 'idp');
  const read = (key: string | null, partition: number, offset: number, group = key ?? 'g') =>
    watch.read({ key: key === null ? null : Buffer.from(key), offset: BigInt(offset) }, partition, group);
  return { clock, logger, watch, read };
}

test('a key in one partition, and other keys in others, are no news', () => {
  const { logger, watch, read } = aWatch();
  read('g', 0, 1);
  read('g', 0, 2);
  read('h', 1, 1);
  // Again, as after a rebalance.
  read('g', 0, 1);
  // Keyed by membership: one group, two keys.
  read('g/u', 0, 3, 'm');
  read('g/v', 1, 3, 'm');
  expect([watch.count, logger.lines]).toEqual([0, []]);
});

test('a key in two partitions is logged with both places', () => {
  const { logger, watch, read } = aWatch();
  read('g', 2, 41);
  read('g', 5, 7);
  expect(watch.count).toBe(1);
  expect(logger.lines).toMatchObject([
    {
      message: 'one key stands in two partitions of the source: an earlier change may undo a later one',
      fields: {
        topic: 'idp',
        group: 'g',
        earlier: { partition: 2, offset: '41' },
        later: { partition: 5, offset: '7' },
        records: 1,
        remedy: expect.stringContaining('partitioner'),
      },
    },
  ]);
});

test('without a key the group is looked at', () => {
  const { watch, read } = aWatch();
  read(null, 0, 1, 'g');
  read(null, 1, 1, 'h');
  expect(watch.count).toBe(0);
  read(null, 1, 2, 'g');
  expect(watch.count).toBe(1);
});

test('two spellings of a UUID are one group, which has two keys then', () => {
  const { logger, watch, read } = aWatch();
  read('0fbd1a2e-7c4b-4d5e-9f60-aabbccddeeff', 0, 1);
  read('other', 0, 2);
  read('0FBD1A2E-7C4B-4D5E-9F60-AABBCCDDEEFF', 3, 4);
  expect(watch.count).toBe(1);
  expect(logger.lines).toMatchObject([{ fields: { remedy: expect.stringContaining('letter case') } }]);
  // Without a key, too.
  read(null, 1, 5, 'ABCDEF00-0000-4000-8000-000000000001');
  read(null, 2, 6, 'abcdef00-0000-4000-8000-000000000001');
  expect(watch.count).toBe(2);
  // Every other id is another one in another letter case.
  read('Sales', 0, 7);
  read('sales', 1, 8);
  expect(watch.count).toBe(2);
});

test('the log says it once a minute at most, and counts what it leaves out', async () => {
  const { clock, logger, watch, read } = aWatch();
  for (let offset = 0; offset < 1_000; offset++) read('g', offset % 2, offset);
  expect(logger.lines).toHaveLength(1);
  await clock.advance(59_999);
  read('g', 0, 1_000);
  expect(logger.lines).toHaveLength(1);
  await clock.advance(1);
  read('g', 1, 1_001);
  expect(watch.count).toBe(1_001);
  expect(logger.lines.map(({ fields }) => 'records' in fields && fields.records)).toEqual([1, 1_000]);
});

test('what is remembered is bounded by number and by size', () => {
  const { watch, read } = aWatch();
  // given more keys than are remembered
  for (let i = 0; i < 12_000; i++) read(`g-${i}`, 0, i);
  // when the oldest and the newest come in another partition
  for (const i of [0, 1, 2]) read(`g-${i}`, 1, i);
  expect(watch.count).toBe(0);
  read('g-11999', 1, 3);
  expect(watch.count).toBe(1);
  // and long keys push out others
  for (let i = 0; i < 20; i++) read(`${i}`.padEnd(100_000, 'x'), 0, i);
  read('g-11998', 1, 4);
  expect(watch.count).toBe(1);
});

test('a change that waits is the earlier one, also where another partition was read before it was restored', () => {
  const { logger, watch, read } = aWatch();
  read('g', 1, 7);
  watch.waits('g', { partition: 0, offset: 3n });
  expect(logger.lines).toMatchObject([
    { fields: { earlier: { partition: 0, offset: '3' }, later: { partition: 1, offset: '7' } } },
  ]);
  // It is no record that was read, and does not take the place of one.
  expect(watch.count).toBe(0);
  read('g', 1, 8);
  expect(watch.count).toBe(0);
});

test('a change that waits is the place of its key until another is read', () => {
  const { watch, read } = aWatch();
  watch.waits('g', { partition: 0, offset: 3n });
  watch.waits('g', { partition: 0, offset: 4n });
  expect(watch.count).toBe(0);
  read('g', 1, 8);
  expect(watch.count).toBe(1);
});
