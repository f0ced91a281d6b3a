/**
 * Room adapters/memory-log: a change log like Kafka's, in this process: the embedded default, and the fake of the tests.
 * Not here: connections to a real Kafka (adapters/kafka).
 *
 * One instance's view of that log.
 * The faults at the end are for tests.
 */
import type {
  Bounds,
  ChangeLog,
  ChangeLogHandler,
  Commit,
  Committed,
  InputTopic,
  LogTools,
  OutRecord,
  ReadOptions,
  SendOutcome,
  TopicDescription,
  TopicRecord,
  TopicSpecification,
} from '../../ports.ts';
import { unlessAllFailed } from '../../core/log/reading.ts';
import { stampOf, type Ahead, type Inspection } from '../../core/log/commit-metadata.ts';
import { GroupMember } from './group-member.ts';
import type { Link, MemoryBroker } from './memory-broker.ts';
import { directLink } from './memory-broker.ts';
import type { MemoryTopic } from './memory-topic.ts';
import type { InputTopics } from './partition-feed.ts';
import { readTopic } from './memory-topic.ts';

export interface MemoryLogOptions {
  readonly groupId: string;
  readonly clientId: string;
  readonly topics: Readonly<Record<InputTopic, string>>;
  /** Default: never expires, so that a lease always holds. */
  readonly sessionTimeoutMs?: number;
  /** Default: a rebalance waits for every member. */
  readonly rebalanceTimeoutMs?: number;
  /** Default 1,000. */
  readonly heartbeatIntervalMs?: number;
  /** Default: without latency, on the broker's clock. */
  readonly link?: Link;
}

export class MemoryLog implements ChangeLog, LogTools {
  readonly #broker: MemoryBroker;
  readonly #options: MemoryLogOptions;
  readonly #link: Link;
  readonly #closed = new AbortController();
  #member: GroupMember | null = null;
  #hasCrashed = false;
  #sendsToFail = 0;
  #sendAnswersToLose = 0;
  #commitsToFail = 0;

  constructor(broker: MemoryBroker, options: MemoryLogOptions) {
    this.#broker = broker;
    this.#options = options;
    this.#link = options.link ?? directLink(broker.clock);
  }

