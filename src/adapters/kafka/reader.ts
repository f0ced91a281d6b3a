/** Reads a topic without a consumer group. */
import type { Cluster } from 'kafkajs';
import { offsetIn, type ReadProgress } from '../../core/log/reading.ts';
import type { ReadOptions, TopicRecord } from '../../ports.ts';
import { pause, unlessAborted } from '../../time.ts';
import { clusterClient, type ClusterClient } from './clients.ts';
import { openConnection, type Connection } from './connection.ts';
import { endOfHole, fetchDirectly, type FetchPosition, type FetchedPartition } from './direct-fetch.ts';
import { KafkaFailure, explainKafkaError } from './errors.ts';
import { leaderlessOf, leadersOf, numbersOf } from './leaders.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { patiently } from './patiently.ts';
import { toLogRecord } from './record.ts';

const followWaitMs = 250;
const bytesPerPartition = 262_144;
const closeLimitMs = 2_000;
/** A leader that moves is found again within seconds. */
const leaderLimitMs = 30_000;
const leaderLookMs = 1_000;

interface Cursor {
  readonly partition: number;
  readonly start: bigint;
  offset: bigint;
  /** Nothing is read from here on; null: followed. */
  readonly end: bigint | null;
}

export class TopicReader {
  readonly #topic: string;
  readonly #host: KafkaHost;
  readonly #connection: Connection;
  readonly #client: ClusterClient;
  /** When it was last asked for leaders that were missing, monotonic ms. */
  #lookedAt = -Infinity;

  constructor(topic: string, connection: KafkaConnectionOptions, host: KafkaHost) {
    this.#topic = topic;
    this.#host = host;
    this.#connection = openConnection(connection, host);
    this.#client = clusterClient(this.#connection.kafka);
  }

