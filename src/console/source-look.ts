/** What the source topic holds now: by that what a former one has left is recognized (`core/report/former-source`). */
import { readIntentId, type Intent } from '../core/change/change.ts';
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

/** Of what was written before `SourceLook.expire` was called last. */
export interface SourceJudge {
  /** null: the id of the report names no place. */
  ofReport(report: ReportRecord): ReportedSource | null;
  /** Of a change that waits in the retry topic. */
  ofChange(change: Pick<Intent, 'source' | 'firstSeenAt'>): ReportedSource;
}

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

  /** @throws ExitError where the topic is missing, or it was asked to stop. */
  async judge(): Promise<SourceJudge> {
    const partitions = (this.#partitions ??= await this.#look());
    const of = (record: ReportedRecord): ReportedSource =>
      reportedSource(record, this.#topic, partitions.get(record.position.partition) ?? null);
    return {
      ofReport: (report) => {
        const position = readIntentId(operationId(report))?.position;
        if (position === undefined) return null;
        return of({ position, timestamp: report.source.timestamp, reportedAt: Date.parse(report.reported_at) });
      },
      ofChange: ({ source, firstSeenAt }) =>
        of({ position: source, timestamp: source.timestamp, reportedAt: firstSeenAt }),
    };
  }

  async #look(): Promise<ReadonlyMap<number, SourcePartition>> {
    const { bounds, timestampsAt, context } = this.#sources;
    const { partitionCount } = await existingTopic(this.#topic, this.#sources);
    const numbers = Array.from({ length: partitionCount }, (_, partition) => partition);
    const found = await unlessStopped(context, bounds(this.#topic, numbers));
    const moved = [...found].filter(
      ([partition, { start, end }]) => start < end && this.#oldest.get(partition)?.offset !== start,
    );
    const starts = new Map(moved.map(([partition, { start }]) => [partition, start]));
    const times = starts.size === 0 ? [] : await unlessStopped(context, timestampsAt(this.#topic, starts));
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
