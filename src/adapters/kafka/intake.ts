/**
 * Hands batches to the handler and keeps kafkajs's positions true to its answers. Nothing here waits: heartbeats and the
 * other partitions depend on eachBatch returning at once (kafkajs.md 2.1, 2.2).
 */
import type { Consumer, ConsumerStartBatchProcessEvent, EachBatchPayload } from 'kafkajs';
import type { Batch, ChangeLogHandler, Clock, InputTopic } from '../../ports.ts';
import type { ReadPosition } from './positions.ts';
import { Positions } from './positions.ts';
import { toLogRecord } from './record.ts';

export interface IntakeOptions {
  readonly consumer: Consumer;
  readonly topics: Readonly<Record<InputTopic, string>>;
  readonly handler: Pick<ChangeLogHandler, 'records' | 'offsetOutOfRange'>;
  readonly clock: Pick<Clock, 'now'>;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #positions = new Positions();
  /** kafkajs throws at every call after a crash or a stop (kafkajs.md 3.7). */
  #isOpen = true;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  close(): void {
    this.#isOpen = false;
    this.#positions.assign([], 0);
  }

  assign(partitions: readonly number[]): void {
    this.#positions.assign(partitions, this.#now());
  }

  partitions(): readonly number[] {
    return this.#positions.partitions();
  }

  seek(topic: InputTopic, partition: number, offset: bigint): void {
    const place = this.#positions.of(topic, partition);
    if (place === undefined || !this.#isOpen) return;
    this.#step(place, offset);
    this.#options.consumer.seek({ topic: this.#options.topics[topic], partition, offset: offset.toString() });
  }

  pause(topic: InputTopic, partition: number): void {
    if (!this.#isOpen) return;
    this.#positions.pause(topic, partition);
    this.#options.consumer.pause([{ topic: this.#options.topics[topic], partitions: [partition] }]);
  }

  resume(topic: InputTopic, partition: number): void {
    if (!this.#isOpen) return;
    this.#positions.resume(topic, partition, this.#now());
    this.#options.consumer.resume([{ topic: this.#options.topics[topic], partitions: [partition] }]);
  }

  take({ batch, resolveOffset, isStale }: EachBatchPayload): void {
    const place = this.#placeOf(batch.topic, batch.partition);
    // Stale: a seek is pending. What is not resolved comes again, after the resume or from where the seek says
    // (kafkajs.md 2.3, 2.4).
    if (place === undefined || this.#positions.isPaused(place) || isStale()) return;
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
    if (batchSize > 0 || place === undefined || this.#positions.isPaused(place)) return;
    const nextOffset = BigInt(offsets.lastOffset) + 1n;
    const batch = emptyBatch(place, nextOffset, BigInt(offsets.highWatermark));
    // A declined one has been passed all the same; `skip` tells it again.
    if (this.#options.handler.records(batch) === 'taken') this.#step(place, nextOffset);
  }

  /** A place that has moved or is gone meanwhile is left alone. */
  skip(place: ReadPosition, nextOffset: bigint): void {
    if (this.#positions.of(place.topic, place.partition) !== place || this.#positions.isPaused(place)) return;
    if (this.#options.handler.records(emptyBatch(place, nextOffset, nextOffset)) === 'taken') {
      this.seek(place.topic, place.partition, nextOffset);
    }
  }

  outOfRange(topic: string, partition: number): void {
    const place = this.#placeOf(topic, partition);
    if (place === undefined) return;
    place.offset = null;
    this.#options.handler.offsetOutOfRange(place.topic, partition);
  }

  /** Not paused and without a step for so long. */
  standing(sinceMs: number): readonly ReadPosition[] {
    return this.#positions.standing(sinceMs, this.#now());
  }

  /** There is nothing more to read just now, or no leader to read from: it stands still for no fault. */
  waits(place: ReadPosition): void {
    place.since = this.#now();
  }

  #step(place: ReadPosition, offset: bigint): void {
    place.offset = offset;
    place.since = this.#now();
  }

  #placeOf(topic: string, partition: number): ReadPosition | undefined {
    return this.#positions.of(topic === this.#options.topics.source ? 'source' : 'retry', partition);
  }

  #now(): number {
    return this.#options.clock.now().monotonic;
  }
}

function emptyBatch({ topic, partition }: ReadPosition, nextOffset: bigint, endOffset: bigint): Batch {
  return { topic, partition, records: [], nextOffset, endOffset };
}
