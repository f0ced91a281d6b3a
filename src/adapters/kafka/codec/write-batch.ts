/**
 * Records → a record batch (message format 2: kafka.apache.org/documentation/#recordbatch), byte for byte as kafkajs writes
 * it, which makes several buffers of each record. Not idempotent (kafkajs.md 7.2): there is no producer id.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OutRecord } from '../../../ports.ts';
import { ByteWriter, bytesOf, bytesOfVarint, crc32c } from './bytes.ts';
import { GZIP } from './codecs.ts';
import { BATCH_HEAD_BYTES, CRC_COVERS_FROM } from './record-batch.ts';

const MAGIC = 2;
const NO_PRODUCER_ID = -1n;

export interface Sized {
  readonly record: OutRecord;
  /** See `recordBytes`. */
  readonly bytes: number;
}

/** @param records of one partition, all or none of them to be compressed. @param timestamp epoch ms */
export async function writeBatch(records: readonly Sized[], timestamp: number): Promise<Buffer> {
  const plain = writeRecords(records);
  const isPacked = records[0]?.record.gzip === true;
  const bytes = isPacked ? Buffer.concat([plain.subarray(0, BATCH_HEAD_BYTES), await packed(plain)]) : plain;
  bytes.fill(0, 0, BATCH_HEAD_BYTES);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(MAGIC, 16);
  bytes.writeInt16BE(isPacked ? GZIP : 0, 21);
  bytes.writeInt32BE(records.length - 1, 23);
  bytes.writeBigInt64BE(BigInt(timestamp), 27);
  bytes.writeBigInt64BE(BigInt(timestamp), 35);
  bytes.writeBigInt64BE(NO_PRODUCER_ID, 43);
  bytes.writeInt32BE(records.length, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_COVERS_FROM)), 17);
  return bytes;
}

const packed = (plain: Buffer): Promise<Buffer> => promisify(gzip)(plain.subarray(BATCH_HEAD_BYTES));

/** Uncompressed, without its length and its offset. */
export function recordBytes({ key, value, headers }: OutRecord): number {
  // Attributes, and the difference of the time.
  let bytes = 2 + bytesOf(key) + bytesOf(value) + bytesOfVarint(headers.length);
  for (const [name, content] of headers) bytes += bytesOf(name) + bytesOf(content);
  return bytes;
}

/** Behind room for the head. */
function writeRecords(records: readonly Sized[]): Buffer {
  const sizes = records.map(({ bytes }, i) => bytes + bytesOfVarint(i));
  const all = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + bytesOfVarint(size) + size, BATCH_HEAD_BYTES));
  const writer = new ByteWriter(all, BATCH_HEAD_BYTES);
  for (const [i, { record }] of records.entries()) {
    writer.varint(sizes[i] ?? 0);
    writer.byte(0);
    writer.varint(0);
    writer.varint(i);
    writer.bytes(record.key);
    writer.bytes(record.value);
    writer.varint(record.headers.length);
    for (const [name, content] of record.headers) {
      writer.bytes(name);
      writer.bytes(content);
    }
  }
  // What is left of it is memory that held something else.
  if (writer.at !== all.length) throw new Error(`${writer.at} bytes were written where ${all.length} were computed`);
  return all;
}
