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
import { isSameId } from '../../core/change/change.ts';
import { isObject } from '../../core/text/json.ts';
import {
  foundId,
  groupIn,
  idIn,
  idOfObject,
  idUnder,
  notAChange,
  notSuccessful,
  refusedMember,
  timeIn,
} from '../reading/events.ts';
import { memoizedByWords } from '../reading/memo.ts';
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
import { meaningOf } from './event-name.ts';

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

export const GROUP_NAMES = ['groupId', 'group_id', 'groupID', 'group'] as const;
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

/*
 * What an event of an application says of itself beside its names, read by the words of its fields: how it ended, that it is only asked for,
 * planned or taken back, that it is another operation, or of another member or group. What is not understood makes the event unclear.
 */

type Kind =
  | 'success'
  | 'outcome'
  | 'ending'
  | 'partial_ending'
  | 'code'
  | 'doubt'
  | 'doubt_of_addition'
  | 'operation'
  | 'other_id'
  | null;

/** Of the event as a whole: where one of these says so, it came to nothing. */
const SUCCESS = /^(?:(?:is|was)_)?(?:success|successful|succeeded|ok)$/;
const OUTCOME = /^(?:result|outcome)$/;
/** Of the event, or of the membership; `isConfirmed` and the like are of the member. */
const ENDING = /^(?:status|state|phase|stage|approved|applied|completed|confirmed|executed|committed)$/;
/** Of a part of it, or of something else: a bad one does not say that nothing has changed. */
const PARTIAL_ENDING =
  /(?:^|_)(?:status|state|results?|outcome|success|successful|succeeded|phase|stage|approval|approved|applied|completed|confirmed|executed|committed|accepted)$/;
const CODE = /(?:^|_)(?:(?:status|result|response|http|return)_code|http_status)$/;
/** What speaks for itself: a try, a failure, a plan, a change that was taken back. `false`, null and nothing at all do not. */
const DOUBT = new RegExp(
  '(?:^|_)(?:' +
    'dry_?run|test|simulat(?:ed?|ion)|preview|draft|pending|proposed|planned|failed|failures?|errors?|exceptions?|' +
    '(?:fail(?:ure|ed)?|error|exception)_(?:code|message|reason|type|text|at)|' +
    '(?:cancell?ed|cancell?ation|rejected|rejection|denied|declined|reverted|rolled_?back|undone|aborted|compensated)(?:_(?:at|on|by|reason))?|' +
    '(?:requires?|needs?|awaits?|awaiting|requested|pending)_(?:approval|confirmation|review)|approval_(?:required|pending)|' +
    'scheduled?_?(?:at|for|on|time|date)?|effective_?(?:at|from|date|on)|(?:starts?|activates?|activation|execute|due)_?(?:at|on|date|time)|' +
    'valid_?from|not_?before|negated|inverse|command' +
    ')$',
);
/** Of a removal it may be what has happened. */
const DOUBT_OF_ADDITION =
  /(?:^|_)(?:deleted|removed|revoked|left|terminated|deactivated)(?:_(?:at|on|by|date|reason))?$/;
const OPERATION =
  /(?:^|_)(?:op|oper|operation|verb|change|action|intent|message_kind|event_kind)(?:_(?:type|name|kind))?$|^kind$/;
const OTHER_ID =
  /^(?:(?:target|affected|subject|principal|assignee|added|removed|new|old|previous|former|from|to|source|destination)_(?:user|member|group|team)s?(?:_?ids?)?|(?:target|affected|subject|principal|assignee)_ids?)$/;

const kindOf = memoizedByWords((words): Kind => {
  if (CODE.test(words)) return 'code';
  if (DOUBT.test(words)) return 'doubt';
  if (SUCCESS.test(words)) return 'success';
  if (OUTCOME.test(words)) return 'outcome';
  if (ENDING.test(words)) return 'ending';
  if (PARTIAL_ENDING.test(words)) return 'partial_ending';
  if (DOUBT_OF_ADDITION.test(words)) return 'doubt_of_addition';
  if (OPERATION.test(words)) return 'operation';
  return OTHER_ID.test(words) ? 'other_id' : null;
});

