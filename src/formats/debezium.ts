/**
 * Debezium: one row of a table is one membership. Envelopes (`before`, `after`, `op`), with and without a schema, and in
 * CloudEvents; flattened rows (ExtractNewRecordState); events of an outbox. The default columns are those of Keycloak's
 * table user_group_membership.
 * A tombstone names no event: it follows a delete that has been told, or, where records are flattened in the default mode, it
 * *is* the delete (`deletes: 'tombstones'`). Either way it is about one row and never says that a group is gone.
 * https://debezium.io/documentation/reference/stable/connectors/postgresql.html, …/transformations/event-flattening.html,
 * …/transformations/outbox-event-router.html
 */
import type { SourceEvent, SourceRecord } from '../core/change.ts';
import { isCloudEvent, readCloudEvent } from './debezium-cloud-event.ts';
import { isEnvelope, readEnvelope } from './debezium-envelope.ts';
import { isMarked, isRow, readFlatRow } from './debezium-flat.ts';
import { type DebeziumOptions, KEYCLOAK_TABLE, keyFieldsOf, removalByKey } from './debezium-row.ts';
import { isOutbox, readOutbox } from './debezium-outbox.ts';
import type { Reader } from './reader.ts';
import { type Fields, invalid, isFields, readJsonText, readValue, skip, tombstone } from './reading.ts';
import { several } from './several.ts';

export function debezium(options: DebeziumOptions = KEYCLOAK_TABLE): Reader {
  const { groupColumn, memberColumn } = options;
  return {
    name: 'debezium',
    recognizes,
    suspects: (fields, record) => isOutbox(fields, record) || (groupColumn in fields && memberColumn in fields),
    decode: (record) => several(readRecord(record, options)),
  };
}

function recognizes(fields: Fields): boolean {
  if ('schema' in fields && 'payload' in fields) return true;
  return isEnvelope(fields) || isMarked(fields) || isCloudEvent(fields) || otherRecord(fields) !== null;
}

function readRecord(record: SourceRecord, options: DebeziumOptions): readonly SourceEvent[] {
  if (record.value === null) return [readTombstone(record, options)];
  const read = readValue(record);
  if (!read.ok) return [read.problem];
  const payload = withoutSchema(read.json);
  // An outbox without expand.json.payload: a text that holds JSON.
  const inner = typeof payload === 'string' ? readJsonText(payload) : null;
  if (inner?.ok === false) return [inner.problem];
  const json = inner === null ? payload : inner.json;
  // JSON converters write the null of a tombstone as the payload of a schema, or as the text `null`.
  if (json === null) return [readTombstone(record, options)];
  if (!isFields(json)) return [unknownShape];
  if (inner !== null) return [readOutbox(json, record)];
  return readFields(json, { record, options });
}

interface Reading {
  readonly record: SourceRecord;
  readonly options: DebeziumOptions;
}

function readFields(fields: Fields, { record, options }: Reading): readonly SourceEvent[] {
  if (isCloudEvent(fields)) return readCloudEvent(fields, { record, options });
  if (isEnvelope(fields)) return readEnvelope(fields, { record, options });
  const other = otherRecord(fields);
  if (other !== null) return [other];
  if (isOutbox(fields, record)) return [readOutbox(fields, record)];
  if (isRow(fields, options)) return readFlatRow(fields, { record, options });
  return [unknownShape];
}

function readTombstone(record: SourceRecord, options: DebeziumOptions): SourceEvent {
  return options.deletes === 'rows' ? tombstone : removalByKey(keyFieldsOf(record), options);
}

const withoutSchema = (json: unknown): unknown =>
  isFields(json) && 'schema' in json && 'payload' in json ? json['payload'] : json;

/** What connectors write besides changes, and to other topics unless somebody has merged them. */
function otherRecord(fields: Fields): SourceEvent | null {
  if ('status' in fields && 'id' in fields && 'event_count' in fields) return skip('transaction');
  if ('ddl' in fields || 'tableChanges' in fields) return skip('schema_change');
  return Object.keys(fields).every((name) => name === 'ts_ms' || name === 'ts_us' || name === 'ts_ns') &&
    'ts_ms' in fields
    ? skip('heartbeat')
    : null;
}

const unknownShape = invalid(
  'schema',
  'This is no record of Debezium: neither an envelope, nor a row with the columns of DEBEZIUM_GROUP_COLUMN and ' +
    'DEBEZIUM_MEMBER_COLUMN, nor an event of an outbox.',
);
