/** Debezium's envelope: what a row was before, what it is after, and the operation that made it so. */
import type { SourceEvent } from '../core/change.ts';
import { schemaOf } from './debezium-decimal.ts';
import type { RowHeader } from './debezium-row.ts';
import { created, deleted, type RowReading, updated } from './debezium-change.ts';
import { FULL_STATE } from './debezium-row.ts';
import { isOtherTable, originIn } from './debezium-table.ts';
import { type Fields, fieldsIn, hint, invalid, isFields, quote, skip, textIn } from './reading.ts';
import { epochTime } from './several.ts';

export const isEnvelope = (fields: Fields): boolean =>
  typeof fields['op'] === 'string' && ('before' in fields || 'after' in fields || isFields(fields['source']));

export function readEnvelope(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  const { op, source, before, after } = fields;
  if (op === 'm') return [logicalMessage];
  const origin = fieldsIn(source);
  if (isOtherTable(originIn(origin), reading.options.table)) return [otherTable];
  if (origin['connector'] === 'mongodb' || 'updateDescription' in fields) return [documentChange];
  const header = { eventId: null, occurredAt: epochTime(origin['ts_ms']) ?? epochTime(fields['ts_ms']) };
  return readChange({ op, before, after, header }, reading);
}

export interface RowChange {
  readonly op: unknown;
  readonly before: unknown;
  readonly after: unknown;
  readonly header: RowHeader;
}

export function readChange({ op, before, after, header }: RowChange, reading: RowReading): readonly SourceEvent[] {
  if (typeof before === 'string' || typeof after === 'string') return [documentChange];
  const former = isFields(before) ? { fields: before, schema: schemaOf(reading.schema, 'before') } : null;
  const now = { fields: fieldsIn(after), schema: schemaOf(reading.schema, 'after') };
  switch (op) {
    case 'c':
    case 'r':
      return [created(now, header, reading)];
    case 'u':
      return updated({ before: former, after: now, header }, reading);
    case 'd':
      return [deleted(former, header, reading)];
    default:
      return [withoutRow(op)];
  }
}

/** What an operation says that is about no single row. */
export const withoutRow = (op: unknown): SourceEvent =>
  op === 't' ? truncated : op === 'm' ? logicalMessage : unknown(op);

const unknown = (op: unknown): SourceEvent =>
  invalid(
    'unknown_operation',
    `The operation is ${quote(textIn(op) ?? typeof op)}; Debezium has c, r, u, d, t and m. Where the column is the table's ` +
      'own, let ExtractNewRecordState add its fields with another prefix (add.fields.prefix).',
  );

export const otherTable = skip('other_table');
const logicalMessage = skip('logical_message');

const truncated = hint(
  'truncate',
  'The table was emptied, and the record does not say which groups were in it, so nothing is removed for it. For each of ' +
    `them, ${FULL_STATE}; one that is empty is held for approval (rollcall held).`,
);

/** MongoDB has documents for rows, and Debezium writes them as texts. */
const documentChange = invalid(
  'mongodb_envelope',
  'This is a change of a MongoDB document, whose `before` and `after` are texts in extended JSON: flatten it with ' +
    'io.debezium.connector.mongodb.transforms.ExtractNewDocumentState (delete.tombstone.handling.mode=rewrite, add.fields=op,collection), ' +
    'or describe the documents with SOURCE_FORMAT=mapping behind it.',
);
