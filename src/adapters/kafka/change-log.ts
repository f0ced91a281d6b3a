/**
 * Room adapters/kafka: Kafka behind the ports; the only import of kafkajs.
 * Not here: what stands in the records (core/log).
 *
 * The ChangeLog on Kafka: a supervisor over one consumer at a time, with a sender and an admin connection beside it. A
 * consumer that crashes or shows no life is given up, loudly, and rebuilt for as long as trying again may help.
 */
import type { Ahead, Inspection } from '../../core/log/commit-metadata.ts';
import type {
  Bounds,
  ChangeLog,
  ChangeLogHandler,
  Commit,
  Committed,
  InputTopic,
  OutRecord,
  SendOutcome,
} from '../../ports.ts';
import { KafkaAdmin } from './admin.ts';
import type { ConsumerListener } from './consumer.ts';
import { LogConsumer } from './consumer.ts';
import { KafkaFailure, explainKafkaError, logConsumeFailure, logRebuild } from './errors.ts';
import { LeaderWatch } from './leaders.ts';
import { aheadIn, inspectPartition } from './inspection.ts';
import type { KafkaHost, KafkaLogOptions } from './options.ts';
import { Sender } from './sender.ts';
import { Standstill } from './standstill.ts';
import { TopicWatch } from './topic-watch.ts';

const rebuildDelayMs = 750;
/** What is not permitted stays so until an administrator permits it. */
const unpermittedDelayMs = 5_000;
const checkIntervalMs = 1_000;
/** A topic that was just made is not known to every broker at once. */
const topicMissingMax = 5;

export class KafkaChangeLog implements ChangeLog {
  readonly #options: KafkaLogOptions;
  readonly #host: KafkaHost;
  readonly #admin: KafkaAdmin;
  readonly #sender: Sender;
  #handler: ChangeLogHandler | undefined;
  #consumer: LogConsumer | undefined;
  #standstill: Standstill | undefined;
  readonly #sourceWatch: TopicWatch;
  readonly #retryWatch: TopicWatch;
  readonly #leaders: LeaderWatch;
  /** Closings under way; a new consumer waits for the old one to have left. */
  #closing: Promise<void> = Promise.resolve();
  #topicMissing = 0;
  /** A consumer has read: what is not permitted now was permitted then. */
  #wasPermitted = false;
  #isOver = false;
  #cancelCheck = (): void => undefined;
  #cancelRebuild = (): void => undefined;

