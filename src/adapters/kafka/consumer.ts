/**
 * One life of a consumer: from its first JoinGroup until it crashes or is closed; a new life is a new object. It translates
 * kafkajs's events into the handler's calls and lets nothing thrown by the handler escape into kafkajs.
 *
 * open ──close()──▶ closing ──▶ closed       The handler is called while open only.
 *   └──crash, failure──▶ ended ──close()──▶ closing
 *
 * An abandoned consumer must not join again behind our back (kafkajs retries inside): its assigner forbids it.
 */
import type { Cluster, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, TopicOffsets } from 'kafkajs';
import type { ChangeLogHandler, Commit } from '../../ports.ts';
import { within } from '../../time.ts';
import { createAssigner, partitionCountOf } from './assigner.ts';
import type { Connection } from './connection.ts';
import { openConnection, retry } from './connection.ts';
import { Intake } from './intake.ts';
import type { Assigned } from './leaders.ts';
import { Liveness } from './liveness.ts';
import { OtherTopics } from './topic-watch.ts';
import type { KafkaHost, KafkaLogOptions } from './options.ts';
import type { ReadPosition } from './positions.ts';

export type ConsumerListener = Omit<ChangeLogHandler, 'lost' | 'failed'> & {
  /** Called at most once, and not after `close`. */
  ended(error: unknown): void;
};

const closeLimitMs = 5_000;

export class LogConsumer {
  readonly intake: Intake;
  readonly otherTopics: OtherTopics;
  readonly #options: KafkaLogOptions;
  readonly #host: KafkaHost;
  readonly #listener: ConsumerListener;
  readonly #connection: Connection;
  readonly #consumer: Consumer;
  readonly #liveness: Liveness;
  #state: 'open' | 'ended' | 'closing' | 'closed' = 'open';
  #hasJoined = false;
  #cluster: Cluster | undefined;
  #running: Promise<void> = Promise.resolve();
  #commitOffsets: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;

