/** Reads a topic without a consumer group. */
import type { Cluster } from 'kafkajs';
import type { ReadOptions, TopicRecord } from '../../ports.ts';
import { pause, unlessAborted, within } from '../time-limit.ts';
import { clusterClient, type ClusterClient } from './cluster-client.ts';
import type { Connection } from './connection.ts';
import { openConnection } from './connection.ts';
import type { FetchPosition, FetchedPartition } from './direct-fetch.ts';
import { endOfHole, fetchDirectly } from './direct-fetch.ts';
import { explainKafkaError } from './errors.ts';
import { KafkaFailure } from './failure.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { toLogRecord } from './record.ts';

const followWaitMs = 250;
const bytesPerPartition = 262_144;
const closeLimitMs = 2_000;
/** A leader that moves is found again within seconds. */
const failuresMax = 20;
const failurePauseMs = 500;

interface Cursor {
  readonly partition: number;
  offset: bigint;
  /** Nothing is read from here on; null: followed. */
  readonly end: bigint | null;
}

export class TopicReader {
  readonly #topic: string;
  readonly #host: KafkaHost;
  readonly #connection: Connection;
  readonly #client: ClusterClient;

  constructor(topic: string, connection: KafkaConnectionOptions, host: KafkaHost) {
    this.#topic = topic;
    this.#host = host;
    this.#connection = openConnection(connection, host);
    this.#client = clusterClient(this.#connection.kafka);
  }

  /** @throws where the topic does not exist, a batch cannot be read, or its leaders cannot be reached for ten seconds. */
  async *read({ from, follow, signal, unreadable }: ReadOptions): AsyncGenerator<TopicRecord> {
    try {
      const cursors = await unlessAborted(signal, this.#start(from, follow));
      if (cursors === 'aborted') return;
      for (;;) {
        const open = cursors.filter(({ offset, end }) => end === null || offset < end);
        if (open.length === 0 || signal.aborted) return;
        const fetched = await unlessAborted(signal, this.#fetch(open, follow));
        if (fetched === 'aborted') return;
        for (const part of fetched) yield* this.#advance(open, part, { signal, unreadable });
      }
    } finally {
      await this.#close();
    }
  }

  async #start(from: ReadOptions['from'], follow: boolean): Promise<readonly Cursor[]> {
    const { cluster } = this.#client;
    await this.#client.connect();
    await cluster.addTargetTopic(this.#topic);
    const partitions = cluster
      .findTopicPartitionMetadata(this.#topic)
      .map(({ partitionId }) => ({ partition: partitionId }));
    const ends = await this.#offsets(partitions, { fromBeginning: false });
    const starts = from === 'end' ? ends : await this.#offsets(partitions, { fromBeginning: true });
    return partitions.map(({ partition }) => ({
      partition,
      offset: starts.get(partition) ?? 0n,
      end: follow ? null : (ends.get(partition) ?? 0n),
    }));
  }

  /** What can be read ends where the oldest open transaction begins. */
  async #offsets(
    partitions: { partition: number }[],
    where: { fromBeginning: boolean },
  ): Promise<ReadonlyMap<number, bigint>> {
    const [found] = await this.#patiently((cluster) =>
      cluster.fetchTopicsOffset([{ topic: this.#topic, partitions, ...where }]),
    );
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  #fetch(positions: readonly FetchPosition[], follow: boolean): Promise<readonly FetchedPartition[]> {
    const waitMs = follow ? followWaitMs : 0;
    return this.#patiently(async (cluster) => {
      const parts = await fetchDirectly({ cluster, topic: this.#topic, positions, waitMs, bytesPerPartition });
      return Promise.all(parts.map((part) => this.#overHole(part)));
    });
  }

  /** Tries again while leaders move. */
  async #patiently<T>(task: (cluster: Cluster) => Promise<T>): Promise<T> {
    const cluster = this.#client.cluster;
    for (let failures = 0; ; failures += 1) {
      try {
        return await task(cluster);
      } catch (error) {
        if (failures === failuresMax || !explainKafkaError(error).retriable) throw error;
      }
      await pause(this.#host.clock, failurePauseMs);
      await cluster.refreshMetadata().catch(() => undefined);
    }
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

  async #close(): Promise<void> {
    await within(
      this.#host.clock,
      closeLimitMs,
      this.#client.disconnect().catch(() => undefined),
    );
    this.#connection.destroy();
  }
}

/** What reads this would take what it does not see for what is not there. */
const unreadableBatch = (where: string, message: string): KafkaFailure =>
  new KafkaFailure({
    code: 'unreadable_batch',
    message: `${where}: ${message}`,
    advice:
      'Find out what wrote it. Until retention or `kafka-delete-records.sh --bootstrap-server $KAFKA_BROKERS --offset-json-file …` removes it, the topic cannot be read.',
  });