  constructor(options: KafkaLogOptions, host: KafkaHost) {
    this.#options = options;
    this.#host = host;
    this.#admin = new KafkaAdmin(options, host);
    const watch = (topic: string): TopicWatch => new TopicWatch(topic, host.clock, () => this.#consumer?.cluster);
    this.#sourceWatch = watch(options.topics.source);
    this.#retryWatch = watch(options.topics.retry);
    this.#leaders = new LeaderWatch(host, () => this.#consumer?.assigned);
    this.#sender = new Sender({ connection: options, host, partitionsOf: (topic) => this.#admin.partitions(topic) });
  }

  /** Resolves at once: a broker that cannot be reached is waited for, and everything else comes to the handler. */
  async join(handler: ChangeLogHandler): Promise<void> {
    if (this.#handler !== undefined) throw new Error('this log has been joined already');
    this.#handler = handler;
    this.#build(handler);
    this.#scheduleCheck();
  }

  send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    return this.#sender.send(records);
  }

  partitionOf(topic: string, key: Uint8Array | string): Promise<number> {
    return this.#sender.partitionOf(topic, key);
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    if (this.#consumer === undefined) throw new Error('there is no consumer to commit with');
    await this.#consumer.commit(commits);
  }

  committed(partition: number): Promise<Committed> {
    return this.#admin.committed(this.#options.groupId, this.#options.topics.source, partition);
  }

  bounds(topic: InputTopic, partition: number): Promise<Bounds> {
    return this.#admin.bounds(this.#options.topics[topic], partition);
  }

  async lookAhead(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, Ahead>> {
    const topic = this.#options.topics.source;
    return aheadIn(this.#consumer?.cluster, topic, { from, ends: await this.#admin.ends(topic) });
  }

  async inspect(partition: number, from: bigint | null): Promise<Inspection> {
    const cluster = this.#consumer?.cluster;
    if (cluster === undefined) throw new Error('there is no consumer to look into the source with');
    const { source: topic, retry: retryTopic } = this.#options.topics;
    const inspection = await inspectPartition(cluster, { topic, retryTopic, partition }, from);
    this.#sourceWatch.begins(inspection.topicId);
    this.#retryWatch.begins(inspection.retryTopicId);
    return inspection;
  }

  seek(topic: InputTopic, partition: number, offset: bigint): void {
    this.#consumer?.intake.seek(topic, partition, offset);
  }

  pause(topic: InputTopic, partition: number): void {
    this.#consumer?.intake.pause(topic, partition);
  }

  resume(topic: InputTopic, partition: number): void {
    this.#consumer?.intake.resume(topic, partition);
  }

  rejoin(reason: string): void {
    if (this.#consumer !== undefined) this.#rebuild(reason);
  }

  /** What of the assigned partitions is not read, each with its remedy. */
  obstacles(): readonly string[] {
    return [...this.#leaders.obstacles(), ...(this.#consumer?.otherTopics.obstacles() ?? [])];
  }

  async leave(): Promise<void> {
    this.#stop();
    await this.#closing;
    await Promise.all([this.#sender.close(), this.#admin.close()]);
  }

  #build(handler: ChangeLogHandler): void {
    const listener: ConsumerListener = {
      joining: () => handler.joining(),
      assigned: (assignment) => {
        this.#topicMissing = 0;
        handler.assigned(assignment);
      },
      heartbeat: (heartbeat) => {
        this.#wasPermitted = true;
        handler.heartbeat(heartbeat);
      },
      records: (batch) => handler.records(batch),
      offsetOutOfRange: (topic, partition) => handler.offsetOutOfRange(topic, partition),
      ended: (error) => this.#ended(error),
    };
    this.#consumer = new LogConsumer(this.#options, this.#host, listener);
    this.#standstill = new Standstill(this.#consumer, this.#options, this.#admin);
    this.#consumer.start();
  }

  #ended(error: unknown): void {
    const { code, message, advice, retriable } = explainKafkaError(error);
    if (code === 'topic_missing') this.#topicMissing += 1;
    const isUnpermitted = code === 'not_authorized' && this.#wasPermitted;
    const canWait = retriable || isUnpermitted || (code === 'topic_missing' && this.#topicMissing < topicMissingMax);
    if (!canWait) return this.#fail(new KafkaFailure({ code, message, advice }, { cause: error }));
    logConsumeFailure(this.#host, { code, message, advice });
    this.#rebuild(message, isUnpermitted ? unpermittedDelayMs : rebuildDelayMs);
  }

  #fail(failure: KafkaFailure): void {
    this.#stop();
    this.#handler?.failed(failure);
  }

  /** The handler hears of the loss in the same tick. */
  #rebuild(reason: string, delayMs = rebuildDelayMs): void {
    const hadJoined = this.#consumer?.hasJoined ?? false;
    this.#discardConsumer();
    try {
      if (hadJoined) this.#handler?.lost(reason);
    } catch (error) {
      return this.#fail(new KafkaFailure(explainKafkaError(error), { cause: error }));
    }
    void this.#closing.then(() => {
      if (this.#isOver) return;
      this.#cancelRebuild();
      this.#cancelRebuild = this.#host.clock.schedule(delayMs, () => {
        if (this.#handler !== undefined && this.#consumer === undefined) this.#build(this.#handler);
      });
    });
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#host.clock.schedule(checkIntervalMs, () => {
      this.#scheduleCheck();
      this.#check();
    });
  }

  #check(): void {
    const fault = this.#consumer?.fault() ?? this.#standstill?.fault() ?? this.#sourceWatch.fault();
    if (fault === null) return this.#look();
    logRebuild(this.#host, fault);
    this.#sourceWatch.begins(null);
    this.#rebuild(fault);
  }

  #look(): void {
    this.#leaders.look();
    this.#standstill?.look();
    this.#sourceWatch.look();
    this.#retryWatch.look();
    if (this.#retryWatch.fault() === null) return;
    this.#retryWatch.follow();
    this.#consumer?.retryReplaced();
  }

  #discardConsumer(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    this.#standstill = undefined;
    if (consumer !== undefined) this.#closing = Promise.all([this.#closing, consumer.close()]).then(() => undefined);
  }

  #stop(): void {
    this.#isOver = true;
    this.#cancelCheck();
    this.#cancelRebuild();
    this.#discardConsumer();
  }
}
