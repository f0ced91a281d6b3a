/**
 * One lifetime of a consumer: from its first JoinGroup until it crashes or is closed; then a new session is opened. It translates
 * kafkajs's events into calls of its listener and lets nothing thrown there escape into kafkajs.
 *
 * open ──close()──▶ closing ──▶ closed       Its listener is called only while it is open.
 *   └──crash, failure──▶ ended ──close()──▶ closing
 *
 * An abandoned consumer must not join again without our knowledge (kafkajs retries inside): its assigner forbids it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Assigner,
  Cluster,
  Consumer,
  ConsumerGroupJoinEvent,
  ConsumerStartBatchProcessEvent,
  EachBatchPayload,
  PartitionOffset,
  TopicOffsets,
} from 'kafkajs';
import type { Heartbeat } from '../../ports.ts';
import { within } from '../../time.ts';
import { OtherTopics, type OwnTopics } from './assigner.ts';
import { openConnection, retry, type Connection } from './connection.ts';
import { Liveness } from './liveness.ts';
import type { KafkaGroupOptions, KafkaHost } from './options.ts';

/** What the log or the relay does with a session; synchronously, since heartbeats wait for it. */
export interface SessionListener {
  /** @param joining to be called while a JoinGroup request is built; it throws where none may be. */
  assigner(cluster: Cluster, joining: () => void): Assigner;
  joining(): void;
  /** Before the first fetch of the new generation (kafkajs.md 3.1). */
  assigned(assignment: SessionAssignment): void;
  heartbeat(heartbeat: Heartbeat): void;
  take(payload: EachBatchPayload): void;
  /** kafkajs moves past a batch; it passes on only those that hold records. */
  passOver(payload: ConsumerStartBatchProcessEvent['payload']): void;
  /** kafkajs resets the offset, which does not exist any more. */
  outOfRange(topic: string, partition: number): void;
  /** Called at most once, and not after `close`. */
  ended(error: unknown): void;
}

export interface SessionAssignment {
  readonly cluster: Cluster;
  readonly memberId: string;
  /** Of the first topic; ascending. */
  readonly partitions: readonly number[];
  /** Other members read other topics: a leader of an older version may still assign partitions to this member. */
  readonly isExcluded: boolean;
}

const closeLimitMs = 5_000;

export class Session {
  readonly #consumer: Consumer;
  readonly #otherTopics: OtherTopics;
  readonly #options: KafkaGroupOptions;
  readonly #host: KafkaHost;
  readonly #topics: OwnTopics['topics'];
  readonly #listener: SessionListener;
  readonly #connection: Connection;
  readonly #liveness: Liveness;
  #state: 'open' | 'ended' | 'closing' | 'closed' = 'open';
  #hasJoined = false;
  #cluster: Cluster | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The next turn of the event loop in which no batch was taken yet. */
  #free: Promise<void> = Promise.resolve();
  /** Joins that began or ended. */
  #joinSteps = 0;
  #commitOffsets: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;

