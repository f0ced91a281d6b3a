/**
 * Auth0 event streams: CloudEvents of the types `group.…`, as the webhook sends them, in EventBridge (`detail`), and as
 * the Events API streams them (`{"offset","event"}`).
 * https://auth0.com/docs/events and the types of the npm package auth0 (EventStreamCloudEventGroupMemberAdded…). An event says
 * what has happened, and has no outcome. Types of other kinds are known (EventStreamEventTypeEnum); what is not is a hint.
 */
import type { SourceEvent } from '../core/change/change.ts';
import {
  type Reader,
  groupIn,
  idIn,
  notAChange,
  readEach,
  refusedMember,
  timeIn,
  withoutEventBridge,
  unknownEvent,
} from './reading/events.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  type Fields,
  fieldsIn,
  invalid,
  quote,
  skip,
  textIn,
} from './reading/reading.ts';
import { isObject } from '../core/text/json.ts';

export const auth0: Reader = {
  name: 'auth0',
  recognizes,
  decode: (record) => readEach(record, readEvent),
};

/** Its events are CloudEvents, with attributes or objects of its own. */
function recognizes(fields: Fields): boolean {
  const event = fieldsIn(unwrapped(fields));
  if (!('specversion' in event)) return false;
  if ('a0tenant' in event) return true;
  const { object } = fieldsIn(event['data']);
  return isObject(object) && /^(?:group|user|organization|connection)\./.test(textIn(event['type']) ?? '');
}

function readEvent(json: unknown): SourceEvent {
  const event = unwrapped(json);
  const type = isObject(event) ? textIn(event['type']) : null;
  if (!isObject(event) || type === null || !('specversion' in event)) return unknownShape;
  if (OTHER_TYPES.has(type)) return notAChange;
  // Sent by the dashboard's "test" button, about a group that does not exist.
  if (event['a0purpose'] === 'test') return skip('test_event');
  const object = fieldsIn(fieldsIn(event['data'])['object']);
  const eventId = textIn(event['id']);
  const occurredAt = timeIn(event['time']);
  const group = idIn(fieldsIn(object['group'])['id']);
  const { id: member, member_type: memberType } = fieldsIn(object['member']);
  switch (type) {
    case 'group.member.added':
    case 'group.member.deleted':
      if (memberType !== 'user')
        return refusedMember(`The member ${quote(idIn(member))} is of the type ${quote(idIn(memberType))}`, group);
      return deltaOf(type === 'group.member.added' ? 'add' : 'remove', [idIn(member)], { group, eventId, occurredAt });
    case 'group.deleted':
      return deletedGroup({ group: idIn(object['id']), eventId, occurredAt });
    default:
      return unknownType(type, object);
  }
}

const OTHER_TYPES: ReadonlySet<string> = new Set(
  (
    'connection.created connection.deleted connection.updated group.created group.role.assigned group.role.deleted ' +
    'group.updated organization.connection.added organization.connection.removed organization.connection.updated ' +
    'organization.created organization.deleted organization.group.role.assigned organization.group.role.deleted ' +
    'organization.member.added organization.member.deleted organization.member.role.assigned ' +
    'organization.member.role.deleted organization.updated user.created user.deleted user.updated'
  ).split(' '),
);

const unknownType = (type: string, { group, id }: Fields): SourceEvent =>
  unknownEvent(
    `The event type ${quote(type)}`,
    {
      changes: `read the group's members from Auth0 (GET /api/v2/groups/{id}/members) and ${AS_FULL_STATE}`,
      otherwise: 'leave it out of the stream',
    },
    groupIn(fieldsIn(group)['id'] ?? id),
  );

function unwrapped(json: unknown): unknown {
  const event = withoutEventBridge(json);
  return isObject(event) && 'offset' in event && isObject(event['event']) ? event['event'] : event;
}

const unknownShape = invalid(
  'schema',
  'This is no event of an Auth0 event stream: `specversion` or `type` is missing. Log streams do not tell memberships; ' +
    'set up an event stream with group.member.added, group.member.deleted and group.deleted.',
);
