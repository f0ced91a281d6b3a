/** Batches and produce requests as they go over the wire: byte for byte those of kafkajs, and read back by both decoders. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { bytesOfVarint, ByteReader, ByteWriter, crc32c } from '../../src/adapters/kafka/codec/bytes.ts';
import { BatchMessage } from '../../src/adapters/kafka/codec/produce-request.ts';
import { readRecordBatch } from '../../src/adapters/kafka/codec/record-batch.ts';
import { recordBytes, writeBatch as writeSized } from '../../src/adapters/kafka/codec/write-batch.ts';
import { patchKafkajs } from '../../src/adapters/kafka/patches.ts';
import { toLogRecord } from '../../src/adapters/kafka/record.ts';
import type { OutRecord } from '../../src/ports.ts';

patchKafkajs();

interface Encoder {
  readonly buffer: Buffer;
}

interface Message {
  readonly partition?: number;
  readonly key?: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, readonly Buffer[]>>;
  readonly timestamp?: number;
}

interface Produce {
  readonly version: number;
  readonly topics: Readonly<Record<string, readonly Message[]>>;
  readonly compression?: number;
}

const load = createRequire(import.meta.url);
const { protocol } = load('kafkajs/src/protocol/requests/produce') as {
  protocol(version: { readonly version: number }): (options: object) => { request: { encode(): Promise<Encoder> } };
};
const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<{
  readonly records: readonly { readonly offset: string; readonly key: Buffer | null; readonly value: Buffer | null }[];
}>;

/** As kafkajs's producer asks for it, where it is not idempotent. */
async function requestOf({ version, topics, compression = 0 }: Produce): Promise<Buffer> {
  const topicData = Object.entries(topics).map(([topic, messages]) => ({
    topic,
    partitions: [...new Set(messages.map(({ partition = 0 }) => partition))].map((partition) => ({
      partition,
      firstSequence: 0,
      messages: messages.filter((message) => (message.partition ?? 0) === partition),
    })),
  }));
  const options = { acks: -1, timeout: 8_000, producerId: -1, producerEpoch: 0, compression, topicData };
  return (await protocol({ version })(options).request.encode()).buffer;
}

/** Ours write nothing. */
const codecs: Record<number, () => unknown> = kafkajs.CompressionCodecs;
codecs[kafkajs.CompressionTypes.GZIP] = () => load('kafkajs/src/protocol/message/compression/gzip');

const timestamp = 1_790_000_000_000;

/** For kafkajs to write. */
function messageOf({ partition, key, value, headers }: OutRecord): Message {
  const bytes = (content: Uint8Array | string | null) => (content === null ? null : Buffer.from(content));
  const named: Record<string, Buffer[]> = Object.create(null);
  for (const [name, content] of headers) (named[name] ??= []).push(Buffer.from(content));
  return { partition: partition ?? 0, key: bytes(key), value: bytes(value), headers: named, timestamp };
}

const record = (change: Partial<OutRecord>): OutRecord => ({
  topic: 't',
  partition: 0,
  key: 'k',
  value: 'v',
  headers: [],
  ...change,
});

const writeBatch = (list: readonly OutRecord[], at: number): Promise<Buffer> =>
  writeSized(
    list.map((each) => ({ record: each, bytes: recordBytes(each) })),
    at,
  );

const content = fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 300 }));
const headers = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 100 })), {
  // kafkajs sorts names that are numbers to the front.
  selector: ([name]) => (/^\d+$/.test(name) ? '' : name),
  maxLength: 4,
});
const records = fc.array(
  fc.record({ key: content, value: content, headers }).map((change) => record(change)),
  { minLength: 1, maxLength: 200 },
);

