/**
 * Room adapters/kafka: Kafka behind the ports; the only import of kafkajs.
 * Not here: what stands in the records (core/log).
 *
 * The ChangeLog on Kafka: supervised sessions that read source and retry, with a sender and an admin connection beside them.
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
import { createAssigner, partitionCountOf } from './assigner.ts';
import { aheadIn, inspectPartition } from './direct-fetch.ts';
import type { KafkaExplanation } from './errors.ts';
import { Intake, Standstill } from './intake.ts';
import type { KafkaHost, KafkaLogOptions } from './options.ts';
import { Sender } from './sender.ts';
import { Session, type SessionAssignment } from './session.ts';
import { Supervisor, rebuildDelayMs, type Supervised } from './supervisor.ts';
import { LeaderWatch, TopicWatch, type Assigned } from './watches.ts';

/** What is not permitted stays so until an administrator permits it. */
const unpermittedDelayMs = 5_000;
/** A topic that was just made is not known to every broker at once. */
const topicMissingMax = 5;

export class KafkaChangeLog implements ChangeLog {
  readonly #options: KafkaLogOptions;
  readonly #host: KafkaHost;
  readonly #admin: KafkaAdmin;
  readonly #sender: Sender;
  readonly #sourceWatch: TopicWatch;
  readonly #retryWatch: TopicWatch;
  readonly #leaders: LeaderWatch;
  #supervisor: Supervisor<LogReading> | undefined;
  /** In a row. */
  #topicMissing = 0;
  /** A consumer has read: what is not permitted now was permitted then. */
  #wasPermitted = false;

  constructor(options: KafkaLogOptions, host: KafkaHost) {
    this.#options = options;
    this.#host = host;
    this.#admin = new KafkaAdmin(options, host);
    const watch = (topic: string): TopicWatch =>
      new TopicWatch(topic, host.clock, () => this.#reading?.session.cluster);
    this.#sourceWatch = watch(options.topics.source);
    this.#retryWatch = watch(options.topics.retry);
    this.#leaders = new LeaderWatch(host, () => this.#reading?.assigned);
    this.#sender = new Sender({ connection: options, host, partitionsOf: (topic) => this.#admin.partitions(topic) });
  }

  /** Resolves at once: a broker that cannot be reached is waited for, and everything else comes to the handler. */
  async join(handler: ChangeLogHandler): Promise<void> {
    if (this.#supervisor !== undefined) throw new Error('this log has been joined already');
    this.#supervisor = new Supervisor(this.#host, {
      open: (ended) => this.#open(handler, ended),
      fault: (reading) => reading?.session.fault() ?? reading?.standstill.fault() ?? this.#sourceWatch.fault(),
      look: (reading) => this.#look(reading),
      retryDelayMs: (end) => this.#retryDelayMs(end),
      lost: (reason, hadJoined) => {
        this.#sourceWatch.ends();
        this.#retryWatch.ends();
        if (hadJoined) handler.lost(reason);
      },
      failed: (failure) => handler.failed(failure),
    });
    this.#supervisor.start();
    // Beside the join: the fences are written right after it.
    this.#admin.prepare(this.#options.topics.source);
    this.#sender.prepare(this.#options.topics.retry);
  }

