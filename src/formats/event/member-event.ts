/**
 * Room formats/event: events that applications make up: names and ids that say what happened to whom.
 * Not here: events that a vendor documents.
 *
 * The one rule for events that applications make up themselves: the payload of an outbox, the data of a CloudEvent.
 * What happened is read from the event's names, whom it concerns from its ids. Names are read in event-name.ts.
 * Ids stand in the payload, or in its `data`, `payload` or `object`: the group as `groupId`, `group_id`, `groupID` or `group` (text, or
 * an object with `id`), the member likewise with `user` or `member`, several as `userIds`, `users`, `memberIds`, `members`.
 * What names a group and members without saying clearly what happened is a hint: neither guessed nor passed over. So is an
 * event that says beside its names how it ended, in words that are not known.
 */
import type { Op, SourceEvent } from '../../core/change/change.ts';
import { foundId, idOfObject, idUnder } from '../reading/ids.ts';
import {
  deletedGroup,
  deltaOf,
  fieldsIn,
  hint,
  invalid,
  isThere,
  quote,
  textIn,
  type Fields,
} from '../reading/reading.ts';
import { groupIn, idIn, notAChange, notSuccessful, refusedMember, timeIn } from '../reading/several.ts';
import { endingOf, namesOthers, operationsIn } from './event-doubts.ts';
import { meaningOf } from './event-name.ts';
import { isObject } from '../../core/text/json.ts';

/** What is known of the event besides its payload. */
export interface Announced {
  /** Its type, as the envelope or a header says; null: only the payload may say it. */
  readonly type: string | null;
  /** Further names, as other headers say. */
  readonly alsoNamed?: readonly string[];
  readonly eventId: string | null;
  readonly occurredAt: string | null;
}

export function readMemberEvent(payload: Fields, announced: Announced): SourceEvent {
  const names = namesOf(payload, announced);
  const meaning = meaningOf(names);
  if (meaning === 'contradiction') return contradiction;
  const body = bodyOf(payload);
  const group = idUnder(body, GROUP_NAMES);
  const hasMembers = [...MEMBER_NAMES, ...LIST_NAMES].some((name) => body[name] !== undefined);
  if (meaning === 'other') return group.kind !== 'none' && hasMembers ? unclear : notAChange;
  const layers = payload === body ? [payload] : [payload, body];
  const ending = endingOf(layers, opOf(meaning));
  if (ending === 'failed') return notSuccessful;
  if (ending === 'unknown' || wantsAnswer(payload)) return unclear;
  if (meaning === 'unclear' || (meaning === 'group_deleted' && hasMembers)) return unclear;
  const others = layers.flatMap((fields) => operationsIn(fields, NAME_FIELDS));
  if (others.length > 0 && meaningOf([...names, ...others]) !== meaning) return unclear;
  if (group.kind === 'bad') return group.problem;
  if (group.kind === 'none') return missing('the group', '`groupId`', null);
  const header = headerOf(group.id, payload, announced);
  if (meaning === 'group_deleted') return deletedGroup(header);
  const members = membersOf(body, groupIn(group.id));
  if (members.problem !== null) return members.problem;
  return namesOthers(body, [group.id, ...members.ids]) ? unclear : deltaOf(meaning, members.ids, header);
}

/** The end of a group removes its members. */
const opOf = (meaning: ReturnType<typeof meaningOf>): Op | null =>
  meaning === 'group_deleted' ? 'remove' : meaning === 'add' || meaning === 'remove' ? meaning : null;

/** Whether its names say something about a membership, or the end of a group. */
export const isMemberEvent = (payload: Fields, type: string | null): boolean =>
  meaningOf(namesOf(payload, { type })) !== 'other';

const NAME_FIELDS = [
  'type',
  'eventType',
  'event_type',
  'event',
  'eventName',
  'event_name',
  'action',
  'operation',
] as const;

function namesOf(payload: Fields, { type, alsoNamed = [] }: Pick<Announced, 'type' | 'alsoNamed'>): readonly string[] {
  const own = NAME_FIELDS.map((name) => textIn(payload[name])).filter((name) => name !== null);
  return type === null ? own : [type, ...alsoNamed, ...own];
}

