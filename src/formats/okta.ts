/**
 * Okta: System Log events, bare or in lists, in event hooks (`data.events[]`) and in EventBridge (`detail`).
 * What an event is about stands in `target[]`, whose order means nothing: users and groups are told by their `type`.
 * Only what succeeded counts. Types of other kinds are known (okta-kinds.ts); what is not known is a hint.
 * A list is put into the order of `published`, since hooks do not promise one.
 * https://developer.okta.com/docs/reference/api/event-types/ and …/concepts/event-hooks/
 */
import type { SourceEvent } from '../core/change.ts';
import { NAME_LENGTH_MAX } from './event-grammar.ts';
import type { Reader } from './reader.ts';
import { IMPORT, isOfAnotherKind, type Meaning, meaningOfType } from './okta-kinds.ts';
import type { Fields } from './reading.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  fieldsIn,
  hint,
  invalid,
  isFields,
  listIn,
  quote,
  textIn,
} from './reading.ts';
import {
  groupIn,
  idIn,
  notAChange,
  notSuccessful,
  readEvents,
  refusedMember,
  timeIn,
  unique,
  withoutEventBridge,
} from './several.ts';

export const okta: Reader = {
  name: 'okta',
  recognizes,
  decode: (record) => readEvents(record, (json) => inOrder(logEventsIn(json)).map(readLogEvent)),
};

/** Types of the System Log are words with dots; other sources have a field `eventType` as well. */
function recognizes(fields: Fields): boolean {
  const { eventType } = fields;
  if (eventType === 'com.okta.event_hook') return true;
  if (typeof eventType !== 'string' || eventType.length > NAME_LENGTH_MAX) return false;
  if (!/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/.test(eventType)) return false;
  return 'legacyEventType' in fields || Array.isArray(fields['target']) || ('actor' in fields && 'outcome' in fields);
}

function logEventsIn(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json.flatMap(unwrapped) : unwrapped(json);
}

function unwrapped(json: unknown): readonly unknown[] {
  const event = withoutEventBridge(json);
  const { events } = fieldsIn(fieldsIn(event)['data']);
  return Array.isArray(events) ? events : [event];
}

/** Stable; an event without a readable time stays behind the one before it. */
function inOrder(events: readonly unknown[]): readonly unknown[] {
  if (events.length < 2) return events;
  let latest = 0;
  const timed = events.map((event) => {
    const time = Date.parse(timeIn(fieldsIn(event)['published']) ?? '');
    if (!Number.isNaN(time)) latest = time;
    return { event, time: latest };
  });
  return timed.toSorted((a, b) => a.time - b.time).map(({ event }) => event);
}

/** Which import it was, only the message may tell. */
const IMPORT_MESSAGES = new Map<string, Meaning>([
  ['successfully imported new member to an app group', 'add'],
  ['successfully deleted member of an app group', 'remove'],
  ['successfully removed imported group that was deleted from application', 'group_deleted'],
]);

function readLogEvent(event: unknown): SourceEvent {
  const type = isFields(event) ? textIn(event['eventType']) : null;
  if (!isFields(event) || type === null) {
    const message =
      'This is no Okta System Log event: it has no `eventType`. Send the event hook or the log event whole.';
    return invalid('schema', message);
  }
  const meaning = type === IMPORT ? importMeaning(event) : meaningOfType(type);
  if (meaning === undefined) return type === IMPORT || isOfAnotherKind(type) ? notAChange : unknownType(type, event);
  const { result } = fieldsIn(event['outcome']);
  // What Okta sends from the preview of a hook says `Success`.
  const ended = typeof result === 'string' ? result.toUpperCase() : '';
  if (ended === 'SUCCESS') return readChange(event, meaning);
  return NOT_SUCCESSFUL.has(ended) ? notSuccessful : withoutOutcome(event, result);
}

/**
 * `outcome` is documented as "if applicable", and is there in every event of a membership. The other results (ALLOW, UNKNOWN,
 * DEFERRED, SCHEDULED) do not say that nothing was changed.
 */
const NOT_SUCCESSFUL: ReadonlySet<string> = new Set([
  'FAILURE',
  'SKIPPED',
  'DENY',
  'CHALLENGE',
  'ABANDONED',
  'RATE_LIMIT',
]);

