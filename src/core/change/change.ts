/**
 * Room core/change: changes: their positions, their ids, how they fold.
 * Not here: what becomes of them at the target.
 *
 * A change event, its intents and their position: the vocabulary every other file shares. Ids are compared by their key (`idKey`): of
 * a UUID two spellings are one member, of any other id they are two.
 *
 * Terminology (protocol.md 2 has all of it):
 *   change event  what a source record says about one group   intent      what an event wants for one member of the group
 *   pending       an intent that is not final yet             superseded  replaced by a newer intent before it took effect
 *   parked        pending, and in the live record             held        kept back by the removal guard for an operator
 *   dead          given up; a replay can wake it              final       ended, with a report that says how
 */
export const OPS = ['add', 'remove'] as const;
export type Op = (typeof OPS)[number];

/** What a source record says of itself; shared by all of its intents. Times are epoch milliseconds. */
export interface ChangeSource extends Position {
  readonly eventId: string | null;
  /** The Kafka record's timestamp. */
  readonly timestamp: number;
}

interface Dead {
  /** Epoch ms of the giving-up; dead intents are dropped `DEAD_KEEP_MS` after it. */
  readonly at: number;
  /** One of a newer version is kept as it was read: what is dead stays dead. */
  readonly reason: DeadReason | (string & {});
  /** Of a refused removal; absent: an older version has refused it. */
  readonly refusal?: OperatorDecision;
}

/** What an operator has said of removals that were held. `digest`: of exactly those; `reason` null: none was given. */
export interface OperatorDecision {
  readonly digest: string;
  readonly author: string;
  readonly reason: string | null;
}

/** `rejected`: by the target. `refused`: by an operator (`rollcall held reject`), of what the removal guard held. */
export type DeadReason = 'rejected' | 'attempts_exhausted' | 'refused';

/** What a full state wants of a group as a whole; which members that concerns is known once the group was read. */
export interface WholeGroup {
  /** As the source names them. */
  readonly members: readonly string[];
  /** The group is gone at the identity provider. */
  readonly deleted: boolean;
  /** Worked out on a doubtful read: what was shown is sent, and a second look says whether that was all. */
  readonly isPartly?: true;
  /** As of an intent, of each member by the `idKey` of the target's name. Absent: of none. */
  readonly unsure?: ReadonlyMap<string, readonly Op[]>;
}

/** The member that a full state stands under beside the members of its group: no id is empty. */
export const WHOLE_GROUP = '';

/** What one event wants for one member of one group, or for the group as a whole. Replaced, never modified. */
export interface Intent {
  /** As the source names it, by `idKey`. */
  readonly group: string;
  /** As the source names it, by `idKey`; WHOLE_GROUP for `state`. */
  readonly member: string;
  /** As the source spells them, where that differs; reports say it so. */
  readonly groupSpelling?: string;
  readonly memberSpelling?: string;
  readonly op: Op | 'state';
  /** null: not a full state. */
  readonly whole: WholeGroup | null;
  /** What the target calls the member: the same, unless there is an id map. null: not resolved, or a full state. */
  readonly target: string | null;
  /** `target`: no source has named the member, so it goes by the target's name, which no id map is to be asked for. */
  readonly namedBy?: 'target';
  readonly source: ChangeSource;
  /** Failed tries so far. */
  readonly attempt: number;
  /** Version conflicts so far. */
  readonly conflicts: number;
  /** Due from then on, epoch ms; 0 = now. */
  readonly notBefore: number;
  /** Epoch ms of the first read of its source record, by whichever instance. */
  readonly firstSeenAt: number;
  readonly dead: Dead | null;
  /** Why it waits: decides who becomes due when its group answers. null = it does not. */
  readonly waits: WaitReason | null;
  /** It waits until `notBefore` for something that may have yet to be provisioned. Absent: for anything else. */
  readonly schedule?: 'slow';
  /** What the removal guard has said of it; null: nothing. */
  readonly guard: Held | Approval | null;
  /** Of an addition: neither the id map nor the target takes the member. Only its landing, or a replay, ends that. */
  readonly isUnresolved?: true;
  /** Tries have failed that `attempt` does not count: they start again, or were given back. */
  readonly isTried?: true;
  /** What PATCHes may have done to the member although no answer says so (unsure.ts), in the order of `OPS`. Absent: nothing. */
  readonly unsure?: readonly Op[];
  /** What it has replaced was accepted, asked for the same, and is counted by the guard. Kept in memory alone. */
  readonly isAccepted?: true;
}

/**
 * `group`: 404, 403, transient: success with the group ends it. `member`: only its own time does. `record`: what a full state
 * came to, what an operator has approved, or what is held no more; it is sent only once the live record holds it, since no
 * later read of the group would tell of it. `resume`: its group was paused (protocol.md 12.4), so its place is in the live record; it
 * is due all the same, once the group is resumed.
 */
