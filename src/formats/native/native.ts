/**
 * Room formats/native: `native`: the format that Rollcall defines.
 * Not here: writing it (ingest).
 *
 * The native source format: one JSON object per record, keyed by group. Total: no bytes cause an exception.
 * Lenient only where no membership can be misread or passed over: a byte order mark is skipped, unknown fields are ignored,
 * an `event_id` or `occurred_at` that cannot be read counts as none, and a list that is null as absent. A record without any list
 * is refused, and so is one whose list is misspelt: its members would be lost in silence.
 * What names the group is checked first, so that a dead letter can name it.
 */
import { z } from 'zod';
import type { SourceFormat, SourceRecord } from '../../core/change/change.ts';
import { ID_LENGTH_MAX, idKey, idProblem, isSameId, type Invalid, type SourceEvent } from '../../core/change/change.ts';
import { isObject } from '../../core/text/json.ts';
import type { Reader } from '../reading/events.ts';
import type { Fields } from '../reading/reading.ts';
import {
  badId,
  deletedGroup,
  fullState,
  headerText,
  invalid,
  isText,
  notAnObject,
  quote,
  readValue,
  tombstone,
  type EventHeader,
} from '../reading/reading.ts';

export const native: Reader = {
  name: 'native',
  recognizes,
  suspects: namesGroup,
  decode: (record, { partitionCount }) => [readRecord(record, partitionCount)],
};

const LISTS = ['add_members', 'added', 'remove_members', 'removed', 'members'] as const;
const OF_DELETION = new Set([
  'group_id',
  'genesys_group_id',
  'deleted',
  'members',
  'complete',
  'event_id',
  'occurred_at',
]);

const FIELDS: ReadonlySet<string> = new Set([...LISTS, ...OF_DELETION]);

/** By its lists. Tables have a column `deleted` too, so it marks a deleted group only where nothing else stands beside it. */
function recognizes(fields: Fields): boolean {
  if (!namesGroup(fields)) return false;
  if (LISTS.some((name) => Array.isArray(fields[name]))) return true;
  return fields['deleted'] === true && Object.keys(fields).every((name) => OF_DELETION.has(name));
}

export function namesGroup(fields: Fields): boolean {
  return 'group_id' in fields || 'genesys_group_id' in fields;
}

function readRecord(record: SourceRecord, partitionCount: number): SourceEvent {
  if (record.value === null) return tombstone;
  const read = readValue(record);
  if (!read.ok) return read.problem;
  if (!isObject(read.json))
    return notAnObject(read.json, 'The value must be one JSON object such as {"group_id":"…","add_members":["…"]}.');
  const group = groupIdIn(read.json);
  if (typeof group !== 'string') return group;
  return keyProblem(record, group, partitionCount) ?? readChange(read.json, group);
}

/** null: absent. */
interface NativeChange {
  readonly add_members: Ids | null;
  readonly added: Ids | null;
  readonly remove_members: Ids | null;
  readonly removed: Ids | null;
  readonly members: Ids | null;
  readonly complete: boolean | null;
  readonly deleted: boolean | null;
}

type State = 'members' | 'complete' | 'deleted';
type Ids = readonly string[];

/** By hand, which costs a tenth of what a schema does: this is done for every record. */
const isTextsOrNull = (value: unknown): value is Ids | null =>
  value === null || (Array.isArray(value) && value.every(isText));
const isBooleanOrNull = (value: unknown): value is boolean | null => value === null || typeof value === 'boolean';
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);

function groupIdIn({ group_id: main = null, genesys_group_id: alias = null }: Fields): string | Invalid {
  if (!isTextOrNull(main)) return badField('group_id', TEXT, null);
  if (!isTextOrNull(alias)) return badField('genesys_group_id', TEXT, null);
  const id = main ?? alias;
  if (id === null) return invalid('schema', '`group_id` is missing; set it to the Genesys group id.');
  if (alias !== null && !isSameId(alias, id)) return aliasProblem(['group_id', 'genesys_group_id'], null);
  const problem = idProblem(id);
  return problem === null ? id : badId(main === null ? '`genesys_group_id`' : '`group_id`', problem);
}

