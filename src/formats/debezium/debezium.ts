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
import { isObject } from '../../core/text/json.ts';
import { GROUP_NAMES, isMemberEvent, readMemberEvent } from '../event/member-event.ts';
import type { Reader } from '../reading/events.ts';
import { epochTime, several, timeIn } from '../reading/events.ts';
import { NAME_LENGTH_MAX } from '../reading/memo.ts';
import {
  encoded,
  eventIdHeader,
  fieldsIn,
  headerText,
  hint,
  invalid,
  notAnObject,
  quote,
  readJsonText,
  readValue,
  schemaRegistryProblem,
  skip,
  textIn,
  tombstone,
  type Fields,
} from '../reading/reading.ts';
import {
  created,
  deleted,
  isEnvelope,
  otherTable,
  readChange,
  readEnvelope,
  type RowReading,
  updated,
  withoutRow,
} from './change.ts';
import { VERB, isEventName } from './operation.ts';
import {
  KEYCLOAK_TABLE,
  formerRowUnreadable,
  isWholeKey,
  keyOf,
  removal,
  removalByKey,
  rowIn,
  type DebeziumOptions,
  type RowHeader,
} from './row.ts';
import type { Columns } from './where.ts';
import { isOtherTable, standingOf, type RowOrigin } from './where.ts';

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

/*
 * Flattened rows: what ExtractNewRecordState makes of an envelope. `add.fields` and `add.headers` bring back some of it; without them a
 * row looks like any other JSON, so only its schema or its key says that it is one.
 */

/** Names that only ExtractNewRecordState adds, as fields or as headers. */
const MARKS = ['__deleted', '__op', '__table', '__source_table', '__source_ts_ms', '__ts_ms', '__lsn'] as const;
const MARKED: ReadonlySet<string> = new Set(MARKS);

export function isMarked(fields: Fields, { headers }: SourceRecord): boolean {
  for (const name of MARKS) if (name in fields) return true;
  for (const [name] of headers) if (MARKED.has(name)) return true;
  return false;
}

export const hasColumns = (fields: Fields, { groupColumn, memberColumn }: DebeziumOptions): boolean =>
  groupColumn in fields && memberColumn in fields;

/** Whether a JSON without marks is a row all the same: by the name of its schema, or because its key consists of its columns. */
export function isBareRow(fields: Fields, { record, options, schema }: RowReading): boolean {
  if (!hasColumns(fields, options) || namesEvent(fields)) return false;
  if (record.headers.some(([name]) => isEventName(name))) return false;
  return (textIn(fieldsIn(schema)['name']) ?? '').endsWith('.Value') || isKeyedByColumns(fields, record);
}

function isKeyedByColumns(fields: Fields, record: SourceRecord): boolean {
  const key = Object.entries(keyOf(record).fields);
  return key.length > 0 && key.every(([column, value]) => isScalar(value) && fields[column] === value);
}

const isScalar = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';

const isTextOrNumber = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'number';

/** A `type` may be the name of a class, as in tables of several classes (`GroupMember`). */
const isClassName = (type: string): boolean =>
  type.length <= NAME_LENGTH_MAX && /^(?:[A-Z][a-z0-9]+)+(?:::(?:[A-Z][a-z0-9]+)+)*$/.test(type);

function namesEvent(fields: Fields): boolean {
  for (const [name, value] of Object.entries(fields)) {
    if (isTextOrNumber(value) && isEventName(name)) return true;
    // Of a row the columns are no objects; beside one a connector may put what it knows of the change.
    if (name.startsWith('_') && isObject(value) && Object.keys(value).some(isEventName)) return true;
  }
  const { type } = fields;
  return typeof type === 'string' && type !== '' && (!isClassName(type) || VERB.test(type));
}

export function readFlatRow(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  const { record, options } = reading;
  const mark = (name: string): unknown => fields[name] ?? (record.headers.length > 0 ? headerText(record, name) : null);
  if (options.table !== null && isOtherTable(originOfMarks(mark), options.table)) return [otherTable];
  const op = mark('__op');
  const header = { eventId: null, occurredAt: epochTime(mark('__source_ts_ms')) ?? epochTime(mark('__ts_ms')) };
  const row: Columns = { fields: columnsOf(fields), schema: reading.schema };
  const isDeleted = deletionIn(mark('__deleted'), op);
  if (typeof isDeleted !== 'boolean') return [isDeleted];
  if (isDeleted) return [deleted(row, header, reading)];
  switch (op) {
    case 'c':
    case 'r':
      return [created(row, header, reading)];
    case 'u':
      return updated({ before: null, after: row, header }, reading);
    case null:
    case undefined:
      return [present(row, header, reading)];
    default:
      return [withoutRow(op)];
  }
}

/** Without the marks that would read as columns of the table, as of a soft delete, or of its history. */
function columnsOf(fields: Fields): Fields {
  if (!('__deleted' in fields || '__op' in fields)) return fields;
  const { __deleted, __op, ...columns } = fields;
  return columns;
}

const originOfMarks = (mark: (name: string) => unknown): RowOrigin => ({
  table: mark('__table') ?? mark('__source_table') ?? mark('__collection') ?? mark('__source_collection'),
  schema: mark('__schema') ?? mark('__source_schema'),
  keyspace: mark('__keyspace') ?? mark('__source_keyspace'),
  db: mark('__db') ?? mark('__source_db'),
  name: mark('__name') ?? mark('__source_name'),
});

/** What `__deleted` and `__op` say together. */
function deletionIn(mark: unknown, op: unknown): boolean | SourceEvent {
  const marked = mark === true || mark === 'true' ? true : mark === false || mark === 'false' ? false : null;
  const isKnown = marked !== null || mark === null || mark === undefined;
  const isToldByOp = op !== null && op !== undefined;
  const isDelete = op === 'd';
  if (isKnown && (marked === null || !isToldByOp || marked === isDelete)) return marked ?? isDelete;
  const message = `\`__deleted\` is ${quote(textIn(mark) ?? typeof mark)} and \`__op\` ${quote(textIn(op) ?? 'missing')}, which do not go together`;
  return invalid('unknown_operation', `${message}; see what ExtractNewRecordState adds to the row.`);
}

/** Its operation is not known: new, changed or of a snapshot. */
function present(row: Columns, header: RowHeader, reading: RowReading): SourceEvent {
  const { record, options } = reading;
  if (standingOf(row, options).kind !== 'outside') return created(row, header, reading);
  const key = keyOf(record);
  if (!isWholeKey(key, options)) return formerRowUnreadable('__op');
  const found = rowIn([row, key], options);
  return found.kind === 'whole' ? removal(found.row, header) : skip('not_a_member_row');
}

/** Neither the record nor its key says that this is a row: an event of an application may have the same names. */
export const rowUnmarked = invalid(
  'row_unmarked',
  'The JSON has the columns of a membership, but nothing says that it is a row of the table, or what happened to it. If it is one, set ' +
    'add.fields=op,table and delete.tombstone.handling.mode=rewrite at ExtractNewRecordState (or leave the transformation out); if it is ' +
    'an event of your own, describe it with SOURCE_FORMAT=mapping.',
);
