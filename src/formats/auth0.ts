/**
 * Auth0 event streams: CloudEvents of the types `group.…`, as the webhook sends them, in EventBridge (`detail`), and as
 * the Events API streams them (`{"offset","event"}`).
 * https://auth0.com/docs/events and the types of the npm package auth0 (EventStreamCloudEventGroupMemberAdded…)
 */
import type { SourceEvent } from '../core/change.ts';
import type { Reader } from './reader.ts';
import { deletedGroup, deltaOf, type Fields, fieldsIn, invalid, isFields, quote, skip, textIn } from './reading.ts';
import { idIn, notAChange, readEvents, refusedMember, timeIn, withoutEventBridge } from './several.ts';

export const auth0: Reader = {
  name: 'auth0',
  recognizes,
  decode: (record) => readEvents(record, (json) => (Array.isArray(json) ? json : [json]).map(readEvent)),
};

/** Its events are CloudEvents, with attributes or objects of its own. */
function recognizes(fields: Fields): boolean {
  const event = fieldsIn(unwrapped(fields));
  if (!('specversion' in event)) return false;
  if ('a0tenant' in event) return true;
  const { object } = fieldsIn(event['data']);
  return isFields(object) && /^(?:group|user|organization|connection)\./.test(textIn(event['type']) ?? '');
}

function readEvent(json: unknown): SourceEvent {
  const event = unwrapped(json);
  const type = isFields(event) ? textIn(event['type']) : null;
  if (!isFields(event) || type === null || !('specversion' in event)) return unknownShape;
  if (!type.startsWith('group.')) return notAChange;
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
      return notAChange;
  }
}

function unwrapped(json: unknown): unknown {
  const event = withoutEventBridge(json);
  return isFields(event) && 'offset' in event && isFields(event['event']) ? event['event'] : event;
}

const unknownShape = invalid(
  'schema',
  'This is no event of an Auth0 event stream: `specversion` or `type` is missing. Log streams do not tell memberships; ' +
    'set up an event stream with group.member.added, group.member.deleted and group.deleted.',
);
