/** What goes into the index, and what is asked of it. */
import type { TopicRecord } from '../../ports.ts';

export type IndexedTopic = 'report' | 'source';

/** How far a partition is in the index. */
export interface IndexPlace {
  /** Everything from there on is in it. */
  readonly first: bigint;
  /** The next offset that is not. */
  readonly next: bigint;
  /** Of the record that was read last; null: there was none. */
  readonly last: RecordMark | null;
}

/** By which a record is known again. */
export interface RecordMark {
  readonly offset: bigint;
  readonly digest: string;
}

/** A record, and what it is found by. */
export interface IndexEntry {
  readonly record: TopicRecord;
  /** Epoch ms: when it was reported, or the timestamp of a source record. */
  readonly time: number;
  readonly about: readonly About[];
  /** null: it can be read. Else it is kept for that alone. */
  readonly problem: IndexProblem | null;
}

/** A record that says nothing, or a batch of which no record could be read. */
export interface IndexProblem {
  readonly kind: 'record' | 'batch';
  readonly message: string;
}

/** All names by `idKey`. */
export interface About {
  readonly group: string;
  /** Other names of the group. */
  readonly otherNames: readonly string[];
  /** null: about the group as a whole. */
  readonly member: string | null;
  readonly otherMember: string | null;
  /** Of the source record that the change is of, as `positionText`. */
  readonly position: string;
  /** Of that record. */
  readonly partition: number;
  /** It says which version the group has had since. */
  readonly hasVersion: boolean;
}

/** Which report records are read. Groups and members by `idKey`, null: of all. */
export interface ReportsWanted {
  readonly groups: readonly string[] | null;
  readonly members: readonly string[] | null;
  /** Epoch ms: reported then or later, and before. */
  readonly since: number | null;
  readonly until: number | null;
}

export interface WantedMember {
  /** By `idKey`. */
  readonly names: ReadonlySet<string>;
  /** Whether another name means the member; null: reports alone say so. */
  readonly means: ((name: string) => boolean) | null;
}