  constructor(
    options: KafkaGroupOptions,
    host: KafkaHost,
    { own, listener }: { own: OwnTopics; listener: SessionListener },
  ) {
    this.#options = options;
    this.#host = host;
    this.#topics = own.topics;
    this.#listener = listener;
    this.#liveness = new Liveness(host.clock);
    this.#connection = openConnection(options, host, (topic, partition) =>
      this.guard(() => listener.outOfRange(topic, partition)),
    );
    this.#consumer = this.#create();
    this.#otherTopics = new OtherTopics(this.#consumer, host, { ...own, groupId: options.groupId });
    this.#listen();
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => this.end(error));
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether the listener has been called for a group at all. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Whether a batch has arrived; commits go through it. */
  get hasFetched(): boolean {
    return this.#commitOffsets !== undefined;
  }

  /** Needed by reads outside the consumer; undefined while nothing is assigned. */
  get cluster(): Cluster | undefined {
    return this.isOpen && this.#liveness.isAssigned ? this.#cluster : undefined;
  }

  /** The reason to give this consumer up, null while it lives. */
  fault(): string | null {
    return this.isOpen ? this.#liveness.fault(this.#options) : null;
  }

  /** Why this instance reads nothing, with the remedy. */
  obstacles(): readonly string[] {
    return this.#otherTopics.obstacles();
  }

  /** Does nothing once the consumer is gone, as do `resume` and `seek`: kafkajs throws at every call then (kafkajs.md 3.7). */
  pause(topic: string, partitions: readonly number[]): void {
    if (this.isOpen) this.#consumer.pause([{ topic, partitions: [...partitions] }]);
  }

  resume(topic: string, partition: number): void {
    if (this.isOpen) this.#consumer.resume([{ topic, partitions: [partition] }]);
  }

  seek(topic: string, partition: number, offset: bigint): void {
    if (this.isOpen) this.#consumer.seek({ topic, partition, offset: offset.toString() });
  }

  /**
   * Through the latest batch: kafkajs's own commit retries under the generation that is current by then, and resolves without
   * a commit while it stops (kafkajs.md 5.3). Before the first batch: under the generation that a heartbeat named.
   */
  async commit(topic: string, partitions: PartitionOffset[]): Promise<void> {
    if (!this.isOpen) throw new Error('the consumer is gone');
    const topics = [{ topic, partitions }];
    await (this.#commitOffsets === undefined ? this.#commitAsMember(topics) : this.#commitOffsets({ topics }));
  }

  /** Leaves the group if the broker answers in time; nothing of it is left afterwards in any case. */
  async close(): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    // kafkajs would forget a join under way, and the group would keep an unknown member until its session times out
    // (kafkajs.md 3.8).
    await within(this.#host.clock, closeLimitMs, this.#running);
    await this.#connection.close(this.#consumer, closeLimitMs);
    this.#state = 'closed';
  }

  /** Calls it only while open; what it throws ends the session. */
  guard(call: () => void): void {
    if (!this.isOpen) return;
    try {
      call();
    } catch (error) {
      this.end(error);
    }
  }

  end(error: unknown): void {
    if (!this.isOpen) return;
    this.#state = 'ended';
    this.#listener.ended(error);
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.#topics], fromBeginning: true });
    if (!this.isOpen) return;
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 6,
      eachBatch: (payload) => this.#inTurn(payload),
    });
  }

  #take(payload: EachBatchPayload): void {
    this.#commitOffsets = payload.commitOffsetsIfNecessary;
    this.guard(() => this.#listener.take(payload));
  }

  /**
   * kafkajs hands over the batches of many partitions at once: each gets a turn of the event loop, so that others have theirs.
   * One that waits while a join begins or ends is left: it is not resolved, so that the owner from then on reads it.
   */
  #inTurn(payload: EachBatchPayload): Promise<void> {
    const joinSteps = this.#joinSteps;
    const done = this.#free.then(() => {
      if (joinSteps === this.#joinSteps) this.#take(payload);
    });
    this.#free = done.then(() => nextTurn());
    return done;
  }

  /** Each number has its reason in kafkajs.md 2.2, 2.10, 4.1 to 4.3. */
  #create(): Consumer {
    const { groupId, sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs } = this.#options;
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
          return this.#listener.assigner(cluster, () => this.#joining());
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
      if (heartbeat !== null) this.guard(() => this.#listener.heartbeat(heartbeat));
    });
    on(events.FETCH, () => this.#liveness.fetched());
    on(events.START_BATCH_PROCESS, ({ payload }) => this.guard(() => this.#listener.passOver(payload)));
    on(events.CRASH, ({ payload }) => this.end(payload.error));
  }

  #joining(): void {
    if (!this.isOpen) throw new Error('this consumer was given up and must not join again');
    this.#joinSteps += 1;
    this.#liveness.joining();
    this.#otherTopics.joining();
    this.#hasJoined = true;
    this.guard(() => this.#listener.joining());
  }

  #joined({ memberId, memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    if (this.#state === 'closed') throw new Error('this consumer was given up and must not be a member');
    this.#joinSteps += 1;
    this.guard(() => {
      const cluster = this.#cluster;
      if (cluster === undefined) throw new Error('kafkajs has made no assigner');
      const partitions = (memberAssignment[this.#topics[0]] ?? []).toSorted((a, b) => a - b);
      this.#liveness.assigned();
      this.#listener.assigned({ cluster, memberId, partitions, isExcluded: this.#otherTopics.isExcluded });
    });
  }

  async #commitAsMember(topics: TopicOffsets[]): Promise<void> {
    const { groupId } = this.#options;
    const { membership } = this.#liveness;
    if (this.#cluster === undefined || membership === null) throw new Error('there is no membership to commit under');
    const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
    await coordinator.offsetCommit({ groupId, ...membership, topics });
  }
}