  /** @throws where the topic does not exist, a batch cannot be read, or its leaders cannot be reached for thirty seconds. */
  async *read(options: ReadOptions): AsyncGenerator<TopicRecord> {
    const { follow, signal, unreadable } = options;
    try {
      const cursors = await unlessAborted(signal, this.#start(options));
      if (cursors === 'aborted') return;
      for (;;) {
        options.onProgress?.(progressOf(cursors));
        const unread = cursors.filter(({ offset, end }) => end === null || offset < end);
        const open = options.leaderless === 'leave_out' ? this.#led(unread) : unread;
        if (open.length === 0 || signal.aborted) return;
        const fetched = await unlessAborted(signal, this.#fetch(open, follow));
        if (fetched === 'aborted') return;
        for (const part of fetched) yield* this.#advance(open, part, { signal, unreadable });
      }
    } finally {
      await this.#connection.close(this.#client, closeLimitMs);
    }
  }

  async #start({ from, until, follow, partitions: wanted, leaderless }: ReadOptions): Promise<readonly Cursor[]> {
    const { cluster } = this.#client;
    await this.#client.connect();
    await cluster.addTargetTopic(this.#topic);
    const all = cluster
      .findTopicPartitionMetadata(this.#topic)
      .map(({ partitionId }) => ({ partition: partitionId }))
      .filter(({ partition }) => wanted?.includes(partition) ?? true);
    const partitions = leaderless === 'leave_out' ? this.#led(all) : all;
    const ends = await this.#offsets(partitions, { fromBeginning: false });
    const starts = from === 'end' ? ends : await this.#offsets(partitions, startOf(from));
    const untils = until === undefined ? ends : await this.#offsets(partitions, { fromTimestamp: Math.max(until, 0) });
    return partitions.map(({ partition }) => {
      const end = ends.get(partition) ?? 0n;
      const first = foundOr(starts.get(partition) ?? 0n, end);
      const offset = laterOf(first, offsetIn(from, partition) ?? first);
      return { partition, start: offset, offset, end: follow ? null : foundOr(untils.get(partition) ?? end, end) };
    });
  }

  /** What can be read ends where the oldest open transaction begins. */
  async #offsets(partitions: readonly { partition: number }[], where: Where): Promise<ReadonlyMap<number, bigint>> {
    if (partitions.length === 0) return new Map();
    const numbers = partitions.map(({ partition }) => partition);
    const [found] = await this.#patiently(async (cluster) => {
      leadersOf(cluster, this.#topic, numbers);
      return cluster.fetchTopicsOffset([{ topic: this.#topic, partitions: [...partitions], ...where }]);
    });
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  #fetch(wanted: readonly FetchPosition[], follow: boolean): Promise<readonly FetchedPartition[]> {
    const waitMs = follow ? followWaitMs : 0;
    return this.#patiently(async (cluster) => {
      const positions = follow ? this.#led(wanted) : wanted;
      if (positions.length < wanted.length) await this.#lookForLeaders(cluster);
      if (positions.length === 0) await pause(this.#host.clock, followWaitMs);
      const parts = await fetchDirectly({ cluster, topic: this.#topic, positions, waitMs, bytesPerPartition });
      return Promise.all(parts.map((part) => this.#overHole(part)));
    });
  }

  #led<T extends { readonly partition: number }>(places: readonly T[]): readonly T[] {
    const leaderless = numbersOf(leaderlessOf(this.#client.cluster, this.#topic));
    return places.filter(({ partition }) => !leaderless.has(partition));
  }

  async #lookForLeaders(cluster: Cluster): Promise<void> {
    const now = this.#host.clock.now().monotonic;
    if (now - this.#lookedAt < leaderLookMs) return;
    this.#lookedAt = now;
    await cluster.refreshMetadata();
  }

  /** Tries again while leaders move. */
  #patiently<T>(task: (cluster: Cluster) => Promise<T>): Promise<T> {
    const cluster = this.#client.cluster;
    return patiently(() => task(cluster), {
      clock: this.#host.clock,
      limitMs: leaderLimitMs,
      mayPass: (error) => explainKafkaError(error).retriable,
      prepare: () => cluster.refreshMetadata().catch(() => undefined),
    });
  }

  /** Where nothing came although there is more to read: a hole, or the answer was full with other partitions. */
  async #overHole(part: FetchedPartition): Promise<FetchedPartition> {
    const { partition, batch, nextOffset: offset, lastStableOffset } = part;
    if (!batch.isEmpty() || offset >= lastStableOffset) return part;
    return { ...part, nextOffset: await endOfHole(this.#client.cluster, this.#topic, { partition, offset }) };
  }

  *#advance(
    cursors: readonly Cursor[],
    fetched: FetchedPartition,
    { signal, unreadable }: { readonly signal: AbortSignal; readonly unreadable: 'tell' | undefined },
  ): Generator<TopicRecord> {
    const cursor = cursors.find(({ partition }) => partition === fetched.partition);
    if (cursor === undefined) return;
    for (const message of fetched.batch.messages) {
      if (signal.aborted) return;
      const record = toLogRecord(message);
      if (record.unreadable !== undefined && unreadable !== 'tell')
        throw unreadableBatch(`${this.#topic}/${cursor.partition}`, record.unreadable.message);
      if (cursor.end === null || record.offset < cursor.end) yield { ...record, partition: cursor.partition };
    }
    cursor.offset = fetched.nextOffset;
  }
}

type Where = { readonly fromBeginning: boolean } | { readonly fromTimestamp: number };

const startOf = (from: Exclude<ReadOptions['from'], 'end'>): Where =>
  typeof from === 'object' && 'since' in from ? { fromTimestamp: Math.max(from.since, 0) } : { fromBeginning: true };

/** Where nothing is that young kafkajs passes the broker's -1 on. */
const foundOr = (offset: bigint, end: bigint): bigint => (offset < 0n ? end : offset);

const laterOf = (a: bigint, b: bigint): bigint => (a > b ? a : b);

function progressOf(cursors: readonly Cursor[]): ReadProgress {
  let [passed, total] = [0n, 0n];
  for (const { start, offset, end } of cursors) {
    if (end === null || end < start) continue;
    total += end - start;
    passed += (offset < end ? offset : end) - start;
  }
  return { passed: Number(passed), total: Number(total) };
}

/** What reads this would take what it does not see for what is not there. */
const unreadableBatch = (where: string, message: string): KafkaFailure =>
  new KafkaFailure({
    code: 'unreadable_batch',
    message: `${where}: ${message}`,
    advice:
      'Find out what wrote it. Until retention or `kafka-delete-records.sh --bootstrap-server $KAFKA_BROKERS --offset-json-file …` removes it, the topic cannot be read.',
  });
