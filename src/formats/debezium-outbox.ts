/** Events of an outbox table (Outbox Event Router): the payload is the application's own, the header `id` is the event's. */
import type { SourceEvent, SourceRecord } from '../core/change.ts';
import { eventIdHeader, headerText } from './headers.ts';
import { isMemberEvent, readMemberEvent } from './member-event.ts';
import { type Fields, hint, isFields, readJsonText } from './reading.ts';

/** Headers that table.fields.additional.placement is usually told to make of the column `type`. */
const TYPE_HEADERS = ['eventType', 'event_type', 'type'] as const;

/** A header says that a membership has changed: then it is no row, with any columns. */
export function isMemberOutbox(record: SourceRecord): boolean {
  const type = typeOf(record);
  return type !== null && isMemberEvent({}, type);
}

/**
 * The router sets the header `id`, and a header for the type where it is configured. One of the two alone is set by others, too: then the
 * payload itself must say that it is about members.
 */
export function isOutbox(fields: Fields, record: SourceRecord): boolean {
  const type = typeOf(record);
  if (isMemberEvent(withPayload(fields), type)) return true;
  const hasId = record.headers.length > 0 && headerText(record, 'id') !== null;
  return hasId && (type !== null || withPayload(fields) !== fields);
}

export function readOutbox(fields: Fields, record: SourceRecord): SourceEvent {
  const event = readMemberEvent(withPayload(fields), {
    type: typeOf(record),
    alsoNamed: furtherNamesIn(record),
    eventId: eventIdHeader(record, 'id'),
    occurredAt: null,
  });
  return event.kind === 'skip' && namesMembership(fields, DEPTH_MAX) ? unclearPayload : event;
}

function typeOf(record: SourceRecord): string | null {
  if (record.headers.length === 0) return null;
  for (const name of TYPE_HEADERS) {
    const type = headerText(record, name);
    if (type !== null) return type;
  }
  return null;
}

/** Other headers may say another thing; what they say of something else (the type of an aggregate) says nothing against it. */
function furtherNamesIn(record: SourceRecord): readonly string[] {
  const named = TYPE_HEADERS.map((name) => headerText(record, name)).filter((name) => name !== null);
  return named.slice(1).filter((name) => isMemberEvent({}, name));
}

/** Additional fields placed in the envelope stand beside the `payload`, which may be a text that holds JSON. */
function withPayload(fields: Fields): Fields {
  const { payload } = fields;
  if (typeof payload !== 'string') return fields;
  const read = readJsonText(payload);
  return read.ok && isFields(read.json) ? { ...read.json, ...fields, payload: read.json } : fields;
}

const DEPTH_MAX = 3;
const GROUP_NAMES = ['groupId', 'group_id', 'groupID', 'group'] as const;
const MEMBER_NAMES = 'userId user_id userID memberId member_id memberID user member users members'.split(' ');

/** A group beside members, in an object within: deeper than the rule for such events looks. */
function namesMembership(value: unknown, depth: number): boolean {
  if (!isFields(value) || depth === 0) return false;
  if (GROUP_NAMES.some((name) => name in value) && MEMBER_NAMES.some((name) => name in value)) return true;
  return Object.values(value).some((part) => namesMembership(part, depth - 1));
}

const unclearPayload = hint(
  'unclear_member_event',
  'The event names a group and members, but neither a header nor the payload itself says what happened: put the type into the header ' +
    '`eventType` and the ids beside each other, or describe the event with SOURCE_FORMAT=mapping.',
);
