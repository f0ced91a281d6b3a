/** Looks into a partition that a consumer is assigned: which topic it is of, and what lies at an offset. */
import type { Cluster } from 'kafkajs';
import { type Ahead, type Inspection, type RecordStamp, stampOf } from '../../core/log/commit-metadata.ts';
import { firstRecordFrom } from './direct-fetch.ts';
import { leadersOf } from './leaders.ts';
import { toLogRecord } from './record.ts';
import { topicIdsOf } from './newer-requests.ts';

interface Partitioned {
  readonly topic: string;
  readonly partition: number;
}

interface InspectedPartition extends Partitioned {
  /** null: there is none. */
  readonly retryTopic: string | null;
}

/** @param from within the bounds of the partition; null: no record is looked for. @throws what kafkajs throws */
export async function inspectPartition(
  cluster: Cluster,
  place: InspectedPartition,
  from: bigint | null,
): Promise<Inspection> {
  const { topic, retryTopic, partition } = place;
  return orRefresh(cluster, async () => {
    const [topicId = null, retryTopicId = null] = await topicIdsFrom(
      cluster,
      retryTopic === null ? [topic] : [topic, retryTopic],
      partition,
    );
    const first = from === null ? null : await firstStamp(cluster, place, from);
    return { topicId, retryTopicId, first };
  });
}

/** @param cluster undefined: nothing is assigned, so that no record can be looked at. */
export async function aheadIn(
  cluster: Cluster | undefined,
  topic: string,
  { from, ends }: { readonly from: ReadonlyMap<number, bigint>; readonly ends: ReadonlyMap<number, bigint> },
): Promise<ReadonlyMap<number, Ahead>> {
  const first = async (partition: number, end: bigint): Promise<RecordStamp | null> => {
    const offset = from.get(partition);
    if (cluster === undefined || offset === undefined || offset >= end) return null;
    // One that cannot be looked into hides no other.
    return orRefresh(cluster, () => firstStamp(cluster, { topic, partition }, offset)).catch(() => null);
  };
  const found = [...ends].map(
    async ([partition, end]) => [partition, { end, first: await first(partition, end) }] as const,
  );
  return new Map(await Promise.all(found));
}

async function firstStamp(
  cluster: Cluster,
  { topic, partition }: Partitioned,
  from: bigint,
): Promise<RecordStamp | null> {
  const message = await firstRecordFrom(cluster, topic, { partition, offset: from });
  return message === null ? null : stampOf(toLogRecord(message));
}

async function orRefresh<T>(cluster: Cluster, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
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
  const [nodeId] = Object.keys(leadersOf(cluster, topics[0], [partition]));
  if (nodeId === undefined) throw new Error(`${topics[0]}/${partition} has no leader`);
  return topicIdsOf(await cluster.findBroker({ nodeId }), topics);
}
