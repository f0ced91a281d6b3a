/**
 * Okta: System Log events, bare or in lists, in event hooks (`data.events[]`) and in EventBridge (`detail`).
 * What an event is about stands in `target[]`, whose order means nothing: users and groups are recognised by their `type`.
 * Only what succeeded counts. Types of other kinds are known (below); what is not known is a hint.
 * A list is put into the order of `published`, since hooks do not promise one.
 * https://developer.okta.com/docs/reference/api/event-types/ and …/concepts/event-hooks/
 */
import { instantIn } from '../core/text/instant.ts';
import type { Op, SourceEvent } from '../core/change/change.ts';
import { NAME_LENGTH_MAX } from './reading/memo.ts';
import type { Fields } from './reading/reading.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  fieldsIn,
  hint,
  invalid,
  listIn,
  quote,
  textIn,
} from './reading/reading.ts';
import type { Reader } from './reading/events.ts';
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
  unknownEvent,
} from './reading/events.ts';
import { isObject } from '../core/text/json.ts';

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
    const time = instantIn(timeIn(fieldsIn(event)['published']) ?? '');
    if (time !== null) latest = time;
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
  const type = isObject(event) ? textIn(event['eventType']) : null;
  if (!isObject(event) || type === null) {
    const message =
      'This is no Okta System Log event: it has no `eventType`. Send the event hook or the log event whole.';
    return invalid('schema', message);
  }
  const meaning = type === IMPORT ? importMeaning(event) : meaningOfType(type);
  if (meaning === undefined)
    return type === IMPORT || isOfAnotherKind(type)
      ? notAChange
      : unknownEvent(`The event type ${quote(type)}`, ADVICE, groupTarget(event));
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

const ADVICE = { changes: READ_AGAIN, otherwise: 'leave it out of the hook or the topic' };

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
  const header = { group, eventId: textIn(event['uuid']), occurredAt: timeIn(event['published']) };
  if (meaning === 'group_deleted') return deletedGroup(header);
  return meaning === 'unclear' ? withoutDirection(event, group) : deltaOf(meaning, users, header);
}

function withoutUser(targets: readonly Fields[], group: string): SourceEvent {
  const type = targets.map((target) => target['type']).find((each) => each !== 'UserGroup' && each !== 'AppGroup');
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

const targetsOf = (event: Fields): readonly Fields[] => listIn(event['target']).filter(isObject);

/** An imported member may be listed twice, as the user and as the app's user; then the user counts. */
function idsOf(targets: readonly Fields[], type: string, importedType: string): readonly string[] {
  const ids = idsOfType(targets, type);
  return ids.length > 0 ? ids : idsOfType(targets, importedType);
}

function idsOfType(targets: readonly Fields[], type: string): readonly string[] {
  const ids: string[] = [];
  for (const target of targets) if (target['type'] === type) ids.push(idIn(target['id']));
  return unique(ids);
}

/*
 * Types of System Log events, by what they say of memberships. Source: Okta's catalogue of event types, release 2026.08
 * (https://developer.okta.com/docs/reference/api/event-types/, data/event-types.json of its repository, 1,274 types).
 *
 * A type that names a group or a member is known by itself or by its family; any other by its first word. What is neither is
 * a hint: it may be a new way into a group.
 */

type Meaning = Op | 'group_deleted' | 'nested_group' | 'unclear' | 'without_detail';

const MEANINGS = new Map<string, Meaning>([
  ['group.user_membership.add', 'add'],
  ['group.user_membership.remove', 'remove'],
  ['system.identity_sources.group.user.assign', 'add'],
  ['system.identity_sources.group.user.revoke', 'remove'],
  ['group.lifecycle.delete', 'group_deleted'],
  ['system.import.group.delete', 'group_deleted'],
  ['system.identity_sources.group.delete', 'group_deleted'],
  ['app.user_management.user_group_import.delete_success', 'group_deleted'],
  ['app.user_management.app_group_member_import.insert_success', 'add'],
  ['app.user_management.app_group_member_import.delete_success', 'remove'],
  ['app.user_management.app_group_group_member_import.insert_success', 'nested_group'],
  ['app.user_management.app_group_group_member_import.delete_success', 'nested_group'],
  // Data that an identity source hands over in bulk: neither groups nor members are named.
  ['system.identity_sources.bulk_group_delete', 'without_detail'],
  ['system.identity_sources.bulk_group_membership_upsert', 'without_detail'],
  ['system.identity_sources.bulk_group_membership_delete', 'without_detail'],
]);

/** Of imports the System Log says this for all; which one it was, another field may tell. */
const IMPORT = 'app.user_management';

/** All that may be more than another kind. */
export const TYPES_OF_CHANGES: readonly string[] = [IMPORT, ...MEANINGS.keys()];

/** undefined: none of a membership, or not known; `isOfAnotherKind` says which. */
const meaningOfType = (type: string): Meaning | undefined => MEANINGS.get(type);

/** First words of types that say nothing of groups, unless a further word names a group or a member. */
const FAMILIES: ReadonlySet<string> = new Set(
  (
    'access account analytics app application certification core credential device directory entitlement event_hook governance ' +
    'iam inline_hook integration master_application mim network_zone oauth2 org pam personal pki plugin policy resource ' +
    'resource_servers scheduled_action security self_service support system task user workflows workload_principal zone'
  ).split(' '),
);

/** Types that name groups or members, of another kind all the same. With a dot at the end: all types that begin so. */
const OF_GROUPS: readonly string[] = [
  // Groups and their settings.
  'group.lifecycle.create',
  'group.profile.update',
  'group.application_assignment.',
  'group.privilege.',
  // Rules: each member that one adds or removes has an event of its own.
  'group.user_membership.rule.',
  // Imports: steps, and groups that come or change; each member has an event app.user_management.
  'system.import.group.complete',
  'system.import.group.create',
  'system.import.group.start',
  'system.import.group.update',
  'system.import.group_membership.complete',
  'system.import.membership_processing.',
  'system.identity_sources.group.create',
  'system.identity_sources.group.update',
  'system.identity_sources.bulk_group_upsert',
  'app.user_management.user_group_import.create_failure',
  'app.user_management.user_group_import.update_failure',
  'app.user_management.user_group_import.upsert_fail',
  'app.user_management.user_group_import.upsert_success',
  // What Okta writes into applications and directories; members of its own groups do not change by it.
  'app.user_management.grouppush.',
  'app.ad.password_migration_campaign.group.',
  'app.office365.',
  'application.provision.group.',
  'application.provision.group_membership.',
  'application.provision.group_push.',
  'application.user_membership.',
  'master_application.user_membership.',
  'directory.external.group.membership.',
  // Other things that are called groups: of orgs, of servers, of roles in Workflows.
  'account.org_group.',
  'pam.',
  'workflows.user.role.group.',
];

const KNOWN_TYPES: ReadonlySet<string> = new Set(OF_GROUPS.filter((type) => !type.endsWith('.')));
const KNOWN_BEGINNINGS = OF_GROUPS.filter((type) => type.endsWith('.'));

function isOfAnotherKind(type: string): boolean {
  if (/group|member/i.test(type))
    return KNOWN_TYPES.has(type) || KNOWN_BEGINNINGS.some((beginning) => type.startsWith(beginning));
  const end = type.indexOf('.');
  return end > 0 && FAMILIES.has(type.slice(0, end));
}
