/** Flattened rows: what ExtractNewRecordState makes of an envelope. `add.fields` and `add.headers` bring back some of it. */
import type { SourceEvent } from '../core/change.ts';
import { deleted, isOtherTable, type RowReading, unreadableUpdate } from './debezium-envelope.ts';
import { addition, type DebeziumOptions, keyFieldsOf, rowIn, rowUnreadable } from './debezium-row.ts';
import { headerText } from './headers.ts';
import { type Fields, skip } from './reading.ts';
import { epochTime, notAChange } from './several.ts';

/** Marked as one, or with both columns. */
export const isRow = (fields: Fields, { groupColumn, memberColumn }: DebeziumOptions): boolean =>
  isMarked(fields) || groupColumn in fields || memberColumn in fields;

/** Only ExtractNewRecordState adds these. */
export const isMarked = (fields: Fields): boolean => '__deleted' in fields || '__op' in fields;

export function readFlatRow(fields: Fields, { record, options }: RowReading): readonly SourceEvent[] {
  if (isOtherTable(fields['__table'] ?? headerText(record, '__table'), options)) return [skip('other_table')];
  const op = fields['__op'] ?? headerText(record, '__op');
  const told = { eventId: null, occurredAt: epochTime(fields['__source_ts_ms']) ?? epochTime(fields['__ts_ms']) };
  const mark = fields['__deleted'];
  if (mark === true || mark === 'true' || op === 'd') return [deleted(fields, told, { record, options })];
  const now = rowIn([fields], options);
  if (now.kind === 'bad') return [now.problem];
  if (now.kind === 'partial') return [rowUnreadable(now.column, 'The row')];
  if (op !== 'u') return [addition(now.row, told)];
  // A change of the key comes as a delete and a creation; so what the key has in an update has not changed.
  const was = rowIn([keyFieldsOf(record)], options);
  return was.kind === 'whole' ? [notAChange] : [addition(now.row, told), unreadableUpdate(missingIn(was, options))];
}

const missingIn = (was: ReturnType<typeof rowIn>, { memberColumn }: DebeziumOptions): string =>
  was.kind === 'partial' ? was.column : memberColumn;
