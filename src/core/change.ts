/**
 * A change event, its intents and their position: the vocabulary every other file shares.
 * Ids are compared as they are (no case folding, no trimming): two spellings are two members.
 */

export type Op = 'add' | 'remove';

/** Where a source record lies. Within a group positions are totally ordered by their offset. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** What a source record says of itself; shared by all of its intents. Times are epoch milliseconds. */
export interface ChangeSource extends Position {
  readonly eventId: string | null;
  /** The Kafka record's timestamp. */
  readonly timestamp: number;
}

/** One source record in the native format, decoded: members to add to and to remove from one group. */
export interface ChangeEvent {
  readonly group: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly eventId: string | null;
}

export interface Dead {
  /** Epoch ms of the giving-up; dead intents are dropped `DEAD_KEEP_MS` after it. */
  readonly at: number;
  readonly reason: DeadReason;
}

export type DeadReason = 'rejected' | 'attempts_exhausted';

/** What one event wants for one member of one group. Replaced, never modified. */
export interface Intent {
  readonly group: string;
  readonly member: string;
  readonly op: Op;
  readonly source: ChangeSource;
  /** Failed tries so far. */
  readonly attempt: number;
  /** Version conflicts so far. */
  readonly conflicts: number;
  /** Due from then on, epoch ms; 0 = at once. */
  readonly notBefore: number;
  /** Epoch ms of the first read of its source record, by whichever instance. */
  readonly firstSeenAt: number;
  readonly dead: Dead | null;
  /** Why it waits: decides who becomes due when its group answers. null = it does not. */
  readonly waits: WaitReason | null;
}

/** `group`: 404, 403, transient: success with the group ends it. `member`: only its own time does. */
export type WaitReason = 'group' | 'member';

/** Id of the final report of an intent; it follows from the source record alone. */
export const intentId = (intent: Pick<Intent, 'source' | 'member'>): string =>
  `${positionText(intent.source)}/${intent.member}`;

export const positionText = ({ topic, partition, offset }: Position): string => `${topic}/${partition}/${offset}`;

/** The intents of an event. A member in both lists: remove wins (fail-safe: the smaller permission). */
export function intentsOf(event: ChangeEvent, source: ChangeSource, seenAt: number): Intent[] {
  const removed = new Set(event.remove);
  const added = new Set(event.add.filter((member) => !removed.has(member)));
  const intent =
    (op: Op) =>
    (member: string): Intent => ({
      group: event.group,
      member,
      op,
      source,
      attempt: 0,
      conflicts: 0,
      notBefore: 0,
      firstSeenAt: seenAt,
      dead: null,
      waits: null,
    });
  return [...[...removed].map(intent('remove')), ...[...added].map(intent('add'))];
}

/** Ids are opaque, but they end up in keys, paths and filters. Length in UTF-16 units. */
export const ID_LENGTH_MAX = 256;

export type IdProblem = 'empty_id' | 'control_character' | 'id_too_long';

export function idProblem(id: string): IdProblem | null {
  if (id === '') return 'empty_id';
  if (id.length > ID_LENGTH_MAX) return 'id_too_long';
  // C0 controls, DEL and C1 controls (Unicode category Cc).
  return /\p{Cc}/u.test(id) ? 'control_character' : null;
}

export type InvalidCode =
  | IdProblem
  | 'not_utf8'
  | 'not_json'
  | 'schema'
  | 'key_mismatch'
  | 'unkeyed'
  | 'alias_conflict'
  | 'unsupported_full_state';

/** What a reader concludes of one source record. `group` is null where it could not be read. */
export type Decoded =
  | { readonly kind: 'change'; readonly event: ChangeEvent }
  | { readonly kind: 'skip' }
  | { readonly kind: 'invalid'; readonly code: InvalidCode; readonly message: string; readonly group: string | null };

/** The part of a source record that a format reads. */
export interface SourceRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** A source format: bytes → change events. Total: bad input is `invalid`, never an exception. */
export type SourceFormat = (record: SourceRecord, topic: { readonly partitionCount: number }) => Decoded;
