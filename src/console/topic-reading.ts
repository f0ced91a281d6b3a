/** A topic that is read on again and again, each time to the ends that it has by then. */
import type { Unreadable } from '../core/drift/differences.ts';
import { partitionOfKey, type ReadProgress } from '../core/log/reading.ts';
import type { LogTools, ReadOptions, TopicRecord } from '../ports.ts';
import { endIfStopped, readProgress, showProgress, type CommandContext } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import type { UnreadableRecords } from './unreadable-records.ts';

export interface ReadingSources {
  readonly tools: LogTools;
  /** A reading ends with an error where `stop` aborts. */
  readonly context: Pick<CommandContext, 'stderr' | 'clock' | 'stop'>;
}

export class TopicReading {
  readonly topic: string;
  readonly #kind: Unreadable['topic'];
  readonly #sources: ReadingSources;
  readonly #unreadable: Pick<UnreadableRecords, 'noteBatch'>;
  #since: number | null = null;
  #partitionCount: number | null = null;
  #partitions: readonly number[] = [];
  /** By partition, what is read next. */
  readonly #offsets = new Map<number, bigint>();

  constructor(
    kind: Unreadable['topic'],
    topic: string,
    sources: ReadingSources,
    unreadable: Pick<UnreadableRecords, 'noteBatch'>,
  ) {
    this.#kind = kind;
    this.topic = topic;
    this.#sources = sources;
    this.#unreadable = unreadable;
  }

  get isOpen(): boolean {
    return this.#partitionCount !== null;
  }

  get partitionCount(): number {
    return this.#partitionCount ?? 1;
  }

  get all(): readonly number[] {
    return Array.from({ length: this.partitionCount }, (_, partition) => partition);
  }

  /** Those that are read. */
  get partitions(): readonly number[] {
    return this.#partitions;
  }

  /** Where Kafka's own producers put the records of a key. */
  partitionOf(key: string): number {
    return partitionOfKey(Buffer.from(key), this.partitionCount);
  }

  /** All partitions are to be read. @throws ExitError where the topic is missing. */
  async open(): Promise<void> {
    const { partitionCount } = await existingTopic(this.topic, this.#sources);
    this.#partitionCount = partitionCount;
    this.#partitions = this.all;
  }

  select(partitions: readonly number[]): void {
    this.#partitions = partitions;
  }

  /** Nothing older is needed. @param since epoch ms */
  startAtTime(since: number): void {
    this.#since = since;
  }

  /** As above. */
  startAt(partition: number, offset: bigint): void {
    this.#offsets.set(partition, offset);
  }

  /** The next reading begins where the first one did. */
  rewind(): void {
    this.#offsets.clear();
  }

  /** From where the last reading ended to the ends that there are now. @throws ExitError where it was asked to stop. */
  async *read(): AsyncGenerator<TopicRecord> {
    const since = this.#since;
    const offsets = new Map(this.#offsets);
    if (since === null) return yield* this.#readFrom({ offsets }, this.#partitions);
    // Which have shown nothing since that time have no offset yet.
    const [begun, others] = [true, false].map((isBegun) =>
      this.#partitions.filter((partition) => offsets.has(partition) === isBegun),
    );
    if (begun !== undefined && begun.length > 0) yield* this.#readFrom({ offsets }, begun);
    if (others !== undefined && others.length > 0) yield* this.#readFrom({ since }, others);
  }

  async *#readFrom(from: ReadOptions['from'], partitions: readonly number[]): AsyncGenerator<TopicRecord> {
    const { topic } = this;
    const { tools, context } = this.#sources;
    let read: ReadProgress = { passed: 0, total: 0 };
    const onProgress = (progress: ReadProgress): void => void (read = progress);
    const end = showProgress(context.stderr, context.clock, () => readProgress(read, topic));
    const how = { follow: false, signal: context.stop, unreadable: 'tell', onProgress } as const;
    try {
      for await (const record of tools.read(topic, { ...how, from, partitions })) {
        if (record.unreadable === undefined) yield record;
        else this.#noteUnreadable(record, record.unreadable.message);
        // What could not be taken is read again.
        this.#offsets.set(record.partition, record.offset + 1n);
      }
    } finally {
      end();
    }
    endIfStopped(context, `before the end of ${topic}`);
  }

  #noteUnreadable({ partition, offset }: TopicRecord, why: string): void {
    this.#unreadable.noteBatch({ topic: this.#kind, partition, offset, message: `${this.topic}: ${why}` });
  }
}