  send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    return this.#sender.send(records);
  }

  partitionCount(topic: string): Promise<number> {
    return this.#sender.partitionCount(topic);
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    const session = this.#reading?.session;
    if (session === undefined) throw new Error('there is no consumer to commit with');
    const partitions = commits.map(({ partition, offset, metadata }) => ({
      partition,
      offset: offset.toString(),
      metadata,
    }));
    await session.commit(this.#options.topics.source, partitions);
  }

  committed(partition: number): Promise<Committed> {
    return this.#admin.committed(this.#options.groupId, this.#options.topics.source, partition);
  }

  bounds(topic: InputTopic, partition: number): Promise<Bounds> {
    return this.#admin.bounds(this.#options.topics[topic], partition);
  }

  async lookAhead(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, Ahead>> {
    const topic = this.#options.topics.source;
    return aheadIn(this.#reading?.session.cluster, topic, { from, bounds: await this.#admin.boundsWhereLed(topic) });
  }

  async inspect(partition: number, from: bigint | null): Promise<Inspection> {
    const reading = this.#reading;
    const cluster = reading?.session.cluster;
    if (cluster === undefined) throw new Error('there is no consumer to look into the source with');
    const { source: topic, retry: retryTopic } = this.#options.topics;
    const inspection = await inspectPartition(cluster, { topic, retryTopic, partition }, from);
    // Under another consumer the topics may be others by now; it inspects them itself.
    if (reading === this.#reading) {
      this.#sourceWatch.begins(inspection.topicId);
      this.#retryWatch.begins(inspection.retryTopicId);
    }
    return inspection;
  }

  seek(topic: InputTopic, partition: number, offset: bigint): void {
    this.#reading?.intake.seek(topic, partition, offset);
  }

  pause(topic: InputTopic, partition: number): void {
    this.#reading?.intake.pause(topic, partition);
  }

  resume(topic: InputTopic, partition: number): void {
    this.#reading?.intake.resume(topic, partition);
  }

  rejoin(reason: string): void {
    if (this.#reading !== undefined) this.#supervisor?.rebuild(reason);
  }

  /** What of the assigned partitions is not read, each with its remedy. */
  obstacles(): readonly string[] {
    return [...this.#leaders.obstacles(), ...(this.#reading?.session.obstacles() ?? [])];
  }

  async leave(): Promise<void> {
    await this.#supervisor?.stop();
    await Promise.all([this.#sender.close(), this.#admin.close()]);
  }

  get #reading(): LogReading | undefined {
    return this.#supervisor?.current;
  }

  #open(handler: ChangeLogHandler, ended: (error: unknown) => void): LogReading {
    const listener: LogListener = {
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
      ended,
    };
    return new LogReading(this.#options, this.#host, { listener, admin: this.#admin });
  }

  #retryDelayMs({ code, retriable }: KafkaExplanation): number | null {
    if (code === 'topic_missing') this.#topicMissing += 1;
    if (code === 'not_authorized' && this.#wasPermitted) return unpermittedDelayMs;
    const canWait = retriable || (code === 'topic_missing' && this.#topicMissing < topicMissingMax);
    return canWait ? rebuildDelayMs : null;
  }

  #look(reading: LogReading | undefined): void {
    this.#leaders.look();
    reading?.standstill.look();
    this.#sourceWatch.look();
    this.#retryWatch.look();
    if (this.#retryWatch.fault() === null) return;
    this.#retryWatch.follow();
    reading?.retryReplaced();
  }
}

type LogListener = Omit<ChangeLogHandler, 'lost' | 'failed'> & { ended(error: unknown): void };

/** What is read in one session. */
class LogReading implements Supervised {
  readonly session: Session;
  readonly intake: Intake;
  readonly standstill: Standstill;
  readonly #topics: KafkaLogOptions['topics'];
  readonly #listener: LogListener;

  constructor(
    options: KafkaLogOptions,
    host: KafkaHost,
    { listener, admin }: { readonly listener: LogListener; readonly admin: KafkaAdmin },
  ) {
    const { topics } = options;
    this.#topics = topics;
    this.#listener = listener;
    this.session = new Session(options, host, {
      own: {
        topics: [topics.source, topics.retry],
        settings: 'SOURCE_TOPIC and RETRY_TOPIC',
        groupSetting: 'KAFKA_GROUP_ID',
      },
      listener: {
        assigner: (cluster, joining) =>
          createAssigner({ cluster, topics, joining, owned: () => this.intake.partitions() }),
        joining: () => listener.joining(),
        assigned: (assignment) => this.#assigned(assignment),
        heartbeat: (heartbeat) => listener.heartbeat(heartbeat),
        take: (payload) => this.intake.take(payload),
        passOver: (payload) => this.intake.passOver(payload),
        outOfRange: (topic, partition) => this.intake.outOfRange(topic, partition),
        ended: (error) => {
          this.intake.close();
          listener.ended(error);
        },
      },
    });
    this.intake = new Intake({ session: this.session, topics, handler: listener, clock: host.clock });
    this.standstill = new Standstill({ intake: this.intake, session: this.session }, options, admin);
  }

  /** What may be read, to the best of our knowledge; undefined while nothing is assigned. */
  get assigned(): Assigned | undefined {
    const { cluster } = this.session;
    if (cluster === undefined) return undefined;
    return { cluster, topics: Object.values(this.#topics), partitions: this.intake.partitions() };
  }

  /** The retry topic was deleted and recreated, and kafkajs has not noticed: what was written to it is gone. */
  retryReplaced(): void {
    this.session.guard(() => {
      for (const partition of this.intake.partitions()) this.intake.outOfRange(this.#topics.retry, partition);
    });
  }

  async close(): Promise<void> {
    this.intake.close();
    await this.session.close();
  }

  /** Partitions that were given to an excluded member are paused, and handed on as none. */
  #assigned({ cluster, memberId, partitions: given, isExcluded }: SessionAssignment): void {
    if (isExcluded) for (const topic of Object.values(this.#topics)) this.session.pause(topic, given);
    const partitions = isExcluded ? [] : given;
    const partitionCount = partitionCountOf(cluster, this.#topics);
    this.intake.assign(partitions);
    this.#listener.assigned({ memberId, partitions, partitionCount });
  }
}
