/**
 * Fetching without a consumer group, through the cluster object that kafkajs hands to an assigner (kafkajs.md 6.1): batches,
 * holes, what lies at an offset, and the ids of topics. kafkajs's own `Batch` sorts out aborted transactions and control
 * records.
 */
import { createRequire } from 'node:module';
import type { Batch, Cluster } from 'kafkajs';
import { type Ahead, type Inspection, type RecordStamp, stampOf } from '../../core/log/commit-metadata.ts';
import type { Bounds } from '../../ports.ts';
import { leadersOf } from './leaders.ts';
import { topicIdsOf } from './newer-requests.ts';
import { toLogRecord } from './record.ts';

export interface FetchPosition {
  readonly partition: number;
  readonly offset: bigint;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly batch: Batch;
  /** The position after what was fetched; unchanged where nothing was. */
  readonly nextOffset: bigint;
  /** Nothing at or after this offset can be read yet (open transactions, replication). */
  readonly lastStableOffset: bigint;
}

export interface FetchRequest {
  readonly cluster: Cluster;
  readonly topic: string;
  readonly positions: readonly FetchPosition[];
  readonly waitMs: number;
  readonly bytesPerPartition: number;
}

/** The part of kafkajs's response that is used. */
interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly PartitionData[] }[];
}

interface PartitionData {
  readonly partition: number;
  readonly lastStableOffset: string;
  readonly messages: readonly unknown[];
}

type BatchClass = new (topic: string, fetchedOffset: string, data: PartitionData) => Batch;

const load = createRequire(import.meta.url);
const FetchedBatch = load('kafkajs/src/consumer/batch') as BatchClass;

/** One request to each leader. The topic must be among the cluster's `targetTopics`. @throws NoLeaderError, and what kafkajs throws */
export async function fetchDirectly(request: FetchRequest): Promise<readonly FetchedPartition[]> {
  const { cluster, topic, positions } = request;
  const leaders = leadersOf(
    cluster,
    topic,
    positions.map(({ partition }) => partition),
  );
  const answers = await Promise.all(
    Object.entries(leaders).map(([nodeId, partitions]) => {
      const own = positions.filter(({ partition }) => partitions.includes(partition));
      return fetchFromLeader(nodeId, { ...request, positions: own });
    }),
  );
  return answers.flat();
}

async function fetchFromLeader(nodeId: string, request: FetchRequest): Promise<readonly FetchedPartition[]> {
  const { cluster, topic, positions, waitMs, bytesPerPartition } = request;
  const broker = await cluster.findBroker({ nodeId });
  const partitions = positions.map(({ partition, offset }) => ({
    partition,
    fetchOffset: offset.toString(),
    maxBytes: bytesPerPartition,
  }));
  const answer = (await broker.fetch({
    maxWaitTime: waitMs,
    minBytes: 1,
    topics: [{ topic, partitions }],
  })) as FetchResponse;
  return answer.responses.flatMap((response) =>
    response.partitions.map((data) => {
      const offset = positions.find(({ partition }) => partition === data.partition)?.offset ?? 0n;
      const batch = new FetchedBatch(topic, offset.toString(), data);
      return {
        partition: data.partition,
        batch,
        nextOffset: data.messages.length === 0 ? offset : BigInt(batch.lastOffset()) + 1n,
        lastStableOffset: BigInt(data.lastStableOffset),
      };
    }),
  );
}

/**
 * The first offset from `position` on that holds a record, or the end of what can be read. Checked one fetch at a time: the broker
 * answers a request for one partition with at least one batch, so no record, no error and more to read mean an emptied
 * batch (kafkajs.md 2.7). `position` itself: there is a record, or nothing more to read.
 */
export async function endOfHole(
  cluster: Cluster,
  topic: string,
  { partition, offset }: FetchPosition,
): Promise<bigint> {
  return (await fetchOverHole(cluster, topic, { partition, offset })).offset;
}

interface OverHole {
  readonly offset: bigint;
  /** What was fetched there. */
  readonly fetched: FetchedPartition | undefined;
}

async function fetchOverHole(cluster: Cluster, topic: string, { partition, offset }: FetchPosition): Promise<OverHole> {
  for (let next = offset; ;) {
    const positions = [{ partition, offset: next }];
    const [fetched] = await fetchDirectly({ cluster, topic, positions, waitMs: 0, bytesPerPartition: 65_536 });
    if (fetched === undefined || !fetched.batch.isEmpty() || fetched.lastStableOffset <= next)
      return { offset: next, fetched };
    next = fetched.nextOffset > next ? fetched.nextOffset : next + 1n;
  }
}

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

/** @param bounds of the partitions that are looked at. @param cluster undefined: nothing is assigned, so that no record can be looked at. */
export async function aheadIn(
  cluster: Cluster | undefined,
  topic: string,
  { from, bounds }: { readonly from: ReadonlyMap<number, bigint>; readonly bounds: ReadonlyMap<number, Bounds> },
): Promise<ReadonlyMap<number, Ahead>> {
  const first = async (partition: number, end: bigint): Promise<RecordStamp | null> => {
    const offset = from.get(partition);
    if (cluster === undefined || offset === undefined || offset >= end) return null;
    // An unreadable partition must not hide the others.
    return orRefresh(cluster, () => firstStamp(cluster, { topic, partition }, offset)).catch(() => null);
  };
  const found = [...bounds].map(
    async ([partition, { end }]) => [partition, { end, first: await first(partition, end) }] as const,
  );
  return new Map(await Promise.all(found));
}

/** Of the first record from there on; null: all up to the end are gone. @throws where nothing can be read there yet */
async function firstStamp(
  cluster: Cluster,
  { topic, partition }: Partitioned,
  from: bigint,
): Promise<RecordStamp | null> {
  const { fetched } = await fetchOverHole(cluster, topic, { partition, offset: from });
  if (fetched === undefined || fetched.lastStableOffset <= from)
    throw new Error(`${topic}/${partition} cannot be read at offset ${from} yet`);
  const [first] = fetched.batch.messages;
  return first === undefined ? null : stampOf(toLogRecord(first));
}

async function orRefresh<T>(cluster: Cluster, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    // The leader may have moved; the next request finds the current one.
    await cluster.refreshMetadata().catch(() => undefined);
    throw error;
  }
}

/** Asks the leader of a partition of the first topic: a broker knows the ids of the topics it serves. null: no id is returned */
export async function topicIdsFrom(
  cluster: Cluster,
  topics: readonly [string, ...string[]],
  partition = 0,
): Promise<readonly (string | null)[]> {
  const [nodeId] = Object.keys(leadersOf(cluster, topics[0], [partition]));
  if (nodeId === undefined) throw new Error(`${topics[0]}/${partition} has no leader`);
  return topicIdsOf(await cluster.findBroker({ nodeId }), topics);
}
