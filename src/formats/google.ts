/**
 * Google Workspace: activities of the Admin SDK Reports API (applications `groups_enterprise`, `groups` and `admin`),
 * alone, in lists and in pages (`items[]`), and the same as Google Cloud's audit log writes them.
 * Groups and members are named by their mail addresses; there are no lasting ids in these events.
 * https://developers.google.com/workspace/admin/reports/v1/appendix/activity/groups-enterprise, …/groups,
 * …/admin-group-settings
 */
import type { SourceEvent } from '../core/change.ts';
import type { Reader } from './reader.ts';
import type { Fields } from './reading.ts';
import { deletedGroup, deltaOf, fieldsIn, hint, invalid, isFields, listIn, quote, textIn } from './reading.ts';
import { groupIn, idIn, notAChange, readEvents, refusedMember, timeIn } from './several.ts';

export const google: Reader = {
  name: 'google',
  recognizes,
  decode: (record) => readEvents(record, (json) => activitiesIn(json).flatMap(readActivity)),
};

function recognizes(fields: Fields): boolean {
  if (textIn(fields['kind'])?.startsWith('admin#reports#') === true || isFields(fields['protoPayload'])) return true;
  return 'applicationName' in fieldsIn(fields['id']) && 'events' in fields;
}

function activitiesIn(json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json;
  const page = isFields(json) && json['events'] === undefined ? json['items'] : undefined;
  // A page without activities has no `items`, but its kind.
  if (page === undefined && fieldsIn(json)['kind'] === 'admin#reports#activities') return [];
  return Array.isArray(page) ? page : [json];
}

function readActivity(activity: unknown): readonly SourceEvent[] {
  if (!isFields(activity)) return [unknownShape];
  if (isFields(activity['protoPayload'])) return readAuditLog(activity, activity['protoPayload']);
  const { events } = activity;
  // Some forwarders send one record an event, with the event in the place of the list.
  if (!Array.isArray(events) && !isFields(events)) return [unknownShape];
  const { time, uniqueQualifier } = fieldsIn(activity['id']);
  const [eventId, occurredAt] = [qualifierIn(uniqueQualifier), timeIn(time)];
  return (Array.isArray(events) ? events : [events]).map((event) => {
    if (!isFields(event)) return unknownShape;
    return readEvent({ eventId, occurredAt, name: event['name'], parameters: event['parameters'] });
  });
}

/** A log entry of Cloud Logging (audit logs for Google Workspace): the activity is the payload's metadata. */
function readAuditLog(entry: Fields, payload: Fields): readonly SourceEvent[] {
  const metadata = fieldsIn(payload['metadata']);
  const events = listIn(metadata['event']).filter(isFields);
  const method = textIn(payload['methodName']) ?? '';
  if (events.length === 0) return [/membership/i.test(method) ? withoutDetail(method, null) : notAChange];
  const eventId = qualifierIn(fieldsIn(metadata['activityId'])['uniqQualifier']);
  return events.map((event) =>
    readEvent({
      eventId,
      occurredAt: timeIn(entry['timestamp']),
      name: event['eventName'],
      parameters: event['parameter'],
    }),
  );
}

interface Event {
  readonly eventId: string | null;
  readonly occurredAt: string | null;
  readonly name: unknown;
  readonly parameters: unknown;
}

/**
 * The membership may have changed, but the event names no member, or does not say whether an event that does goes with it.
 */
const WITHOUT_DETAIL = new Set([
  'join',
  'accept_invitation',
  'approve_join_request',
  'ban_member_with_moderation',
  'ban_user_with_moderation',
  'unsubscribe_via_mail',
  'add_dynamic_group_query',
  'change_dynamic_group_query',
  'GROUP_MEMBER_BULK_UPLOAD',
]);

function readEvent({ name, parameters, eventId, occurredAt }: Event): SourceEvent {
  if (typeof name !== 'string') return unknownShape;
  const entries = listIn(parameters);
  const text = (parameter: string): string => {
    const found = entries.find((entry) => isFields(entry) && textIn(entry['name'])?.toLowerCase() === parameter);
    return idIn(fieldsIn(found)['value']);
  };
  const told = { group: text('group_id') || text('group_email'), eventId, occurredAt };
  switch (name) {
    case 'add_member':
    case 'remove_member': {
      const [member, type] = [text('member_id'), text('member_type')];
      if (type !== '' && type.toLowerCase() !== 'user')
        return refusedMember(`The member ${quote(member)} is of the type ${quote(type)}`, told.group);
      return deltaOf(name === 'add_member' ? 'add' : 'remove', [member], told);
    }
    case 'add_user':
    case 'remove_user': {
      const member = text('user_email');
      if (member === '') return withoutDetail(name, told.group);
      return deltaOf(name === 'add_user' ? 'add' : 'remove', [member], told);
    }
    case 'ADD_GROUP_MEMBER':
      return deltaOf('add', [text('user_email')], told);
    case 'REMOVE_GROUP_MEMBER':
      return deltaOf('remove', [text('user_email')], told);
    case 'delete_group':
    case 'DELETE_GROUP':
      return deletedGroup(told);
    default:
      return WITHOUT_DETAIL.has(name) ? withoutDetail(name, told.group) : notAChange;
  }
}

const withoutDetail = (name: string, group: string | null): SourceEvent =>
  hint(
    'change_without_detail',
    `${quote(name)} may have changed the members, but does not say which: read the group's members from the Directory ` +
      'API (members.list) and send them as a full state.',
    groupIn(group),
  );

const unknownShape = invalid(
  'schema',
  'This is no activity of the Reports API: it has no `events`. Send activities.list as it is, or an activity a record.',
);

/** Google writes it as a text, some forwarders as a number. */
const qualifierIn = (value: unknown): string | null => (typeof value === 'number' ? String(value) : textIn(value));
