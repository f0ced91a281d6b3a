/** Batches as they lie on the wire: nothing that one claims of itself is believed before its bytes are there. */
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/adapters/kafka/codec/bytes.ts';
import { readRecordBatch, type Slice } from '../../src/adapters/kafka/codec/record-batch.ts';
import { toLogRecord } from '../../src/adapters/kafka/record.ts';
import type { LogRecord } from '../../src/ports.ts';
import { compress, types, zstdFrame } from '../support/compressed.ts';

interface Encoder {
  readonly buffer: Buffer;
}
const load = createRequire(import.meta.url);
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(options: object): Promise<Encoder>;
};
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0') as (options: object) => Encoder;

interface Given {
  readonly key?: string | null;
  readonly value?: string | null;
  readonly headers?: object;
}

/** Of kafkajs's own encoder, at offset 100. */
async function batchOf(records: readonly Given[]): Promise<Buffer> {
  const encoded = records.map(({ key = 'k', value = 'v', headers = {} }, offsetDelta) =>
    encodeRecord({ offsetDelta, timestampDelta: offsetDelta, key, value, headers }),
  );
  const options = { firstTimestamp: 1_790_000_000_000, maxTimestamp: 1_790_000_000_009, partitionLeaderEpoch: 4 };
  const { buffer } = await RecordBatch({ ...options, lastOffsetDelta: records.length - 1, records: encoded });
  buffer.writeBigInt64BE(100n, 0);
  return buffer;
}

