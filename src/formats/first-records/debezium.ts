/**
 * What is wrong with a Debezium topic, as its first records and its settings show it. The worst is what cannot be seen in any
 * single record: where records are flattened, a deleted row is a tombstone alone, or nothing at all.
 */
import type { SourceRecord } from '../../core/change/change.ts';
import { alterTopic } from '../../core/log/topics.ts';
import { isEnvelope } from '../debezium/change.ts';
import { isBareRow, isMarked } from '../debezium/debezium.ts';
import { isWholeKey, keyOf, type DebeziumOptions } from '../debezium/row.ts';
import { isEncodedNumber, isNumberInBytes, schemaOf, type Columns } from '../debezium/where.ts';
import { fieldsIn, readJson, type Fields } from '../reading/reading.ts';
import { error, warning, type RecordFinding } from './record-finding.ts';
import { isObject } from '../../core/text/json.ts';

export interface DebeziumTopic {
  readonly topic: string;
  readonly records: readonly SourceRecord[];
  readonly settings: ReadonlyMap<string, string>;
  readonly debezium: DebeziumOptions;
}

export function debeziumFindings(first: DebeziumTopic): RecordFinding[] {
  const rows = first.records.flatMap((record) => rowOf(record, first.debezium));
  const flat = rows.filter(({ isFlat }) => isFlat);
  // A row that says of itself whether it was deleted: then no tombstone is needed.
  const tellsDeletes = flat.length === 0 || flat.some(({ fields }) => '__deleted' in fields || fields['__op'] === 'd');
  const facts = {
    ...first,
    rows,
    isFlat: flat.length > 0,
    tellsDeletes,
    isKeyWhole: rows.every(({ isKeyWhole }) => isKeyWhole),
  };
  if (rows.length === 0) return [];
  return [...deleteFindings(facts), ...updateFindings(facts), ...cleanerFindings(facts), ...typeFindings(facts)];
}

interface Row {
  readonly record: SourceRecord;
  /** The row, or the envelope. */
  readonly fields: Fields;
  /** Of `fields`; undefined: none. */
  readonly schema: unknown;
  readonly key: Columns;
  readonly isFlat: boolean;
  /** The key has both columns. */
  readonly isKeyWhole: boolean;
  /** The key has the group's column. */
  readonly isKeyedByGroup: boolean;
}

function rowOf(record: SourceRecord, options: DebeziumOptions): readonly Row[] {
  if (record.value === null) return [];
  const read = readJson(record.value);
  const whole = read.ok ? read.json : null;
  const schema = isObject(whole) && 'payload' in whole ? whole['schema'] : undefined;
  const json = isObject(whole) && schema !== undefined ? whole['payload'] : whole;
  if (!isObject(json)) return [];
  const isFlat = !isEnvelope(json);
  if (isFlat && !isMarked(json, record) && !isBareRow(json, { record, options, schema })) return [];
  const key = keyOf(record);
  const isKeyWhole = isWholeKey(key, options);
  return [{ record, fields: json, schema, key, isFlat, isKeyWhole, isKeyedByGroup: options.groupColumn in key.fields }];
}

interface Facts extends DebeziumTopic {
  readonly rows: readonly Row[];
  readonly isFlat: boolean;
  readonly tellsDeletes: boolean;
  readonly isKeyWhole: boolean;
}

function deleteFindings({ topic, debezium, tellsDeletes, isKeyWhole }: Facts): RecordFinding[] {
  const { memberColumn, deletes } = debezium;
  if (deletes === 'tombstones' && !isKeyWhole && tellsDeletes)
    return warning(
      'tombstones_read_twice',
      `${topic} tells deleted rows in records of their own, and DEBEZIUM_DELETES=tombstones makes each tombstone a dead letter, since its key lacks \`${memberColumn}\`.`,
      'Set DEBEZIUM_DELETES=rows.',
    );
  if (tellsDeletes) return [];
  if (deletes === 'tombstones' && isKeyWhole) return [];
  if (deletes === 'tombstones')
    return error(
      'deletes_unreadable',
      `${topic} has flattened rows, so a deleted row is a tombstone alone, and the key lacks \`${memberColumn}\`: it is unknown whose membership ended.`,
      `Set delete.tombstone.handling.mode=rewrite at ExtractNewRecordState and DEBEZIUM_DELETES=rows, or do not flatten; or key the topic by both columns (message.key.columns).`,
    );
  return error(
    'deletes_not_read',
    `${topic} has flattened rows that do not say whether they were deleted: a deleted row is a tombstone alone there, and DEBEZIUM_DELETES=rows skips it, so that no member would ever be removed.`,
    isKeyWhole
      ? 'Set DEBEZIUM_DELETES=tombstones, or delete.tombstone.handling.mode=rewrite at ExtractNewRecordState.'
      : `Set delete.tombstone.handling.mode=rewrite at ExtractNewRecordState, or do not flatten; the key lacks \`${memberColumn}\`, so tombstones cannot be read either.`,
  );
}

