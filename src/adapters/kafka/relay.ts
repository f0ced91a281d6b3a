/** The Relay on Kafka: supervised sessions that read one topic, every partition of it from a point of its own. */
import type { Cluster, ConsumerStartBatchProcessEvent, EachBatchPayload } from 'kafkajs';
import type { Relay, RelayBatch, RelayCommit, RelayHandler } from '../../ingest/ports.ts';
import type { Instant } from '../../ports.ts';
import { createRelayAssigner } from './assigner.ts';
import type { KafkaHost, KafkaRelayOptions } from './options.ts';
import { toLogRecord } from './record.ts';
import { RelayStart, type StartingPoint } from './relay-start.ts';
import { Session, type SessionAssignment } from './session.ts';
import { Supervisor, rebuildDelayMs, type Supervised } from './supervisor.ts';

export class KafkaRelay implements Relay {
  readonly #options: KafkaRelayOptions;
  readonly #host: KafkaHost;
  readonly #start: RelayStart;
  #supervisor: Supervisor<RelayReading> | undefined;

  constructor(options: KafkaRelayOptions, host: KafkaHost) {
    this.#options = options;
    this.#host = host;
    this.#start = new RelayStart(options, host);
  }

  join(handler: RelayHandler): void {
    if (this.#supervisor !== undefined) throw new Error('this relay has been joined already');
    const [options, host, start] = [this.#options, this.#host, this.#start];
    this.#supervisor = new Supervisor(host, {
      open: (ended) => new RelayReading(options, host, { handler, ended, start }),
      fault: (reading) => reading?.session.fault() ?? start.fault(),
      look: () => start.look(),
      retryDelayMs: ({ retriable }) => (retriable ? rebuildDelayMs : null),
      lost: (reason) => handler.lost(reason),
      failed: (failure) => handler.failed(failure),
    });
    this.#supervisor.start();
  }

  pause(partition: number): void {
    this.#reading?.pause(partition);
  }

  resume(partition: number): void {
    this.#reading?.resume(partition);
  }

  holdsLease(): boolean {
    return this.#reading?.holdsLease() ?? false;
  }

  async commit(commits: readonly RelayCommit[]): Promise<void> {
    const session = this.#reading?.session;
    if (session?.hasFetched !== true) throw new Error('there is no consumer to commit with');
    await session.commit(
      this.#options.topic,
      commits.map((each) => this.#start.commitOf(each)),
    );
  }

  /** What is not read, each with its remedy. */
  obstacles(): readonly string[] {
    return [...this.#start.obstacles(), ...(this.#reading?.session.obstacles() ?? [])];
  }

  async leave(): Promise<void> {
    await this.#supervisor?.stop();
    await this.#start.close();
  }

  get #reading(): RelayReading | undefined {
    return this.#supervisor?.current;
  }
}

interface Dependencies {
  readonly handler: Omit<RelayHandler, 'failed'>;
  /** Called at most once, and not after `close`. */
  readonly ended: (error: unknown) => void;
  readonly start: RelayStart;
}

/** What is read in one session. */
export class RelayReading implements Supervised {
  readonly session: Session;
  readonly #options: KafkaRelayOptions;
  readonly #host: KafkaHost;
  readonly #handler: Dependencies['handler'];
  readonly #start: RelayStart;
  readonly #paused = new Set<number>();
  /** Of the present assignment, once it is known where to begin; batches before that are declined. */
  #readable: ReadonlySet<number> = new Set();
  #assignments = 0;
  #isOwner = false;
  #heartbeatSentAt: Instant | null = null;