/** The key decides the partition, and only one partition keeps the order of a group. */
function keyProblem({ key }: SourceRecord, group: string, partitionCount: number): Invalid | null {
  if (key === null) {
    if (partitionCount === 1) return null;
    return invalid('unkeyed', 'The record has no key; key it by `group_id`, so that its group keeps its order.', group);
  }
  if (Buffer.from(group, 'utf8').equals(key) || isSameId(Buffer.from(key).toString('latin1'), group)) return null;
  const message = `The key ${quote(new TextDecoder().decode(key.subarray(0, 256)))} is not \`group_id\`; key the record by it.`;
  return invalid('key_mismatch', message, group);
}

function readChange(fields: Fields, group: string): SourceEvent {
  const { add_members = null, added = null, remove_members = null, removed = null } = fields;
  const { members = null, complete = null, deleted = null } = fields;
  if (!isTextsOrNull(add_members)) return badField('add_members', LIST, group);
  if (!isTextsOrNull(added)) return badField('added', LIST, group);
  if (!isTextsOrNull(remove_members)) return badField('remove_members', LIST, group);
  if (!isTextsOrNull(removed)) return badField('removed', LIST, group);
  if (!isTextsOrNull(members)) return badField('members', LIST, group);
  if (!isBooleanOrNull(complete)) return badField('complete', FLAG, group);
  if (!isBooleanOrNull(deleted)) return badField('deleted', FLAG, group);
  const misspelt = misspeltList(fields);
  if (misspelt !== null) return misspeltProblem(misspelt, group);
  const change = { add_members, added, remove_members, removed, members, complete, deleted };
  const header = { group, eventId: eventIdIn(fields), occurredAt: occurredAtIn(fields) };
  if (isFullState(change)) return readState(change, header);
  return hasLists(change) ? readDelta(change, header) : withoutLists(fields, group);
}

const LIST = 'a list of user ids, each a text';
const FLAG = 'true or false';
const TEXT = 'a well-formed text';

const badField = (field: string, expected: string, group: string | null): Invalid =>
  invalid('schema', `\`${field}\` must be ${expected}.`, group);

/** They are only shown, so what cannot be read must not cost the change. */
function eventIdIn({ event_id: id }: Fields): string | null {
  return isText(id) && id.length <= ID_LENGTH_MAX ? id : null;
}

const occurredAtIn = ({ occurred_at: time }: Fields): string | null => (isRfc3339(time) ? time : null);

const hasLists = ({ add_members, added, remove_members, removed }: Omit<NativeChange, State>): boolean =>
  (add_members ?? added ?? remove_members ?? removed) !== null;

const KNOWN =
  '`add_members` (or `added`) and `remove_members` (or `removed`), or `members` with `"complete":true`, or `"deleted":true`';

function withoutLists(fields: Fields, group: string): Invalid {
  const near = nearList(fields);
  if (near !== null) return misspeltProblem(near, group);
  return invalid(
    'schema',
    `The record names no members: send ${KNOWN}. Nothing to change is \`"add_members":[]\`.`,
    group,
  );
}

const misspeltProblem = ({ name, meant }: Misspelt, group: string): Invalid =>
  invalid('schema', `${quote(name)} is no field of this format; is \`${meant}\` meant? Send ${KNOWN}.`, group);

/** Taking a full state for a delta would drop its removals, so one field of it is enough. */
const isFullState = ({ members, complete, deleted }: NativeChange): boolean =>
  members !== null || complete === true || deleted === true;