function updateFindings({ topic, rows, isFlat, isKeyWhole, debezium }: Facts): RecordFinding[] {
  const hasOperation = rows.some(
    ({ fields, record }) => '__op' in fields || record.headers.some(([name]) => name === '__op'),
  );
  if (!isFlat) return [];
  if (hasOperation && (isKeyWhole || !rows.some(({ fields }) => fields['__op'] === 'u'))) return [];
  if (hasOperation)
    return warning(
      'updates_unreadable',
      `${topic} has flattened updates whose key lacks \`${debezium.memberColumn}\`: each is a dead letter (before_unreadable), since neither the row nor its key says what it was before.`,
      'Leave message.key.columns out, so that the key is the primary key with both columns, or do not flatten; `rollcall ingest topic` keys the topic by group.',
    );
  return warning(
    'updates_not_told',
    `${topic} has flattened rows without their operation: a changed row looks like a new one, and the membership that it was before is not ended.`,
    'Set add.fields=op,table,source.ts_ms at ExtractNewRecordState.',
  );
}

/** One record per group stays after compaction, though each was about another member. */
function cleanerFindings({ topic, settings, rows, isKeyWhole }: Facts): RecordFinding[] {
  if (!(settings.get('cleanup.policy') ?? '').includes('compact') || isKeyWhole) return [];
  if (!rows.some(({ isKeyedByGroup }) => isKeyedByGroup)) return [];
  return error(
    'compacted_by_group',
    `${topic} is compacted and keyed by group: of all rows of a group only the last one stays, and a tombstone takes even that away.`,
    `${alterTopic(topic, 'cleanup.policy=delete')}\nThen send the full states while nothing changes the groups, since changes may be gone.`,
  );
}

/** A number as bytes in base64: where it has no padding it looks like any other id, and would be taken for one. */
function typeFindings({ topic, rows, debezium }: Facts): RecordFinding[] {
  const columns = [debezium.groupColumn, debezium.memberColumn];
  const where = (is: (row: Row, column: string) => boolean): string | undefined =>
    columns.find((column) => rows.some((row) => is(row, column)));
  const unreadable = where(isUnreadableNumber);
  if (unreadable !== undefined)
    return error(
      'ids_encoded',
      `${topic} has numbers as bytes in base64 in the column \`${unreadable}\`: some are dead letters, and others look like ids and are not.`,
      'Set decimal.handling.mode=string at the connector (for a binary column: binary.handling.mode=hex), and let it write the table again (a new snapshot).',
    );
  const readable = where((row, column) => isNumberInBytes(schemaOfRow(row), column));
  if (readable === undefined) return [];
  return warning(
    'ids_encoded',
    `${topic} has numbers as bytes in base64 in the column \`${readable}\`: they can be read only where a schema stands beside them, in the value and in the key.`,
    'Set decimal.handling.mode=string at the connector; records of both kinds may stand in the topic.',
  );
}

/** Without a schema beside it; the schema of the value tells what the same column is in the key. */
function isUnreadableNumber(row: Row, column: string): boolean {
  const inKey = row.key.schema === undefined ? row.key.fields[column] : undefined;
  if (isEncoded(inKey) || (inKey !== undefined && isNumberInBytes(schemaOfRow(row), column))) return true;
  return !isObject(row.schema) && isEncoded(valueIn(row, column));
}

const isEncoded = (value: unknown): boolean =>
  typeof value === 'string' ? isEncodedNumber(value) : isObject(value) && 'scale' in value;

const valueIn = ({ fields, isFlat }: Row, column: string): unknown =>
  isFlat ? fields[column] : (fieldsIn(fields['after'])[column] ?? fieldsIn(fields['before'])[column]);

const schemaOfRow = ({ schema, isFlat }: Row): unknown => (isFlat ? schema : schemaOf(schema, 'after'));
