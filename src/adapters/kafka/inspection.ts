/** Looks into a partition that a consumer is assigned: which topic it is of, and what lies at an offset. */
import type { Cluster } from 'kafkajs';
import { type Inspection, stampOf } from '../../core/source-history.ts';
import { firstRecordFrom } from './direct-fetch.ts';
import { toLogRecord } from './record.ts';
import { topicIdsOf } from './newer-metadata.ts';

interface Place {
  readonly topic: string;
  /** null: there is none. */
  readonly retryTopic: string | null;
  readonly partition: number;
}

/** @param from within the bounds of the partition; null: no record is looked for. @throws what kafkajs throws */
export async function inspectPartition(cluster: Cluster, place: Place, from: bigint | null): Promise<Inspection> {
  const { topic, retryTopic, partition } = place;
  try {
    const [topicId = null, retryTopicId = null] = await topicIdsFrom(
      cluster,
      retryTopic === null ? [topic] : [topic, retryTopic],
      partition,
    );
    const message = from === null ? null : await firstRecordFrom(cluster, topic, { partition, offset: from });
    return { topicId, retryTopicId, first: message === null ? null : stampOf(toLogRecord(message)) };
  } catch (error) {
    // The leader may have moved; the next question finds the present one.
    await cluster.refreshMetadata().catch(() => undefined);
    throw error;
  }
}

/** Asks the leader of a partition of the first topic: it knows of the topic what it serves. null: it does not tell */
export async function topicIdsFrom(
  cluster: Cluster,
  topics: readonly [string, ...string[]],
  partition = 0,
): Promise<readonly (string | null)[]> {
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topics[0], [partition]));
  if (nodeId === undefined) throw new Error(`${topics[0]}/${partition} has no leader`);
  return topicIdsOf(await cluster.findBroker({ nodeId }), topics);
}
