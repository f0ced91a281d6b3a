/**
 * Which reports are of a former source topic: one of another name, or one that was deleted and created again, or was cut, since they were
 * written. Its offsets have no order beside those of the present topic.
 *
 * What the rule cannot see: a partition that was filled again beyond the report's offset, with records that are as old as the former ones,
 * or of which retention has taken the oldest since then.
 */
import type { Position } from '../change/change.ts';

/** A partition of the present topic, as a look at it has found it. */
export interface SourcePartition {
  /** Of the next record. */
  readonly end: bigint;
  /** The oldest record that is left, its time in epoch ms; null: there is none, or its time is not known. */
  readonly oldest: { readonly offset: bigint; readonly timestamp: number } | null;
}

/** What a report says of the record that it is about. */
export interface ReportedRecord {
  readonly position: Position;
  /** Of the record, epoch ms. */
  readonly timestamp: number;
  /** Epoch ms. */
  readonly reportedAt: number;
}

/** Whose record a report is about. */
export type ReportedSource = 'present' | 'former';

/**
 * A report of the present topic is written after its record, so it is not older than a record that lies before that one. Producers' clocks
 * differ: the record's own time has to say the same.
 * @param topic the name of the present one
 * @param partition which the report names, its end asked for after the report was written; null: the topic has none of that number
 */
export function reportedSource(
  { position, timestamp, reportedAt }: ReportedRecord,
  topic: string,
  partition: SourcePartition | null,
): ReportedSource {
  if (position.topic !== topic || partition === null || position.offset >= partition.end) return 'former';
  const { oldest } = partition;
  if (oldest === null || position.offset < oldest.offset) return 'present';
  return timestamp < oldest.timestamp && reportedAt < oldest.timestamp ? 'former' : 'present';
}