function readState({ members, complete, deleted, ...lists }: NativeChange, header: EventHeader): SourceEvent {
  const refuse = (message: string): Invalid => invalid('schema', message, header.group);
  if (complete !== true && deleted !== true)
    return refuse('`members` is a full state: say so with `"complete":true`, or send add_members and remove_members.');
  if (hasLists(lists))
    return refuse('A full state has `members` only; send add_members and remove_members as another record.');
  if (deleted === true) {
    if (members === null || members.length === 0) return deletedGroup(header);
    return refuse('A deleted group has no `members`.');
  }
  if (members === null) return refuse('`members` is missing; an empty group is `"members":[]`.');
  return memberProblem('members', members, header) ?? fullState({ members, ...header });
}

function readDelta({ add_members, added, remove_members, removed }: NativeChange, header: EventHeader): SourceEvent {
  if (disagree(add_members, added)) return aliasProblem(['add_members', 'added'], header.group);
  if (disagree(remove_members, removed)) return aliasProblem(['remove_members', 'removed'], header.group);
  const add = add_members ?? added ?? [];
  const remove = remove_members ?? removed ?? [];
  return (
    memberProblem(add_members ? 'add_members' : 'added', add, header) ??
    memberProblem(remove_members ? 'remove_members' : 'removed', remove, header) ?? {
      kind: 'delta',
      ...header,
      add,
      remove,
    }
  );
}

/** Order and repetitions mean nothing in a list of members. */
function disagree(main: Ids | null, alias: Ids | null): boolean {
  if (main === null || alias === null) return false;
  const [left, right] = [new Set(main.map(idKey)), new Set(alias.map(idKey))];
  return left.size !== right.size || [...right].some((id) => !left.has(id));
}

function memberProblem(field: string, members: Ids, { group }: EventHeader): Invalid | null {
  for (const [index, member] of members.entries()) {
    const problem = idProblem(member);
    if (problem !== null) return badId(`\`${field}[${index}]\``, problem, group);
  }
  return null;
}

const aliasProblem = ([field, alias]: readonly [string, string], group: string | null): Invalid =>
  invalid('alias_conflict', `\`${field}\` and its alias \`${alias}\` disagree; send one of them.`, group);

const SECONDS_AND_ZONE = /T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isoTime = z.iso.datetime({ offset: true });

/** RFC 3339 5.6: seconds and zone are a must, `t` and `z` may be lower case. */
export function isRfc3339(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 64) return false;
  const upper = value.toUpperCase();
  return SECONDS_AND_ZONE.test(upper) && isoTime.safeParse(upper).success;
}

/*
 * Native records among those of another format in the source topic, marked by a header: how an operator sends the full state of a group
 * where the source could not say what changed. The key is that of the topic's own records, so it is not compared with the group.
 */

/** Its value is `native`. */
export const FORMAT_HEADER = 'rollcall-format';

const ANY_KEY = { partitionCount: 1 } as const;

const isNative = (record: SourceRecord): boolean =>
  record.headers.length > 0 && headerText(record, FORMAT_HEADER) === 'native';

export function besideNative(format: SourceFormat): SourceFormat {
  const { name, prepare } = format;
  return {
    name,
    decode: (record, topic) =>
      isNative(record) ? native.decode({ ...record, key: null }, ANY_KEY) : format.decode(record, topic),
    ...(prepare !== undefined && { prepare: (records) => prepare(records.filter((record) => !isNative(record))) }),
  };
}

/*
 * Fields of a native record whose names are near to those of its lists: `addMembers`, `added_members`, `remove_member`.
 * What they hold would be lost, so the record is invalid, with the name that is meant.
 */

export interface Misspelt {
  readonly name: string;
  /** The field that it is near to. */
  readonly meant: string;
}

/** A field beside the known ones that can only be meant as one of them, and holds something; null: there is none. */
export const misspeltList = (fields: Fields): Misspelt | null =>
  firstOf(fields, (name) => {
    const value = fields[name];
    if (typeof value === 'string') return value === '' ? null : meantBy(name, OF_MEMBERS);
    return typeof value === 'object' && value !== null ? meantBy(name, OF_CHANGES) : null;
  }) ?? firstOf(fields, (name) => (fields[name] === true ? meantBy(name, OF_STATES) : null));

