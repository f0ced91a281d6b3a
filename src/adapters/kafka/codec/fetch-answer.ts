/**
 * Answers to Fetch requests (kafka.apache.org/protocol#The_Messages_Fetch, versions 4 to 11) → kafkajs's shape. kafkajs's own
 * decoder allocates what a batch claims, compares no CRC, and one bad batch ends its consumer for good (kafkajs.md 2.9).
 * Here each batch is read by itself, and of one answer no more than memory should hold: the rest comes with the next fetch.
 */
import { createRequire } from 'node:module';
import {
  BATCH_HEAD_BYTES,
  readRecordBatch,
  type ReadBatch,
  type StoredMessage,
  unreadableMessage,
} from './record-batch.ts';
import { UNPACKED_BYTES_MAX } from './bytes.ts';
import { errorText } from '../../../core/text/visible.ts';

/** The part of kafkajs's decoder that is used. */
interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(length: number): Buffer;
  readArray<T>(read: (decoder: Decoder) => T): T[];
}

interface Protocol {
  readonly request: object;
  readonly response: { parse(data: unknown): Promise<unknown> };
}

interface FetchOptions {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  }[];
}

interface FetchProtocol {
  protocol: ((version: { readonly version: number }) => (options: FetchOptions) => Protocol) & { [patched]?: true };
}

const load = createRequire(import.meta.url);
const PayloadDecoder = load('kafkajs/src/protocol/decoder') as new (payload: Buffer) => Decoder;
const patched = Symbol.for('rollcall.fetchAnswer');
const VERSION_MIN = 4;

/** For the whole process; doing it again changes nothing. Brokers before 0.11 are read by kafkajs itself. */
export function readFetchAnswers(): void {
  const fetch = load('kafkajs/src/protocol/requests/fetch') as FetchProtocol;
  const original = fetch.protocol;
  if (original[patched]) return;
  fetch.protocol = ({ version }) => {
    const make = original({ version });
    if (version < VERSION_MIN) return make;
    return (options) => {
      const made = make(options);
      const decode = (payload: Buffer): Promise<object> => decodeAnswer(payload, version, options);
      return { ...made, response: { ...made.response, decode } };
    };
  };
  fetch.protocol[patched] = true;
}

interface PartitionAnswer {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset?: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly preferredReadReplica?: number;
  messages: readonly StoredMessage[];
}

interface RecordSet {
  readonly answer: PartitionAnswer;
  readonly from: bigint;
  readonly bytes: Buffer;
}

/** Which partition of an answer is read first, so that one with large batches keeps no other waiting. */
let turn = 0;

async function decodeAnswer(payload: Buffer, version: number, options: FetchOptions): Promise<object> {
  const decoder = new PayloadDecoder(payload);
  const throttleTime = decoder.readInt32();
  const session = version >= 7 ? { errorCode: decoder.readInt16(), sessionId: decoder.readInt32() } : {};
  const sets: RecordSet[] = [];
  const responses = decoder.readArray(() => {
    const topicName = decoder.readString();
    const asked = options.topics.find(({ topic }) => topic === topicName)?.partitions ?? [];
    return { topicName, partitions: decoder.readArray(() => readPartition(decoder, version, { asked, sets })) };
  });
  turn += 1;
  const left = { bytes: UNPACKED_BYTES_MAX, records: RECORDS_MAX };
  for (let i = 0; i < sets.length; i += 1) {
    const set = sets[(i + turn) % sets.length];
    if (set !== undefined && left.bytes > 0 && left.records > 0) set.answer.messages = await messagesOf(set, left);
  }
  // From version 8 on the client is to wait by itself, and kafkajs does so where the response has no throttle time.
  const throttled = version >= 8 ? { throttleTime: 0, clientSideThrottleTime: throttleTime } : { throttleTime };
  return { ...throttled, ...session, responses };
}

