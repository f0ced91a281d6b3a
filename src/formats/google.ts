/**
 * Google Workspace: activities of the Admin SDK Reports API (applications `groups_enterprise`, `groups` and `admin`),
 * alone, in lists and in pages (`items[]`), and the same as Google Cloud's audit log writes them.
 * Groups and members are named by their mail addresses; there are no lasting ids in these events. An activity has no field for
 * its outcome: only what was done is reported, save in Google Cloud (`status`) and where a parameter `status` says so.
 * What its names mean stands below.
 */
import type { Op, SourceEvent } from '../core/change/change.ts';
import type { Fields } from './reading/reading.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  fieldsIn,
  hint,
  invalid,
  isThere,
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
  unknownEvent,
} from './reading/events.ts';
import { isObject } from '../core/text/json.ts';

export const google: Reader = {
  name: 'google',
  recognizes,
  decode: (record) => readEvents(record, (json) => activitiesIn(json).flatMap(readActivity)),
};

function recognizes(fields: Fields): boolean {
  if (textIn(fields['kind'])?.startsWith('admin#reports#') === true || isObject(fields['protoPayload'])) return true;
  return 'applicationName' in fieldsIn(fields['id']) && 'events' in fields;
}

function activitiesIn(json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json;
  const page = isObject(json) && json['events'] === undefined ? json['items'] : undefined;
  // A page without activities has no `items`, but its kind.
  if (page === undefined && fieldsIn(json)['kind'] === 'admin#reports#activities') return [];
  return Array.isArray(page) ? page : [json];
}

function readActivity(activity: unknown): readonly SourceEvent[] {
  if (!isObject(activity)) return [unknownShape];
  if (isObject(activity['protoPayload'])) return readAuditLog(activity, activity['protoPayload']);
  const { events } = activity;
  // Some forwarders send one record an event, with the event in the place of the list.
  if (!Array.isArray(events) && !isObject(events)) return [unknownShape];
  const { time, uniqueQualifier, applicationName } = fieldsIn(activity['id']);
  const header = {
    eventId: qualifierIn(uniqueQualifier),
    occurredAt: timeIn(time),
    application: textIn(applicationName),
  };
  return (Array.isArray(events) ? events : [events]).map((event) => {
    if (!isObject(event)) return unknownShape;
    const { name, type, parameters, status } = event;
    return readEvent({
      ...header,
      name,
      type: textIn(type),
      parameters,
      status: textIn(fieldsIn(status)['eventStatus']),
    });
  });
}

/** A log entry of Cloud Logging (audit logs for Google Workspace): the activity is the payload's metadata. */
function readAuditLog(entry: Fields, payload: Fields): readonly SourceEvent[] {
  const code = fieldsIn(payload['status'])['code'];
  if (isThere(code) && code !== 0) return [notSuccessful];
  const metadata = fieldsIn(payload['metadata']);
  const events = listIn(metadata['event']).filter(isObject);
  const method = textIn(payload['methodName']) ?? '';
  if (events.length === 0) return [mayChangeGroups(method) ? eventWithoutDetail(method, null) : notAChange];
  const header = {
    eventId: qualifierIn(fieldsIn(metadata['activityId'])['uniqQualifier']),
    occurredAt: timeIn(entry['timestamp']),
    application: applicationOf(textIn(payload['serviceName'])),
  };
  return events.map(({ eventName, eventType, parameter }) =>
    readEvent({ ...header, name: eventName, type: textIn(eventType), parameters: parameter, status: null }),
  );
}

/** `login.googleapis.com` is the application `login`; groups come from several services, so that others are not distinguished. */
const applicationOf = (service: string | null): string | null => service?.replace(/\.googleapis\.com$/, '') ?? null;

interface Event {
  readonly eventId: string | null;
  readonly occurredAt: string | null;
  readonly application: string | null;
  readonly type: string | null;
  readonly name: unknown;
  readonly parameters: unknown;
  /** Of the event itself (`status.eventStatus`), where it has one. */
  readonly status: string | null;
}

