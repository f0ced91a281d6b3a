/** Records of kafkajs's shape → the port's. */
import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { UnreadableBatch } from '../../core/log/reading.ts';
import type { Headers, LogRecord } from '../../ports.ts';

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
