/** Debezium's envelope: what a row was before, what it is after, and the operation that made it so. */
import type { SourceEvent, SourceRecord } from '../core/change.ts';
import { isSameId } from '../core/id-key.ts';
import {
  addition,
  type DebeziumOptions,
  keyFieldsOf,
  removal,
  rowIn,
  rowUnreadable,
  type Membership,
  type ToldOfRow,
} from './debezium-row.ts';
import { delta, type Fields, fieldsIn, hint, invalid, isFields, quote, skip, textIn } from './reading.ts';
import { epochTime, notAChange } from './several.ts';

export interface RowReading {
  readonly record: SourceRecord;
  readonly options: DebeziumOptions;
}

export const isEnvelope = (fields: Fields): boolean =>
  typeof fields['op'] === 'string' && ('before' in fields || 'after' in fields || isFields(fields['source']));

export function readEnvelope(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  const { op, source, before, after } = fields;
  if (op === 'm') return [skip('logical_message')];
  const { table, ts_ms: committedAt } = fieldsIn(source);
  if (isOtherTable(table, reading.options)) return [skip('other_table')];
  const told = { eventId: null, occurredAt: epochTime(committedAt) ?? epochTime(fields['ts_ms']) };
  return readChange({ op, before, after, told }, reading);
}

export interface RowChange {
  readonly op: unknown;
  readonly before: unknown;
  readonly after: unknown;
  readonly told: ToldOfRow;
}

export function readChange({ op, before, after, told }: RowChange, reading: RowReading): readonly SourceEvent[] {
  switch (op) {
    case 'c':
    case 'r':
      return [created(fieldsIn(after), told, reading)];
    case 'u':
      return updated({ before: isFields(before) ? before : null, after: fieldsIn(after), told }, reading);
    case 'd':
      return [deleted(fieldsIn(before), told, reading)];
    case 't':
      return [truncated];
    default:
      return [
        invalid(
          'unknown_operation',
          `The operation is ${quote(textIn(op) ?? typeof op)}; Debezium has c, r, u, d, t and m.`,
        ),
      ];
  }
}

export const isOtherTable = (table: unknown, options: DebeziumOptions): boolean =>
  options.table !== null && typeof table === 'string' && table !== options.table;

function created(after: Fields, told: ToldOfRow, { options }: RowReading): SourceEvent {
  const found = rowIn([after], options);
  if (found.kind === 'whole') return addition(found.row, told);
  return found.kind === 'bad' ? found.problem : rowUnreadable(found.column, 'The new row');
}

/** What the row lacks, its key has: without REPLICA IDENTITY FULL only the columns of the primary key are told. */
export function deleted(row: Fields, told: ToldOfRow, { record, options }: RowReading): SourceEvent {
  const inRow = rowIn([row], options);
  const found = inRow.kind === 'partial' ? rowIn([row, keyFieldsOf(record)], options) : inRow;
  if (found.kind === 'whole') return removal(found.row, told);
  return found.kind === 'bad' ? found.problem : unreadableDelete(found.column);
}

const unreadableDelete = (column: string): SourceEvent =>
  invalid(
    'delete_unreadable',
    `A row was deleted, but neither what it was before nor the key has the column \`${column}\`, so nobody can tell whose ` +
      'it was. Set REPLICA IDENTITY FULL for the table (ALTER TABLE … REPLICA IDENTITY FULL), then send the full state ' +
      'of the group.',
  );

interface Update {
  readonly before: Fields | null;
  readonly after: Fields;
  readonly told: ToldOfRow;
}

function updated({ before, after, told }: Update, { record, options }: RowReading): readonly SourceEvent[] {
  const now = rowIn([after], options);
  if (now.kind === 'bad') return [now.problem];
  if (now.kind === 'partial') return [rowUnreadable(now.column, 'The new row')];
  // A change of the key comes as a delete and a creation, so the key of an update is that of the row before it, too.
  const was = rowIn([before ?? {}, keyFieldsOf(record)], options);
  if (was.kind === 'bad') return [was.problem];
  if (was.kind === 'partial') return [addition(now.row, told), unreadableUpdate(was.column)];
  return moved(was.row, now.row, told);
}

function moved(was: Membership, now: Membership, told: ToldOfRow): readonly SourceEvent[] {
  if (!isSameId(was.group, now.group)) return [removal(was, told), addition(now, told)];
  // One spelled in another way is the same member, whom a removal beside its addition would take out.
  if (isSameId(was.member, now.member)) return [notAChange];
  return [delta({ group: now.group, add: [now.member], remove: [was.member], ...told })];
}

export const unreadableUpdate = (column: string): SourceEvent =>
  invalid(
    'before_unreadable',
    `A row was changed, and what it was before is not told (\`${column}\` is missing): if it was another membership, nobody ` +
      'knows which one ended. Set REPLICA IDENTITY FULL for the table, and do not flatten updates without both columns ' +
      'in the key; then send the full state of the group.',
  );

const truncated = hint(
  'truncate',
  'The table was emptied, and the record does not say which groups were in it: nothing is removed for it. Send the full ' +
    'state of each group, or an incremental snapshot of the table once it is filled again.',
);
