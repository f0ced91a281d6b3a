/** One topic: its partitions, its settings, who wants to know when something was appended; and how all of it is read. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { stampOf, type Ahead } from '../../core/log/commit-metadata.ts';
import { offsetIn, partitionOfKey, type ReadProgress } from '../../core/log/reading.ts';
import type {
  OutRecord,
  ReadOptions,
  SendOutcome,
  TopicDescription,
  TopicRecord,
  TopicSpecification,
} from '../../ports.ts';
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

/* Reads every partition of a topic outside any consumer group, in chunks, so that other work has its turns between them. */

const chunkRecordsMax = 500;

/** The ends are those of the call, not of the first record that is asked for. */
export function readTopic(
  topic: MemoryTopic,
  { from, until, follow, signal, partitions, onProgress = () => undefined }: ReadOptions,
): AsyncIterable<TopicRecord> {
  const all = Array.from({ length: topic.description.partitionCount }, (_, partition) => partition);
  const cursors = all
    .filter((partition) => partitions?.includes(partition) ?? true)
    .map((partition): Cursor => {
      const log = topic.partition(partition);
      const start = startIn(log, from, partition);
      return { partition, start, position: start, until: follow ? null : endIn(log, start, until) };
    });
  return readFrom(topic, cursors, { signal, onProgress });
}

function startIn(log: PartitionLog, from: ReadOptions['from'], partition: number): bigint {
  if (from === 'end') return log.end;
  if (typeof from === 'object' && 'since' in from) return log.firstSince(from.since);
  const offset = offsetIn(from, partition) ?? log.start;
  return offset > log.start ? offset : log.start;
}

function endIn(log: PartitionLog, start: bigint, until: number | undefined): bigint {
  const end = until === undefined ? log.end : log.firstSince(until);
  return end > start ? end : start;
}

interface Cursor {
  readonly partition: number;
  readonly start: bigint;
  position: bigint;
  readonly until: bigint | null;
}

async function* readFrom(
  topic: MemoryTopic,
  cursors: readonly Cursor[],
  { signal, onProgress }: Required<Pick<ReadOptions, 'signal' | 'onProgress'>>,
): AsyncGenerator<TopicRecord> {
  const follows = cursors.some(({ until }) => until === null);
  while (!signal.aborted) {
    const change = follows ? nextAppend(topic, signal) : null;
    try {
      onProgress(progressOf(cursors));
      const chunk = cursors.flatMap((cursor) => nextChunk(topic, cursor));
      yield* untilAborted(chunk, signal);
      if (chunk.length > 0) await nextTurn();
      else if (change === null) return;
      else await change.come;
    } finally {
      change?.stopListening();
    }
  }
}

function progressOf(cursors: readonly Cursor[]): ReadProgress {
  let [passed, total] = [0, 0];
  for (const { start, position, until } of cursors) {
    if (until === null) continue;
    total += Number(until - start);
    passed += Number((position < until ? position : until) - start);
  }
  return { passed, total };
}

function nextChunk(topic: MemoryTopic, cursor: Cursor): readonly TopicRecord[] {
  const { partition, position, until } = cursor;
  const { records, nextOffset } = topic.partition(partition).read(position, chunkRecordsMax);
  cursor.position = nextOffset;
  return records.filter(({ offset }) => until === null || offset < until).map((record) => ({ ...record, partition }));
}

function* untilAborted(chunk: readonly TopicRecord[], signal: AbortSignal): Generator<TopicRecord> {
  for (const record of chunk) {
    if (signal.aborted) return;
    yield record;
  }
}

interface NextAppend {
  /** Resolves at the next change, or when the signal aborts. */
  readonly come: Promise<void>;
  /** Nothing of it stays with the topic or the signal: a long read has many of them. */
  stopListening(): void;
}

function nextAppend(topic: MemoryTopic, signal: AbortSignal): NextAppend {
  let done: () => void = () => undefined;
  const come = new Promise<void>((resolve) => (done = resolve));
  const stopListeningToTopic = topic.onAppend(done);
  signal.addEventListener('abort', done);
  const stopListening = (): void => {
    stopListeningToTopic();
    signal.removeEventListener('abort', done);
  };
  return { come, stopListening };
}
