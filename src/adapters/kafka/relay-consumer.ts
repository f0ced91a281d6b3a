/**
 * One life of a relay's consumer, from its first JoinGroup until it crashes or is closed; see consumer.ts, which does the
 * same for source and retry. Here one topic is read, every partition of it from a point of its own.
 *
 * open ──close()──▶ closed        The listener is called while open only.
 *   └──crash, failure──▶ ended ──close()──▶ closed
 */
import type { Cluster, Consumer, ConsumerGroupJoinEvent, EachBatchPayload } from 'kafkajs';
import type { Instant } from '../../ports.ts';
import type { RelayBatch, RelayCommit, RelayHandler } from '../../ingest/ports.ts';
import { within } from '../../time.ts';
import type { Connection } from './connection.ts';
import { openConnection, retry } from './connection.ts';
import { Liveness } from './liveness.ts';
import type { KafkaHost, KafkaRelayOptions } from './options.ts';
import { toLogRecord } from './record.ts';
import { OtherTopics } from './topic-watch.ts';
import { createRelayAssigner } from './relay-assigner.ts';
import type { RelayStart, StartingPoint } from './relay-start.ts';

export type RelayListener = Omit<RelayHandler, 'failed'> & {
  /** Called at most once, and not after `close`. */
  ended(error: unknown): void;
};

const closeLimitMs = 5_000;

export class RelayConsumer {
  readonly otherTopics: OtherTopics;
  readonly #options: KafkaRelayOptions;
  readonly #host: KafkaHost;
  readonly #listener: RelayListener;
  readonly #start: RelayStart;
  readonly #connection: Connection;
  readonly #consumer: Consumer;
  readonly #liveness: Liveness;
  readonly #paused = new Set<number>();
  /** Of the present assignment, once it is known where to begin; batches before that are declined. */
  #reading: ReadonlySet<number> = new Set();
  #assignments = 0;
  #isOwner = false;
  #heartbeatSentAt: Instant | null = null;
  #state: 'open' | 'ended' | 'closed' = 'open';
  #cluster: Cluster | undefined;
  #running: Promise<void> = Promise.resolve();
  #commitOffsets: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;

  constructor(
    options: KafkaRelayOptions,
    host: KafkaHost,
    { listener, start }: { listener: RelayListener; start: RelayStart },
  ) {
    this.#options = options;
    this.#host = host;
    this.#listener = listener;
    this.#start = start;
    this.#liveness = new Liveness(host.clock);
    this.#connection = openConnection(options, host, (_, partition) =>
      this.#guard(() => listener.offsetOutOfRange(partition)),
    );
    this.#consumer = this.#create();
    const setting = { settings: 'INGEST_FROM_TOPIC', groupSetting: 'INGEST_GROUP_ID' };
    const own = { groupId: options.groupId, topics: [options.topic], ...setting };
    this.otherTopics = new OtherTopics(this.#consumer, host, own);
    this.#listen();
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => this.#end(error));
  }

  /** The reason to give this consumer up, null while it lives. */
  fault(): string | null {
    return this.#state === 'open' ? this.#liveness.fault(this.#options) : null;
  }

