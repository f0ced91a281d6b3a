/** What the source topic holds now: by that what a former one has left is recognized (`core/report/former-source`). */
import { readIntentId, type ChangeSource, type Intent, type Position } from '../core/change/change.ts';
import {
  reportedSource,
  type ReportedRecord,
  type ReportedSource,
  type SourcePartition,
} from '../core/report/former-source.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { operationId } from '../core/report/summary.ts';
import { unlessStopped } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import type { ReadingSources } from './topic-reading.ts';

export interface LookSources extends ReadingSources {
  /** By partition, epoch ms: of the first record from an offset on; those that have none, or cannot be read now, are left out. */
  readonly timestampsAt: (topic: string, from: ReadonlyMap<number, bigint>) => Promise<ReadonlyMap<number, number>>;
}

/** Of a change that waits in the retry topic. */
export type WaitingPlace = Pick<Intent, 'source' | 'firstSeenAt'>;

export class SourceLook {
  readonly #topic: string;
  readonly #sources: LookSources;
  /** By number; null: to be looked at again. */
  #partitions: ReadonlyMap<number, SourcePartition> | null = null;
  /** By partition, as they were found last. */
  readonly #oldest = new Map<number, NonNullable<SourcePartition['oldest']>>();

  constructor(topic: string, sources: LookSources) {
    this.#topic = topic;
    this.#sources = sources;
  }

  /** Reports, or live records, may have been written since the last look. */
  expire(): void {
    this.#partitions = null;
  }

  /**
   * Of reports that were written before `expire` was called last; null: the id of one names no place.
   * @throws ExitError where the topic is missing, or it was asked to stop.
   */
  async judge(): Promise<(report: ReportRecord) => ReportedSource | null> {
    const judged = await this.#judged();
    return (report) => {
      const position = readIntentId(operationId(report))?.position;
      if (position === undefined) return null;
      return judged({ position, timestamp: report.source.timestamp, reportedAt: Date.parse(report.reported_at) });
    };
  }

  /**
   * Which of the changes that wait are of a former topic. Times may be ahead, so the record at such a place is looked at: in each partition
   * that of the last one, since a topic is recreated as a whole. @throws as `judge`
   */
  async formerAmong<T extends WaitingPlace>(waiting: readonly T[]): Promise<ReadonlySet<T>> {
    if (waiting.length === 0) return new Set();
    this.expire();
    const judged = await this.#judged();
    const former = waiting.filter(
      ({ source, firstSeenAt }) =>
        judged({ position: source, timestamp: source.timestamp, reportedAt: firstSeenAt }) === 'former',
    );
    const last = new Map<number, ChangeSource>();
    for (const { source } of former)
      if (this.#holds(source) && source.offset >= (last.get(source.partition)?.offset ?? 0n))
        last.set(source.partition, source);
    const places = new Map([...last].map(([partition, { offset }]) => [partition, offset]));
    const times = places.size === 0 ? null : await this.#timestampsAt(places);
    const isSame = (partition: number): boolean => times?.get(partition) === last.get(partition)?.timestamp;
    return new Set(former.filter(({ source }) => !(this.#holds(source) && isSame(source.partition))));
  }

  /** As of the last look, the present topic has a record at this place, or has had one. */
  #holds({ topic, partition, offset }: Position): boolean {
    const end = this.#partitions?.get(partition)?.end;
    return topic === this.#topic && end !== undefined && offset < end;
  }

  async #judged(): Promise<(record: ReportedRecord) => ReportedSource> {
    const partitions = (this.#partitions ??= await this.#look());
    return (record) => reportedSource(record, this.#topic, partitions.get(record.position.partition) ?? null);
  }

  #timestampsAt(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, number>> {
    const { timestampsAt, context } = this.#sources;
    return unlessStopped(context, timestampsAt(this.#topic, from));
  }

  async #look(): Promise<ReadonlyMap<number, SourcePartition>> {
    const { bounds, context } = this.#sources;
    const { partitionCount } = await existingTopic(this.#topic, this.#sources);
    const numbers = Array.from({ length: partitionCount }, (_, partition) => partition);
    const found = await unlessStopped(context, bounds(this.#topic, numbers));
    const moved = [...found].filter(
      ([partition, { start, end }]) => start < end && this.#oldest.get(partition)?.offset !== start,
    );
    const starts = new Map(moved.map(([partition, { start }]) => [partition, start]));
    const times = starts.size === 0 ? [] : await this.#timestampsAt(starts);
    for (const [partition, timestamp] of times)
      this.#oldest.set(partition, { offset: starts.get(partition) ?? 0n, timestamp });
    return new Map(
      [...found].map(([partition, { start, end }]) => {
        const oldest = this.#oldest.get(partition) ?? null;
        return [partition, { end, oldest: oldest?.offset === start ? oldest : null }];
      }),
    );
  }
}
