/**
 * Debezium: one row of a table is one membership. Envelopes (`before`, `after`, `op`), with and without a schema, and in
 * CloudEvents; flattened rows (ExtractNewRecordState); events of an outbox. The default columns are those of Keycloak's
 * table user_group_membership.
 * A tombstone names no event: it follows a delete that has its own record, or, where records are flattened in the default mode, it
 * *is* the delete (`deletes: 'tombstones'`). Either way it is about one row and never says that a group is gone.
 * https://debezium.io/documentation/reference/stable/connectors/postgresql.html, …/transformations/event-flattening.html,
 * …/transformations/outbox-event-router.html
 */
import type { Invalid, SourceEvent, SourceRecord } from '../core/change.ts';
import type { RowReading } from './debezium-change.ts';
import { isCloudEvent, readCloudEvent } from './debezium-cloud-event.ts';
import { isEnvelope, readEnvelope } from './debezium-envelope.ts';
import { hasColumns, isBareRow, isMarked, readFlatRow, rowUnmarked } from './debezium-flat.ts';
import { type DebeziumOptions, KEYCLOAK_TABLE, keyOf, removalByKey } from './debezium-row.ts';
import { isMemberOutbox, isOutbox, readOutbox } from './debezium-outbox.ts';
import type { Reader } from './reader.ts';
import { type Fields, isFields, notAnObject, readJsonText, readValue, skip, tombstone } from './reading.ts';
import { schemaRegistryProblem } from './schema-registry.ts';
import { several } from './several.ts';

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
  return isFields(payload) ? readFields(payload, { record, options, schema }) : [unknownShape(payload)];
}

/** An outbox without expand.json.payload: a text that holds JSON. */
function readText(text: string, { record, options }: Omit<RowReading, 'schema'>): SourceEvent {
  const read = readJsonText(text);
  if (!read.ok) return read.problem;
  if (read.json === null) return readTombstone(record, options);
  return isFields(read.json) && isOutbox(read.json, record) ? readOutbox(read.json, record) : unknownShape(read.json);
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
  isFields(json) && 'schema' in json && 'payload' in json
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
