/**
 * Record batches (message format 2: kafka.apache.org/documentation/#recordbatch) → messages in kafkajs's shape. Nothing that a
 * batch declares is trusted before its bytes are there; what cannot be read becomes one message that says so, at the
 * batch's last offset, so that reading continues after it.
 */
import type { IHeaders } from 'kafkajs';
import type { UnreadableBatch } from '../../../core/log/reading.ts';
import { compressionName, unpack } from './codecs.ts';
import { ByteReader, crc32c, DamagedError, TooLargeError } from './bytes.ts';
import { errorText } from '../../../core/text/visible.ts';

/** What kafkajs's own decoder makes, as far as kafkajs or this adapter look at it. */
export interface StoredMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly attributes: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
}

interface BatchContext {
  readonly partitionLeaderEpoch: number;
  readonly producerId: string;
  readonly inTransaction: boolean;
  readonly unreadable?: UnreadableBatch;
}

interface BatchHead {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  readonly compression: number;
  readonly isControl: boolean;
  readonly hasAppendTime: boolean;
  readonly firstTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly recordCount: number;
  readonly context: BatchContext;
}

/** Of a batch: first offset, length, leader epoch, magic, CRC; what follows is covered by the CRC. */
export const CRC_COVERS_FROM = 21;
export const BATCH_HEAD_BYTES = 61;
/** Length, attributes, two deltas, key, value, headers: a byte each. */
const RECORD_BYTES_MIN = 7;

export interface Slice {
  /** Records below are left out: they were read before. */
  readonly from: bigint;
  /** At most so many; the rest is read with the next fetch. */
  readonly countMax: number;
}

export interface ReadBatch {
  readonly messages: readonly StoredMessage[];
  /** What they count towards `countMax`: headers count, too. */
  readonly count: number;
  readonly unpackedBytes: number;
  /** Something was left for the next fetch. */
  readonly isTruncated: boolean;
}

/** @param bytes a whole batch of format 2. Never rejects. */
export async function readRecordBatch(bytes: Buffer, slice: Slice): Promise<ReadBatch> {
  const head = headOf(bytes);
  try {
    if (crc32c(bytes.subarray(CRC_COVERS_FROM)) !== bytes.readUInt32BE(17)) throw new DamagedError('its CRC is wrong');
    if (head.recordCount === 0) return { messages: [], count: 0, unpackedBytes: 0, isTruncated: false };
    const records = await unpack(head.compression, bytes.subarray(BATCH_HEAD_BYTES));
    return { ...readRecords(records, head, slice), unpackedBytes: records.length };
  } catch (error) {
    return { messages: [unreadable(head, error)], count: 1, unpackedBytes: 0, isTruncated: false };
  }
}

/** A larger declared length is not trusted. */
const RECORD_COUNT_MAX = 2 ** 26;

function headOf(bytes: Buffer): BatchHead {
  const attributes = bytes.readInt16BE(21);
  const firstOffset = bytes.readBigInt64BE(0);
  const lastDelta = bytes.readInt32BE(23);
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(lastDelta >= 0 && lastDelta < RECORD_COUNT_MAX ? lastDelta : 0),
    compression: attributes & 7,
    hasAppendTime: (attributes & 8) !== 0,
    isControl: (attributes & 32) !== 0,
    firstTimestamp: bytes.readBigInt64BE(27),
    maxTimestamp: bytes.readBigInt64BE(35),
    recordCount: bytes.readInt32BE(57),
    context: {
      partitionLeaderEpoch: bytes.readInt32BE(12),
      producerId: String(bytes.readBigInt64BE(43)),
      inTransaction: (attributes & 16) !== 0,
    },
  };
}

