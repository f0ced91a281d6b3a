/**
 * What is changed in kafkajs 2.2.4, each with its reason; the codecs, the answers to fetches and the batches that are sent
 * are in codec/. What is done to its modules holds for the whole process, and is done once.
 */
import { createRequire } from 'node:module';
import type { Cluster, Kafka, PartitionMetadata } from 'kafkajs';
import { registerCodecs } from './codec/codecs.ts';
import { readFetchAnswers } from './codec/fetch-answer.ts';
import { sendWrittenBatches } from './codec/produce-request.ts';
import { leaderlessOf, numbersOf, LEADER_NOT_AVAILABLE } from './leaders.ts';

interface Response<T> {
  parse(data: T): Promise<unknown>;
}

const load = createRequire(import.meta.url);

let isPatched = false;

export function patchKafkajs(): void {
  if (isPatched) return;
  isPatched = true;
  registerCodecs();
  readFetchAnswers();
  sendWrittenBatches();
  quietIdleConnections();
  keepProduceResults();
  keepLeaderless();
  beginAtOnce();
}

function eachResponse<T>(api: string, newest: number, patch: (response: Response<T>) => void): void {
  for (let version = 0; version <= newest; version += 1)
    patch(load(`kafkajs/src/protocol/requests/${api}/v${version}/response`) as Response<T>);
}

/**
 * An endless timer (https://github.com/tulios/kafkajs/issues/1751): each connection looks for pending requests 100 times a
 * second for ever, 30 ms of CPU a second per idle producer (kafkajs.md 9.1).
 */
function quietIdleConnections(): void {
  const { prototype } = load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
    // Each request that is enqueued, throttled or not, schedules its own look.
    if (this.pending.length > 0) original.call(this);
  };
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs throws the first error of an answer to a produce request and drops the rest (kafkajs.md 7.4), sends everything
 * again, and what was written is written again. `sender.ts` judges the answer.
 */
function keepProduceResults(): void {
  eachResponse<unknown>('produce', 7, (response) => {
    response.parse = async (data) => data;
  });
}

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly partitionMetadata: readonly PartitionMetadata[];
  }[];
}

/**
 * kafkajs takes one partition without a leader for a failure of the whole question, so that no partition of any topic asked
 * about can be read or written; here they stand in the metadata like the others (kafkajs.md 8.1).
 */
function keepLeaderless(): void {
  eachResponse<Metadata>('metadata', 6, (response) => {
    const { parse } = response;
    response.parse = async (data) => {
      await parse(withLeadersOnly(data));
      return data;
    };
  });
}

/** Any other error stays one. */
const withLeadersOnly = (data: Metadata): Metadata => ({
  ...data,
  topicMetadata: data.topicMetadata.map((topic) => ({
    ...topic,
    partitionMetadata: topic.partitionMetadata.filter((one) => one.partitionErrorCode !== LEADER_NOT_AVAILABLE),
  })),
});

interface ConsumerGroup {
  maxWaitTime: number;
  /** Of the last heartbeat, epoch ms. */
  lastRequest: number;
  heartbeat(options: { readonly interval: number }): Promise<void>;
  joinAndSync(): Promise<void>;
  fetch(nodeId: number): Promise<unknown>;
}

/** From one fetch to the next, up to the wait that was asked for: after 0.1 s a fetch waits 20 ms, after 1 s 60 ms. */
const WAIT_STEP_MS = 2;

/**
 * After a join kafkajs sends the first heartbeat, which names the generation, only when an interval is over, and a fetch under way
 * goes on waiting when a partition is resumed (kafkajs.md 3.10). Here the heartbeat follows the join, and first fetches wait less.
 */
function beginAtOnce(): void {
  const { prototype } = load('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup };
  const { joinAndSync, fetch } = prototype;
  const longest = new WeakMap<ConsumerGroup, number>();
  prototype.joinAndSync = async function joinAndBegin(this: ConsumerGroup): Promise<void> {
    await joinAndSync.call(this);
    longest.set(this, longest.get(this) ?? this.maxWaitTime);
    this.maxWaitTime = 0;
    // Where it fails, the next one is due at once; kafkajs acts on that.
    void this.heartbeat({ interval: 0 }).catch(() => (this.lastRequest = 0));
  };
  prototype.fetch = function fetchSooner(this: ConsumerGroup, nodeId: number): Promise<unknown> {
    this.maxWaitTime = Math.min(this.maxWaitTime + WAIT_STEP_MS, longest.get(this) ?? this.maxWaitTime);
    return fetch.call(this, nodeId);
  };
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';

/** Leaves partitions without a leader out of questions about offsets (kafkajs.md 8.2), in each client that `kafka` makes. */
export function leaveOutLeaderless(kafka: Kafka): void {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  if (name === undefined) throw new Error('kafkajs makes its clusters in another way than version 2.2.4');
  const create = Reflect.get(kafka, name) as (options: object) => Cluster;
  Reflect.set(kafka, name, (options: object) => opened(create(options)));
}

function opened(cluster: Cluster): Cluster {
  const fetchTopicsOffset = cluster.fetchTopicsOffset.bind(cluster);
  cluster.fetchTopicsOffset = (topics) => offsetsOf(topics, cluster, fetchTopicsOffset);
  return cluster;
}

type Ask = Cluster['fetchTopicsOffset'];

/** The offset of a partition without a leader is none. Every topic stands in the answer: kafkajs depends on it. */
async function offsetsOf(topics: Parameters<Ask>[0], cluster: Cluster, ask: Ask): ReturnType<Ask> {
  const leaderless = new Map(topics.map(({ topic }) => [topic, numbersOf(leaderlessOf(cluster, topic))]));
  const isLed = (topic: string, partition: number): boolean => leaderless.get(topic)?.has(partition) !== true;
  const led = topics.map((each) => ({
    ...each,
    partitions: each.partitions.filter(({ partition }) => isLed(each.topic, partition)),
  }));
  const found = await ask(led.filter(({ partitions }) => partitions.length > 0));
  return topics.map(({ topic, partitions }) => ({
    topic,
    partitions: [
      ...(found.find((each) => each.topic === topic)?.partitions ?? []),
      ...partitions
        .filter(({ partition }) => !isLed(topic, partition))
        .map(({ partition }) => ({ partition, offset: NO_OFFSET })),
    ],
  }));
}

/** kafkajs takes it for unknown too, and asks again. */
const NO_OFFSET = '-1';
