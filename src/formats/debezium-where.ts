/**
 * Which rows of the table are memberships. DEBEZIUM_MEMBER_WHERE says it in a small part of SQL: conditions that all must hold. Without
 * it, a column that usually marks rows as deleted or inactive must not be passed over: a row that it marks is no change. Neither is one of
 * a history or of a nested group, unless the conditions name the column that says so.
 */
import { type Columns, idInColumn, isEncodedNumber, isNumberInBytes } from './debezium-decimal.ts';
import { type Marked, markIn } from './debezium-marks.ts';
import { isTypeBeside } from './debezium-member-type.ts';

export interface Condition {
  readonly column: string;
  readonly test: 'equals' | 'differs' | 'is_null' | 'is_not_null';
  /** Of `equals` and `differs`. */
  readonly value: string;
}

/** All of them must hold. */
export type MemberWhere = readonly [Condition, ...Condition[]];

const COLUMN = String.raw`(?:"([^"]+)"|([\w$]+))`;
const VALUE = String.raw`(?:'((?:[^']|'')*)'|([^\s,'"=<>()!]+))`;
const CONDITION = new RegExp(
  String.raw`\s*${COLUMN}\s*(?:(!?=)\s*${VALUE}|\s+is\s+(not\s+)?null\b)\s*(,|\s+and\s|$)`,
  'iy',
);

/** null: something else stands there. */
export function parseWhere(text: string): MemberWhere | null {
  const conditions: Condition[] = [];
  const trimmed = text.trim();
  const next = new RegExp(CONDITION);
  for (let isOver = false; !isOver;) {
    const match = next.exec(trimmed);
    const condition = match === null ? null : conditionOf(match);
    if (match === null || condition === null) return null;
    conditions.push(condition);
    isOver = match[7] === '';
  }
  const [first, ...more] = conditions;
  return first === undefined ? null : [first, ...more];
}

function conditionOf([, quoted, plain, sign, text, word, not]: RegExpExecArray): Condition | null {
  const column = quoted ?? plain ?? '';
  if (sign === undefined) return { column, test: not === undefined ? 'is_null' : 'is_not_null', value: '' };
  // In SQL nothing equals null.
  if (word?.toLowerCase() === 'null') return null;
  return { column, test: sign === '=' ? 'equals' : 'differs', value: text?.replaceAll("''", "'") ?? word ?? '' };
}

/** What a row says of itself: a membership, none, or not known because of a column. */
export type Standing =
  | { readonly kind: 'member' | 'outside' }
  /** The row does not tell the column. */
  | { readonly kind: 'unknown'; readonly column: string }
  /** The column says that the row is no membership, or something that is not known. */
  | ({ readonly kind: 'marked' } & Marked);

/** What the operator has said of the table. */
export interface Chosen {
  readonly groupColumn: string;
  readonly memberColumn: string;
  /** null: all rows are memberships, unless they are marked. */
  readonly memberWhere: MemberWhere | null;
}

const MEMBER: Standing = { kind: 'member' };
const OUTSIDE: Standing = { kind: 'outside' };

export function standingOf(row: Columns, chosen: Chosen): Standing {
  let unknown: Standing | null = null;
  for (const condition of chosen.memberWhere ?? []) {
    const holds = holdsFor(valueIn(row, condition.column), condition);
    if (holds === false) return OUTSIDE;
    if (holds === null) unknown ??= { kind: 'unknown', column: condition.column };
  }
  const mark = markIn(row.fields, (column) => isKnown(column, chosen));
  // Which memberships have ended DEBEZIUM_MEMBER_WHERE says as a whole; of a history, or a nested group, only where it names the column.
  if (mark !== null && (chosen.memberWhere === null || mark.says !== 'ended')) return { kind: 'marked', ...mark };
  return unknown ?? MEMBER;
}

export const isKnown = (column: string, { groupColumn, memberColumn, memberWhere }: Chosen): boolean =>
  column === groupColumn ||
  column === memberColumn ||
  isTypeBeside(column, groupColumn) ||
  (memberWhere !== null && memberWhere.some((condition) => condition.column === column));

/** What PostgreSQL does not tell of a large value (unavailable.value.placeholder). */
export const UNAVAILABLE = '__debezium_unavailable_value';

/** Numbers in bytes as their digits; undefined: the row does not tell it, or not in a form that is known. */
function valueIn(row: Columns, column: string): unknown {
  const value = row.fields[column];
  const isInBytes = isNumberInBytes(row.schema, column) || (typeof value === 'string' && isEncodedNumber(value));
  if (!isInBytes || value === null) return value;
  const found = idInColumn(row, column);
  return found.kind === 'id' ? found.id : undefined;
}

/** null: it cannot be known. */
function holdsFor(value: unknown, { test, value: wanted }: Condition): boolean | null {
  if (value === undefined || value === UNAVAILABLE) return null;
  if (test === 'is_null' || test === 'is_not_null') return (value === null) === (test === 'is_null');
  if (value === null) return test === 'differs';
  const isEqual = isValue(value, wanted);
  return isEqual === null ? null : isEqual === (test === 'equals');
}

/** A column that is true or false is a number in some databases. null: no value of the column's type is written so. */
function isValue(value: unknown, wanted: string): boolean | null {
  switch (typeof value) {
    case 'string':
      return comparable(value) === comparable(wanted);
    case 'boolean': {
      const flag = flagIn(wanted);
      return flag === null ? null : flag === value;
    }
    case 'number': {
      const flag = flagIn(wanted);
      const number = wanted.trim() === '' ? Number.NaN : Number(wanted);
      if (Number.isNaN(number)) return flag === null ? null : value === Number(flag);
      return number === value;
    }
    default:
      return null;
  }
}

/** Blanks at the end do not count in SQL (`char(n)` is filled up with them), and a flag may come as the text of a number. */
function comparable(text: string): string {
  let end = text.length;
  // A pattern would look through each run of blanks again from each of them.
  while (text[end - 1] === ' ') end -= 1;
  const bare = text.slice(0, end);
  return /^(?:true|false)$/i.test(bare) ? String(Number(flagIn(bare))) : bare;
}

function flagIn(word: string): boolean | null {
  const lower = word.toLowerCase();
  if (TRUE.has(lower)) return true;
  return FALSE.has(lower) ? false : null;
}

const TRUE: ReadonlySet<string> = new Set(['true', '1', 't', 'yes', 'y']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'f', 'no', 'n']);
