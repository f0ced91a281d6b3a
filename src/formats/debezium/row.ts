/** The row of a membership table: whose it is, by the configured columns; and the key of its record, which holds some of them. */
import type { Delta, Invalid, SourceEvent, SourceRecord } from '../../core/change/change.ts';
import type { FoundId } from '../reading/events.ts';
import { BESIDE_FORMAT, deltaOf, fieldsIn, invalid, isThere, readJson, type EventHeader } from '../reading/reading.ts';
import { refusedMember } from '../reading/events.ts';
import type { Marked } from './marks.ts';
import type { TableName } from './where.ts';
import { UNAVAILABLE, idInColumn, schemaOf, type Columns, type MemberWhere } from './where.ts';
import { isObject } from '../../core/text/json.ts';

export interface DebeziumOptions {
  readonly groupColumn: string;
  readonly memberColumn: string;
  /** Rows of other tables are skipped; null: there are none. */
  readonly table: TableName | null;
  /** Where a delete stands: in a record of its own, or in the tombstone alone. */
  readonly deletes: 'rows' | 'tombstones';
  /** Which rows are memberships; null: all, unless they are marked as deleted, as a history or the like. */
  readonly memberWhere: MemberWhere | null;
}

export const KEYCLOAK_TABLE: DebeziumOptions = {
  groupColumn: 'group_id',
  memberColumn: 'user_id',
  table: null,
  deletes: 'rows',
  memberWhere: null,
};

export interface Membership {
  readonly group: string;
  readonly member: string;
}

/** What a change says of itself beside its row: its id and its time. */
export type RowHeader = Omit<EventHeader, 'group'>;

export type FoundRow =
  | { readonly kind: 'whole'; readonly row: Membership }
  /** The column that it lacks; `isFilled`: a filler stands there. */
  | { readonly kind: 'partial'; readonly column: string; readonly isFilled: boolean }
  | { readonly kind: 'bad'; readonly problem: Invalid };

/** The membership of the first of these that has both columns; what one lacks the next may have. */
export const rowIn = (sources: readonly Columns[], options: DebeziumOptions): FoundRow =>
  rowOf((column) => columnIn(sources, column), options);

/**
 * The membership of a row before its change. Without REPLICA IDENTITY FULL PostgreSQL tells only the columns of the key, and
 * Debezium fills the others that must not be null: with the column's default, else with 0, an empty text, or the first moment of
 * 1970. Such a value outside of the key is no id, even where it could be one.
 */
export function formerRowIn(before: Columns, key: Columns, options: DebeziumOptions): FoundRow {
  return rowOf((column) => {
    if (!(column in key.fields) && (isFiller(before.fields[column]) || isDefault(before, column))) return FILLED;
    return columnIn([before, key], column);
  }, options);
}

type FoundColumn = FoundId | typeof FILLED;

const FILLED = { kind: 'filled' } as const;

const isFiller = (value: unknown): boolean => value === 0 || (typeof value === 'string' && FILLER.test(value));

const isDefault = ({ fields, schema }: Columns, column: string): boolean => {
  const usual = fieldsIn(schemaOf(schema, column))['default'];
  return isThere(usual) && usual === fields[column];
};

/** Numbers may be texts or bytes in base64; a UUID may be all zeros, and `char(n)` all blanks. */
const FILLER =
  /^(?:\s+|0+(?:\.0+)?|0{8}-(?:0{4}-){3}0{12}|A{2,}={1,2}|1970-01-01(?:T00:00:00(?:\.0+)?(?:Z|\+00:00)?)?)$/;

function rowOf(find: (column: string) => FoundColumn, { groupColumn, memberColumn }: DebeziumOptions): FoundRow {
  const group = find(groupColumn);
  if (group.kind === 'bad') return group;
  const member = find(memberColumn);
  if (member.kind === 'bad') return member;
  if (group.kind !== 'id') return { kind: 'partial', column: groupColumn, isFilled: group.kind === 'filled' };
  if (member.kind !== 'id') return { kind: 'partial', column: memberColumn, isFilled: member.kind === 'filled' };
  return { kind: 'whole', row: { group: group.id, member: member.id } };
}

function columnIn(sources: readonly Columns[], column: string): FoundId {
  for (const source of sources) {
    if (source.fields[column] === UNAVAILABLE) continue;
    const found = idInColumn(source, column);
    if (found.kind !== 'none') return found;
  }
  return { kind: 'none' };
}

const EMPTY: Columns = { fields: {}, schema: undefined };

/** `{"group_id","user_id"}`, with or without a schema; no fields where the key is none, or no JSON object. */
export function keyOf({ key }: SourceRecord): Columns {
  if (key === null) return EMPTY;
  const read = readJson(key);
  if (!read.ok || !isObject(read.json)) return EMPTY;
  const { schema, payload } = read.json;
  return schema !== undefined && payload !== undefined
    ? { fields: fieldsIn(payload), schema }
    : { fields: read.json, schema: undefined };
}