  constructor(options: KafkaLogOptions, host: KafkaHost, listener: ConsumerListener) {
    this.#options = options;
    this.#host = host;
    this.#listener = listener;
    this.#liveness = new Liveness(host.clock);
    this.#connection = openConnection(options, host, (topic, partition) =>
      this.#guard(() => this.intake.outOfRange(topic, partition)),
    );
    this.#consumer = this.#create();
    const { groupId, topics } = options;
    this.otherTopics = new OtherTopics(this.#consumer, host, {
      groupId,
      topics: [topics.source, topics.retry],
      settings: 'SOURCE_TOPIC and RETRY_TOPIC',
      groupSetting: 'KAFKA_GROUP_ID',
    });
    this.#listen();
    this.intake = new Intake({
      consumer: this.#consumer,
      topics: options.topics,
      handler: listener,
      clock: host.clock,
    });
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => this.#end(error));
  }

  /** Whether the handler has been called for a group at all. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** The reason to give this consumer up, null while it lives. */
  fault(): string | null {
    return this.#state === 'open' ? this.#liveness.fault(this.#options) : null;
  }

  /** What reads besides the consumer need; undefined while nothing is assigned. */
  get cluster(): Cluster | undefined {
    return this.#state === 'open' && this.#liveness.isAssigned ? this.#cluster : undefined;
  }

  /** What may be read, to the best of our knowledge; undefined while nothing is assigned. */
  get assigned(): Assigned | undefined {
    const { cluster } = this;
    if (cluster === undefined) return undefined;
    return { cluster, topics: Object.values(this.#options.topics), partitions: this.intake.partitions() };
  }

  /** Past a hole that kafkajs does not get over by itself. */
  skip(place: ReadPosition, nextOffset: bigint): void {
    this.#guard(() => this.intake.skip(place, nextOffset));
  }

  /** The retry topic was deleted and recreated, and kafkajs has not noticed: what was written to it is gone. */
  retryReplaced(): void {
    const { retry: topic } = this.#options.topics;
    this.#guard(() => this.intake.partitions().forEach((partition) => this.intake.outOfRange(topic, partition)));
  }

  /**
   * Through the latest batch: kafkajs's own commit retries under the generation that is current by then, and resolves without
   * a commit while it stops (kafkajs.md 5.3). Before any batch under the generation that a heartbeat named.
   */
  async commit(commits: readonly Commit[]): Promise<void> {
    if (this.#state !== 'open') throw new Error('the consumer is gone');
    const partitions = commits.map(({ partition, offset, metadata }) => ({
      partition,
      offset: offset.toString(),
      metadata,
    }));
    const topics = [{ topic: this.#options.topics.source, partitions }];
    await (this.#commitOffsets === undefined ? this.#commitAsMember(topics) : this.#commitOffsets({ topics }));
  }

  /** Leaves the group if the broker answers in time; nothing of it is left afterwards in any case. */
  async close(): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    this.intake.close();
    const { clock } = this.#host;
    // kafkajs would forget a join under way, and be an unknown member until the session times out (kafkajs.md 3.8).
    await within(clock, closeLimitMs, this.#running);
    await within(
      clock,
      closeLimitMs,
      this.#consumer.disconnect().catch(() => undefined),
    );
    this.#state = 'closed';
    this.#connection.destroy();
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    const { source, retry: retryTopic } = this.#options.topics;
    await this.#consumer.subscribe({ topics: [source, retryTopic], fromBeginning: true });
    if (this.#state !== 'open') return;
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 6,
      eachBatch: async (payload) => {
        this.#commitOffsets = payload.commitOffsetsIfNecessary;
        this.#guard(() => this.intake.take(payload));
      },
    });
  }

  /** Each number has its reason in kafkajs.md 2.2, 2.10, 4.1 to 4.3. */
  #create(): Consumer {
    const { groupId, topics, sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs } = this.#options;
    return this.#connection.kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      // Heartbeats go out between fetches only, so this bounds their cadence.
      maxWaitTimeInMs: 200,
      minBytes: 1,
      maxBytesPerPartition: 65_536,
      allowAutoTopicCreation: false,
      // The supervisor restarts; kafkajs's own timer could undo a stop (kafkajs.md 4.3).
      retry: { ...retry, restartOnFailure: async () => false },
      partitionAssigners: [
        ({ cluster }) => {
          this.#cluster = cluster;
          const joining = () => this.#joining();
          return createAssigner({ cluster, topics, joining, owned: () => this.intake.partitions() });
        },
      ],
    });
  }

  /** kafkajs calls listeners synchronously; what is thrown in one would go up into its join or its fetch (kafkajs.md 3.1). */
  #listen(): void {
    const { events, on } = this.#consumer;
    on(events.GROUP_JOIN, ({ payload }) => this.#joined(payload));
    on(events.REQUEST, ({ payload: { apiName, sentAt } }) => {
      if (apiName === 'Heartbeat') this.#liveness.heartbeatAnswered(sentAt);
    });
    on(events.HEARTBEAT, ({ payload }) => {
      const heartbeat = this.#liveness.heartbeatSucceeded(payload);
      if (heartbeat !== null) this.#guard(() => this.#listener.heartbeat(heartbeat));
    });
    on(events.FETCH, () => this.#liveness.fetched());
    on(events.START_BATCH_PROCESS, ({ payload }) => this.#guard(() => this.intake.passOver(payload)));
    on(events.CRASH, ({ payload }) => this.#end(payload.error));
  }

  #joining(): void {
    if (this.#state !== 'open') throw new Error('this consumer was given up and must not join again');
    this.#liveness.joining();
    this.otherTopics.joining();
    this.#hasJoined = true;
    this.#guard(() => this.#listener.joining());
  }

  #joined({ memberId, memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    if (this.#state === 'closed') throw new Error('this consumer was given up and must not be a member');
    this.#guard(() => {
      if (this.#cluster === undefined) throw new Error('kafkajs has made no assigner');
      const { topics } = this.#options;
      const partitionCount = partitionCountOf(this.#cluster, topics);
      // A leader of an older version gives partitions to those, too, that read other topics.
      const { isExcluded } = this.otherTopics;
      if (isExcluded)
        this.#consumer.pause(Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions })));
      const partitions = isExcluded ? [] : (memberAssignment[topics.source] ?? []).toSorted((a, b) => a - b);
      this.#liveness.assigned();
      this.intake.assign(partitions);
      this.#listener.assigned({ memberId, partitions, partitionCount });
    });
  }

  async #commitAsMember(topics: TopicOffsets[]): Promise<void> {
    const { groupId } = this.#options;
    const { membership } = this.#liveness;
    if (this.#cluster === undefined || membership === null) throw new Error('there is no membership to commit under');
    const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
    await coordinator.offsetCommit({ groupId, ...membership, topics });
  }

  #guard(call: () => void): void {
    if (this.#state !== 'open') return;
    try {
      call();
    } catch (error) {
      this.#end(error);
    }
  }

  #end(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.intake.close();
    this.#listener.ended(error);
  }
}