/** With other records in it, and what belongs to them. */
function changed(
  batch: Buffer,
  { type = 0, count = 1, body }: { type?: number; count?: number; body: Buffer },
): Buffer {
  const bytes = Buffer.concat([batch.subarray(0, 61), body]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt16BE(type, 21);
  bytes.writeInt32BE(count, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

const everything: Slice = { from: 0n, countMax: 1_000_000 };
const read = async (bytes: Buffer, slice: Slice = everything): Promise<readonly LogRecord[]> =>
  (await readRecordBatch(bytes, slice)).messages.map((message) => toLogRecord(message));

test('offsets, times, keys, values and headers are those of kafkajs', async () => {
  const headers = { a: 'x', constructor: 'y', twice: ['1', '2'], ['__proto__']: 'z' };
  const records = await read(await batchOf([{ key: null, value: null }, {}, { key: '', value: 'ü', headers }]));
  expect(records.map(({ offset, timestamp, key, value }) => [offset, timestamp, key, value])).toEqual([
    [100n, 1_790_000_000_000, null, null],
    [101n, 1_790_000_000_001, Buffer.from('k'), Buffer.from('v')],
    [102n, 1_790_000_000_002, Buffer.from(''), Buffer.from('ü')],
  ]);
  expect(records[2]?.headers.map(([name, value]) => `${name}=${Buffer.from(value).toString()}`)).toEqual([
    'a=x',
    'constructor=y',
    'twice=1',
    'twice=2',
    '__proto__=z',
  ]);
  expect(records.map(({ leaderEpoch }) => leaderEpoch)).toEqual([4, 4, 4]);
});

const many = (count: number): Promise<Buffer> => batchOf(Array.from({ length: count }, () => ({})));

test('a batch is handed out in slices: what was read is left out, what is too much comes next', async () => {
  const bytes = await many(10);
  const first = await readRecordBatch(bytes, { from: 0n, countMax: 4 });
  expect([first.messages.map(({ offset }) => offset), first.isTruncated]).toEqual([['100', '101', '102', '103'], true]);
  const last = await readRecordBatch(bytes, { from: 108n, countMax: 4 });
  expect([last.messages.map(({ offset }) => offset), last.isTruncated]).toEqual([['108', '109'], false]);
});

test('of a batch with nothing from there on a record below is left, so that kafkajs goes on', async () => {
  expect((await read(await many(3), { from: 200n, countMax: 4 })).map(({ offset }) => offset)).toEqual([102n]);
});

async function expectUnreadable(bytes: Buffer, code: string, message: RegExp, last = 109n): Promise<void> {
  const [record, ...others] = await read(bytes);
  expect(others).toEqual([]);
  expect(record).toMatchObject({ offset: last, key: null, value: null, headers: [], unreadable: { code } });
  expect(record?.unreadable?.message).toMatch(message);
}

test('a batch of 150,000 records is read, as no call takes them all as arguments', async () => {
  const records = Array.from({ length: 150_000 }, (_, i) => i);
  const body = Buffer.concat(
    records.map((i) => {
      const delta = [((i * 2) & 0x7f) | 0x80, ((i >>> 6) & 0x7f) | 0x80, (i >>> 13) & 0x7f];
      return Buffer.from([16, 0, 0, ...delta, 1, 1, 0]);
    }),
  );
  const bytes = changed(await many(1), { type: types.lz4, count: records.length, body: compress.lz4(body) });
  const { messages } = await readRecordBatch(bytes, everything);
  expect(messages.length).toBe(150_000);
  expect(messages.at(-1)?.offset).toBe('150099');
});

describe('one that cannot be read is one record at its last offset', () => {
  test('where a bit is wrong: the CRC says so', async () => {
    const whole = await many(10);
    for (let at = 57; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      await expectUnreadable(bytes, 'batch_unreadable', /offsets 100 to 109 \(uncompressed\) .*its CRC is wrong/);
    }
  });

  test.each([2 ** 31 - 1, -1, 1_000, 11, 9])('where it claims to hold %i records', async (count) => {
    const whole = await many(10);
    await expectUnreadable(changed(whole, { count, body: whole.subarray(61) }), 'batch_unreadable', /cannot be read/);
  });

  test.each([
    ['a length of a record', Buffer.from([0xfe, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0])],
    ['a length of a key', Buffer.from([14, 0, 0, 0, 0xfe, 0xff, 0x7f, 1])],
    ['a count of headers', Buffer.from([16, 0, 0, 0, 1, 1, 0xfe, 0xff, 0x7f])],
    ['a number without an end', Buffer.alloc(20, 0xff)],
  ])('where %s goes beyond the end', async (_, body) => {
    await expectUnreadable(changed(await many(10), { body }), 'batch_unreadable', /cannot be read/);
  });

  test('where it unpacks to too much: named with its codec, what it claims and what is allowed', async () => {
    const body = zstdFrame(Buffer.from('x'), { claimedBytes: 1_000_000_000 });
    const message = /offsets 100 to 109 \(Zstandard\).*1000000000 bytes.*67108864/;
    await expectUnreadable(changed(await many(10), { type: types.zstd, body }), 'batch_too_large', message);
    const bomb = compress.gzip(Buffer.alloc(100_000_000));
    await expectUnreadable(
      changed(await many(10), { type: types.gzip, body: bomb }),
      'batch_too_large',
      /\(gzip\).*67108864/,
    );
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('where %s is damaged', async (name) => {
    const body = Buffer.from('no such thing');
    await expectUnreadable(changed(await many(10), { type: types[name], body }), 'batch_unreadable', /cannot be read/);
  });
});

// Copied for each header, they would take minutes.
test('100,000 headers of one record take no time', { timeout: 60_000 }, async () => {
  const headers = Buffer.concat(
    Array.from({ length: 100_000 }, (_, i) => {
      const name = Buffer.from(i.toString(36).padStart(4, '0'));
      return Buffer.concat([Buffer.from([name.length * 2]), name, Buffer.from([1])]);
    }),
  );
  const rest = Buffer.concat([Buffer.from([0, 0, 0, 1, 1, 0xc0, 0x9a, 0x0c]), headers]);
  const length = Buffer.from([rest.length * 2, 0, 0, 0].map((_, i) => ((rest.length * 2) >>> (7 * i)) & 0x7f));
  for (let i = 0; i < 3; i += 1) length[i] = (length[i] ?? 0) | 0x80;
  const [record] = await read(changed(await many(1), { body: Buffer.concat([length, rest]) }));
  expect(record?.headers.length).toBe(100_000);
});

/** Varints of numbers from 0. */
function varint(number: number): Buffer {
  const bytes: number[] = [];
  let left = number * 2;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

/** One with so many headers of no name and no value, two bytes each. */
function withHeaders(offsetDelta: number, count: number): Buffer {
  const headers = Buffer.alloc(2 * count, Buffer.from([0, 1]));
  const rest = Buffer.concat([Buffer.from([0, 0]), varint(offsetDelta), Buffer.from([1, 1]), varint(count), headers]);
  return Buffer.concat([varint(rest.length), rest]);
}

test(
  'a record of millions of headers, which come to gigabytes in memory, is unreadable',
  { timeout: 5_000 },
  async () => {
    const body = compress.gzip(withHeaders(0, 20_000_000));
    const bytes = changed(await many(1), { type: types.gzip, body });
    await expectUnreadable(bytes, 'batch_too_large', /20000000 headers, 100000 are allowed/, 100n);
  },
);

test('records with many headers count as more, so that one answer does not hold them all', async () => {
  const records = Array.from({ length: 100 }, (_, i) => withHeaders(i, 1_000));
  const bytes = changed(await many(100), { count: 100, body: Buffer.concat(records) });
  const { messages, count, isTruncated } = await readRecordBatch(bytes, { from: 0n, countMax: 1_010 });
  expect({ messages: messages.length, count, isTruncated }).toEqual({ messages: 10, count: 1_010, isTruncated: true });
});
