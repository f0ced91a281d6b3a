/** A record among the first of a topic, what is known beside it, and what is found. */
import type { Decoded, SourceFormat, SourceRecord } from '../../core/change/change.ts';
import type { DetectingFormat, FormatName } from '../registry.ts';
import type { DebeziumOptions } from '../debezium/row.ts';

export interface FirstRecord extends SourceRecord {
  readonly partition: number;
  readonly offset?: bigint;
}

export interface RecordFinding {
  readonly severity: 'error' | 'warning';
  readonly code: RecordFindingCode;
  readonly message: string;
  readonly remedy: string;
}

/** A list of this one finding. */
const finding =
  (severity: RecordFinding['severity']) =>
  (code: RecordFindingCode, message: string, remedy: string): RecordFinding[] => [{ severity, code, message, remedy }];

export const error = finding('error');
export const warning = finding('warning');

export type RecordFindingCode =
  | 'wrong_format'
  | 'unreadable'
  | 'tombstones_only'
  | 'keyless'
  | 'group_under_several_keys'
  | 'key_in_several_partitions'
  | 'keys_hashed_differently'
  | 'keyed_by_membership'
  | 'deletes_not_read'
  | 'deletes_unreadable'
  | 'updates_not_told'
  | 'updates_unreadable'
  | 'ids_encoded'
  | 'all_skipped'
  | 'tombstones_read_twice'
  | 'compacted_by_group';

export interface FirstRecords {
  readonly topic: string;
  readonly records: readonly FirstRecord[];
  readonly partitionCount: number;
  /** Effective settings of the topic. */
  readonly settings: ReadonlyMap<string, string>;
  readonly name: FormatName;
  /** Prepared for these records, where it must be. */
  readonly format: SourceFormat;
  /** Says what else the records could be. */
  readonly auto: DetectingFormat;
  readonly debezium: DebeziumOptions;
}

export interface DecodedRecord {
  readonly record: FirstRecord;
  readonly events: Decoded;
}