const GOOD_ENDING =
  /^(?:success|succeeded|successful|ok|true|done|completed?|applied|active|approved|accepted|confirmed|executed|committed|after|final)$/i;
const BAD_ENDING = /^(?:fail(?:ed|ure)?|error|false|rejected|denied|cancell?ed|aborted)$/i;

/** What a removal is skipped for. Another bad word may say of the member that it was rejected, or of the membership that it is over. */
const FAILED = {
  ending: /^(?:fail(?:ed|ure)?|error|aborted)$/i,
  outcome: /^(?:fail(?:ed|ure)?|error|aborted|rejected|denied)$/i,
};

type Ending = 'good' | 'failed' | 'unknown';

/**
 * How the event says that it ended; most say nothing.
 * @param op what it does to memberships; null: that is not clear
 */
export function endingOf(layers: readonly Fields[], op: Op | null): Ending {
  let ending: Ending = 'good';
  for (const fields of layers) {
    for (const [name, value] of Object.entries(fields)) {
      const here = endingIn(kindOf(name), value, op);
      if (here === 'failed') return here;
      if (here === 'unknown') ending = here;
    }
  }
  return ending;
}

function endingIn(kind: Kind, value: unknown, op: Op | null): Ending {
  switch (kind) {
    case 'success':
      return isThere(value) ? endingAs(value) : 'good';
    case 'outcome':
    case 'ending':
      if (!isThere(value)) return 'good';
      return op === 'remove' && endingAs(value) === 'failed' && !FAILED[kind].test(String(value))
        ? 'unknown'
        : endingAs(value);
    case 'partial_ending':
      return isThere(value) && endingAs(value) !== 'good' ? 'unknown' : 'good';
    case 'code':
      return !isThere(value) || /^2\d\d$/.test(String(value)) ? 'good' : 'unknown';
    case 'doubt':
      return isSaid(value) ? 'unknown' : 'good';
    case 'doubt_of_addition':
      return op !== 'remove' && isSaid(value) ? 'unknown' : 'good';
    default:
      return 'good';
  }
}

function endingAs(value: unknown): Ending {
  const text = typeof value === 'string' || typeof value === 'boolean' ? String(value) : '';
  if (BAD_ENDING.test(text)) return 'failed';
  return GOOD_ENDING.test(text) ? 'good' : 'unknown';
}

/** Names of operations in fields that are none of those that name the event. */
export const operationsIn = (fields: Fields, known: readonly string[]): readonly string[] =>
  Object.entries(fields)
    .filter(([name]) => kindOf(name) === 'operation' && !known.includes(name))
    .map(([, value]) => textIn(value))
    .filter((text) => text !== null)
    // `"kind":"event"` only says that it is none of a command.
    .filter((text) => !/^(?:domain_?)?event$/i.test(text));

/** Whether a field names another member or group than those that are known: then it is not said which one is meant. */
export const namesOthers = (fields: Fields, known: readonly string[]): boolean =>
  Object.entries(fields).some(
    ([name, value]) => kindOf(name) === 'other_id' && idsOf(value).some((id) => isOther(id, known)),
  );

const isOther = (id: string, known: readonly string[]): boolean => !known.some((one) => isSameId(one, id));

function idsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(idsOf);
  const found = foundId(isObject(value) ? fieldsIn(value)['id'] : value, 'id');
  return found.kind === 'id' ? [found.id] : [];
}

/** No failures are also said as 0, or by an empty list or object. */
const isSaid = (value: unknown): boolean =>
  isThere(value) &&
  value !== false &&
  value !== 0 &&
  value !== '' &&
  value !== '0' &&
  value !== 'false' &&
  !(Array.isArray(value) && value.length === 0) &&
  !(isObject(value) && Object.keys(value).length === 0);
