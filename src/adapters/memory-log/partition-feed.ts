/**
 * What one instance reads: a position for each assigned partition of both topics. One batch per turn of the event loop,
 * partitions in turn; nothing is queued, so that memory stays bounded and I/O and timers have their share.
 * Paused partitions outlive assignments.
 */
import type { ChangeLogHandler, InputTopic } from '../../ports.ts';
import type { Link } from './memory-broker.ts';
import type { MemoryTopic } from './memory-topic.ts';

export type InputTopics = Readonly<Record<InputTopic, MemoryTopic>>;
export type FeedListener = Pick<ChangeLogHandler, 'records' | 'offsetOutOfRange'> & {
  /** The partition has another leader or is of another topic: as kafkajs does, the member joins again. */
  stale(): void;
};

interface Start {
  readonly topic: InputTopic;
  readonly partition: number;
  readonly position: bigint;
}

interface Cursor extends Start {
  position: bigint;
  readonly history: string;
}

export class PartitionFeed {
  readonly #topics: InputTopics;
  readonly #link: Link;
  readonly #listener: FeedListener;
  readonly #paused = new Set<string>();
  readonly #stopListening: readonly (() => void)[];
  /** The one to be looked at next comes first. */
  #cursors: Cursor[] = [];
  #isOpen = false;
  #isAwake = false;

  constructor(topics: InputTopics, link: Link, listener: FeedListener) {
    this.#topics = topics;
    this.#link = link;
    this.#listener = listener;
    const wake = (): void => this.#wake();
    this.#stopListening = [topics.source.onAppend(wake), topics.retry.onAppend(wake)];
  }

  /** Closed at first, so that positions can be changed before the first batch. */
  assign(starts: readonly Start[]): void {
    this.close();
    this.#cursors = starts.map((start) => ({ ...start, history: this.#historyOf(start) }));
  }

  open(): void {
    this.#isOpen = true;
    this.#wake();
  }

  close(): void {
    this.#isOpen = false;
  }

  /** For good: the topics forget this feed. */
  end(): void {
    this.assign([]);
    for (const stop of this.#stopListening) stop();
  }

  /** Without effect on a partition that is not assigned. */
  seek(topic: InputTopic, partition: number, offset: bigint): void {
    this.#cursors = this.#cursors.map((cursor) =>
      cursor.topic === topic && cursor.partition === partition ? { ...cursor, position: offset } : cursor,
    );
    this.#wake();
  }

  pause(topic: InputTopic, partition: number): void {
    this.#paused.add(nameOf({ topic, partition }));
  }

  resume(topic: InputTopic, partition: number): void {
    this.#paused.delete(nameOf({ topic, partition }));
    this.#wake();
  }

  #wake(): void {
    if (this.#isAwake || !this.#isOpen) return;
    this.#isAwake = true;
    this.#link.later(() => {
      this.#isAwake = false;
      if (this.#isOpen) this.#deliverNext();
    });
  }

  #deliverNext(): void {
    const index = this.#cursors.findIndex((cursor) => this.#hasMore(cursor));
    const cursor = this.#cursors[index];
    if (cursor === undefined) return;
    this.#cursors = [...this.#cursors.slice(index + 1), ...this.#cursors.slice(0, index + 1)];
    const { topic, partition, position } = cursor;
    if (cursor.history !== this.#historyOf(cursor)) {
      this.close();
      this.#listener.stale();
      return;
    }
    const log = this.#topics[topic].partition(partition);
    // In the handler a seek replaces the cursor; what is set below changes nothing then.
    if (position < log.start || position > log.end) {
      cursor.position = log.start;
      this.#listener.offsetOutOfRange(topic, partition);
      this.#wake();
      return;
    }
    const batch = { topic, partition, ...log.read(position, this.#link.batchRecordsMax), endOffset: log.end };
    if (this.#listener.records(batch) === 'taken') cursor.position = batch.nextOffset;
    this.#wake();
  }

  #historyOf({ topic, partition }: Pick<Cursor, 'topic' | 'partition'>): string {
    const found = this.#topics[topic];
    return `${found.id} ${found.partition(partition).leaderEpoch}`;
  }

  /** A client notices a change of the metadata even where it has paused. */
  #hasMore(cursor: Cursor): boolean {
    if (cursor.history !== this.#historyOf(cursor)) return true;
    const { end } = this.#topics[cursor.topic].partition(cursor.partition);
    return cursor.position !== end && !this.#paused.has(nameOf(cursor));
  }
}

const nameOf = ({ topic, partition }: Pick<Cursor, 'topic' | 'partition'>): string => `${topic}/${partition}`;