const given = { from: 0n, countMax: 100_000 };
const textOf = (bytes: Uint8Array | string | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('base64');

describe('a batch', () => {
  test('is that of kafkajs, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), async (list, isPacked) => {
        const out = isPacked ? list.map((each) => ({ ...each, gzip: true as const })) : list;
        const batch = await writeBatch(out, timestamp);
        const theirs = { version: 7, topics: { t: out.map(messageOf) }, compression: Number(isPacked) };
        const ours = { version: 7, topics: { t: [new BatchMessage(0, batch)] } };
        expect((await requestOf(ours)).equals(await requestOf(theirs))).toBe(true);
      }),
    );
  });

  test('is read back by our decoder and by that of kafkajs', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), async (list, isPacked) => {
        const out = isPacked ? list.map((each) => ({ ...each, gzip: true as const })) : list;
        const batch = await writeBatch(out, timestamp);
        const read = (await readRecordBatch(batch, given)).messages.map((message) => toLogRecord(message));
        expect(read.map(({ offset, key, value }) => [String(offset), textOf(key), textOf(value)])).toEqual(
          out.map(({ key, value }, i) => [String(i), textOf(key), textOf(value)]),
        );
        expect(read.map((each) => each.headers.map(([name, bytes]) => [name, textOf(bytes)]))).toEqual(
          out.map((each) => each.headers.map(([name, bytes]) => [name, textOf(bytes)])),
        );
        const theirs = await decodeBatch(new Decoder(batch));
        expect(theirs.records.map(({ offset, key, value }) => [offset, textOf(key), textOf(value)])).toEqual(
          out.map(({ key, value }, i) => [String(i), textOf(key), textOf(value)]),
        );
      }),
    );
  });

  test('keeps headers of one name, in their order', async () => {
    const twice = [
      ['a', Buffer.from('1')],
      ['b', Buffer.from('2')],
      ['a', Buffer.from('3')],
    ] as const;
    const { messages } = await readRecordBatch(await writeBatch([record({ headers: twice })], timestamp), given);
    expect(messages.map(({ headers: { a, b } }) => [String(a), String(b)])).toEqual([['1,3', '2']]);
  });

  test('takes as many bytes as its records, their offsets and their lengths', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (list) => {
        const sizes = list.map((each, i) => recordBytes(each) + bytesOfVarint(i));
        const bytes = sizes.reduce((sum, size) => sum + bytesOfVarint(size) + size, 0);
        expect((await writeBatch(list, timestamp)).length).toBe(61 + bytes);
      }),
    );
  });
});

describe('a request', () => {
  const batch = async (value: string) => [record({ value })];

  test.each([3, 4, 5, 6, 7])('of version %i holds the batches of all topics and partitions', async (version) => {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(batch));
    const batches = await Promise.all([a, b, c].map((out) => writeBatch(out ?? [], timestamp)));
    const [ofA, ofB, ofC] = batches.map((bytes, i) => new BatchMessage(i % 2, bytes));
    const messages = [a, b, c].map((out = [], i) => out.map((each) => ({ ...messageOf(each), partition: i % 2 })));
    const [theirA = [], theirB = [], theirC = []] = messages;
    if (ofA === undefined || ofB === undefined || ofC === undefined) throw new Error('three were written');
    const ours = await requestOf({ version, topics: { t: [ofA, ofB], u: [ofC] } });
    const theirs = await requestOf({ version, topics: { t: [...theirA, ...theirB], u: theirC } });
    expect(ours.equals(theirs)).toBe(true);
  });

  test('to a broker before Kafka 0.11 is refused: it has no record batches', async () => {
    const message = new BatchMessage(0, await writeBatch([record({})], timestamp));
    await expect(requestOf({ version: 2, topics: { t: [message] } })).rejects.toThrow('before Kafka 0.11');
  });
});

test('numbers of variable length are read as they were written, and take as much room as expected', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      const bytes = Buffer.alloc(8);
      const writer = new ByteWriter(bytes);
      writer.varint(value);
      expect([new ByteReader(bytes).varint(), writer.at]).toEqual([value, bytesOfVarint(value)]);
    }),
  );
});

/** RFC 3720 B.4. */
test.each([
  ['32 bytes of zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 bytes that grow', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['nine digits, which are no whole stride', Buffer.from('123456789'), 0xe3069283],
])('the CRC of %s', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
  // Wherever they begin.
  expect(crc32c(Buffer.concat([Buffer.from('x'), bytes]).subarray(1))).toBe(crc);
});
