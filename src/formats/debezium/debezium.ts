/**
 * Room formats/debezium: `debezium`: rows of a table, as change data capture tells of them.
 * Not here: what the first records show (formats/first-records).
 *
 * Debezium: one row of a table is one membership. Envelopes (`before`, `after`, `op`), with and without a schema, and
 * in CloudEvents; flattened rows (ExtractNewRecordState); events of an outbox. The default columns are those of
 * Keycloak's table user_group_membership. A tombstone names no event: it follows a delete that has its own record, or,
 * where records are flattened in the default mode, it *is* the delete (`deletes: 'tombstones'`). Either way it is about
 * one row and never says that a group is gone.
 * https://debezium.io/documentation/reference/stable/connectors/postgresql.html, …/transformations/event-flattening.html,
 * …/transformations/outbox-event-router.html
 */
import type { Invalid, SourceEvent, SourceRecord } from '../../core/change/change.ts';
import { isMemberEvent, readMemberEvent } from '../event/member-event.ts';
import {
  encoded,
  eventIdHeader,
  fieldsIn,
  headerText,
  hint,
  notAnObject,
  readJsonText,
  readValue,
  schemaRegistryProblem,
  skip,
  textIn,
  tombstone,
  type Fields,
} from '../reading/reading.ts';
import type { Reader } from '../reading/several.ts';
import { epochTime, several, timeIn } from '../reading/several.ts';
import type { RowReading } from './change.ts';
import { isEnvelope, otherTable, readChange, readEnvelope } from './change.ts';
import { hasColumns, isBareRow, isMarked, readFlatRow, rowUnmarked } from './flat.ts';
import { KEYCLOAK_TABLE, keyOf, removalByKey, type DebeziumOptions } from './row.ts';
import { isOtherTable, type RowOrigin } from './where.ts';
import { isObject } from '../../core/text/json.ts';

export function debezium(options: DebeziumOptions = KEYCLOAK_TABLE): Reader {
  return {
    name: 'debezium',
    recognizes,
    suspects: (fields, record) => isOutbox(fields, record) || hasColumns(fields, options),
    decode: (record) => several(readRecord(record, options)),
  };
}

function recognizes(fields: Fields, record: SourceRecord): boolean {
  if ('schema' in fields && 'payload' in fields) return true;
  return isEnvelope(fields) || isMarked(fields, record) || isCloudEvent(fields) || otherRecord(fields) !== null;
}

function readRecord(record: SourceRecord, options: DebeziumOptions): readonly SourceEvent[] {
  if (record.value === null) return [readTombstone(record, options)];
  const read = readValue(record);
  if (!read.ok) return [schemaRegistryProblem(record) ?? read.problem];
  const { schema, payload } = contentOf(read.json);
  // JSON converters write the null of a tombstone as the payload of a schema, or as the text `null`.
  if (payload === null) return [readTombstone(record, options)];
  if (typeof payload === 'string') return [readText(payload, { record, options })];
  return isObject(payload) ? readFields(payload, { record, options, schema }) : [unknownShape(payload)];
}

/** An outbox without expand.json.payload: a text that holds JSON. */
function readText(text: string, { record, options }: Omit<RowReading, 'schema'>): SourceEvent {
  const read = readJsonText(text);
  if (!read.ok) return read.problem;
  if (read.json === null) return readTombstone(record, options);
  return isObject(read.json) && isOutbox(read.json, record) ? readOutbox(read.json, record) : unknownShape(read.json);
}

function readFields(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  const { record } = reading;
  if (isCloudEvent(fields)) return readCloudEvent(fields, reading);
  if (isEnvelope(fields)) return readEnvelope(fields, reading);
  if (isMarked(fields, record)) return readFlatRow(fields, reading);
  const other = otherRecord(fields);
  if (other !== null) return [other];
  if (!isMemberOutbox(record) && isBareRow(fields, reading)) return readFlatRow(fields, reading);
  if (isOutbox(fields, record)) return [readOutbox(fields, record)];
  return [hasColumns(fields, reading.options) ? rowUnmarked : unknownShape(fields)];
}

function readTombstone(record: SourceRecord, options: DebeziumOptions): SourceEvent {
  return options.deletes === 'rows' ? tombstone : removalByKey(keyOf(record), options);
}

const contentOf = (json: unknown): { readonly schema: unknown; readonly payload: unknown } =>
  isObject(json) && 'schema' in json && 'payload' in json
    ? { schema: json['schema'], payload: json['payload'] }
    : { schema: undefined, payload: json };

