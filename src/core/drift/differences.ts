/** The words of a comparison: what is known of a group, and what differs from it at the target. */
import type { Intent, Op } from '../change/change.ts';
import type { WaitingChange } from '../explain/verdict.ts';
import type { GroupFacts } from './group-facts.ts';
import type { Place } from './place.ts';

/** What waits of the group in the retry topic. */
export interface WaitingOfGroup {
  readonly intent: Intent;
  readonly state: WaitingChange['state'];
}

/** Of a topic, and may be about the group. */
export interface Unreadable {
  readonly topic: 'source' | 'retry' | 'report';
  readonly partition: number;
  /** Of the last record of it. */
  readonly offset: bigint;
  /** What it is, where it lies, and why it cannot be read; without a full stop. */
  readonly message: string;
}

/** All that is known of a group when it is compared. */
export interface KnownOfGroup {
  readonly facts: GroupFacts;
  /** What the target calls the group; null: neither the id map nor a report says so. */
  readonly target: string | null;
  readonly unreadable: readonly Unreadable[];
  readonly waiting: readonly WaitingOfGroup[];
  /** What the target calls a member, by its key in the source; null: neither the id map nor a report says so. */
  readonly targetOf: (key: string) => string | null;
  /** No instance reads the record at this place again. */
  readonly isCommitted: (place: Place) => boolean;
  /** Source records are gone that may have been about the group. */
  readonly isSourceGone: boolean;
  /** Reports are gone that may have been about the group. */
  readonly areReportsGone: boolean;
  /** Who is wanted instead, by `idKey` as it is spelled; null: what the source says counts. */
  readonly wanted: ReadonlyMap<string, string> | null;
}

export interface Named {
  /** As the source names the member; null: it does not. */
  readonly member: string | null;
  /** As the target spells it where it shows it; null: not known. */
  readonly target: string | null;
}

/**
 * `no_report`: no report says that it was ever done. `failed`: its last report says that it was given up. `refused`: an operator has
 * refused it. `source_says_otherwise`: a file says who is wanted, and the newest event of the member says the opposite.
 */
export interface Unmet extends Named {
  readonly evidence: 'no_report' | 'failed' | 'refused' | 'source_says_otherwise';
  /** The id of that report; null: there is none. */
  readonly report: string | null;
  /** The event that says otherwise, `topic/partition/offset`. Absent: another evidence. */
  readonly event?: string;
  /** When that event was written, RFC 3339. Absent: as `event`. */
  readonly event_at?: string;
}

/** Rollcall has done it, or found it so, and the target shows the opposite. */
export interface Undone extends Named {
  /** What was undone. */
  readonly op: Op;
  /** The event that wanted it, `topic/partition/offset`. */
  readonly event: string;
  /** The id of the report; null: a full state to which nothing was to be done for this member. */
  readonly report: string | null;
  /** RFC 3339; null: as `report`. */
  readonly reported_at: string | null;
}

export interface Pending extends Named {
  readonly op: Op;
  readonly state: 'unread' | WaitingChange['state'];
}

export interface Differences {
  readonly missing: readonly Unmet[];
  readonly extra: readonly Unmet[];
  readonly undone: readonly Undone[];
  readonly pending: readonly Pending[];
  /** Neither the source nor a report has ever named them. */
  readonly foreign: readonly Named[];
  /** Groups inside of the group, as the target names them. */
  readonly nested: readonly string[];
  /** What could not be found out, each as a sentence. */
  readonly doubts: readonly string[];
  /** Why nothing of the group may be repaired, each as a sentence: evidence that cannot be read. Empty: there is no such reason. */
  readonly obstacles: readonly string[];
  /** Of those who are wanted, how many have no known name at the target. */
  readonly unnamedCount: number;
}

export const NOTHING_DIFFERS: Differences = {
  missing: [],
  extra: [],
  undone: [],
  pending: [],
  foreign: [],
  nested: [],
  doubts: [],
  obstacles: [],
  unnamedCount: 0,
};

/** Who is to be in the group. */
export interface Wanted {
  /** As the source names them. */
  readonly members: readonly string[];
  /** false: records are gone, or could not be read, that may have named others. */
  readonly isCertain: boolean;
}