export type WaitReason = 'group' | 'member' | 'record' | 'resume';

/** Whom a removal concerns by the id map, as the operator is shown; absent: there is none, or an older version has written it. */
export interface ShownTargets {
  /** What the target calls the member, and the group; absent also where it has no other name. */
  readonly target?: string;
  readonly groupTarget?: string;
}

/**
 * A removal that waits for an operator (protocol.md 11), without a limit of time: a decision ends it, a newer change of the
 * member or, for `unresolved_members`, that all are known; a changed id map holds it again under another digest. `since` in epoch ms.
 */
export interface Held extends ShownTargets {
  readonly kind: 'held';
  /** One of a newer version is kept as it was read: what is held stays held. */
  readonly by: HeldBy | (string & {});
  readonly since: number;
  /** Members of the group when it was held; absent: an older version has written it. */
  readonly groupSize?: number;
  /** A notification of it was delivered (protocol.md 11.4); absent: none is known of. */
  readonly isNotified?: true;
}

export type HeldBy =
  | 'group_percent'
  | 'group_count'
  | 'window_count'
  | 'group_deleted'
  | 'empty_state'
  /** A full state names members whom the id map or the target does not know: they may be among those it would remove. */
  | 'unresolved_members'
  /** The id map names another user, or another group, than those whose removal was approved. */
  | 'target_changed';

/** An operator has let a removal pass. `at` in epoch ms. */
export interface Approval extends ShownTargets, OperatorDecision {
  readonly kind: 'approved';
  readonly at: number;
}

/** Both as the source spells them. */
export const sourceMember = ({ member, memberSpelling }: Pick<Intent, 'member' | 'memberSpelling'>): string =>
  memberSpelling ?? member;
export const sourceGroup = ({ group, groupSpelling }: Pick<Intent, 'group' | 'groupSpelling'>): string =>
  groupSpelling ?? group;

/** Id of the final report of an intent; it follows from the source record alone. */
export const intentId = ({
  source,
  ...named
}: Pick<Intent, 'member' | 'memberSpelling'> & { readonly source: Position }): string =>
  named.member === WHOLE_GROUP ? positionText(source) : `${positionText(source)}/${sourceMember(named)}`;

/** Reads what `intentId` writes; member null: the record as a whole. A topic's name holds no slash. null: it is no such id. */
export function readIntentId(id: string): { readonly position: Position; readonly member: string | null } | null {
  const [, topic, partition, offset, member] =
    /^([^/]+)\/(\d{1,9})\/(\d{1,19}(?:\.\d{1,9})?)(?:\/(.+))?$/s.exec(id) ?? [];
  if (topic === undefined || offset === undefined) return null;
  return { position: { topic, partition: Number(partition), ...readOffset(offset) }, member: member ?? null };
}

/** Ids are opaque, but they end up in keys, paths and filters. Length in UTF-16 units. */
export const ID_LENGTH_MAX = 256;
export type IdProblem = 'empty_id' | 'control_character' | 'id_too_long' | 'unsafe_id';

/** Of an id that a source or a table names. */
export const idProblem = (id: string): IdProblem | null => textProblem(id) ?? (isDots(id) ? 'unsafe_id' : null);

function textProblem(id: string): IdProblem | null {
  if (id === '') return 'empty_id';
  if (id.length > ID_LENGTH_MAX) return 'id_too_long';
  // C0 controls, DEL and C1 controls: all of Unicode category Cc, without the slow tables of `u`.
  return CONTROL.test(id) ? 'control_character' : null;
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001F\u007F-\u009F]/;

/** As a part of a path these lead elsewhere (RFC 3986 5.2.4), also percent-encoded (WHATWG URL). */
const isDots = (id: string): boolean => id === '.' || id === '..';

/** A lone surrogate has no UTF-8 form, so it could be neither a key nor a path. */
export const isId = (text: string): boolean => isStoredId(text) && !isDots(text);

/** What `isId` demands, for people. */
export const ID_RULE = `an id has 1 to ${ID_LENGTH_MAX} characters, no control character, and is neither \`.\` nor \`..\``;

/** In a record of our own: an older version took `.` and `..`, which must not make its live records unreadable. */
export const isStoredId = (text: string): boolean => textProblem(text) === null && text.isWellFormed();

/** An id as a part of a URL's path. Only ids of older live records can be dots, and the target must find no group by them. */
export const pathPart = (id: string): string => (isDots(id) ? id.replaceAll('.', '%2E') : encodeURIComponent(id));

/** Codes of the native format; other formats add their own, in the same spelling. */
type InvalidCode =
  | IdProblem
  | 'not_utf8'
  | 'not_json'
  | 'schema'
  | 'key_mismatch'
  | 'unkeyed'
  | 'alias_conflict'
  | (string & {});

