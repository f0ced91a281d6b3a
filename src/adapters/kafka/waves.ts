/**
 * Cuts records into sends: one compression each, bounded in records and bytes, and never a record before an older one of
 * its partition.
 */
import type { Message, ProducerBatch } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { OutRecord } from '../../ports.ts';
import { toMessage } from './record.ts';

export interface Placed {
  readonly record: OutRecord;
  /** Its place in the caller's list. */
  readonly index: number;
  readonly partition: number;
  readonly bytes: number;
}

/** kafkajs groups by partition in O(n²) (kafkajs.md 7.3). */
const recordsMax = 2_000;
/** Below the 1 MB that a broker accepts as one batch by default. */
const partitionBytesMax = 900_000;
const bytesMax = 16_000_000;
/** Below the time-out of a request, so that the broker answers first. */
const replicationLimitMs = 8_000;

/** The wave begins with the first record; a single record is taken at any size. */
export function takeWave(left: readonly Placed[]): {
  readonly wave: readonly Placed[];
  readonly rest: readonly Placed[];
} {
  const gzip = left[0]?.record.gzip;
  const wave: Placed[] = [];
  const rest: Placed[] = [];
  const partitionBytes = new Map<string, number>();
  const closed = new Set<string>();
  let bytes = 0;
  for (const placed of left) {
    const place = `${placed.record.topic}/${placed.partition}`;
    const before = partitionBytes.get(place) ?? 0;
    const fits = before === 0 || before + placed.bytes <= partitionBytesMax;
    const full = wave.length >= recordsMax || (wave.length > 0 && bytes + placed.bytes > bytesMax);
    if (full || !fits || placed.record.gzip !== gzip || closed.has(place)) {
      closed.add(place);
      rest.push(placed);
    } else {
      wave.push(placed);
      partitionBytes.set(place, before + placed.bytes);
      bytes += placed.bytes;
    }
  }
  return { wave, rest };
}

/** One request to each leader. */
export function batchOf(wave: readonly Placed[]): ProducerBatch {
  const messages = new Map<string, Message[]>();
  for (const { record, partition } of wave) {
    const ofTopic = messages.get(record.topic) ?? [];
    messages.set(record.topic, ofTopic);
    ofTopic.push(toMessage(record, partition));
  }
  return {
    acks: -1,
    timeout: replicationLimitMs,
    compression: wave[0]?.record.gzip ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
    topicMessages: [...messages].map(([topic, ofTopic]) => ({ topic, messages: ofTopic })),
  };
}
