/**
 * The leaders of a topic's partitions, as a client knows them. Where every replica is down, a partition has none, and what is
 * asked of it fails with the remedy.
 */
import type { Cluster, PartitionMetadata } from 'kafkajs';

/** Of the protocol. */
export const LEADER_NOT_AVAILABLE = 5;

export const isLeaderless = ({ leader }: PartitionMetadata): boolean => leader < 0;

/** As the client knows it. Empty where it does not know the topic. */
export function leaderlessOf(
  cluster: Pick<Cluster, 'findTopicPartitionMetadata'>,
  topic: string,
): readonly PartitionMetadata[] {
  return cluster.findTopicPartitionMetadata(topic).filter(isLeaderless);
}

export const numbersOf = (partitions: readonly PartitionMetadata[]): ReadonlySet<number> =>
  new Set(partitions.map(({ partitionId }) => partitionId));

/** Of one partition; it passes when a broker that holds a replica is back. */
export class NoLeaderError extends Error {
  override readonly name = 'NoLeaderError';
  /** Kafka's name for it. */
  readonly type = 'LEADER_NOT_AVAILABLE';
  readonly retriable = true;

  readonly remedy: string;

  constructor(topic: string, partition: PartitionMetadata) {
    const remedy = remedyOf(partition);
    super(`LEADER_NOT_AVAILABLE: ${topic}/${partition.partitionId} has no leader. ${remedy}`);
    this.remedy = remedy;
  }
}

/** Only a replica that was in sync becomes the leader without a loss. */
export function remedyOf({ isr, replicas }: PartitionMetadata): string {
  const nodes = isr.length > 0 ? isr : replicas;
  return nodes.length === 1
    ? `Start Kafka's node ${nodes.join()}, which holds it.`
    : `Start one of Kafka's nodes ${nodes.join(', ')}, which hold it.`;
}

/** @throws NoLeaderError for the first that has none */
export function leadersOf(cluster: Cluster, topic: string, partitions: readonly number[]): Record<string, number[]> {
  const sick = leaderlessOf(cluster, topic).find(({ partitionId }) => partitions.includes(partitionId));
  if (sick !== undefined) throw new NoLeaderError(topic, sick);
  return cluster.findLeaderForPartitions(topic, [...partitions]);
}
