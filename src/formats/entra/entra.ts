/**
 * Room formats/entra: `entra`: groups, audit log entries and notifications of Microsoft Graph.
 * Not here: asking Graph (ingest/poll).
 *
 * Microsoft Entra ID, three sources in one format, distinguished entry by entry: groups of a Graph delta query, audit log
 * entries (Azure Monitor or Graph), and Graph change notifications. They come alone, in lists, in pages (`value[]`) and
 * in batches of Azure Monitor (`records[]`).
 */
import type { SourceEvent } from '../../core/change/change.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  fieldsIn,
  hint,
  invalid,
  isThere,
  quote,
  skip,
  textIn,
  type Fields,
} from '../reading/reading.ts';
import type { Reader } from '../reading/several.ts';
import { groupIn, notAChange, readEvents, timeIn } from '../reading/several.ts';
import { isAudit, readAudit } from './audit.ts';
import { isGroup, readGraphGroup, readMembers } from './group.ts';
import { isObject } from '../../core/text/json.ts';

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
