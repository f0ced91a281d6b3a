/**
 * What source records of the native format want (protocol.md 3.1), read without any code of `src`, so that an error there is
 * not an error here as well.
 */
import { placeOf, placeText } from './places.ts';

export interface SourceRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  /** Its batch cannot be unpacked, and its last record stands for it. Absent: it is whole. */
  readonly damaged?: 'within' | 'end' | undefined;
}

export interface WantedIntent {
  readonly kind: 'intent';
  /** topic/partition/offset/member */
  readonly id: string;
  readonly group: string;
  /** By `keyOf`. */
  readonly member: string;
  /** As the source spells it. */
  readonly name: string;
  readonly op: 'add' | 'remove';
  readonly partition: number;
  /** By `placeOf`. */
  readonly place: bigint;
  /** The full state that implies it; absent: a record of its own wants it. */
  readonly whole?: WantedState;
}

/** Exactly these members (protocol.md 5.3). */
export interface WantedState {
  readonly kind: 'state';
  /** topic/partition/offset */
  readonly id: string;
  readonly group: string;
  /** By `keyOf`. */
  readonly members: ReadonlySet<string>;
  /** By `keyOf`: as the source spells them. */
  readonly names: ReadonlyMap<string, string>;
  readonly partition: number;
  /** By `placeOf`. */
  readonly place: bigint;
}

export interface WantedEvent {
  readonly kind: 'event';
  /** topic/partition/offset */
  readonly id: string;
  readonly outcome: 'no_changes' | 'invalid';
  readonly record: SourceRecord;
}

/** `nothing`: a tombstone. */
export type Wanted = WantedIntent | WantedState | WantedEvent | { readonly kind: 'nothing' };

/** @param partitionCount of the source topic: a record without a key is valid only where there is one. */
export function wantedOf(topic: string, record: SourceRecord, partitionCount = Infinity): readonly Wanted[] {
  const { damaged, value } = record;
  if (damaged === 'end') return [damagedEvent(topic, record)];
  if (damaged === 'within' || value === null) return [{ kind: 'nothing' }];
  const events = eventsIn(fieldsOf(bytesOf(value)));
  if (events.length === 0) return [{ kind: 'nothing' }];
  return events.flatMap((fields, index) => {
    const place = placeOf(record.offset, events.length === 1 ? null : index);
    return eventOf({ topic, record, fields, place }, partitionCount);
  });
}

function damagedEvent(topic: string, record: SourceRecord): WantedEvent {
  const id = `${topic}/${record.partition}/${record.offset}`;
  return { kind: 'event', id, outcome: 'invalid', record: { ...record, key: null, value: null } };
}

/** A list of events is no native record; the simulation has a format that reads it (test/simulation/list-format.ts). */
function eventsIn(fields: Fields | null): readonly (Fields | null)[] {
  const list = fields?.['list'];
  return Array.isArray(list) ? list.map((each: Fields) => each) : [fields];
}

interface Event {
  readonly topic: string;
  readonly record: SourceRecord;
  /** null: not readable. */
  readonly fields: Fields | null;
  readonly place: bigint;
}

function eventOf({ topic, record, fields, place }: Event, partitionCount: number): readonly Wanted[] {
  const { partition } = record;
  const id = `${topic}/${partition}/${placeText(place)}`;
  const change = changeOf(fields);
  if (change === null || !fits(record.key, change.group, partitionCount)) {
    return [{ kind: 'event', id, outcome: 'invalid', record }];
  }
  if (change.whole !== null) {
    const names = new Map(change.whole.toReversed().map((name) => [keyOf(name), name]));
    return [{ kind: 'state', id, group: change.group, members: new Set(names.keys()), names, partition, place }];
  }
  const { group, add, remove } = change;
  const ops = new Map<string, { readonly op: 'add' | 'remove'; readonly name: string }>();
  // The first spelling of a member counts, and its removal before all.
  for (const name of add) if (!ops.has(keyOf(name))) ops.set(keyOf(name), { op: 'add', name });
  for (const name of remove) if (ops.get(keyOf(name))?.op !== 'remove') ops.set(keyOf(name), { op: 'remove', name });
  if (ops.size === 0) return [{ kind: 'event', id, outcome: 'no_changes', record }];
  return [...ops].map(([member, { op, name }]): WantedIntent => ({
    kind: 'intent',
    id: `${id}/${name}`,
    group,
    member,
    name,
    op,
    partition,
    place,
  }));
}

interface Change {
  readonly group: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** Of a full state. */
  readonly whole: readonly string[] | null;
}

/** null: invalid. */
function changeOf(fields: Fields | null): Change | null {
  if (fields === null) return null;
  const names = [fields.group_id, fields.genesys_group_id].filter(isPresent);
  const [group] = names;
  if (!isId(group) || names.some((name) => name !== group)) return null;
  const add = membersOf(fields.add_members, fields.added);
  const remove = membersOf(fields.remove_members, fields.removed);
  if (add === null || remove === null) return null;
  const deltas = ['add_members', 'added', 'remove_members', 'removed'].some((name) => isPresent(fields[name]));
  const whole = wholeOf(fields);
  return whole === 'invalid' || (whole !== null) === deltas ? null : { group, add, remove, whole };
}

/** What is null counts as absent (protocol.md 3.1). */
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** Whom a full state names; null: it is none. */
function wholeOf({
  members,
  complete,
  deleted,
}: Readonly<Record<string, unknown>>): readonly string[] | 'invalid' | null {
  if ([complete, deleted].some((flag) => isPresent(flag) && typeof flag !== 'boolean')) return 'invalid';
  if (!isPresent(members) && complete !== true && deleted !== true) return null;
  const named = membersOf(members);
  if (named === null || (complete !== true && deleted !== true)) return 'invalid';
  if (deleted === true) return named.length === 0 ? [] : 'invalid';
  return isPresent(members) ? named : 'invalid';
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: Uint8Array): Fields | null {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
    return json as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
}

/** The list by either of its names; both are allowed where they name the same members. null: invalid. */
function membersOf(...lists: readonly unknown[]): readonly string[] | null {
  const given = lists.filter(isPresent);
  if (!given.every((list): list is readonly string[] => Array.isArray(list) && list.every(isId))) return null;
  const [first = [], second = first] = given;
  const [left, right] = [new Set(first), new Set(second)];
  return left.size === right.size && [...left].every((member) => right.has(member)) ? first : null;
}

function fits(key: SourceRecord['key'], group: string, partitionCount: number): boolean {
  return key === null ? partitionCount === 1 : Buffer.from(group).equals(bytesOf(key));
}

/** A UUID is the same in any letter case (protocol.md 3.1). */
export const keyOf = (id: string): string =>
  /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/i.test(id) ? id.toLowerCase() : id;

const ID_LENGTH_MAX = 256;

const isText = (value: unknown): value is string => typeof value === 'string' && !/\p{Surrogate}/u.test(value);

const isId = (value: unknown): value is string =>
  isText(value) &&
  value.length > 0 &&
  value.length <= ID_LENGTH_MAX &&
  !/\p{Cc}/u.test(value) &&
  !['.', '..'].includes(value);

export const bytesOf = (value: Uint8Array | string): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : value;
