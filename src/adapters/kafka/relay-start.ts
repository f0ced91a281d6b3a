/**
 * Where a relay begins to read: at what was committed, and before that as far back as its handler wants to remember. The
 * metadata of a commit hold the timestamp of the newest record that was passed on, and the last record, which tells whether
 * the topic is still the one that was read. While a partition has no leader none begins: what lies in it may be older.
 */
import type { Cluster, PartitionOffset } from 'kafkajs';
import { compareHistory, decodeRelayCommit, encodeRelayCommit, lookFrom } from '../../core/log/commit-metadata.ts';
import type { Committed } from '../../ports.ts';
import type { RelayCommit, RelayPartition } from '../../ingest/ports.ts';
import { pause } from '../../time.ts';
import { KafkaAdmin, type PartitionBounds } from './admin.ts';
import { inspectPartition, topicIdsFrom } from './direct-fetch.ts';
import { KafkaFailure } from './errors.ts';
import { NoLeaderError } from './leaders.ts';
import type { KafkaHost, KafkaRelayOptions } from './options.ts';
import { LeaderWatch, TopicWatch, type Assigned } from './watches.ts';

const leaderPauseMs = 1_000;

export interface StartingPoint extends RelayPartition {
  /** Offset after the last record. */
  readonly end: bigint;
}

export class RelayStart {
  readonly #options: KafkaRelayOptions;
  readonly #host: KafkaHost;
  readonly #admin: KafkaAdmin;
  readonly #watch: TopicWatch;
  readonly #leaders: LeaderWatch;
  #cluster: Cluster | undefined;
  #partitions: readonly number[] = [];

  constructor(options: KafkaRelayOptions, host: KafkaHost) {
    this.#options = options;
    this.#host = host;
    this.#leaders = new LeaderWatch(host, () => this.#assigned);
    this.#watch = new TopicWatch(options.topic, host.clock, () => this.#cluster);
    this.#admin = new KafkaAdmin(options, host);
  }

  /**
   * Waits until each partition has a leader. @param isWanted asked meanwhile; false: there are no points.
   * @throws KafkaFailure where what is committed is of another topic.
   */
  async of(
    partitions: readonly number[],
    cluster: Cluster,
    isWanted: () => boolean,
  ): Promise<readonly StartingPoint[]> {
    this.#cluster = cluster;
    this.#partitions = partitions;
    while (partitions.length > 0 && isWanted()) {
      try {
        return await this.#pointsOf(partitions, cluster, isWanted);
      } catch (error) {
        if (!(error instanceof NoLeaderError)) throw error;
      }
      await pause(this.#host.clock, leaderPauseMs);
    }
    return [];
  }

  async #pointsOf(
    partitions: readonly number[],
    cluster: Cluster,
    isWanted: () => boolean,
  ): Promise<readonly StartingPoint[]> {
    const { groupId, topic, lookBackMs } = this.#options;
    const bounds = await this.#admin.boundsOfAll(topic, partitions);
    const committed = await this.#admin.committedIn(groupId, topic);
    const [topicId = null] = await topicIdsFrom(cluster, [topic], partitions[0]);
    // By now another assignment may have begun, or none: it must not be watched, and committed, in the name of this one.
    if (!isWanted()) return [];
    this.#watch.begins(topicId);
    for (const each of bounds) await this.#compare(committed.get(each.partition), each, cluster);
    const times = [...committed.values()].flatMap(({ metadata }) => decodeRelayCommit(metadata).newest ?? []);
    const since = times.length === 0 ? null : Math.min(...times) - lookBackMs;
    const backs = since === null ? null : await this.#admin.offsetsSince(topic, since);
    return bounds.map((each) =>
      startingPoint(each, committed.get(each.partition)?.offset ?? null, backs?.get(each.partition) ?? null),
    );
  }

  /** As kafkajs takes it, with what the next start has to know. */
  commitOf({ partition, offset, last, timestamp }: RelayCommit): PartitionOffset & { readonly metadata: string } {
    const mark = { topicId: this.#watch.topicId, last, retryTopicId: null, retryEpoch: null };
    const metadata = encodeRelayCommit({ newest: timestamp, mark });
    return { partition, offset: offset.toString(), metadata };
  }

  /** To be called once a second. */
  look(): void {
    this.#watch.look();
    this.#leaders.look();
  }

  /** The reason to begin again, null where there is none. */
  fault(): string | null {
    return this.#watch.fault();
  }

  /** What is not read, each with its remedy. */
  obstacles(): readonly string[] {
    return this.#leaders.obstacles();
  }

  /** Another instance has the topic: what of it has no leader is not for this one to name. */
  standBy(): void {
    this.#partitions = [];
    this.#watch.ends();
    this.#host.logger.info({ topic: this.#options.topic }, 'another instance has the topic, this one stands by');
  }

  /** The consumer that it was asked for is gone. */
  end(): void {
    this.#cluster = undefined;
    this.#watch.ends();
  }

  close(): Promise<void> {
    return this.#admin.close();
  }

  get #assigned(): Assigned | undefined {
    if (this.#cluster === undefined) return undefined;
    return { cluster: this.#cluster, topics: [this.#options.topic], partitions: this.#partitions };
  }

  async #compare(committed: Committed | undefined, bounds: PartitionBounds, cluster: Cluster): Promise<void> {
    if (committed === undefined || committed.offset === null) return;
    const { mark } = decodeRelayCommit(committed.metadata);
    const { partition } = bounds;
    const { topic, groupId, brokers } = this.#options;
    const from = lookFrom(mark, bounds);
    const seen = await inspectPartition(cluster, { topic, retryTopic: null, partition }, from);
    const { historyProblem } = compareHistory(mark, { ...bounds, ...seen });
    if (historyProblem === null) return;
    throw new KafkaFailure({
      code: 'other_history',
      message: `partition ${partition} of ${topic} is not what it was: ${historyProblem}`,
      advice: `Stop all instances, run \`kafka-consumer-groups.sh --bootstrap-server ${brokers.join(',')} --group ${groupId} --topic ${topic} --reset-offsets --to-earliest --execute\` and start again.`,
    });
  }
}

/** @param committed null: none. @param back null: none. What retention has taken cannot be looked back to. */
function startingPoint(
  { partition, start, end }: PartitionBounds,
  committedOffset: bigint | null,
  back: bigint | null,
): StartingPoint {
  const committed = committedOffset ?? start;
  const from = back === null || back > committed ? committed : back < start ? start : back;
  return { partition, committed, from: from > committed ? committed : from, end };
}