function readPartition(
  decoder: Decoder,
  version: number,
  { asked, sets }: { readonly asked: FetchOptions['topics'][number]['partitions']; readonly sets: RecordSet[] },
): PartitionAnswer {
  const answer: PartitionAnswer = {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: String(decoder.readInt64()),
    lastStableOffset: String(decoder.readInt64()),
    ...(version >= 5 && { lastStartOffset: String(decoder.readInt64()) }),
    abortedTransactions: decoder.readArray(() => ({
      producerId: String(decoder.readInt64()),
      firstOffset: String(decoder.readInt64()),
    })),
    ...(version >= 11 && { preferredReadReplica: decoder.readInt32() }),
    messages: [],
  };
  const length = decoder.readInt32();
  const bytes = length > 0 ? decoder.readBytes(length) : Buffer.alloc(0);
  const from = asked.find(({ partition }) => partition === answer.partition)?.fetchOffset ?? '0';
  sets.push({ answer, from: BigInt(from), bytes });
  return answer;
}

/** Of one answer; what is more is skipped quickly when its batch is read again. */
const RECORDS_MAX = 50_000;

interface Left {
  bytes: number;
  records: number;
}

async function messagesOf({ answer, from, bytes }: RecordSet, left: Left): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = [];
  const entries = [...entriesOf(bytes)];
  for (const [i, entry] of entries.entries()) {
    const {
      messages: read,
      count,
      unpackedBytes,
      isTruncated,
    } = await readEntry(entry, { from, countMax: left.records });
    const end = entries[i + 1]?.readBigInt64BE(0) ?? BigInt(answer.highWatermark);
    for (const message of read) messages.push(within(message, from, end));
    left.bytes -= unpackedBytes;
    left.records -= count;
    if (isTruncated || left.bytes <= 0 || left.records <= 0) break;
  }
  return messages;
}

/** A damaged batch may claim any offset: it must be passed on, and nothing behind it be passed over. */
function within(message: StoredMessage, from: bigint, end: bigint): StoredMessage {
  if (message.batchContext?.unreadable === undefined) return message;
  const offset = BigInt(message.offset);
  if (offset < from) return { ...message, offset: String(from) };
  return offset < end ? message : { ...message, offset: String(end - 1n) };
}

const LENGTH_AT = 8;
const ENTRY_FROM = 12;
const MAGIC_AT = 16;

/** Whole batches, or messages of the formats before; what the broker has cut off at the end is left out. */
function* entriesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + MAGIC_AT < bytes.length;) {
    const end = at + ENTRY_FROM + Math.max(0, bytes.readInt32BE(at + LENGTH_AT));
    if (end > bytes.length) return;
    yield bytes.subarray(at, end);
    at = end;
  }
}

async function readEntry(entry: Buffer, slice: Parameters<typeof readRecordBatch>[1]): Promise<ReadBatch> {
  const format = entry[MAGIC_AT] ?? 0;
  if (format === 2 && entry.length >= BATCH_HEAD_BYTES) return readRecordBatch(entry, slice);
  const messages = await readOldMessages(entry);
  return { messages, count: messages.length, unpackedBytes: 0, isTruncated: false };
}

/** Formats 0 and 1, which no broker since Kafka 4 has any more: kafkajs reads them, with our codecs. */
async function readOldMessages(entry: Buffer): Promise<readonly StoredMessage[]> {
  const decodeSet = load('kafkajs/src/protocol/messageSet/decoder') as (
    decoder: Decoder,
    length: number,
  ) => Promise<readonly StoredMessage[]>;
  try {
    return await decodeSet(new PayloadDecoder(entry), entry.length);
  } catch (error) {
    const offset = entry.readBigInt64BE(0);
    const reason = errorText(error);
    const message = `The messages up to offset ${offset} cannot be read: ${reason}`;
    const context = { partitionLeaderEpoch: -1, producerId: '-1', inTransaction: false };
    return [unreadableMessage({ code: 'batch_unreadable', message }, { offset, timestamp: -1n, context })];
  }
}
