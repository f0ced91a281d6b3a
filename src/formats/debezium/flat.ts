/**
 * Flattened rows: what ExtractNewRecordState makes of an envelope. `add.fields` and `add.headers` bring back some of it; without them a
 * row looks like any other JSON, so only its schema or its key says that it is one.
 */
import type { SourceEvent, SourceRecord } from '../../core/change/change.ts';
import { NAME_LENGTH_MAX } from '../event/event-name.ts';
import { fieldsIn, headerText, invalid, quote, skip, textIn, type Fields } from '../reading/reading.ts';
import { epochTime } from '../reading/several.ts';
import { created, deleted, otherTable, type RowReading, updated, withoutRow } from './change.ts';
import { VERB, isEventName } from './operation.ts';
import { formerRowUnreadable, isWholeKey, keyOf, removal, rowIn, type DebeziumOptions, type RowHeader } from './row.ts';
import type { Columns } from './where.ts';
import { isOtherTable, standingOf, type RowOrigin } from './where.ts';
import { isObject } from '../../core/text/json.ts';

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

const saysSomething = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'number';

/** A `type` may be the name of a class, as in tables of several classes (`GroupMember`). */
const isClassName = (type: string): boolean =>
  type.length <= NAME_LENGTH_MAX && /^(?:[A-Z][a-z0-9]+)+(?:::(?:[A-Z][a-z0-9]+)+)*$/.test(type);

function namesEvent(fields: Fields): boolean {
  for (const [name, value] of Object.entries(fields)) {
    if (saysSomething(value) && isEventName(name)) return true;
    // Of a row the columns are no objects; beside one a connector may put what it knows of the change.
    if (name.startsWith('_') && isObject(value) && Object.keys(value).some(isEventName)) return true;
  }
  const { type } = fields;
  return typeof type === 'string' && type !== '' && (!isClassName(type) || VERB.test(type));
}

export function readFlatRow(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  const { record, options } = reading;
  const mark = (name: string): unknown => fields[name] ?? (record.headers.length > 0 ? headerText(record, name) : null);
  if (options.table !== null && isOtherTable(originOf(mark), options.table)) return [otherTable];
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

const originOf = (mark: (name: string) => unknown): RowOrigin => ({
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
