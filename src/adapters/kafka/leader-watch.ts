/**
 * Watches for assigned partitions without a leader: names them in the log and as reasons not to be ready, and asks for the
 * metadata again while there are any, so that kafkajs reads them as soon as they have one.
 */
import type { Cluster, PartitionMetadata } from 'kafkajs';
import type { Instant } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';
import { leaderlessOf, remedyOf } from './leaderless.ts';
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
      this.#host.log.info({ topic: each.topic, partition: partitionId }, 'the partition has a leader again');
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