/** Of a record without any list: what is near to one, also where it holds no list; null: nothing. */
export const nearList = (fields: Fields): Misspelt | null =>
  firstOf(fields, (name) => meantBy(name, OF_CHANGES) ?? meantBy(name, OF_STATES));

function firstOf(fields: Fields, meant: (name: string) => string | null): Misspelt | null {
  for (const name in fields) {
    if (FIELDS.has(name) || name.length > NAME_LENGTH_MAX) continue;
    const field = meant(name);
    if (field !== null) return { name, meant: field };
  }
  return null;
}

const NAME_LENGTH_MAX = 40;

/** Words that a name is made of, without their endings, in the order of the alphabet → the field. */
type Words = ReadonlyMap<string, string>;

const OF_CHANGES: Words = new Map([
  ['add', 'add_members'],
  ['add member', 'add_members'],
  ['remove', 'remove_members'],
  ['member remove', 'remove_members'],
]);

/** What a text may be meant as: with the word for members only, since `adder` and `joined_by` name others. */
const OF_MEMBERS: Words = new Map([...OF_CHANGES].filter(([words]) => words.includes('member')));

const OF_STATES: Words = new Map([
  ['member', 'members'],
  ['complete', 'complete'],
  ['delete', 'deleted'],
  ['delete group', 'deleted'],
]);

const STEMS: readonly (readonly [stem: string, word: RegExp])[] = [
  ['add', /^(?:add|adds|adding|added|additions?|assign|assigned|grant|granted|join|joined|joiners?)$/],
  [
    'remove',
    /^(?:remove|removes|removing|removed|removals?|revoke|revoked|drop|dropped|unassign|unassigned|kick|kicked|left|leave|leavers?|del)$/,
  ],
  ['delete', /^(?:delete|deletes|deleted)$/],
  ['member', /^(?:members?|memberships?|users?|(?:user|member)ids?)$/],
  ['complete', /^(?:complete|completed)$/],
  ['group', /^groups?$/],
  ['', /^(?:id|ids|list|is|to)$/],
];

function meantBy(name: string, meanings: Words): string | null {
  const stems = new Set<string>();
  // `GROUP`, `Member`, `added`.
  for (const [word] of name.matchAll(/[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+/g)) {
    const stem = stemOf(word.toLowerCase());
    if (stem === null) return null;
    if (stem !== '') stems.add(stem);
  }
  // `delete_members` are members to remove; `deleted` alone is the group.
  if (stems.has('member') && stems.delete('delete')) stems.add('remove');
  return meanings.get([...stems].toSorted().join(' ')) ?? null;
}

function stemOf(word: string): string | null {
  for (const [stem, words] of STEMS) if (words.test(word)) return stem;
  // One letter too many, too few or another one: `ad_members`, `remove_memebrs`.
  const near = SPELLED.find((spelled) => isOneSlipFrom(word, spelled));
  return near === undefined ? null : (STEMS.find(([, words]) => words.test(near))?.[0] ?? null);
}

/** Long enough that a slip makes no other word of them. */
const SPELLED = ['added', 'members', 'member', 'remove', 'removed'] as const;

function isOneSlipFrom(word: string, spelled: string): boolean {
  if (Math.abs(word.length - spelled.length) > 1) return false;
  let start = 0;
  while (start < word.length && word[start] === spelled[start]) start += 1;
  let end = 0;
  while (end < word.length - start && end < spelled.length - start && word.at(-1 - end) === spelled.at(-1 - end))
    end += 1;
  const [left, expected] = [word.slice(start, word.length - end), spelled.slice(start, spelled.length - end)];
  if (left.length <= 1 && expected.length <= 1) return true;
  return left.length === 2 && left[0] === expected[1] && left[1] === expected[0];
}
