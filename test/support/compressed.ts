/** Record batches as other producers write them: compressed by hand, also into what claims more than it holds. */
import { gzipSync } from 'node:zlib';
import kafkajs, { type CompressionTypes } from 'kafkajs';
import { compress as compressLz4 } from 'lz4js';
import { compress as compressSnappy } from 'snappyjs';
import { registerCodecs } from '../../src/adapters/kafka/codec/codecs.ts';
import { assertWritten } from './broker.ts';

export type Compression = 'gzip' | 'snappy' | 'lz4' | 'zstd';

const { GZIP, Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes;
export const types: Readonly<Record<Compression, CompressionTypes>> = {
  gzip: GZIP,
  snappy: Snappy,
  lz4: LZ4,
  zstd: ZSTD,
};

export const compress: Readonly<Record<Compression, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  snappy: (bytes) => compressSnappy(bytes),
  lz4: lz4Frame,
  zstd: (bytes) => zstdFrame(bytes),
};

const LZ4_BLOCK_BYTES = 4 * 1024 * 1024;

/** Java takes independent blocks alone, and says so in the header, which has a checksum; lz4js's are not. */
function lz4Frame(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73])];
  for (let at = 0; at < bytes.length; at += LZ4_BLOCK_BYTES) {
    const frame = Buffer.from(compressLz4(bytes.subarray(at, at + LZ4_BLOCK_BYTES)));
    parts.push(frame.subarray(7, -4));
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

const ZSTD_BLOCK_BYTES = 128 * 1024;

interface ZstdOptions {
  /** What the frame claims to need: 2 to the power of it. */
  readonly windowLog?: number;
  /** What the frame claims to hold. */
  readonly claimedBytes?: number;
}

/** A frame of runs and stored blocks; large where the bytes are not all the same. */
export function zstdFrame(bytes: Buffer, { windowLog = 21, claimedBytes }: ZstdOptions = {}): Buffer {
  const size = Buffer.alloc(claimedBytes === undefined ? 0 : 8);
  if (claimedBytes !== undefined) size.writeBigUInt64LE(BigInt(claimedBytes));
  const descriptor = claimedBytes === undefined ? 0 : 0xc0;
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, (windowLog - 10) << 3]), size];
  for (let at = 0; at === 0 || at < bytes.length; at += ZSTD_BLOCK_BYTES) {
    const block = bytes.subarray(at, at + ZSTD_BLOCK_BYTES);
    const isLast = at + ZSTD_BLOCK_BYTES >= bytes.length;
    const isRun = block.length > 1 && block.every((byte) => byte === block[0]);
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (isRun ? 2 : 0) | Number(isLast), 0, 3);
    parts.push(header, isRun ? block.subarray(0, 1) : block);
  }
  return Buffer.concat(parts);
}

/** xerial's framing, with lengths of its own. */
export function xerial(...blocks: readonly Buffer[]): Buffer {
  const head = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  return Buffer.concat([
    head,
    ...blocks.flatMap((block): Buffer[] => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(block.length);
      return [length, block];
    }),
  ]);
}

/** The varint that a snappy block begins with. */
export function snappyLength(length: number): Buffer {
  const bytes: number[] = [];
  let left = length;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

export interface Batch {
  readonly topic: string;
  readonly compression: Compression;
  readonly messages: readonly { readonly key: string | null; readonly value: Buffer | string | null }[];
  /** Of kafkajs's records; otherwise as `compress` does it. */
  readonly pack?: (records: Buffer) => Buffer;
}

/** Writes one batch to partition 0. */
export async function sendBatch(brokers: readonly string[], batch: Batch): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const type = types[batch.compression];
  const pack = batch.pack ?? compress[batch.compression];
  const codecs: Record<number, () => object> = kafkajs.CompressionCodecs;
  try {
    codecs[type] = () => ({ compress: async ({ buffer }: { readonly buffer: Buffer }) => pack(buffer) });
    const messages = batch.messages.map((message) => ({ ...message, partition: 0 }));
    assertWritten(await producer.send({ topic: batch.topic, compression: type, messages }));
  } finally {
    registerCodecs();
    await producer.disconnect();
  }
}
