/** A topic that is read on again and again, each time to the ends that it has by then. */
import type { Unreadable } from '../core/drift/differences.ts';
import { partitionOfKey, type ReadProgress } from '../core/log/reading.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { Bounds, LogTools, ReadOptions, TopicRecord } from '../ports.ts';
import { endIfStopped, readProgress, showProgress, unlessStopped, type CommandContext } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import type { UnreadableRecords } from './unreadable-records.ts';

export interface ReadingSources {
  readonly tools: LogTools;
  /** Of partitions of a topic. */
  readonly bounds: (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, Bounds>>;
  /** A reading ends with an error where `stop` aborts. */
  readonly context: Pick<CommandContext, 'stderr' | 'clock' | 'stop'>;
}

/** A topic cannot be read on from where its last reading ended. */
export class TopicMovedError extends ExitError {}

interface Reading {
  readonly partitions: readonly number[];
  readonly onEnds: () => void;
}

export class TopicReading {
  readonly topic: string;
  readonly #kind: Unreadable['topic'];
  readonly #sources: ReadingSources;
  readonly #unreadable: Pick<UnreadableRecords, 'noteBatch'>;
  #since: number | null = null;
  #partitionCount: number | null = null;
  #partitions: readonly number[] = [];
  /** By partition, where the first reading begins; absent: at the beginning. */
  readonly #firstOffsets = new Map<number, bigint>();
  /** By partition, what is read next, once something was read. */
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
    this.#firstOffsets.set(partition, offset);
  }

  /** The next reading begins where the first one did. */
  rewind(): void {
    this.#offsets.clear();
  }

  /**
   * From where the last reading ended to the ends that there are now. @param onEnds called before the first record that is read up to some
   * ends, once these are known: what is read was written before
   * @throws TopicMovedError where that place is gone. @throws ExitError where it was asked to stop.
   */
  async *read(onEnds: () => void = () => undefined): AsyncGenerator<TopicRecord> {
    await this.#checkPlaces();
    const since = this.#since;
    const offsets = new Map([...this.#firstOffsets, ...this.#offsets]);
    if (since === null) return yield* this.#readFrom({ offsets }, { partitions: this.#partitions, onEnds });
    // Which have shown nothing since that time have no offset yet.
    const [begun, others] = [true, false].map((isBegun) =>
      this.#partitions.filter((partition) => offsets.has(partition) === isBegun),
    );
    if (begun !== undefined && begun.length > 0) yield* this.#readFrom({ offsets }, { partitions: begun, onEnds });
    if (others !== undefined && others.length > 0) yield* this.#readFrom({ since }, { partitions: others, onEnds });
  }

  async *#readFrom(from: ReadOptions['from'], { partitions, onEnds }: Reading): AsyncGenerator<TopicRecord> {
    const { topic } = this;
    const { tools, context } = this.#sources;
    let read: ReadProgress | null = null;
    const onProgress = (progress: ReadProgress): void => {
      if (read === null) onEnds();
      read = progress;
    };
    const end = showProgress(context.stderr, context.clock, () => readProgress(read ?? { passed: 0, total: 0 }, topic));
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

  async #checkPlaces(): Promise<void> {
    if (this.#offsets.size === 0) return;
    const { bounds, context } = this.#sources;
    const found = await unlessStopped(context, bounds(this.topic, [...this.#offsets.keys()]));
    for (const [partition, offset] of this.#offsets) {
      const { start, end } = found.get(partition) ?? { start: 0n, end: 0n };
      if (offset >= start && offset <= end) continue;
      const holds = `${this.topic}/${partition} was read up to offset ${offset}, and now holds ${start} to ${end}`;
      const why = 'it was recreated or truncated, or retention has taken what was not read yet';
      throw new TopicMovedError(
        EXIT.unavailable,
        `${holds}: ${why}; what was read of it no longer counts, begin again`,
      );
    }
  }

  #noteUnreadable({ partition, offset }: TopicRecord, why: string): void {
    this.#unreadable.noteBatch({ topic: this.#kind, partition, offset, message: `${this.topic}: ${why}` });
  }
}
