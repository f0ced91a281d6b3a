/**
 * Partitions without a leader, as they are where every replica is down. kafkajs 2.2.4 takes one of them for a failure of the
 * whole question, so that no partition of any topic asked about can be read or written; here they stand in the metadata like
 * the others, and are left out of a question about offsets (kafkajs.md 8.1, 8.2).
 */
import { createRequire } from 'node:module';
import type { Cluster, Kafka, PartitionMetadata } from 'kafkajs';
import type { Instant } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';
import type { KafkaHost } from './options.ts';
import { LEADER_NOT_AVAILABLE } from './produce-results.ts';

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly partitionMetadata: readonly PartitionMetadata[];
  }[];
}

interface Response {
  parse(data: Metadata): Promise<Metadata>;
}

type CreateCluster = (options: object) => Cluster;

const load = createRequire(import.meta.url);
const VERSIONS = [0, 1, 2, 3, 4, 5, 6];

let isInstalled = false;

/** Every consumer, producer and admin that is made of it. */
export function tellLeaderless(kafka: Kafka): void {
  install();
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  if (name === undefined) throw new Error('kafkajs makes its clusters in another way than version 2.2.4');
  const create = Reflect.get(kafka, name) as CreateCluster;
  Reflect.set(kafka, name, (options: object) => opened(create(options)));
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';

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
function remedyOf({ isr, replicas }: PartitionMetadata): string {
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

/** For the whole process. */
function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  for (const version of VERSIONS) {
    const response = load(`kafkajs/src/protocol/requests/metadata/v${version}/response`) as Response;
    const { parse } = response;
    response.parse = async (data) => {
      await parse(withLeadersOnly(data));
      return data;
    };
  }
}

/** Any other error stays one. */
const withLeadersOnly = (data: Metadata): Metadata => ({
  ...data,
  topicMetadata: data.topicMetadata.map((topic) => ({
    ...topic,
    partitionMetadata: topic.partitionMetadata.filter((one) => one.partitionErrorCode !== LEADER_NOT_AVAILABLE),
  })),
});

/*
 * Watches for assigned partitions without a leader: names them in the log and as reasons not to be ready, and asks for the
 * metadata again while there are any, so that kafkajs reads them as soon as they have one.
 */

/** A leader that moves is there by then. */
const MOVES_MS = 3_000;

export interface Assigned {
  readonly cluster: Cluster;
  readonly topics: readonly string[];
  readonly partitions: readonly number[];
}

interface Leaderless {
  readonly topic: string;
  readonly partition: PartitionMetadata;
  readonly since: Instant;
}

export class LeaderWatch {
  readonly #host: KafkaHost;
  readonly #assigned: () => Assigned | undefined;
  #leaderless: ReadonlyMap<string, Leaderless> = new Map();
  #isRefreshing = false;

  /** @param assigned undefined while nothing is; what was seen last holds until it is known again. */
  constructor(host: KafkaHost, assigned: () => Assigned | undefined) {
    this.#host = host;
    this.#assigned = assigned;
  }

  /** What is not read, since when and why, each with its remedy. */
  obstacles(): readonly string[] {
    return this.#lasting().map(({ topic, partition, since }) => {
      const place = `partition ${topic}/${partition.partitionId}`;
      const when = isoTime(since);
      return `${place} has no leader (LEADER_NOT_AVAILABLE) since ${when}, nothing of it is read. ${remedyOf(partition)}`;
    });
  }

  /** To be called once a second. */
  look(): void {
    const assigned = this.#assigned();
    if (assigned === undefined) return;
    const found = this.#found(assigned);
    if (found === undefined) return;
    const before = this.#lasting();
    this.#leaderless = new Map(found.map((each) => [nameOf(each), each]));
    for (const { topic, partition, since } of this.#lasting()) {
      const where = { topic, partition: partition.partitionId };
      const fields = { ...where, error: 'LEADER_NOT_AVAILABLE', since: isoTime(since), advice: remedyOf(partition) };
      const cause = `${topic}/${where.partition}`;
      logLasting(this.#host, { level: 'error', cause, fields, message: NO_LEADER });
    }
    for (const each of before) {
      const { partitionId } = each.partition;
      if (this.#leaderless.has(nameOf(each)) || !assigned.partitions.includes(partitionId)) continue;
      this.#host.logger.info({ topic: each.topic, partition: partitionId }, 'the partition has a leader again');
    }
    if (this.#leaderless.size > 0) this.#refresh(assigned.cluster);
  }

  /** undefined: kafkajs has no metadata, as while it disconnects. */
  #found({ cluster, topics, partitions }: Assigned): readonly Leaderless[] | undefined {
    try {
      return topics.flatMap((topic) =>
        leaderlessOf(cluster, topic)
          .filter(({ partitionId }) => partitions.includes(partitionId))
          .map((partition) => ({ topic, partition, since: this.#sinceOf(topic, partition) })),
      );
    } catch {
      return undefined;
    }
  }

  #sinceOf(topic: string, partition: PartitionMetadata): Instant {
    return this.#leaderless.get(nameOf({ topic, partition }))?.since ?? this.#host.clock.now();
  }

  #lasting(): readonly Leaderless[] {
    const now = this.#host.clock.now().monotonic;
    return [...this.#leaderless.values()].filter(({ since }) => now - since.monotonic >= MOVES_MS);
  }

  /** An unanswered question changes nothing. */
  #refresh(cluster: Cluster): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    void cluster
      .refreshMetadata()
      .catch(() => undefined)
      .finally(() => {
        this.#isRefreshing = false;
      });
  }
}

const NO_LEADER = 'a partition has no leader, nothing of it is read until it has one';

const isoTime = ({ wall }: Instant): string => new Date(wall).toISOString();

const nameOf = ({ topic, partition }: Pick<Leaderless, 'topic' | 'partition'>): string =>
  `${topic}/${partition.partitionId}`;
