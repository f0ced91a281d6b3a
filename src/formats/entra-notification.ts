/**
 * Change notifications of Graph subscriptions. Most say that a group changed, not how; those of groups may hold
 * `members@delta`, whose entries name no type. Lifecycle notifications say that others were lost.
 * https://learn.microsoft.com/graph/change-notifications-overview and …-lifecycle-events
 */
import type { SourceEvent } from '../core/change.ts';
import { readMembers } from './entra-group.ts';
import type { Fields } from './reading.ts';
import { AS_FULL_STATE, deletedGroup, fieldsIn, hint, isThere, quote, skip, textIn } from './reading.ts';
import { groupIn, notAChange, timeIn } from './several.ts';

export const isNotification = (entry: Fields): boolean =>
  'changeType' in entry || 'lifecycleEvent' in entry || ('subscriptionId' in entry && 'resource' in entry);

export function readNotification(notification: Fields): readonly SourceEvent[] {
  const { lifecycleEvent, changeType } = notification;
  if (isThere(lifecycleEvent)) return [lifecycle(textIn(lifecycleEvent) ?? '')];
  // Event Hubs get one of these with each new subscription.
  if (textIn(changeType)?.startsWith('Validation') === true) return [skip('validation')];
  const data = fieldsIn(notification['resourceData']);
  const group = groupOf(textIn(notification['resource']), data);
  if (group === NO_GROUP) return [notAChange];
  if (group === null) return [withoutDetail(notification, null)];
  const told = { group, eventId: textIn(notification['id']), occurredAt: timeIn(data['eventTime']) };
  if (isGone(textIn(notification['resource']), textIn(changeType))) return [deletedGroup(told)];
  const members = data['members@delta'];
  if (isThere(members)) return readMembers(members, told);
  return [withoutDetail(notification, group)];
}

/**
 * Deleted for good, so that there is nothing to read anew: a group that goes to the recycle bin is told as `updated`. Of
 * what is below a group (its members, its owners, a team's channels) `deleted` says nothing about the group.
 */
const isGone = (resource: string | null, changeType: string | null): boolean =>
  changeType?.toLowerCase() === 'deleted' && /^\/?groups(?:\/[^/?]+|\('[^']+'\))?(?:\?.*)?$/i.test(resource ?? '');

const READ_ANEW = `read the group's members from Graph (groups/{id}/members or groups/delta) and ${AS_FULL_STATE}`;

function withoutDetail(notification: Fields, named: string | null): SourceEvent {
  const group = groupIn(named);
  if ('encryptedContent' in notification) {
    return hint('encrypted_content', `What changed is encrypted, and Rollcall has no key for it: ${READ_ANEW}.`, group);
  }
  return hint('change_without_detail', `The notification does not say what changed: ${READ_ANEW}.`, group);
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
