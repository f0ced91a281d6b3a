/** Events of an outbox table (Outbox Event Router): the payload is the application's own, the header `id` is the event's. */
import type { SourceEvent, SourceRecord } from '../core/change.ts';
import { isMarked } from './debezium-flat.ts';
import { headerText } from './headers.ts';
import { isMemberEvent, readMemberEvent } from './member-event.ts';
import { type Fields, isFields, readJsonText } from './reading.ts';

/** Headers that table.fields.additional.placement is usually told to make of the column `type`. */
const TYPE_HEADERS = ['eventType', 'event_type', 'type'] as const;

/** The router always sets the header `id`; other routers and older ones may not. */
export const isOutbox = (fields: Fields, record: SourceRecord): boolean =>
  !isMarked(fields) && (isAnnounced(record) || typeof fields['payload'] === 'string' || isMemberEvent(fields, null));

const isAnnounced = (record: SourceRecord): boolean =>
  record.headers.length > 0 && (headerText(record, 'id') !== null || typeOf(record) !== null);

export function readOutbox(fields: Fields, record: SourceRecord): SourceEvent {
  return readMemberEvent(withPayload(fields), {
    type: typeOf(record),
    eventId: headerText(record, 'id'),
    occurredAt: null,
  });
}

function typeOf(record: SourceRecord): string | null {
  for (const name of TYPE_HEADERS) {
    const type = headerText(record, name);
    if (type !== null) return type;
  }
  return null;
}

/** Additional fields placed in the envelope stand beside the `payload`, which may be a text that holds JSON. */
function withPayload(fields: Fields): Fields {
  const { payload } = fields;
  if (typeof payload !== 'string') return fields;
  const read = readJsonText(payload);
  return read.ok && isFields(read.json) ? { ...read.json, ...fields, payload: read.json } : fields;
}