/** What every change says of itself. */
interface ChangeHeader {
  readonly group: string;
  readonly eventId: string | null;
  /** RFC 3339, as the source says. */
  readonly occurredAt: string | null;
}

/** Members to add to, and to remove from, one group. */
export interface Delta extends ChangeHeader {
  readonly kind: 'delta';
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** Exactly these members, as of this position. */
export interface FullState extends ChangeHeader {
  readonly kind: 'state';
  readonly members: readonly string[];
  /** The group is gone at the identity provider; then it has no members. */
  readonly deleted: boolean;
}

/** Nothing that concerns a membership; `tombstone` where there is no value. */
export interface Skip {
  readonly kind: 'skip';
  readonly reason: string;
}

/** A change that the source announces without its content: to be read again at the source. */
export interface Hint {
  readonly kind: 'hint';
  readonly code: string;
  readonly message: string;
  readonly group: string | null;
}

export interface Invalid {
  readonly kind: 'invalid';
  readonly code: InvalidCode;
  readonly message: string;
  /** null where it could not be read. */
  readonly group: string | null;
}

export type SourceEvent = Delta | FullState | Skip | Hint | Invalid;
export type ChangeEvent = Delta | FullState;

export const isChange = (event: SourceEvent): event is ChangeEvent => event.kind === 'delta' || event.kind === 'state';

/** Its record is a dead letter: what it says is not known, or not all of it. */
export const isUnread = (event: SourceEvent): event is Hint | Invalid =>
  event.kind === 'hint' || event.kind === 'invalid';

/** The events of one source record, in their order; one at the least. Where there are several, event i has index i. */
export type Decoded = readonly [SourceEvent, ...SourceEvent[]];

/** The part of a source record that a format reads. */
export interface SourceRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

/** A source format: bytes → change events. */
export interface SourceFormat {
  readonly name: string;
  /** Total: bad input is `invalid`, never an exception. */
  decode(record: SourceRecord, topic: { readonly partitionCount: number }): Decoded;
  /** What must end before these records can be decoded (signatures are verified); null: nothing. Never rejects. */
  prepare?(records: readonly SourceRecord[]): Promise<void> | null;
}

/**
 * Where an event lies in the source, and how that is written.
 * Within a group positions are totally ordered: by offset, then by index.
 */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Which event of its record, from 0; null where the record holds one only. */
  readonly index: number | null;
}

/** Positive: `a` is the later one. Of one source partition. */
export function comparePositions(a: Position, b: Position): number {
  if (a.offset !== b.offset) return a.offset > b.offset ? 1 : -1;
  return (a.index ?? 0) - (b.index ?? 0);
}

/** The same event of the same source partition. */
export const isSamePosition = (a: Position | undefined, b: Position | undefined): boolean =>
  a !== undefined && b !== undefined && comparePositions(a, b) === 0;

/** `42`, or `42.1` for event 1 of a record that holds several. */
export const offsetText = ({ offset, index }: Pick<Position, 'offset' | 'index'>): string =>
  index === null ? String(offset) : `${offset}.${index}`;

export const OFFSET_PATTERN = /^(\d{1,19})(?:\.(\d{1,9}))?$/;

/** Reads what `offsetText` writes. @throws where the text does not fit `OFFSET_PATTERN`. */
export function readOffset(text: string): Pick<Position, 'offset' | 'index'> {
  const [, offset, index] = OFFSET_PATTERN.exec(text) ?? [];
  if (offset === undefined) throw new Error(`not an offset: ${text}`);
  return { offset: BigInt(offset), index: index === undefined ? null : Number(index) };
}

export const positionText = ({ topic, partition, ...at }: Position): string =>
  `${topic}/${partition}/${offsetText(at)}`;

/**
 * When two spellings are one id. A UUID is the same in any letter case (RFC 9562 4: written in lower case, read in any),
 * and identity providers differ in it; every other id is compared as it is.
 */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_LENGTH = 36;
const UPPER = /[A-F]/;

/** What an id is folded, superseded and compared by. Genesys Cloud writes its ids so. */
export const idKey = (id: string): string =>
  id.length === UUID_LENGTH && UPPER.test(id) && UUID.test(id) ? id.toLowerCase() : id;

export const isSameId = (one: string, other: string): boolean => one === other || idKey(one) === idKey(other);

/** A record's key, a character a byte: it may be no text. Two spellings of a group are one key. */
export const recordKey = (key: Uint8Array): string => idKey(BYTES.decode(key));

/** A character for each byte (https://encoding.spec.whatwg.org/#windows-1252). */
const BYTES = new TextDecoder('windows-1252');

/** By `idKey`, in their order; of two spellings the first counts. */
export function distinctIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const distinct = new Map<string, string>();
  for (const id of ids) {
    const key = idKey(id);
    if (!distinct.has(key)) distinct.set(key, id);
  }
  return distinct;
}
