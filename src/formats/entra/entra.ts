/**
 * Room formats/entra: `entra`: groups, audit log entries and notifications of Microsoft Graph.
 * Not here: asking Graph (ingest/poll).
 *
 * Microsoft Entra ID, three sources in one format, distinguished entry by entry: groups of a Graph delta query, audit log
 * entries (Azure Monitor or Graph), and Graph change notifications. They come alone, in lists, in pages (`value[]`) and
 * in batches of Azure Monitor (`records[]`).
 */
import type { SourceEvent } from '../../core/change/change.ts';
import { isObject } from '../../core/text/json.ts';
import type { Reader } from '../reading/events.ts';
import { groupIn, idIn, notAChange, readEvents, refusedMember, timeIn } from '../reading/events.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  delta,
  fieldsIn,
  hint,
  invalid,
  isThere,
  quote,
  skip,
  textIn,
  type EventHeader,
  type Fields,
} from '../reading/reading.ts';
import { isAudit, readAudit } from './audit.ts';

export const entra: Reader = {
  name: 'entra',
  recognizes,
  decode: (record) => readEvents(record, eventsIn),
};

const GRAPH_NAMES = [
  '@odata.context',
  '@odata.type',
  '@odata.id',
  '@odata.nextLink',
  '@odata.deltaLink',
  '@removed',
  'members@delta',
  'owners@delta',
] as const;

function recognizes(fields: Fields): boolean {
  if (GRAPH_NAMES.some((name) => name in fields) || isOfAuditLog(fields) || isOfSubscription(fields)) return true;
  const entries = Array.isArray(fields['records']) ? fields['records'] : fields['value'];
  if (!Array.isArray(entries)) return false;
  return entries.some(
    (entry) => isObject(entry) && (isOfAuditLog(entry) || isOfSubscription(entry) || '@removed' in entry),
  );
}

/** Columns of a Log Analytics export begin with capitals. */
const isOfAuditLog = (fields: Fields): boolean =>
  'targetResources' in fields ||
  'TargetResources' in fields ||
  fields['category'] === 'AuditLogs' ||
  fields['Type'] === 'AuditLogs' ||
  'targetResources' in fieldsIn(fields['properties']);

const isOfSubscription = (fields: Fields): boolean =>
  'subscriptionId' in fields && ('changeType' in fields || 'lifecycleEvent' in fields);

function eventsIn(json: unknown): readonly SourceEvent[] {
  if (Array.isArray(json)) return json.flatMap((entry) => readEntry(entry, null));
  if (!isObject(json)) return [unknownShape];
  const { records, value } = json;
  if (Array.isArray(records)) return records.flatMap((entry) => readEntry(entry, null));
  if (Array.isArray(value)) {
    const context = textIn(json['@odata.context']);
    return value.flatMap((entry) => readEntry(entry, context));
  }
  return readEntry(json, textIn(json['@odata.context']));
}

function readEntry(entry: unknown, context: string | null): readonly SourceEvent[] {
  if (!isObject(entry)) return [unknownShape];
  if (isNotification(entry)) return readNotification(entry);
  if (isAudit(entry)) return [readAudit(entry)];
  return isGroup(entry, context) ? readGraphGroup(entry, context) : [unknownShape];
}

const unknownShape = invalid(
  'schema',
  'This is neither a group of a delta query, nor an audit log entry, nor a change notification. Send the answers of ' +
    'groups/delta, the diagnostic records of the category AuditLogs, or the notifications as they are.',
);

/*
 * Change notifications of Graph subscriptions. Most say that a group changed, not how; those of groups may hold
 * `members@delta`, whose entries name no type. Lifecycle notifications say that others were lost.
 * https://learn.microsoft.com/graph/change-notifications-overview and …-lifecycle-events
 */

const isNotification = (entry: Fields): boolean =>
  'changeType' in entry || 'lifecycleEvent' in entry || ('subscriptionId' in entry && 'resource' in entry);

function readNotification(notification: Fields): readonly SourceEvent[] {
  const { lifecycleEvent, changeType } = notification;
  if (isThere(lifecycleEvent)) return [lifecycle(textIn(lifecycleEvent) ?? '')];
  // Event Hubs get one of these with each new subscription.
  if (textIn(changeType)?.startsWith('Validation') === true) return [skip('validation')];
  const data = fieldsIn(notification['resourceData']);
  const group = groupOf(textIn(notification['resource']), data);
  if (group === NO_GROUP) return [notAChange];
  if (group === null) return [withoutDetail(notification, null)];
  const header = { group, eventId: textIn(notification['id']), occurredAt: timeIn(data['eventTime']) };
  if (isGone(textIn(notification['resource']), textIn(changeType))) return [deletedGroup(header)];
  const members = data['members@delta'];
  if (isThere(members)) return readMembers(members, header);
  return [withoutDetail(notification, group)];
}

