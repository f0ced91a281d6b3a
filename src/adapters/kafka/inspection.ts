/** Looks into a partition that a consumer is assigned: which topic it is of, and what lies at an offset. */
import type { Cluster } from 'kafkajs';
import { type Inspection, stampOf } from '../../core/source-history.ts';
import { firstRecordFrom } from './direct-fetch.ts';
import { toLogRecord } from './record.ts';
import { topicIdOf } from './topic-id.ts';

/** @param from within the bounds of the partition; null: no record is looked for. @throws what kafkajs throws */
export async function inspectPartition(
  cluster: Cluster,
  topic: string,
  { partition, from }: { readonly partition: number; readonly from: bigint | null },
): Promise<Inspection> {
  try {
    const topicId = await topicIdFrom(cluster, topic, partition);
    const message = from === null ? null : await firstRecordFrom(cluster, topic, { partition, offset: from });
    return { topicId, first: message === null ? null : stampOf(toLogRecord(message)) };
  } catch (error) {
    // The leader may have moved; whoever asks again finds the present one.
    await cluster.refreshMetadata().catch(() => undefined);
    throw error;
  }
}

/** Asks the leader of a partition: it knows of the topic what it serves. null: it does not tell */
export async function topicIdFrom(cluster: Cluster, topic: string, partition = 0): Promise<string | null> {
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
  if (nodeId === undefined) throw new Error(`${topic}/${partition} has no leader`);
  return topicIdOf(await cluster.findBroker({ nodeId }), topic);
}