  constructor(options: KafkaRelayOptions, host: KafkaHost, { handler, ended, start }: Dependencies) {
    this.#options = options;
    this.#host = host;
    this.#handler = handler;
    this.#start = start;
    this.session = new Session(options, host, {
      own: { topics: [options.topic], settings: 'INGEST_FROM_TOPIC', groupSetting: 'INGEST_GROUP_ID' },
      listener: {
        assigner: (cluster, joining) =>
          createRelayAssigner({ cluster, topic: options.topic, joining, isOwner: () => this.#isOwner }),
        joining: () => this.#stopReading(),
        assigned: (assignment) => this.#assigned(assignment),
        heartbeat: ({ sentAt }) => {
          this.#heartbeatSentAt = sentAt;
        },
        take: (payload) => this.#take(payload),
        passOver: (payload) => this.#passOver(payload),
        outOfRange: (_topic, partition) => handler.offsetOutOfRange(partition),
        ended,
      },
    });
  }

  /** In the first half of a session, so that what is begun now is over before anybody else may begin. */
  holdsLease(): boolean {
    if (this.session.cluster === undefined || this.#heartbeatSentAt === null) return false;
    return this.#host.clock.now().monotonic - this.#heartbeatSentAt.monotonic < this.#options.sessionTimeoutMs / 2;
  }

  pause(partition: number): void {
    this.#paused.add(partition);
    this.session.pause(this.#options.topic, [partition]);
  }

  resume(partition: number): void {
    this.#paused.delete(partition);
    this.session.resume(this.#options.topic, partition);
  }

  async close(): Promise<void> {
    this.#start.end();
    await this.session.close();
  }

  /** Paused before the first fetch of the new generation: nothing may be read before it is known where to begin. */
  #assigned({ cluster, partitions }: SessionAssignment): void {
    this.#stopReading();
    this.#heartbeatSentAt = this.#host.clock.now();
    this.#isOwner = partitions.length > 0;
    if (!this.#isOwner) return this.#start.standBy();
    this.session.pause(this.#options.topic, partitions);
    void this.#begin(partitions, cluster, this.#assignments);
  }

  #take({ batch, resolveOffset, isStale }: EachBatchPayload): void {
    // Stale: a seek is pending. What is not resolved comes again, after the resume or from where the seek says.
    if (isStale()) return;
    const lastOffset = batch.lastOffset();
    const places = { nextOffset: BigInt(lastOffset) + 1n, endOffset: BigInt(batch.highWatermark) };
    const records = batch.messages.map(toLogRecord);
    if (this.#deliver({ partition: batch.partition, records, ...places }) === 'taken') resolveOffset(lastOffset);
  }

  /** Only control records: kafkajs goes on without calling eachBatch. */
  #passOver({ partition, batchSize, ...offsets }: ConsumerStartBatchProcessEvent['payload']): void {
    if (batchSize > 0) return;
    const places = { nextOffset: BigInt(offsets.lastOffset) + 1n, endOffset: BigInt(offsets.highWatermark) };
    this.#deliver({ partition, records: [], ...places });
  }

  #stopReading(): void {
    this.#assignments += 1;
    const wasReading = this.#readable.size > 0;
    this.#readable = new Set();
    this.#paused.clear();
    if (wasReading) this.#handler.lost('a rebalance of the consumer group');
  }

  async #begin(partitions: readonly number[], cluster: Cluster, assignment: number): Promise<void> {
    const isPresent = (): boolean => this.session.isOpen && assignment === this.#assignments;
    try {
      const points = await this.#start.of(partitions, cluster, isPresent);
      if (isPresent()) this.session.guard(() => this.#read(points));
    } catch (error) {
      if (isPresent()) this.session.end(error);
    }
  }

  #read(points: readonly StartingPoint[]): void {
    const { topic } = this.#options;
    this.#readable = new Set(points.map(({ partition }) => partition));
    this.#handler.assigned(points);
    for (const { partition, from, end } of points) {
      this.session.seek(topic, partition, from);
      if (!this.#paused.has(partition)) this.session.resume(topic, partition);
      // No batch will ever say so.
      if (from >= end) this.#deliver({ partition, records: [], nextOffset: from, endOffset: end });
    }
  }

  #deliver(batch: RelayBatch): 'taken' | 'declined' {
    const { partition } = batch;
    if (!this.#readable.has(partition) || this.#paused.has(partition)) return 'declined';
    return this.#handler.records(batch);
  }
}