/** What connectors write besides changes, and to other topics unless these were merged. */
function otherRecord(fields: Fields): SourceEvent | null {
  if (!('ts_ms' in fields || 'databaseName' in fields || 'aggregate_type' in fields || 'status' in fields)) return null;
  if ('id' in fields && 'event_count' in fields && (fields['status'] === 'BEGIN' || fields['status'] === 'END'))
    return skip('transaction');
  if ('databaseName' in fields && ('ddl' in fields || 'tableChanges' in fields)) return skip('schema_change');
  if ('aggregate_type' in fields && 'additional_data' in fields && 'type' in fields) return skip('notification');
  if (!('ts_ms' in fields)) return null;
  return Object.keys(fields).every((name) => TIMES.has(name)) ? skip('heartbeat') : null;
}

const TIMES: ReadonlySet<string> = new Set(['ts_ms', 'ts_us', 'ts_ns']);

const unknownShape = (json: unknown): Invalid =>
  notAnObject(
    json,
    'This is no record of Debezium: neither an envelope, nor a row with the columns of DEBEZIUM_GROUP_COLUMN and ' +
      'DEBEZIUM_MEMBER_COLUMN, nor an event of an outbox.',
  );

/** Debezium's changes as its CloudEventsConverter writes them: the envelope's fields are attributes, `data` has the rows. */
export const isCloudEvent = (fields: Fields): boolean =>
  'iodebeziumop' in fields && 'specversion' in fields && 'data' in fields;

function readCloudEvent(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  if (isOtherTable(originOf(fields), reading.options.table)) return [otherTable];
  // Avro, as bytes in base64.
  if (typeof fields['data'] === 'string') return [encoded];
  const data = fieldsIn(fields['data']);
  // With schemas enabled, the data is of the shape {"schema","payload"}.
  const { before, after } = isObject(data['payload']) ? data['payload'] : data;
  const header = {
    eventId: textIn(fields['id']),
    occurredAt: epochTime(fields['iodebeziumtsms']) ?? timeIn(fields['time']),
  };
  return readChange({ op: fields['iodebeziumop'], before, after, header }, { ...reading, schema: data['schema'] });
}

const originOf = (fields: Fields): RowOrigin => ({
  table: fields['iodebeziumtable'] ?? fields['iodebeziumcollection'],
  schema: fields['iodebeziumschema'],
  keyspace: fields['iodebeziumkeyspace'],
  db: fields['iodebeziumdb'],
  name: fields['iodebeziumname'],
});

/**
 * Events of an outbox table (Outbox Event Router): the payload is the application's own, the header `id` is the event's.
 * Headers that table.fields.additional.placement usually makes of the column `type`.
 */
const TYPE_HEADERS = ['eventType', 'event_type', 'type'] as const;

/** A header says that a membership has changed: then it is no row, with any columns. */
function isMemberOutbox(record: SourceRecord): boolean {
  const type = typeOf(record);
  return type !== null && isMemberEvent({}, type);
}

/**
 * The router sets the header `id`, and a header for the type where it is configured. One of the two alone is set by others, too: then the
 * payload itself must say that it is about members.
 */
function isOutbox(fields: Fields, record: SourceRecord): boolean {
  const type = typeOf(record);
  if (isMemberEvent(withPayload(fields), type)) return true;
  const hasId = record.headers.length > 0 && headerText(record, 'id') !== null;
  return hasId && (type !== null || withPayload(fields) !== fields);
}

function readOutbox(fields: Fields, record: SourceRecord): SourceEvent {
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
  return read.ok && isObject(read.json) ? { ...read.json, ...fields, payload: read.json } : fields;
}

const DEPTH_MAX = 3;
const GROUP_NAMES = ['groupId', 'group_id', 'groupID', 'group'] as const;
const MEMBER_NAMES = 'userId user_id userID memberId member_id memberID user member users members'.split(' ');

/** A group beside members, in an object within: deeper than the rule for such events looks. */
function namesMembership(value: unknown, depth: number): boolean {
  if (!isObject(value) || depth === 0) return false;
  if (GROUP_NAMES.some((name) => name in value) && MEMBER_NAMES.some((name) => name in value)) return true;
  return Object.values(value).some((part) => namesMembership(part, depth - 1));
}

const unclearPayload = hint(
  'unclear_member_event',
  'The event names a group and members, but neither a header nor the payload itself says what happened: put the type into the header ' +
    '`eventType` and the ids beside each other, or describe the event with SOURCE_FORMAT=mapping.',
);