// Who asks for an answer asks for a change, and does not tell of one.
const wantsAnswer = (payload: Fields): boolean =>
  [payload, fieldsIn(payload['metadata'])].some((fields) => isThere(fields['reply_to']) || isThere(fields['replyTo']));

const GROUP_NAMES = ['groupId', 'group_id', 'groupID', 'group'] as const;
const MEMBER_NAMES = ['userId', 'user_id', 'userID', 'memberId', 'member_id', 'memberID', 'user', 'member'] as const;
const LIST_NAMES = ['userIds', 'user_ids', 'memberIds', 'member_ids', 'users', 'members'] as const;

function bodyOf(payload: Fields): Fields {
  if (GROUP_NAMES.some((name) => payload[name] !== undefined)) return payload;
  return [payload['data'], payload['payload'], payload['object']].find(isObject) ?? payload;
}

interface Members {
  readonly ids: readonly string[];
  /** Why the ids are not to be used; null: they are. */
  readonly problem: SourceEvent | null;
}

function membersOf(body: Fields, group: string | null): Members {
  const type = [...TYPE_NAMES.map((name) => body[name]), typeOf(body['member'])]
    .map((value) => idIn(value))
    .find((value) => value !== '' && value.toLowerCase() !== 'user');
  if (type !== undefined) return without(ofType(type, group));
  const one = idUnder(body, MEMBER_NAMES);
  if (one.kind === 'bad') return without({ ...one.problem, group });
  const ids = one.kind === 'id' ? [one.id] : [];
  for (const name of LIST_NAMES) {
    const listed = listOf(body[name], { name, group });
    if (listed.problem !== null) return listed;
    ids.push(...listed.ids);
  }
  return ids.length > 0 ? { ids, problem: null } : without(missing('the member', '`userId`', group));
}

const TYPE_NAMES = [
  'memberType',
  'member_type',
  'memberKind',
  'member_kind',
  'principalType',
  'principal_type',
  'subjectType',
  'subject_type',
] as const;
const typeOf = (member: unknown): unknown => fieldsIn(member)['type'] ?? fieldsIn(member)['kind'];
const ofType = (type: string, group: string | null): SourceEvent =>
  refusedMember(`The member is of the type ${quote(type)}`, group);

const without = (problem: SourceEvent): Members => ({ ids: [], problem });

function listOf(list: unknown, { name, group }: { readonly name: string; readonly group: string | null }): Members {
  if (list === undefined || list === null) return { ids: [], problem: null };
  if (!Array.isArray(list)) return without(invalid('schema', `\`${name}\` must be a list of ids.`, group));
  const ids: string[] = [];
  for (const entry of list) {
    const type = idIn(typeOf(entry));
    if (type !== '' && type.toLowerCase() !== 'user') return without(ofType(type, group));
    const field = `an entry of \`${name}\``;
    const found = isObject(entry) ? idOfObject(entry, MEMBER_NAMES, name) : foundId(entry, field);
    if (found.kind === 'bad') return without({ ...found.problem, group });
    // The empty id is refused where the event is made.
    ids.push(found.kind === 'id' ? found.id : '');
  }
  return { ids, problem: null };
}

function headerOf(group: string, payload: Fields, { eventId, occurredAt }: Announced) {
  return {
    group,
    eventId: eventId ?? textIn(payload['eventId']) ?? textIn(payload['event_id']),
    occurredAt: occurredAt ?? timeIn(payload['occurredAt'] ?? payload['occurred_at'] ?? payload['timestamp']),
  };
}

const missing = (what: string, field: string, group: string | null): SourceEvent =>
  invalid('schema', `The event says that a membership has changed, but not ${what}: add ${field}.`, group);

const unclear = hint(
  'unclear_member_event',
  'The event is about members of a group, but none of its names says clearly whether they came or went: name it like ' +
    '`group.member.added` or `group.member.removed`, or describe it with SOURCE_FORMAT=mapping.',
);

const contradiction = invalid(
  'type_conflict',
  'One name of the event says that a member came, another that one went; let them agree.',
);
