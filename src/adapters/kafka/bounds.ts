/** Where the records of a partition begin and end. */
import type { Admin, PartitionMetadata, SeekEntry } from 'kafkajs';
import type { Bounds } from '../../ports.ts';
import type { KeptClient } from './kept-client.ts';
import { NoLeaderError } from './leaderless.ts';

type Offsets = readonly (SeekEntry & { readonly high: string; readonly low: string })[];

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Of one partition, out of what `fetchTopicOffsets` has answered for its topic.
 * @throws NoLeaderError where it has no leader. It is thrown outside of `ask`, which gives up the connection of what it throws.
 */
export async function boundsIn(offsets: Offsets, place: Place, kept: KeptClient<Admin>): Promise<Bounds> {
  const found = offsets.find(({ partition }) => partition === place.partition);
  const [start, end] = [BigInt(found?.low ?? -1), BigInt(found?.high ?? -1)];
  if (start >= 0n && end >= 0n) return { start, end };
  const partitions = await kept.ask((admin) => partitionsOf(admin, place.topic));
  const leaderless = partitions.find(({ partitionId }) => partitionId === place.partition);
  throw leaderless === undefined
    ? new Error(`Kafka tells no offsets of ${place.topic}/${place.partition}`)
    : new NoLeaderError(place.topic, leaderless);
}

/** @throws where the topic does not exist. */
export async function partitionsOf(admin: Admin, topic: string): Promise<PartitionMetadata[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics.find(({ name }) => name === topic)?.partitions ?? [];
}
