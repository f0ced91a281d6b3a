/** Records between kafkajs's shape and the port's. */
import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { UnreadableBatch } from '../../core/log/reading.ts';
import type { Headers, LogRecord, OutRecord } from '../../ports.ts';

/** kafkajs does not show it, and older formats of messages do not have it. */
type StoredMessage = KafkaMessage & {
  readonly batchContext?: { readonly partitionLeaderEpoch?: number; readonly unreadable?: UnreadableBatch };
};

export function toLogRecord(message: StoredMessage): LogRecord {
  const { unreadable } = message.batchContext ?? {};
  const leaderEpoch = message.batchContext?.partitionLeaderEpoch ?? -1;
  return {
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
    timestamp: Number(message.timestamp),
    ...(leaderEpoch >= 0 && { leaderEpoch }),
    ...(unreadable !== undefined && { unreadable }),
  };
}

/** A header that occurs twice is an array in kafkajs. */
function toHeaders(headers: IHeaders | undefined): Headers {
  return Object.entries(headers ?? {}).flatMap(([name, values]) =>
    [values ?? ''].flat().map((value) => [name, typeof value === 'string' ? Buffer.from(value) : value] as const),
  );
}

export function toMessage(record: OutRecord, partition: number): Message {
  // Without a prototype, else a header named `constructor` collides with the inherited property.
  const headers = Object.create(null) as IHeaders;
  for (const [name, value] of record.headers) {
    const present = headers[name];
    const bytes = Buffer.from(value);
    headers[name] = present === undefined ? bytes : [present, bytes].flat();
  }
  return { key: toBuffer(record.key), value: toBuffer(record.value), partition, headers };
}

/** Bytes on the wire before compression, at least. */
export function sizeOf(record: OutRecord): number {
  const headers = record.headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return 32 + bytesOf(record.key) + bytesOf(record.value) + headers;
}

function bytesOf(content: Uint8Array | string | null): number {
  return content === null ? 0 : Buffer.byteLength(content);
}

function toBuffer(bytes: Uint8Array | string | null): Buffer | null {
  if (bytes === null) return null;
  return typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