function readEvent({
  name,
  parameters,
  eventId,
  occurredAt,
  application,
  type,
  status: eventStatus,
}: Event): SourceEvent {
  if (typeof name !== 'string') return unknownShape;
  if (isOfOtherApplication(application)) return notAChange;
  const values = valuesOf(parameters);
  const text = (parameter: string): string => values.get(parameter) ?? '';
  const header = { group: text('group_id') || text('group_email'), eventId, occurredAt };
  const meaning = meaningOfName(name);
  if (meaning === undefined)
    return isOfAnotherKind(name, type)
      ? notAChange
      : unknownEvent(`The event ${quote(name)}`, ADVICE, groupIn(header.group));
  const { op, isMemberSure } = meaning;
  if (op === 'without_detail') return eventWithoutDetail(name, header.group);
  if (op === 'group_renamed') return renamed(header.group);
  const status = (eventStatus ?? text('status')).toLowerCase();
  if (status !== '' && status !== 'succeeded')
    return status === 'failed' ? notSuccessful : eventWithoutDetail(name, header.group);
  if (op === 'group_deleted') return deletedGroup(header);
  const [member, memberType] = [text('member_id') || text('user_email'), text('member_type')];
  if (memberType !== '' && memberType.toLowerCase() !== 'user')
    return refusedMember(`The member ${quote(member)} is of the type ${quote(memberType)}`, header.group);
  return member === '' && !isMemberSure ? eventWithoutDetail(name, header.group) : deltaOf(op, [member], header);
}

/** By their names, which some applications write in capitals; what is no text, or is there twice, is an empty one. */
function valuesOf(parameters: unknown): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const entry of listIn(parameters)) {
    const name = isObject(entry) ? textIn(entry['name'])?.toLowerCase() : undefined;
    if (!isObject(entry) || name === undefined) continue;
    const value = idIn(entry['value']);
    values.set(name, (values.get(name) ?? value) === value ? value : '');
  }
  return values;
}

const READ_AGAIN = `read the group's members from the Directory API (members.list) and ${AS_FULL_STATE}`;
const ADVICE = { changes: READ_AGAIN, otherwise: 'leave it out of the topic' };

const renamed = (group: string): SourceEvent =>
  hint(
    'group_renamed',
    `The group has another address from now on, so its later events name another group: correct the id map, and ${READ_AGAIN}.`,
    groupIn(group),
  );

const eventWithoutDetail = (name: string, group: string | null): SourceEvent =>
  hint(
    'change_without_detail',
    `${quote(name)} may have changed the members, but does not say which: ${READ_AGAIN}.`,
    groupIn(group),
  );

const unknownShape = invalid(
  'schema',
  'This is no activity of the Reports API: it has no `events`. Send activities.list as it is, or an activity a record.',
);

/** Google writes it as a text, some forwarders as a number. */
const qualifierIn = (value: unknown): string | null => (typeof value === 'number' ? String(value) : textIn(value));

/*
 * Names of activities, by what they say of memberships. Sources: the pages "… Audit Activity Events" of the Reports API
 * (https://developers.google.com/workspace/admin/reports/v1/appendix/activity/groups-enterprise, …/groups, …/admin-group-settings
 * and …/admin-event-names), and the applications of activities.list.
 */

interface Meaning {
  readonly op: Op | 'group_deleted' | 'without_detail' | 'group_renamed';
  /** Otherwise the event may leave out whom it is about, and then says no more than that there was a change. */
  readonly isMemberSure: boolean;
}

const sure = (op: Meaning['op']): Meaning => ({ op, isMemberSure: true });
const ifNamed = (op: Op): Meaning => ({ op, isMemberSure: false });
const withoutDetail: Meaning = { op: 'without_detail', isMemberSure: false };

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['add_member', sure('add')],
  ['remove_member', sure('remove')],
  ['ADD_GROUP_MEMBER', sure('add')],
  ['REMOVE_GROUP_MEMBER', sure('remove')],
  ['add_user', ifNamed('add')],
  ['remove_user', ifNamed('remove')],
  // The one who asked is a member from then on; one who is banned is none.
  ['approve_join_request', ifNamed('add')],
  ['ban_member_with_moderation', ifNamed('remove')],
  ['ban_user_with_moderation', ifNamed('remove')],
  ['delete_group', sure('group_deleted')],
  ['DELETE_GROUP', sure('group_deleted')],
  // Groups are named by their addresses.
  ['CHANGE_GROUP_EMAIL', sure('group_renamed')],
  // The actor is meant, but no parameter names him; or many are.
  ['join', withoutDetail],
  ['accept_invitation', withoutDetail],
  ['unsubscribe_via_mail', withoutDetail],
  ['add_dynamic_group_query', withoutDetail],
  ['change_dynamic_group_query', withoutDetail],
  ['GROUP_MEMBER_BULK_UPLOAD', withoutDetail],
]);

