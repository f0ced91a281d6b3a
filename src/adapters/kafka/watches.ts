/**
 * What is watched beside a consumer, since kafkajs reports neither: assigned partitions without a leader, and a topic that
 * was deleted and recreated.
 */
import type { Cluster, PartitionMetadata } from 'kafkajs';
import type { Clock, Instant } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';
import { topicIdsFrom } from './direct-fetch.ts';
import { isLeaderless, leaderlessOf, remedyOf } from './leaders.ts';
import type { KafkaHost } from './options.ts';

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

/**
 * Names assigned partitions without a leader in the log and as reasons not to be ready, and asks for the metadata again
 * while there are any, so that kafkajs reads them as soon as they have one.
 */
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

const lookIntervalMs = 5_000;

/**
 * Notices that a topic was deleted and recreated under a consumer: kafkajs goes on in the new topic at the offset that it had
 * reached in the old one (kafkajs.md 2.11).
 */
export class TopicWatch {
  readonly #topic: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #cluster: () => Cluster | undefined;
  #readId: string | null = null;
  #presentId: string | null = null;
  #lookedAt: number;
  #isLooking = false;

  /** @param cluster undefined while nothing is assigned. */
  constructor(topic: string, clock: Pick<Clock, 'now'>, cluster: () => Cluster | undefined) {
    this.#topic = topic;
    this.#clock = clock;
    this.#cluster = cluster;
    this.#lookedAt = clock.now().monotonic;
  }

  /** Reading begins in the topic of this id; null: not known, so that nothing is noticed. */
  begins(id: string | null): void {
    this.#readId = this.#presentId = id;
  }

  /** Nothing is read until it begins again. */
  ends(): void {
    this.begins(null);
  }

  /** The present topic is the one that is read from now on. */
  follow(): void {
    this.#readId = this.#presentId;
  }

  /** Of the topic that is read; null: not known. */
  get topicId(): string | null {
    return this.#readId;
  }

  /** The reason to join again, null where there is none. */
  fault(): string | null {
    return this.#readId === null || this.#presentId === null || this.#presentId === this.#readId
      ? null
      : `the topic ${this.#topic} was deleted and recreated`;
  }

  /** Asks from time to time. An unanswered question is no fault. */
  look(): void {
    const cluster = this.#cluster();
    const now = this.#clock.now().monotonic;
    if (cluster === undefined || this.#isLooking || now - this.#lookedAt < lookIntervalMs) return;
    this.#lookedAt = now;
    this.#isLooking = true;
    const readId = this.#readId;
    void this.#idIn(cluster)
      .then((id) => {
        if (readId === this.#readId) this.#presentId = id;
      })
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** Any leader of the topic knows it; the first partition may have none. */
  async #idIn(cluster: Cluster): Promise<string | null> {
    const led = cluster.findTopicPartitionMetadata(this.#topic).find((partition) => !isLeaderless(partition));
    const [id = null] = await topicIdsFrom(cluster, [this.#topic], led?.partitionId);
    return id;
  }
}
