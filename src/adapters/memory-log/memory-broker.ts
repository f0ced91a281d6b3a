/**
 * What the instances in one process share: topics and consumer groups. It lives on when an instance "crashes".
 * Besides what clients ask for, it does on request what a real broker does to a log in its own time.
 */
import type { Clock, OutRecord, Random, SendOutcome, TopicSpecification } from '../../ports.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { MemoryTopic } from './memory-topic.ts';

export interface CompactOptions {
  /** Default: all. */
  readonly partition?: number;
  /** Only records below this offset. */
  readonly before?: bigint;
  /** Neither `min.compaction.lag.ms` nor `delete.retention.ms` hold the cleaner back. */
  readonly forced?: true;
}

export class MemoryBroker {
  readonly clock: Clock;
  readonly #random: Random;
  readonly #topics = new Map<string, MemoryTopic>();
  /** By the name of the topic: they outlive its deletion. */
  readonly #listeners = new Map<string, Set<() => void>>();
  #topicsCreated = 0;
  readonly #groups = new Map<string, ConsumerGroup>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  createTopic(specification: TopicSpecification): 'created' | 'exists' {
    const { topic } = specification;
    if (this.#topics.has(topic)) return 'exists';
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    this.#topics.set(topic, new MemoryTopic(specification, { id: `topic-${++this.#topicsCreated}`, listeners }));
    return 'created';
  }

  /** Committed offsets stay: a real broker deletes them, but a late commit of a member brings them back. */
  deleteTopic(topic: string): void {
    this.#topics.delete(topic);
  }

  /** Deleted, and created with the same settings. */
  recreateTopic(name: string): void {
    const { partitionCount, replicationFactor, settings } = this.topic(name).description;
    this.deleteTopic(name);
    this.createTopic({ topic: name, partitionCount, replicationFactor, settings: Object.fromEntries(settings) });
    this.topic(name).notify();
  }

  /** @throws when there is no such topic. */
  topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new Error(`UNKNOWN_TOPIC_OR_PARTITION: there is no topic ${name}`);
    return topic;
  }

  hasTopic(name: string): boolean {
    return this.#topics.has(name);
  }

  /** Made when it is first asked for. */
  group(groupId: string): ConsumerGroup {
    const group = this.#groups.get(groupId) ?? new ConsumerGroup(this.clock, this.#random);
    this.#groups.set(groupId, group);
    return group;
  }

  /** Its generation restarts at 1, its offsets are gone. @throws while it has members. */
  deleteGroup(groupId: string): void {
    if (this.group(groupId).memberIds.length > 0) throw new Error(`NON_EMPTY_GROUP: ${groupId}`);
    this.#groups.delete(groupId);
  }

  /** All at once, in order. @throws before anything is written, where the request as a whole is refused. */
  append(records: readonly OutRecord[]): readonly SendOutcome[] {
    for (const record of records) this.topic(record.topic).check(record);
    const { wall } = this.clock.now();
    return records.map((record) => this.topic(record.topic).append(record, wall));
  }

  /** Runs the cleaner once. */
  compact(topic: string, { partition, before, forced }: CompactOptions = {}): void {
    const found = this.topic(topic);
    const cleaning = {
      now: this.clock.now().wall,
      before: before ?? null,
      lagMs: forced ? -Infinity : found.setting('min.compaction.lag.ms'),
      deleteRetentionMs: forced ? 0 : found.setting('delete.retention.ms'),
    };
    const all = Array.from({ length: found.description.partitionCount }, (_, index) => index);
    for (const one of partition === undefined ? all : [partition]) found.partition(one).compact(cleaning);
  }

  /** Retention passes `offset`. */
  deleteRecordsBefore(topic: string, partition: number, offset: bigint): void {
    this.topic(topic).partition(partition).deleteBefore(offset);
  }

  /** An unclean leader election loses what lies at `end` and beyond. */
  truncate(topic: string, partition: number, end: bigint): void {
    const found = this.topic(topic);
    found.partition(partition).truncate(end);
    found.notify();
  }

  /** A producer's retry arrives late: the record at `offset` is appended once more. */
  duplicate(topic: string, partition: number, offset: bigint): void {
    const found = this.topic(topic);
    const [record] = found.partition(partition).read(offset, 1).records;
    if (record?.offset !== offset) throw new Error(`no record at ${topic}/${partition}/${offset}`);
    found.partition(partition).append({ ...record, timestamp: this.clock.now().wall });
    found.notify();
  }

  /** Offsets that no reader ever gets a record for, as control records have. */
  skipOffsets(topic: string, partition: number, count: number): void {
    const found = this.topic(topic);
    found.partition(partition).skip(count);
    found.notify();
  }
}

/*
 * How one instance reaches the broker in this process, and its own event loop: the seam at which a simulation puts a
 * network and an order of events of its own.
 */

export interface Link {
  /** The instance's own; the broker has another one. */
  readonly clock: Clock;
  readonly batchRecordsMax: number;
  /** A request to the broker: `act` takes effect there, its result comes back in a later turn of the event loop. */
  call<T>(act: () => T): Promise<T>;
  /** A message of the broker: `task` runs in a later turn of the event loop. */
  later(task: () => void): void;
}

/** What is called takes effect at once, in the tick of the call. */
export const directLink = (clock: Clock): Link => ({
  clock,
  batchRecordsMax: 500,
  call: async (act) => {
    try {
      return act();
    } finally {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  },
  later: (task) => void setImmediate(task),
});
