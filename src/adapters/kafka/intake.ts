/**
 * What a consumer of the log has read: the intake, which hands batches to the handler and owns the positions, and the look
 * at what stands still although there is something to read.
 */
import type { Cluster, ConsumerStartBatchProcessEvent, EachBatchPayload } from 'kafkajs';
import type { Batch, ChangeLogHandler, Clock, InputTopic } from '../../ports.ts';
import type { KafkaAdmin } from './admin.ts';
import { endOfHole, fetchDirectly } from './direct-fetch.ts';
import { leaderlessOf, numbersOf } from './leaders.ts';
import type { KafkaLogOptions } from './options.ts';
import { toLogRecord } from './record.ts';
import type { Session } from './session.ts';

interface TopicPlace {
  readonly topic: InputTopic;
  readonly partition: number;
}

/** Where an assigned partition is read, as far as it is known. The same object for as long as it is assigned. */
export interface ReadPosition extends TopicPlace {
  /** null: kafkajs began at the committed offset, and nothing has come yet. */
  readonly offset: bigint | null;
  /** Since when it has stood still, monotonic ms: since the last step, or the assignment. */
  readonly since: number;
}

type Place = TopicPlace & { offset: bigint | null; since: number };

export interface IntakeOptions {
  readonly session: Pick<Session, 'seek' | 'pause' | 'resume' | 'guard'>;
  readonly topics: Readonly<Record<InputTopic, string>>;
  readonly handler: Pick<ChangeLogHandler, 'records' | 'offsetOutOfRange'>;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Keeps kafkajs's positions true to the handler's answers. Nothing here waits: heartbeats and the other partitions depend on
 * eachBatch waiting for its turn alone (kafkajs.md 2.1, 2.2).
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #places = new Map<string, Place>();
  /** They outlive the assignment, as they do in kafkajs. */
  readonly #paused = new Set<string>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  close(): void {
    this.#places.clear();
  }

  assign(partitions: readonly number[]): void {
    this.#places.clear();
    for (const topic of ['source', 'retry'] as const) {
      for (const partition of partitions) {
        this.#places.set(keyOf({ topic, partition }), { topic, partition, offset: null, since: this.#now() });
      }
    }
  }

  partitions(): readonly number[] {
    return [...this.#places.values()].filter(({ topic }) => topic === 'source').map(({ partition }) => partition);
  }

  seek(topic: InputTopic, partition: number, offset: bigint): void {
    const place = this.#places.get(keyOf({ topic, partition }));
    if (place === undefined) return;
    this.#step(place, offset);
    this.#options.session.seek(this.#options.topics[topic], partition, offset);
  }

  pause(topic: InputTopic, partition: number): void {
    this.#paused.add(keyOf({ topic, partition }));
    this.#options.session.pause(this.#options.topics[topic], [partition]);
  }

  resume(topic: InputTopic, partition: number): void {
    this.#paused.delete(keyOf({ topic, partition }));
    this.waits({ topic, partition });
    this.#options.session.resume(this.#options.topics[topic], partition);
  }

  take({ batch, resolveOffset, isStale }: EachBatchPayload): void {
    const place = this.#placeOf(batch.topic, batch.partition);
    // Stale: a seek is pending. What is not resolved comes again, after the resume or from where the seek says
    // (kafkajs.md 2.3, 2.4).
    if (place === undefined || this.#isPaused(place) || isStale()) return;
    const lastOffset = batch.lastOffset();
    const nextOffset = BigInt(lastOffset) + 1n;
    const verdict = this.#options.handler.records({
      topic: place.topic,
      partition: place.partition,
      records: batch.messages.map(toLogRecord),
      nextOffset,
      endOffset: BigInt(batch.highWatermark),
    });
    if (verdict === 'declined') return;
    resolveOffset(lastOffset);
    this.#step(place, nextOffset);
  }

  /** Only control records, or what compaction and aborted transactions left: kafkajs goes on without eachBatch (kafkajs.md 2.8). */
  passOver({ topic, partition, batchSize, ...offsets }: ConsumerStartBatchProcessEvent['payload']): void {
    const place = this.#placeOf(topic, partition);
    if (batchSize > 0 || place === undefined || this.#isPaused(place)) return;
    const nextOffset = BigInt(offsets.lastOffset) + 1n;
    const batch = emptyBatch(place, nextOffset, BigInt(offsets.highWatermark));
    // A declined one has been passed all the same; `skip` tells it again.
    if (this.#options.handler.records(batch) === 'taken') this.#step(place, nextOffset);
  }

  /** Past a hole that kafkajs does not get over by itself. A place that has moved or is gone meanwhile is left alone. */
  skip(place: ReadPosition, nextOffset: bigint): void {
    if (this.#places.get(keyOf(place)) !== place || this.#isPaused(place)) return;
    this.#options.session.guard(() => {
      if (this.#options.handler.records(emptyBatch(place, nextOffset, nextOffset)) === 'taken')
        this.seek(place.topic, place.partition, nextOffset);
    });
  }

  outOfRange(topic: string, partition: number): void {
    const place = this.#placeOf(topic, partition);
    if (place === undefined) return;
    place.offset = null;
    this.#options.handler.offsetOutOfRange(place.topic, partition);
  }

  /** Not paused and without a step for so long. */
  standing(sinceMs: number): readonly ReadPosition[] {
    const now = this.#now();
    return [...this.#places.values()].filter((place) => !this.#isPaused(place) && now - place.since >= sinceMs);
  }

  /** There is nothing more to read just now, or no leader to read from: it stands still for no fault. */
  waits(at: TopicPlace): void {
    const place = this.#places.get(keyOf(at));
    if (place !== undefined) place.since = this.#now();
  }

  #step(place: Place, offset: bigint): void {
    place.offset = offset;
    place.since = this.#now();
  }

  #placeOf(topic: string, partition: number): Place | undefined {
    return this.#places.get(keyOf({ topic: topic === this.#options.topics.source ? 'source' : 'retry', partition }));
  }

  #isPaused(place: TopicPlace): boolean {
    return this.#paused.has(keyOf(place));
  }

  #now(): number {
    return this.#options.clock.now().monotonic;
  }
}

