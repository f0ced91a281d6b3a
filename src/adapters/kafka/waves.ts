/** Which records of a send go together, in one request to each leader. */
import type { TopicPartition } from 'kafkajs';
import type { Sized } from './codec/write-batch.ts';

/** A record whose partition is chosen. */
export interface Placed extends Sized {
  /** In the caller's list. */
  readonly index: number;
  /** One object for all records of a send. */
  readonly topicPartition: TopicPartition;
}

/** What is written to each partition, as one batch. */
export type Wave = ReadonlyMap<TopicPartition, readonly Placed[]>;

/** Below the 1 MB that a broker accepts as one batch by default. */
const partitionBytesMax = 900_000;
/** All of it is in memory several times, and is written in one go: 10 ms. */
const bytesMax = 4_000_000;

/**
 * One compression, bounded in bytes, and never a record before an older one of its partition. The wave begins with the first
 * record; a single record is taken at any size.
 */
export function takeWave(left: readonly Placed[]): { readonly wave: Wave; readonly rest: readonly Placed[] } {
  const gzip = left[0]?.record.gzip;
  const wave = new Map<TopicPartition, Placed[]>();
  const rest: Placed[] = [];
  const partitionBytes = new Map<TopicPartition, number>();
  const closed = new Set<TopicPartition>();
  let bytes = 0;
  for (const placed of left) {
    const { topicPartition } = placed;
    const before = partitionBytes.get(topicPartition) ?? 0;
    const fits = before === 0 || before + placed.bytes <= partitionBytesMax;
    const isFull = bytes > 0 && bytes + placed.bytes > bytesMax;
    if (isFull || !fits || placed.record.gzip !== gzip || closed.has(topicPartition)) {
      closed.add(topicPartition);
      rest.push(placed);
    } else {
      if (before === 0) wave.set(topicPartition, []);
      wave.get(topicPartition)?.push(placed);
      partitionBytes.set(topicPartition, before + placed.bytes);
      bytes += placed.bytes;
    }
  }
  return { wave, rest };
}

/** The partitions of one send. */
export class TopicPartitions {
  readonly #byTopic = new Map<string, Map<number, TopicPartition>>();

  of(topic: string, partition: number): TopicPartition {
    const partitions = this.#byTopic.get(topic) ?? new Map<number, TopicPartition>();
    this.#byTopic.set(topic, partitions);
    const topicPartition = partitions.get(partition) ?? { topic, partition };
    partitions.set(partition, topicPartition);
    return topicPartition;
  }
}
