/** One topic: its partitions, its settings, and who wants to know when something was appended. */
import { gzipSync } from 'node:zlib';
import type { OutRecord, SendOutcome, TopicDescription, TopicSpecification } from '../../ports.ts';
import { partitionOfKey } from '../../core/log/key-hashing.ts';
import { type Ahead, stampOf } from '../../core/log/commit-metadata.ts';
import { PartitionLog } from './partition-log.ts';

/** Apache Kafka's defaults of the settings that are asked for here (kafka.apache.org/documentation/#topicconfigs). */
const defaultSettings = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'delete.retention.ms': '86400000',
  'max.message.bytes': '1048588',
  'min.compaction.lag.ms': '0',
  'min.insync.replicas': '1',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
} as const;

/** What a batch of one record takes besides its bytes, at most (DefaultRecordBatch, DefaultRecord of Kafka). */
const batchOverheadBytes = 61 + 21;
const headerOverheadBytes = 10;

export class MemoryTopic {
  readonly name: string;
  /** Of this topic alone: one that is created again under the same name has another. */
  readonly id: string;
  readonly description: TopicDescription;
  readonly #settings: Map<string, string>;
  readonly #partitions: readonly PartitionLog[];
  readonly #listeners: Set<() => void>;
  readonly #sick = new Set<number>();
  #unkeyedCount = 0;

  constructor(
    { topic, partitionCount, replicationFactor, settings }: TopicSpecification,
    { id, listeners }: { readonly id: string; readonly listeners: Set<() => void> },
  ) {
    this.name = topic;
    this.id = id;
    this.#listeners = listeners;
    this.#partitions = Array.from({ length: partitionCount }, () => new PartitionLog());
    this.#settings = new Map(Object.entries({ ...defaultSettings, ...settings }));
    this.description = { partitionCount, replicationFactor, settings: this.#settings };
  }

  /** As an operator alters a topic that is in use. */
  alter(name: keyof typeof defaultSettings, value: string): void {
    this.#settings.set(name, value);
  }

  partition(partition: number): PartitionLog {
    const found = this.#partitions[partition];
    if (found === undefined) throw new Error(`UNKNOWN_TOPIC_OR_PARTITION: ${this.name}/${partition}`);
    return found;
  }

  /** A setting that is a number. */
  setting(name: 'delete.retention.ms' | 'max.message.bytes' | 'min.compaction.lag.ms'): number {
    return Number(this.description.settings.get(name));
  }

  /** @throws before anything is written, where the broker would refuse the whole request. */
  check(record: OutRecord): void {
    if (record.partition !== null) this.partition(record.partition);
  }

  append(record: OutRecord, timestamp: number): SendOutcome {
    const key = bytesOf(record.key);
    const value = bytesOf(record.value);
    const { headers } = record;
    const partition = record.partition ?? this.#choosePartition(key);
    if (this.#sick.has(partition))
      return { kind: 'failed', error: new Error(`NOT_ENOUGH_REPLICAS: ${this.name}/${partition}`) };
    if (this.#isTooLarge([key, value, ...headers.flat()], record)) return 'too_large';
    if (key === null && this.#isCompacted)
      return { kind: 'refused', error: new Error(`INVALID_RECORD: ${this.name} is compacted, its records need keys`) };
    this.partition(partition).append({ key, value, headers, timestamp });
    this.notify();
    return 'written';
  }

  /** By partition. */
  ahead(from: ReadonlyMap<number, bigint>): ReadonlyMap<number, Ahead> {
    const aheadIn = (log: PartitionLog, position: bigint | undefined): Ahead => {
      const [first] = position === undefined ? [] : log.read(position, 1).records;
      return { end: log.end, first: first === undefined ? null : stampOf(first) };
    };
    return new Map(this.#partitions.map((log, partition) => [partition, aheadIn(log, from.get(partition))]));
  }

  partitionOf(key: Uint8Array | string): number {
    return partitionOfKey(Buffer.from(key), this.description.partitionCount);
  }

  /** Nothing is written to the partition until `heal`. */
  sicken(partition: number): void {
    this.#sick.add(partition);
  }

  heal(partition: number): void {
    this.#sick.delete(partition);
  }

  get #isCompacted(): boolean {
    return this.description.settings.get('cleanup.policy')?.includes('compact') === true;
  }

  /** Calls `listener` after each change of the ends, of a recreated topic too; the returned function ends that. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #choosePartition(key: Uint8Array | null): number {
    return key === null ? this.#unkeyedCount++ % this.description.partitionCount : this.partitionOf(key);
  }

  /** The limit is on the compressed batch; compressing is worth its time only where the plain bytes do not fit. */
  #isTooLarge(parts: readonly (Uint8Array | string | null)[], { headers, gzip }: OutRecord): boolean {
    const room = this.setting('max.message.bytes') - batchOverheadBytes - headers.length * headerOverheadBytes;
    const present = parts.filter((part) => part !== null);
    if (present.reduce((sum, part) => sum + Buffer.byteLength(part), 0) <= room) return false;
    return gzip === undefined || gzipSync(Buffer.concat(present.map((part) => Buffer.from(part)))).length > room;
  }
}

function bytesOf(content: Uint8Array | string | null): Uint8Array | null {
  return typeof content === 'string' ? Buffer.from(content) : content;
}