function emptyBatch({ topic, partition }: ReadPosition, nextOffset: bigint, endOffset: bigint): Batch {
  return { topic, partition, records: [], nextOffset, endOffset };
}

const keyOf = ({ topic, partition }: TopicPlace): string => `${topic}/${partition}`;

const suspiciousMs = 3_000;
const faultMs = 30_000;

/** What is looked after. */
interface Watched {
  readonly intake: Intake;
  readonly session: Pick<Session, 'cluster'>;
}

/**
 * Partitions that stand still. One cause is known and handled here: kafkajs does not get past a batch that compaction has
 * emptied (kafkajs.md 2.7). For any other a new consumer is built.
 */
export class Standstill {
  readonly #watched: Watched;
  readonly #options: KafkaLogOptions;
  readonly #admin: Pick<KafkaAdmin, 'committed' | 'bounds'>;

  /** Those that had something to read when last looked at. */
  readonly #behind = new WeakSet<ReadPosition>();
  #isLooking = false;

  constructor(watched: Watched, options: KafkaLogOptions, admin: Pick<KafkaAdmin, 'committed' | 'bounds'>) {
    this.#watched = watched;
    this.#options = options;
    this.#admin = admin;
  }

  /** The reason to rebuild the consumer, null where there is none. */
  fault(): string | null {
    const stuck = this.#watched.intake.standing(faultMs).find((place) => this.#behind.has(place));
    return stuck === undefined
      ? null
      : `${this.#options.topics[stuck.topic]}/${stuck.partition} is not read any further`;
  }

  /** Looks after what stands still, unless it does so already. An unanswered question is no fault. */
  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookOnce()
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  async #lookOnce(): Promise<void> {
    const { session, intake } = this.#watched;
    const { cluster } = session;
    if (cluster === undefined) return;
    const standing = intake.standing(suspiciousMs);
    for (const topic of ['source', 'retry'] as const) {
      const name = this.#options.topics[topic];
      const leaderless = numbersOf(leaderlessOf(cluster, name));
      const places = standing.filter((place) => place.topic === topic);
      // Another consumer would not read those without a leader either; the others of the topic are looked after.
      for (const place of places) if (leaderless.has(place.partition)) this.#waits(place);
      const led = places.filter(({ partition }) => !leaderless.has(partition));
      await this.#skipHoles(cluster, name, led);
    }
  }

  async #skipHoles(cluster: Cluster, topic: string, places: readonly ReadPosition[]): Promise<void> {
    const { intake } = this.#watched;
    if (places.length === 0) return;
    const positions = await Promise.all(
      places.map(async (place) => ({ ...place, offset: await this.#offsetOf(topic, place) })),
    );
    // One byte: only the last stable offsets are of interest.
    const ends = await fetchDirectly({ cluster, topic, positions, waitMs: 0, bytesPerPartition: 1 });
    for (const [i, place] of places.entries()) {
      const position = positions[i];
      const end = ends.find(({ partition }) => partition === place.partition)?.lastStableOffset ?? 0n;
      if (position === undefined || end <= position.offset) {
        this.#waits(place);
        continue;
      }
      this.#behind.add(place);
      const next = await endOfHole(cluster, topic, position);
      // It may have moved on meanwhile.
      if (next > position.offset && place.since === position.since) intake.skip(place, next);
    }
  }

  #waits(place: ReadPosition): void {
    this.#behind.delete(place);
    this.#watched.intake.waits(place);
  }

  async #offsetOf(topic: string, place: ReadPosition): Promise<bigint> {
    if (place.offset !== null) return place.offset;
    const { offset } = await this.#admin.committed(this.#options.groupId, topic, place.partition);
    return offset ?? (await this.#admin.bounds(topic, place.partition)).start;
  }
}
