/**
 * What a change of a row means for the membership: rows that are memberships come, go and move. What a row was before
 * may not be known; then a membership that it is now counts, and what may have ended is loud. Also Debezium's envelope:
 * what a row was before, what it is after, and the operation.
 */
import type { SourceEvent, SourceRecord } from '../../core/change/change.ts';
import { isSameId } from '../../core/change/change.ts';
import { delta, fieldsIn, hint, invalid, quote, skip, textIn, type Fields } from '../reading/reading.ts';
import { epochTime, notAChange } from '../reading/events.ts';
import { canBeMarked, operationColumnIn } from './marks.ts';
import {
  FULL_STATE,
  addition,
  conditionUnknown,
  formerRowIn,
  formerRowUnreadable,
  isWholeKey,
  keyOf,
  removal,
  rowIn,
  rowMarked,
  rowUnreadable,
  type DebeziumOptions,
  type FoundRow,
  type Membership,
  type RowHeader,
  unreadableDelete,
} from './row.ts';
import type { Columns } from './where.ts';
import { isKnown, isOtherTable, originIn, schemaOf, standingOf, type Standing } from './where.ts';
import { isObject } from '../../core/text/json.ts';

export interface RowReading {
  readonly record: SourceRecord;
  readonly options: DebeziumOptions;
  /** Of what is read, as Connect writes it; undefined: none. */
  readonly schema: unknown;
}

const NOTHING: Columns = { fields: {}, schema: undefined };
const notAMember = skip('not_a_member_row');

/** A new row, or one of a snapshot. */
export function created(after: Columns, header: RowHeader, { options }: RowReading): SourceEvent {
  const standing = standingOf(after, options);
  if (standing.kind === 'outside') return notAMember;
  const found = rowIn([after], options);
  if (found.kind === 'bad') return found.problem;
  if (found.kind === 'partial') return rowUnreadable(found.column, after);
  return problemOf(standing) ?? addition(found.row, header);
}

const problemOf = (standing: Standing): SourceEvent | null =>
  standing.kind === 'marked'
    ? rowMarked(standing)
    : standing.kind === 'unknown'
      ? conditionUnknown(standing.column)
      : null;

/** What the row lacks, its key has. @param before null: the record does not have it. */
export function deleted(before: Columns | null, header: RowHeader, { record, options }: RowReading): SourceEvent {
  const row = before ?? NOTHING;
  const key = keyOf(record);
  const found = formerRowIn(row, key, options);
  if (found.kind === 'bad') return found.problem;
  const standing = standingOf(row, options);
  // One that is no membership, as of a history, may have the ids of both in its key, and more.
  if (standing.kind === 'marked' && standing.says !== 'ended') return rowMarked(standing);
  const history = historyIn(row, key, options);
  if (history !== null) return rowMarked({ column: history, says: 'operation' });
  // One row a membership at most: with it the membership has ended, no matter what the row said.
  if (found.kind === 'whole' && isWholeKey(key, options)) return removal(found.row, header);
  if (standing.kind === 'outside') return notAMember;
  if (found.kind === 'partial')
    return found.isFilled ? formerRowUnreadable(found.column) : unreadableDelete(found.column);
  if (standing.kind === 'marked') return rowMarked(standing);
  return standing.kind === 'unknown' ? formerRowUnreadable(standing.column) : removal(found.row, header);
}

/**
 * Without REPLICA IDENTITY FULL a deleted row of a history does not say what was done: its column is null. But its key has more than
 * the ids, so there are several rows of one membership.
 */
const historyIn = ({ fields }: Columns, key: Columns, options: DebeziumOptions): string | null =>
  Object.keys(key.fields).length > 2 ? operationColumnIn(fields, (column) => isKnown(column, options)) : null;

export interface RowUpdate {
  /** null: the record does not have it. */
  readonly before: Columns | null;
  readonly after: Columns;
  readonly header: RowHeader;
}

export function updated({ before, after, header }: RowUpdate, reading: RowReading): readonly SourceEvent[] {
  const { record, options } = reading;
  const key = keyOf(record);
  const standing = standingOf(after, options);
  const former = before === null ? null : standingOf(before, options);
  // A change of the key comes as a delete and a creation, so the key of an update is that of the row before it, too.
  const was = formerRowIn(before ?? NOTHING, key, options);
  const problem = was.kind === 'bad' ? was.problem : problemOf(standing);
  if (problem !== null) return [problem];
  if (standing.kind === 'outside') return [left({ was, former, isOnlyRow: isWholeKey(key, options) }, header)];
  const now = rowIn([after], options);
  if (now.kind === 'bad') return [now.problem];
  if (now.kind === 'partial') return [rowUnreadable(now.column, after)];
  if (former?.kind === 'outside') return [addition(now.row, header)];
  if (was.kind !== 'whole') return [addition(now.row, header), formerRowUnreadable(missingIn(was))];
  const isFormerMember = former?.kind === 'member' || (former === null && !mayHaveStoodOutside(after, options));
  return isFormerMember ? moved(was.row, now.row, header) : arrived({ was: was.row, now: now.row, former }, header);
}

const missingIn = (was: FoundRow): string => (was.kind === 'partial' ? was.column : '');

/** It may have been marked, or outside of DEBEZIUM_MEMBER_WHERE, until now. */
const mayHaveStoodOutside = ({ fields }: Columns, { memberWhere }: DebeziumOptions): boolean =>
  memberWhere !== null || canBeMarked(fields);

interface Leaving {
  readonly was: FoundRow;
  readonly former: Standing | null;
  /** No other row is of the same membership. */
  readonly isOnlyRow: boolean;
}

/** The row is no membership now; if it was one, that has ended. */
function left({ was, former, isOnlyRow }: Leaving, header: RowHeader): SourceEvent {
  if (former?.kind === 'outside') return notAMember;
  if (was.kind !== 'whole') return formerRowUnreadable(missingIn(was));
  if (former?.kind === 'member' || isOnlyRow) return removal(was.row, header);
  return formerRowUnreadable(former?.kind === 'unknown' ? former.column : 'before');
}

function moved(was: Membership, now: Membership, header: RowHeader): readonly SourceEvent[] {
  if (!isSameId(was.group, now.group)) return [removal(was, header), addition(now, header)];
  // One spelled in another way is the same member, whom a removal beside its addition would take out.
  if (isSameId(was.member, now.member)) return [notAChange];
  return [delta({ group: now.group, add: [now.member], remove: [was.member], ...header })];
}

interface Arrival {
  readonly was: Membership;
  readonly now: Membership;
  readonly former: Standing | null;
}

/** The row is a membership, and whether it was one before is not known: being added twice changes nothing. */
function arrived({ was, now, former }: Arrival, header: RowHeader): readonly SourceEvent[] {
  const added = addition(now, header);
  if (isSameId(was.group, now.group) && isSameId(was.member, now.member)) return [added];
  if (former?.kind === 'marked') return [added, rowMarked(former)];
  return [added, formerRowUnreadable(former?.kind === 'unknown' ? former.column : 'before')];
}

export const isEnvelope = (fields: Fields): boolean =>
  typeof fields['op'] === 'string' && ('before' in fields || 'after' in fields || isObject(fields['source']));

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
  const former = isObject(before) ? { fields: before, schema: schemaOf(reading.schema, 'before') } : null;
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