function readRecords(bytes: Buffer, head: BatchHead, { from, countMax }: Slice): Omit<ReadBatch, 'unpackedBytes'> {
  const { recordCount } = head;
  if (recordCount < 0 || recordCount > bytes.length / RECORD_BYTES_MIN)
    throw new DamagedError(`it claims to hold ${recordCount} records in ${bytes.length} bytes`);
  const messages: StoredMessage[] = [];
  const reader = new ByteReader(bytes);
  let below: bigint | null = null;
  const tally: Tally = { headers: 0 };
  const count = (): number => messages.length + Math.floor(tally.headers / HEADERS_PER_COUNT);
  for (let i = 0; i < recordCount; i += 1) {
    if (count() >= countMax) return { messages, count: count(), isTruncated: true };
    const end = reader.endOf(reader.varint());
    reader.skip(1);
    const timestampDelta = reader.varlong();
    const offset = head.firstOffset + BigInt(reader.varint());
    if (offset < from) below = offset;
    else messages.push(readRecord(reader, head, { offset, timestampDelta, tally }));
    reader.moveTo(end);
  }
  if (reader.at !== bytes.length) throw new DamagedError('bytes follow its last record');
  // kafkajs continues after a batch that compaction has emptied from `from` on only where it sees a record of it
  // (kafkajs.md 2.8).
  if (messages.length === 0 && below !== null) messages.push(emptyMessage(below, head.maxTimestamp, head.context));
  return { messages, count: count(), isTruncated: false };
}

function readRecord(
  reader: ByteReader,
  head: BatchHead,
  {
    offset,
    timestampDelta,
    tally,
  }: { readonly offset: bigint; readonly timestampDelta: bigint; readonly tally: Tally },
): StoredMessage {
  const timestamp = head.hasAppendTime ? head.maxTimestamp : head.firstTimestamp + timestampDelta;
  return {
    offset: String(offset),
    timestamp: String(timestamp),
    attributes: 0,
    key: reader.bytes(),
    value: reader.bytes(),
    headers: readHeaders(reader, tally),
    isControlRecord: head.isControl,
    batchContext: head.context,
  };
}

/** What was read from one batch. */
interface Tally {
  headers: number;
}

/** The lengths of its name and its value; in memory it takes a hundred times as much. */
const HEADER_BYTES_MIN = 2;
const HEADERS_MAX = 100_000;
const HEADERS_PER_COUNT = 10;

function readHeaders(reader: ByteReader, tally: Tally): IHeaders {
  const count = Math.max(reader.varint(), 0);
  reader.endOf(HEADER_BYTES_MIN * count);
  if (count > HEADERS_MAX) throw new TooLargeError(`a record has ${count} headers, ${HEADERS_MAX} are allowed`);
  if (count === 0) return NO_HEADERS;
  tally.headers += count;
  // Without a prototype, else a header named `constructor` collides with the inherited property.
  const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (let left = count; left > 0; left -= 1) {
    const name = (reader.bytes() ?? NO_BYTES).toString();
    const value = reader.bytes() ?? NO_BYTES;
    const present = headers[name];
    if (present === undefined) headers[name] = value;
    else if (Array.isArray(present)) present.push(value);
    else headers[name] = [present, value];
  }
  return headers;
}

const NO_BYTES = Buffer.alloc(0);
const NO_HEADERS: IHeaders = Object.freeze(Object.create(null) as IHeaders);

function unreadable(head: BatchHead, error: unknown): StoredMessage {
  const { firstOffset, lastOffset, compression, context, maxTimestamp } = head;
  const reason = errorText(error);
  const message = `The batch at offsets ${firstOffset} to ${lastOffset} (${compressionName(compression)}) cannot be read: ${reason}`;
  const code = error instanceof TooLargeError ? 'batch_too_large' : 'batch_unreadable';
  return unreadableMessage({ code, message }, { offset: lastOffset, timestamp: maxTimestamp, context });
}

export const unreadableMessage = (
  problem: UnreadableBatch,
  { offset, timestamp, context }: { offset: bigint; timestamp: bigint; context: BatchContext },
): StoredMessage => emptyMessage(offset, timestamp, { ...context, unreadable: problem });

const emptyMessage = (offset: bigint, timestamp: bigint, batchContext: BatchContext): StoredMessage => ({
  offset: String(offset),
  timestamp: String(timestamp),
  attributes: 0,
  key: null,
  value: null,
  headers: NO_HEADERS,
  isControlRecord: false,
  batchContext,
});