  /** In the first half of a session, so that what is begun now is over before anybody else may begin. */
  holdsLease(): boolean {
    if (this.#state !== 'open' || this.#heartbeatSentAt === null || !this.#liveness.isAssigned) return false;
    return this.#host.clock.now().monotonic - this.#heartbeatSentAt.monotonic < this.#options.sessionTimeoutMs / 2;
  }

  pause(partition: number): void {
    this.#paused.add(partition);
    if (this.#state === 'open') this.#consumer.pause([{ topic: this.#options.topic, partitions: [partition] }]);
  }

  resume(partition: number): void {
    this.#paused.delete(partition);
    if (this.#state === 'open') this.#consumer.resume([{ topic: this.#options.topic, partitions: [partition] }]);
  }

  /** Through the latest batch: kafkajs's own commit retries and resolves without a commit while it stops (kafkajs.md 5.3). */
  async commit(commits: readonly RelayCommit[]): Promise<void> {
    if (this.#state !== 'open' || this.#commitOffsets === undefined) throw new Error('there is nothing to commit with');
    const partitions = commits.map((each) => this.#start.commitOf(each));
    await this.#commitOffsets({ topics: [{ topic: this.#options.topic, partitions }] });
  }

  /** Leaves the group if the broker answers in time; nothing of it is left afterwards in any case. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await within(this.#host.clock, closeLimitMs, this.#running);
    const disconnected = this.#consumer.disconnect().catch(() => undefined);
    await within(this.#host.clock, closeLimitMs, disconnected);
    this.#connection.destroy();
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true });
    if (this.#state !== 'open') return;
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 6,
      eachBatch: async (payload) => {
        this.#commitOffsets = payload.commitOffsetsIfNecessary;
        this.#guard(() => this.#take(payload));
      },
    });
  }

  /** Each number has its reason in kafkajs.md 2.2, 2.10, 4.1 to 4.3. */
  #create(): Consumer {
    const { groupId, topic, sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs } = this.#options;
    return this.#connection.kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: 200,
      minBytes: 1,
      maxBytesPerPartition: 65_536,
      allowAutoTopicCreation: false,
      retry: { ...retry, restartOnFailure: async () => false },
      partitionAssigners: [
        ({ cluster }) => {
          this.#cluster = cluster;
          const joining = () => this.#joining();
          return createRelayAssigner({ cluster, topic, joining, isOwner: () => this.#isOwner });
        },
      ],
    });
  }

  #listen(): void {
    const { events, on } = this.#consumer;
    on(events.GROUP_JOIN, ({ payload }) => this.#joined(payload));
    on(events.REQUEST, ({ payload: { apiName, sentAt } }) => {
      if (apiName === 'Heartbeat') this.#liveness.heartbeatAnswered(sentAt);
    });
    on(events.HEARTBEAT, ({ payload }) => {
      this.#heartbeatSentAt = this.#liveness.heartbeatSucceeded(payload)?.sentAt ?? this.#heartbeatSentAt;
    });
    on(events.FETCH, () => this.#liveness.fetched());
    on(events.START_BATCH_PROCESS, ({ payload: { partition, batchSize, lastOffset, highWatermark } }) => {
      // Only control records: kafkajs goes on without calling eachBatch.
      if (batchSize > 0) return;
      const places = { nextOffset: BigInt(lastOffset) + 1n, endOffset: BigInt(highWatermark) };
      this.#guard(() => this.#deliver({ partition, records: [], ...places }));
    });
    on(events.CRASH, ({ payload }) => this.#end(payload.error));
  }

  #joining(): void {
    if (this.#state !== 'open') throw new Error('this consumer was given up and must not join again');
    this.#liveness.joining();
    this.otherTopics.joining();
    this.#stopReading('a rebalance of the consumer group');
  }

  /** Paused before the first fetch of the new generation: nothing may be read before it is known where to begin. */
  #joined({ memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    this.#guard(() => {
      const { topic } = this.#options;
      const partitions = memberAssignment[topic] ?? [];
      this.#stopReading('a rebalance of the consumer group');
      this.#liveness.assigned();
      this.#heartbeatSentAt = this.#host.clock.now();
      this.#isOwner = partitions.length > 0;
      if (!this.#isOwner) return this.#start.standBy();
      this.#consumer.pause([{ topic, partitions }]);
      void this.#begin(partitions, this.#assignments);
    });
  }

  #stopReading(reason: string): void {
    this.#assignments += 1;
    const wasReading = this.#reading.size > 0;
    this.#reading = new Set();
    this.#paused.clear();
    if (wasReading) this.#guard(() => this.#listener.lost(reason));
  }

  async #begin(partitions: readonly number[], assignment: number): Promise<void> {
    const isPresent = (): boolean => this.#state === 'open' && assignment === this.#assignments;
    try {
      const points = await this.#start.of(partitions, this.#cluster, isPresent);
      if (isPresent()) this.#guard(() => this.#read(points));
    } catch (error) {
      if (isPresent()) this.#end(error);
    }
  }

  #read(points: readonly StartingPoint[]): void {
    const { topic } = this.#options;
    this.#reading = new Set(points.map(({ partition }) => partition));
    this.#listener.assigned(points);
    for (const { partition, from, end } of points) {
      this.#consumer.seek({ topic, partition, offset: from.toString() });
      if (!this.#paused.has(partition)) this.#consumer.resume([{ topic, partitions: [partition] }]);
      // No batch will ever say so.
      if (from >= end) this.#deliver({ partition, records: [], nextOffset: from, endOffset: end });
    }
  }

  #take({ batch, resolveOffset, isStale }: EachBatchPayload): void {
    // Stale: a seek is pending. What is not resolved comes again, after the resume or from where the seek says.
    if (isStale()) return;
    const lastOffset = batch.lastOffset();
    const places = { nextOffset: BigInt(lastOffset) + 1n, endOffset: BigInt(batch.highWatermark) };
    const records = batch.messages.map(toLogRecord);
    if (this.#deliver({ partition: batch.partition, records, ...places }) === 'taken') resolveOffset(lastOffset);
  }

  #deliver(batch: RelayBatch): 'taken' | 'declined' {
    const { partition } = batch;
    if (!this.#reading.has(partition) || this.#paused.has(partition)) return 'declined';
    return this.#listener.records(batch);
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
    this.#listener.ended(error);
  }
}