  /** @throws where a topic is missing or the partition counts differ. */
  async join(handler: ChangeLogHandler): Promise<void> {
    this.#assertOpen();
    if (this.#member !== null) throw new Error('this instance has joined already');
    const counts = (['source', 'retry'] as const).map((topic) => this.#topic(topic).description.partitionCount);
    if (counts[0] !== counts[1]) throw new Error(`source and retry differ in partitions: ${counts.join(', ')}`);
    const topics = lastKnown((topic) => this.#find(topic), {
      source: this.#topic('source'),
      retry: this.#topic('retry'),
    });
    const { clientId, sessionTimeoutMs = Infinity, heartbeatIntervalMs = 1000 } = this.#options;
    const { rebalanceTimeoutMs = Infinity } = this.#options;
    const dependencies = { link: this.#link, group: this.#broker.group(this.#options.groupId), topics };
    const times = { sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs };
    this.#member = new GroupMember(dependencies, { clientId, ...times }, handler);
    this.#member.enter();
  }

  async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    return this.#answer(() => {
      if (this.#sendsToFail > 0) {
        this.#sendsToFail -= 1;
        throw new Error('REQUEST_TIMED_OUT: nothing of it was written');
      }
      const outcomes = this.#broker.append(records);
      if (this.#sendAnswersToLose > 0) {
        this.#sendAnswersToLose -= 1;
        throw new Error('REQUEST_TIMED_OUT: all of it was written');
      }
      return unlessAllFailed(outcomes);
    });
  }

  /** From the metadata that the client has. */
  async partitionCount(topic: string): Promise<number> {
    return this.#broker.topic(topic).description.partitionCount;
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    // Under the generation of this tick, whenever it arrives.
    const { commit } = this.#joined();
    return this.#answer(() => {
      if (this.#commitsToFail > 0) {
        this.#commitsToFail -= 1;
        throw new Error('REQUEST_TIMED_OUT: nothing of it was committed');
      }
      for (const { partition } of commits) this.#topic('source').partition(partition);
      commit(commits);
    });
  }

  async committed(partition: number): Promise<Committed> {
    return this.#answer(() => this.#broker.group(this.#options.groupId).committed(partition));
  }

  async bounds(topic: InputTopic, partition: number): Promise<Bounds> {
    return this.#answer(() => {
      const { start, end } = this.#topic(topic).partition(partition);
      return { start, end };
    });
  }

  async lookAhead(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, Ahead>> {
    return this.#answer(() => this.#topic('source').ahead(from));
  }

  async inspect(partition: number, from: bigint | null): Promise<Inspection> {
    return this.#answer(() => {
      const topic = this.#topic('source');
      const [first] = from === null ? [] : topic.partition(partition).read(from, 1).records;
      const { id: retryTopicId } = this.#topic('retry');
      return { topicId: topic.id, retryTopicId, first: first === undefined ? null : stampOf(first) };
    });
  }

  seek(topic: InputTopic, partition: number, offset: bigint): void {
    this.#member?.feed.seek(topic, partition, offset);
  }

  pause(topic: InputTopic, partition: number): void {
    this.#member?.feed.pause(topic, partition);
  }

  resume(topic: InputTopic, partition: number): void {
    this.#member?.feed.resume(topic, partition);
  }

  rejoin(reason: string): void {
    this.#member?.rejoin(reason);
  }

  async leave(): Promise<void> {
    if (!this.#hasCrashed) this.#member?.leave();
    this.#closed.abort();
  }

  async describeTopic(topic: string): Promise<TopicDescription | null> {
    return this.#answer(() => (this.#broker.hasTopic(topic) ? this.#broker.topic(topic).description : null));
  }

  async createTopic(specification: TopicSpecification): Promise<'created' | 'exists'> {
    return this.#answer(() => this.#broker.createTopic(specification));
  }

  /** @throws when there is no such topic. */
  read(topic: string, options: ReadOptions): AsyncIterable<TopicRecord> {
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    return readTopic(this.#broker.topic(topic), { ...options, signal });
  }

  async close(): Promise<void> {
    await this.leave();
  }

  /** No heartbeats, no batches until `thaw`; what is called meanwhile takes effect right after the thaw. */
  freeze(): void {
    this.#joined().freeze();
  }

  thaw(): void {
    this.#joined().thaw();
  }

  /** The process is gone: no other member is notified, no handler is called, no call is ever answered. */
  crash(): void {
    this.#hasCrashed = true;
    this.#member?.crash();
    this.#closed.abort();
  }

  /** The next `count` sends reject, and write nothing. */
  failSends(count: number): void {
    this.#sendsToFail = count;
  }

  /** The next `count` sends reject, although everything is written. */
  loseSendAnswers(count: number): void {
    this.#sendAnswersToLose = count;
  }

  /** The next `count` commits reject, and store nothing. */
  failCommits(count: number): void {
    this.#commitsToFail = count;
  }

  #topic(topic: InputTopic): MemoryTopic {
    return this.#broker.topic(this.#options.topics[topic]);
  }

  #find(topic: InputTopic): MemoryTopic | null {
    return this.#broker.hasTopic(this.#options.topics[topic]) ? this.#topic(topic) : null;
  }

  #joined(): GroupMember {
    if (this.#member === null) throw new Error('this instance has not joined');
    return this.#member;
  }

  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw new Error('the log is closed');
  }

  async #answer<T>(act: () => T): Promise<T> {
    try {
      this.#assertOpen();
      return await this.#link.call(act);
    } finally {
      if (this.#hasCrashed) await silence();
    }
  }
}

/** The topic that has this name now; while there is none, the last that had it. */
function lastKnown(find: (topic: InputTopic) => MemoryTopic | null, first: InputTopics): InputTopics {
  const known = { ...first };
  const look = (topic: InputTopic): MemoryTopic => (known[topic] = find(topic) ?? known[topic]);
  return {
    get source() {
      return look('source');
    },
    get retry() {
      return look('retry');
    },
  };
}

const silence = (): Promise<never> => new Promise(() => {});
