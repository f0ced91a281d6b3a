/** What goes into the index, and what is asked of it. */
import type { Position } from '../../core/change/change.ts';
import type { VersionSaid } from '../../core/explain/versions.ts';
import type { TopicRecord } from '../../ports.ts';

export type IndexedTopic = 'report' | 'source';

/** How far a partition is in the index. */
export interface IndexPlace {
  /** Everything from there on is in it. */
  readonly first: bigint;
  /** The next offset that is not. */
  readonly next: bigint;
}

/** A record, and what it is found by. */
export interface IndexEntry {
  readonly record: TopicRecord;
  /** Epoch ms: when it was reported, or the timestamp of a source record. */
  readonly time: number;
  readonly about: readonly About[];
  /** Of a report; null: it is none. */
  readonly outcome: string | null;
  /** null: none. */
  readonly problem: IndexProblem | null;
}

/** What cannot be read. A record is kept, since a later version of Rollcall may read it; of a batch there is none. */
export type IndexProblem = { readonly kind: 'record' } | { readonly kind: 'batch'; readonly message: string };

/** All names by `idKey`. */
export interface About {
  readonly group: string;
  /** All names of the group by a report. */
  readonly names: readonly string[];
  /** null: about the group as a whole. */
  readonly member: string | null;
  readonly otherMember: string | null;
  /** Of the source record that the change is of; null: it says of no change what became of it. */
  readonly position: Position | null;
  /** Of the source, that a report says; null: it says none. */
  readonly partition: number | null;
  /** What the target calls the group by this report; null: it does not say. */
  readonly target: string | null;
  /** Likewise of the member. */
  readonly memberTarget: string | null;
  /** It says which version the group has had since, or of a request that may have moved it; null: neither. */
  readonly version: VersionSaid['kind'] | null;
}

/** Which report records are read. Names by `idKey`, null: of all. */
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

export interface UnreadRecord {
  /** In the index. */
  readonly id: number;
  readonly record: TopicRecord;
}