/**
 * Deleted for good, so that there is nothing to read again: a group that goes to the recycle bin is announced as `updated`. Of
 * what is below a group (its members, its owners, a team's channels) `deleted` says nothing about the group.
 */
const isGone = (resource: string | null, changeType: string | null): boolean =>
  changeType?.toLowerCase() === 'deleted' && /^\/?groups(?:\/[^/?]+|\('[^']+'\))?(?:\?.*)?$/i.test(resource ?? '');

const READ_FROM_GRAPH = `read the group's members from Graph (groups/{id}/members or groups/delta) and ${AS_FULL_STATE}`;

function withoutDetail(notification: Fields, named: string | null): SourceEvent {
  const group = groupIn(named);
  if ('encryptedContent' in notification) {
    return hint(
      'encrypted_content',
      `What changed is encrypted, and Rollcall has no key for it: ${READ_FROM_GRAPH}.`,
      group,
    );
  }
  return hint('change_without_detail', `The notification does not say what changed: ${READ_FROM_GRAPH}.`, group);
}

const LIFECYCLE = new Map([
  ['missed', { code: 'notifications_missed', what: 'Graph could not deliver some notifications' }],
  ['subscriptionRemoved', { code: 'subscription_removed', what: 'Graph has removed the subscription' }],
  ['reauthorizationRequired', { code: 'reauthorization_required', what: 'Graph asks for a new authorization' }],
]);

function lifecycle(event: string): SourceEvent {
  const { code, what } = LIFECYCLE.get(event) ?? { code: 'lifecycle_event', what: `Graph tells ${quote(event)}` };
  return hint(
    code,
    `${what}: correct the subscription, read all groups (groups/delta) and send them as full states, while nothing changes them.`,
  );
}

/** No group has this id, since no id is empty. */
const NO_GROUP = '';

/** `Groups/{id}`, `/groups('{id}')/members`, a team (whose id is its group's), or what resourceData says; null: unknown; NO_GROUP: of something else. */
function groupOf(resource: string | null, data: Fields): string | null {
  const [, group] = /^\/?(?:groups|teams)(?:\/|\(')([^/'()?]+)/i.exec(resource ?? '') ?? [];
  if (group !== undefined) return group;
  const type = textIn(data['@odata.type'])?.toLowerCase();
  if (type === '#microsoft.graph.group') return textIn(data['id']);
  return isOfOtherResource(resource ?? type ?? '') ? NO_GROUP : null;
}

/** What subscriptions are for besides groups and teams (https://learn.microsoft.com/graph/change-notifications-overview). */
const OTHER_RESOURCES =
  /^\/?(?:#microsoft\.graph\.)?(?:users?|me|applications?|serviceprincipals?|devices?|directory|sites?|drives?|driveitem|lists?|chats?|chatmessage|communications|calls?|callrecord\w*|security|alert\w*|print\w*|solutions|identitygovernance|identityprotection|contacts?|messages?|events?|presence|todo\w*|appcatalogs|education|copilot|informationprotection|admin|storage)\b/i;

const isOfOtherResource = (resource: string): boolean => OTHER_RESOURCES.test(resource);

/*
 * Groups as Graph's delta query tells them (groups/delta, directoryObjects/delta): `members@delta` holds what changed, not
 * who is in. https://learn.microsoft.com/graph/delta-query-groups
 */

/** At least one of these makes an object with an id a group; with a page's context it needs none. */
const MARKS = ['@removed', '@odata.type', '@odata.id', 'members@delta', 'owners@delta', 'displayName', 'groupTypes'];

export const isGroup = (entry: Fields, context: string | null): boolean =>
  'id' in entry && (context !== null || MARKS.some((mark) => mark in entry));

export function readGraphGroup(entry: Fields, context: string | null): readonly SourceEvent[] {
  const type = textIn(entry['@odata.type'])?.toLowerCase();
  const collection = collectionOf(context);
  // Who is in the group, without its delta; the entries may be of any type.
  const [, listed] = MEMBERS_OF.exec(context ?? '') ?? [];
  if (listed !== undefined) return [expanded(listed)];
  // Pages of directoryObjects/delta hold users too, and a deleted user is no deleted group.
  if (type === undefined ? collection !== 'groups' : type !== '#microsoft.graph.group')
    return [isKnownOther(type, collection) ? notAChange : withoutType(entry, type ?? collection)];
  // A directory role looks like a group otherwise: it has `members@delta` too, and its page alone says what it is one of.
  if ('roleTemplateId' in entry) return [notAChange];
  const group = idIn(entry['id']);
  if (isRemoved(entry)) return [deletedGroup({ group })];
  const members = entry['members@delta'];
  if (members !== undefined) return readMembers(members, { group, eventId: null, occurredAt: null });
  if (Object.keys(entry).some((name) => LISTS_MEMBERS.test(name))) return [expanded(group)];
  const { deletedDateTime } = entry;
  return [deletedDateTime === undefined || deletedDateTime === null ? notAChange : inRecycleBin(group)];
}

/** Types of directory objects, and collections, that are none of groups (https://learn.microsoft.com/graph/api/resources/directoryobject). */
const OTHER_TYPES =
  /^(?:#microsoft\.graph\.)?(?:user|device|orgcontact|contact|serviceprincipal|application|administrativeunit|directoryrole|agreement|policy|approleassignment|oauth2permissiongrant|organization|domain|tenant\w*|mailfolder|message|event|drive\w*|site|list\w*)s?$/;

const isKnownOther = (type: string | undefined, collection: string): boolean => OTHER_TYPES.test(type ?? collection);

/** `$expand=members` lists at most 20 members, so that it is no full state. */
const expanded = (group: string): SourceEvent =>
  hint(
    'members_without_delta',
    "The group has `members` or the like, which need not be all of them, and no `members@delta`: ask Graph for groups/delta, or read the group's " +
      `members (groups/{id}/members) and ${AS_FULL_STATE}.`,
    groupIn(group),
  );

/** Of a list such as directory/deletedItems, which does not say that the group has just gone there. */
const inRecycleBin = (group: string): SourceEvent =>
  hint(
    'group_in_recycle_bin',
    `The group has a \`deletedDateTime\` and no \`@removed\`: where it is deleted, send it as {"group_id":…,"deleted":true}; ` +
      `otherwise read its members (groups/{id}/members) and ${AS_FULL_STATE}.`,
    groupIn(group),
  );

/** `members`, `transitiveMembers`, and what OData says of them (`members@odata.nextLink`, `members@odata.bind`). */
const LISTS_MEMBERS = /^(?:transitive)?members(?:@|$)/i;

/** `…$metadata#groups('id')/members`. */
const MEMBERS_OF = /\$metadata#groups\('([^']+)'\)\/(?:transitive)?members\b/i;

/** What the page is one of; without a context, groups. */
const collectionOf = (context: string | null): string =>
  context === null ? 'groups' : (/\$metadata#(\w+)/.exec(context)?.[1]?.toLowerCase() ?? 'groups');

const withoutType = (entry: Fields, what: string): SourceEvent =>
  hint(
    'type_missing',
    `The object has no \`@odata.type\`, or one that is not known (${quote(what)}), so it may be a group; ask Graph for groups/delta ` +
      'instead.',
    groupIn(entry['id']),
  );

/** The users as one event; what else is a member of the group is refused beside them. */
export function readMembers(members: unknown, { group, eventId, occurredAt }: EventHeader): readonly SourceEvent[] {
  if (!Array.isArray(members) || !members.every(isObject))
    return [invalid('schema', '`members@delta` must be a list of objects.', groupIn(group))];
  const [add, remove, refused]: [string[], string[], Fields[]] = [[], [], []];
  for (const member of members) {
    if (isUser(member)) (isRemoved(member) ? remove : add).push(idIn(member['id']));
    else refused.push(member);
  }
  const isChange = add.length + remove.length > 0;
  const events = isChange ? [delta({ group, eventId, occurredAt, add, remove })] : [];
  if (refused.length > 0) return [...events, refusal(refused, group)];
  return isChange ? events : [notAChange];
}

function refusal(refused: readonly Fields[], group: string): SourceEvent {
  const [first] = refused;
  const others = refused.length === 1 ? '' : ` and ${refused.length - 1} more`;
  const what = `The member ${quote(idIn(first?.['id']))} of the type ${quote(idIn(first?.['@odata.type']))}${others} cannot be put in`;
  return refusedMember(what, group);
}

/** Change notifications name no types (and Graph can leave them out), so a member without one counts as a user. */
function isUser(member: Fields): boolean {
  const type = textIn(member['@odata.type']);
  return type === null || type.toLowerCase() === '#microsoft.graph.user';
}

/** `{"reason":…}` in a delta query, `"deleted"` in a notification; any reason ends the membership. */
const isRemoved = (object: Fields): boolean => object['@removed'] !== undefined && object['@removed'] !== null;