/** undefined: none of a membership, or not known; `isOfAnotherKind` says which. */
const meaningOfName = (name: string): Meaning | undefined => MEANINGS.get(name);

const OTHER_APPLICATIONS: ReadonlySet<string> = new Set(
  (
    'access_evaluation access_transparency assignments calendar chat chrome classroom cloud_search contacts context_aware_access ' +
    'currents data_migration data_studio directory_sync drive gcp gemini_in_workspace_apps gmail gplus graduation jamboard keep ' +
    'ldap login looker_studio meet meet_hardware mobile profile rules saml takeout tasks token user_accounts vault voice'
  ).split(' '),
);

/** Of the application `admin`: all but GROUP_SETTINGS. */
const OTHER_TYPES: ReadonlySet<string> = new Set(
  (
    'ALERT_CENTER APPLICATION_SETTINGS CALENDAR_SETTINGS CHAT_SETTINGS CHROME_OS_SETTINGS CONTACTS_SETTINGS CUSTOMER_TAKEOUT ' +
    'DELEGATED_ADMIN_SETTINGS DEVICE_SETTINGS DIRECTORY_SYNC DOCS_SETTINGS DOMAIN_SETTINGS EMAIL_SETTINGS LABELS ' +
    'LICENSES_SETTINGS MOBILE_SETTINGS ORG_SETTINGS ORG_USERS_SETTINGS SECURITY_INVESTIGATION SECURITY_SETTINGS SITES_SETTINGS ' +
    'SYSTEM_DEFINED_RULE USER_SETTINGS'
  ).split(' '),
);

/** Events of groups that leave their members as they are. */
const OTHER_NAMES: ReadonlySet<string> = new Set(
  // groups_enterprise
  (
    'add_info_setting add_member_role add_membership_expiry add_security_setting add_service_account_permission ' +
    'change_info_setting change_security_setting change_security_setting_state create_group create_namespace ' +
    'delete_namespace invite_member reject_invitation reject_join_request remove_info_setting remove_member_role ' +
    'remove_membership_expiry remove_security_setting remove_service_account_permission request_to_join ' +
    'revoke_invitation unban_member update_membership_expiry ' +
    // groups
    'always_post_from_user change_acl_permission change_basic_setting change_email_subscription_type ' +
    'change_identity_setting change_new_members_restrictions_setting change_post_replies_setting ' +
    'change_spam_moderation_setting change_topic_setting invite_user moderate_message reinvite_user ' +
    // admin, GROUP_SETTINGS
    'CHANGE_GROUP_DESCRIPTION CHANGE_GROUP_NAME CHANGE_GROUP_SETTING CREATE_GROUP GROUP_LIST_DOWNLOAD ' +
    'GROUP_MEMBERS_DOWNLOAD REORDER_GROUP_BASED_POLICIES_EVENT UPDATE_GROUP_MEMBER UPDATE_GROUP_MEMBER_DELIVERY_SETTINGS ' +
    'UPDATE_GROUP_MEMBER_DELIVERY_SETTINGS_CAN_EMAIL_OVERRIDE WHITELISTED_GROUPS_UPDATED'
  ).split(' '),
);

/** Names are unique within an application alone. */
const isOfOtherApplication = (application: string | null): boolean =>
  application !== null && OTHER_APPLICATIONS.has(application);

/** @param type as in `USER_SETTINGS`; null: the event has none. */
const isOfAnotherKind = (name: string, type: string | null): boolean =>
  OTHER_NAMES.has(name) || (type !== null && OTHER_TYPES.has(type) && !/group|member/i.test(name));

/** Methods of Cloud Identity that only read, or that change a group and not its members. */
const HARMLESS_METHOD = /\.(?:Get|List|Search|Lookup|Check)\w*$|\.(?:CreateGroup|UpdateGroup|UpdateSecuritySettings)$/i;

/** Of a log entry of Google Cloud that holds no event. */
const mayChangeGroups = (method: string): boolean => /group|member/i.test(method) && !HARMLESS_METHOD.test(method);
