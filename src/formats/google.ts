/**
 * Google Workspace: activities of the Admin SDK Reports API (applications `groups_enterprise`, `groups` and `admin`),
 * alone, in lists and in pages (`items[]`), and the same as Google Cloud's audit log writes them.
 * Groups and members are named by their mail addresses; there are no lasting ids in these events. An activity has no field for
 * its outcome: only what was done is reported, save in Google Cloud (`status`) and where a parameter `status` says so.
 * What its names mean stands in google-kinds.ts.
 */
import type { SourceEvent } from '../core/change.ts';
import type { Reader } from './reader.ts';
import { isOfAnotherKind, isOfOtherApplication, mayChangeGroups, meaningOfName } from './google-kinds.ts';
import type { Fields } from './reading.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  fieldsIn,
  hint,
  invalid,
  isFields,
  isThere,
  listIn,
  quote,
  textIn,
} from './reading.ts';
import { groupIn, idIn, notAChange, notSuccessful, readEvents, refusedMember, timeIn } from './several.ts';

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
  const { time, uniqueQualifier, applicationName } = fieldsIn(activity['id']);
  const header = {
    eventId: qualifierIn(uniqueQualifier),
    occurredAt: timeIn(time),
    application: textIn(applicationName),
  };
  return (Array.isArray(events) ? events : [events]).map((event) => {
    if (!isFields(event)) return unknownShape;
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
  const events = listIn(metadata['event']).filter(isFields);
  const method = textIn(payload['methodName']) ?? '';
  if (events.length === 0) return [mayChangeGroups(method) ? withoutDetail(method, null) : notAChange];
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

function readEvent({ name, parameters, eventId, occurredAt, application, type, status: told }: Event): SourceEvent {
  if (typeof name !== 'string') return unknownShape;
  if (isOfOtherApplication(application)) return notAChange;
  const values = valuesOf(parameters);
  const text = (parameter: string): string => values.get(parameter) ?? '';
  const header = { group: text('group_id') || text('group_email'), eventId, occurredAt };
  const meaning = meaningOfName(name);
  if (meaning === undefined) return isOfAnotherKind(name, type) ? notAChange : unknownName(name, header.group);
  const { op, isMemberSure } = meaning;
  if (op === 'without_detail') return withoutDetail(name, header.group);
  if (op === 'group_renamed') return renamed(header.group);
  const status = (told ?? text('status')).toLowerCase();
  if (status !== '' && status !== 'succeeded')
    return status === 'failed' ? notSuccessful : withoutDetail(name, header.group);
  if (op === 'group_deleted') return deletedGroup(header);
  const [member, memberType] = [text('member_id') || text('user_email'), text('member_type')];
  if (memberType !== '' && memberType.toLowerCase() !== 'user')
    return refusedMember(`The member ${quote(member)} is of the type ${quote(memberType)}`, header.group);
  return member === '' && !isMemberSure ? withoutDetail(name, header.group) : deltaOf(op, [member], header);
}

/** By their names, which some applications write in capitals; what is no text, or is there twice, is an empty one. */
function valuesOf(parameters: unknown): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const entry of listIn(parameters)) {
    const name = isFields(entry) ? textIn(entry['name'])?.toLowerCase() : undefined;
    if (!isFields(entry) || name === undefined) continue;
    const value = idIn(entry['value']);
    values.set(name, (values.get(name) ?? value) === value ? value : '');
  }
  return values;
}

const READ_AGAIN = `read the group's members from the Directory API (members.list) and ${AS_FULL_STATE}`;

const unknownName = (name: string, group: string): SourceEvent =>
  hint(
    'unknown_event_type',
    `The event ${quote(name)} is not known, and it may change memberships. Where it does, ${READ_AGAIN}; where it does not, leave ` +
      'it out of the topic.',
    groupIn(group),
  );

const renamed = (group: string): SourceEvent =>
  hint(
    'group_renamed',
    `The group has another address from now on, so its later events name another group: correct the id map, and ${READ_AGAIN}.`,
    groupIn(group),
  );

const withoutDetail = (name: string, group: string | null): SourceEvent =>
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