const READ_AGAIN = `read the group's members from Okta (GET /api/v1/groups/{id}/users) and ${AS_FULL_STATE}`;

const SHOWN_MAX = 60;

function withoutOutcome(event: Fields, result: unknown): SourceEvent {
  const said =
    result === undefined || result === null ? 'is missing' : `is ${JSON.stringify(result).slice(0, SHOWN_MAX)}`;
  const message = `\`outcome.result\` ${said}, so it is not known whether the change was made: send the log event whole, or ${READ_AGAIN}.`;
  return hint('outcome_unknown', message, groupTarget(event));
}

const unknownType = (type: string, event: Fields): SourceEvent =>
  hint(
    'unknown_event_type',
    `The event type ${quote(type)} is not known, and it may change memberships. Where it does, ${READ_AGAIN}; where it does ` +
      'not, leave it out of the hook or the topic.',
    groupTarget(event),
  );

const groupTarget = (event: Fields): string | null =>
  groupIn(targetsOf(event).find(({ type }) => type === 'UserGroup' || type === 'AppGroup')?.['id']);

function importMeaning(event: Fields): Meaning | undefined {
  const message = textIn(event['displayMessage'])?.toLowerCase() ?? '';
  const meaning = meaningOfType(textIn(event['legacyEventType']) ?? '') ?? IMPORT_MESSAGES.get(message);
  if (meaning !== undefined) return meaning;
  const targets = targetsOf(event);
  const isAboutMember =
    idsOf(targets, 'User', 'AppUser').length > 0 && idsOf(targets, 'UserGroup', 'AppGroup').length > 0;
  return isAboutMember ? 'unclear' : undefined;
}

function readChange(event: Fields, meaning: Meaning): SourceEvent {
  if (meaning === 'without_detail') return withoutDetail(event);
  if (meaning === 'nested_group') return refusedMember('A group is the member of a group', null);
  const targets = targetsOf(event);
  const groups = idsOf(targets, 'UserGroup', 'AppGroup');
  const [group] = groups;
  if (group === undefined) return invalid('target_missing', 'The event has no target of the type UserGroup.');
  const users = idsOf(targets, 'User', 'AppUser');
  if (users.length === 0 && meaning !== 'group_deleted') return withoutUser(targets, group);
  if (groups.length > 1) return invalid('target_ambiguous', 'The event has several targets of the type UserGroup.');
  const told = { group, eventId: textIn(event['uuid']), occurredAt: timeIn(event['published']) };
  if (meaning === 'group_deleted') return deletedGroup(told);
  return meaning === 'unclear' ? withoutDirection(event, group) : deltaOf(meaning, users, told);
}

function withoutUser(targets: readonly Fields[], group: string): SourceEvent {
  const type = targets.map((target) => target['type']).find((type) => type !== 'UserGroup' && type !== 'AppGroup');
  if (type !== undefined) return refusedMember(`The member is of the type ${quote(idIn(type))}`, group);
  if (targets.length > 1) return refusedMember('A group is the member of a group', group);
  return invalid('target_missing', 'The event has no target of the type User.', groupIn(group));
}

const withoutDirection = (event: Fields, group: string): SourceEvent =>
  hint(
    'direction_unknown',
    `An import changed a member of the group, but ${quote(textIn(event['displayMessage']) ?? '')} does not say how: ` +
      `${READ_AGAIN}.`,
    groupIn(group),
  );

const withoutDetail = (event: Fields): SourceEvent =>
  hint(
    'change_without_detail',
    `${quote(textIn(event['eventType']) ?? '')} hands over changes in bulk and names no member: for each group of the identity ` +
      `source, ${READ_AGAIN}.`,
    groupTarget(event),
  );

const targetsOf = (event: Fields): readonly Fields[] => listIn(event['target']).filter(isFields);

/** An imported member may be told twice, as the user and as the app's user; then the user counts. */
function idsOf(targets: readonly Fields[], type: string, importedType: string): readonly string[] {
  const ids = idsOfType(targets, type);
  return ids.length > 0 ? ids : idsOfType(targets, importedType);
}

function idsOfType(targets: readonly Fields[], type: string): readonly string[] {
  const ids: string[] = [];
  for (const target of targets) if (target['type'] === type) ids.push(idIn(target['id']));
  return unique(ids);
}