/** Whether the key has both ids: then there is one row of a membership at most. */
export const isWholeKey = ({ fields }: Columns, { groupColumn, memberColumn }: DebeziumOptions): boolean =>
  groupColumn in fields && memberColumn in fields;

export const addition = ({ group, member }: Membership, { eventId, occurredAt }: RowHeader): Delta | Invalid =>
  deltaOf('add', [member], { group, eventId, occurredAt });

export const removal = ({ group, member }: Membership, { eventId, occurredAt }: RowHeader): Delta | Invalid =>
  deltaOf('remove', [member], { group, eventId, occurredAt });

/** A delete that only its key tells of. Without the member in it nothing says who left. */
export function removalByKey(key: Columns, options: DebeziumOptions): SourceEvent {
  const found = rowIn([key], options);
  if (found.kind === 'whole') return removal(found.row, { eventId: null, occurredAt: null });
  return found.kind === 'bad' ? found.problem : unreadableTombstone(found.column);
}

const unreadableTombstone = (column: string): Invalid =>
  invalid(
    'delete_unreadable',
    `A row was deleted, but the key of the tombstone lacks the column \`${column}\`, so it does not say whose it was. ` +
      'Key the topic by both columns (message.key.columns), or set delete.tombstone.handling.mode=rewrite and ' +
      `DEBEZIUM_DELETES=rows; then ${FULL_STATE}.`,
  );

/** Works beside this format (native.ts). */
export const FULL_STATE = `send the full state of the group as the table has it now, while nothing writes to its rows (${BESIDE_FORMAT})`;

/** The row as it is now lacks the column, or a table may leave it empty: a user without a team. */
export const rowUnreadable = (column: string, { fields }: Columns): Invalid =>
  invalid(
    'columns_missing',
    fields[column] === null
      ? `The column \`${column}\` of the new row is null, so it names no membership: where such rows are none, put \`${column} is not null\` ` +
          `into DEBEZIUM_MEMBER_WHERE (a row that comes to it ends its membership); then ${FULL_STATE}.`
      : `The new row lacks the column \`${column}\`; set DEBEZIUM_GROUP_COLUMN and DEBEZIUM_MEMBER_COLUMN to the table's columns, ` +
          'and DEBEZIUM_TABLE where the topic has rows of other tables.',
  );

/** How the log of a database comes to hold what a row was before. */
const IN_FULL =
  'PostgreSQL: REPLICA IDENTITY FULL (ALTER TABLE … REPLICA IDENTITY FULL), MySQL and MariaDB: binlog_row_image=FULL, ' +
  'Oracle: ALTER TABLE … ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS';

export const formerRowUnreadable = (column: string): Invalid =>
  invalid(
    'before_unreadable',
    `A row was changed or deleted, and what it was before is not known: \`${column}\` is missing or a filler (0, an empty ` +
      'text, 1970), so if it was another membership, nothing says which one ended. Let the database log whole rows ' +
      `(${IN_FULL}), and do not flatten updates without both columns in the key; then ${FULL_STATE}.`,
  );

export const unreadableDelete = (column: string): Invalid =>
  invalid(
    'delete_unreadable',
    `A row was deleted, but neither what it was before nor the key has the column \`${column}\`, so nothing says whose it ` +
      `was. Let the database log whole rows (${IN_FULL}); then ${FULL_STATE}.`,
  );

/** Whether such a row is a membership is for the operator to say. */
export function rowMarked({ column, says }: Marked): SourceEvent {
  switch (says) {
    case 'ended':
      return rowEnded(column);
    case 'operation':
      return rowOfHistory(column);
    case 'no_user':
      return refusedMember(`The column \`${column}\` says that the member of the row is no user`, null);
  }
}

/** A soft delete, or the like. */
const rowEnded = (column: string): Invalid =>
  invalid(
    'row_marked',
    `The column \`${column}\` says that the row is deleted, inactive or the like, and nothing says which rows are memberships: set ` +
      `DEBEZIUM_MEMBER_WHERE, such as \`${column} is null\`, \`${column}=0\` or \`${column}=active\` (a condition that always holds where ` +
      `it means nothing); then ${FULL_STATE}.`,
  );

/** A row of a history is added when a membership ends, too. */
const rowOfHistory = (column: string): Invalid =>
  invalid(
    'row_of_history',
    `The column \`${column}\` says what was done, as in the rows of a history or an audit table, so that the row was added does not make it a ` +
      'membership. Set DEBEZIUM_TABLE to the table of the memberships where this is another one; describe the rows with ' +
      'SOURCE_FORMAT=mapping where the history is all there is; where the column means something else, name it in ' +
      `DEBEZIUM_MEMBER_WHERE (\`${column} is not null\` always holds where it is never empty), then ${FULL_STATE}.`,
  );

export const conditionUnknown = (column: string): Invalid =>
  invalid(
    'columns_missing',
    `The row lacks the column \`${column}\`, which DEBEZIUM_MEMBER_WHERE names, or its value cannot be compared with the condition; correct ` +
      'the condition, or have the connector write the column (column.include.list, REPLICA IDENTITY FULL), a numeric one as a text ' +
      '(decimal.handling.mode=string).',
  );
