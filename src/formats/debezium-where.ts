/**
 * Which rows of the table are memberships. DEBEZIUM_MEMBER_WHERE says it in a small part of SQL: conditions that all must hold. Without
 * it, a column that usually marks rows as deleted or inactive must not be passed over: a row that it marks is no change.
 */
import { type Fields, isFields } from './reading.ts';

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
  /** Without DEBEZIUM_MEMBER_WHERE: the column says that the row is deleted, inactive, or something that is not known. */
  | { readonly kind: 'marked'; readonly column: string };

const MEMBER: Standing = { kind: 'member' };
const OUTSIDE: Standing = { kind: 'outside' };

export function standingOf(row: Fields, where: MemberWhere | null): Standing {
  if (where === null) {
    const column = markIn(row);
    return column === null ? MEMBER : { kind: 'marked', column };
  }
  let unknown: Standing | null = null;
  for (const condition of where) {
    const holds = holdsFor(row[condition.column], condition);
    if (holds === false) return OUTSIDE;
    if (holds === null) unknown ??= { kind: 'unknown', column: condition.column };
  }
  return unknown ?? MEMBER;
}

/** What PostgreSQL does not tell of a large value (unavailable.value.placeholder). */
export const UNAVAILABLE = '__debezium_unavailable_value';

/** null: it cannot be known. */
function holdsFor(value: unknown, { test, value: wanted }: Condition): boolean | null {
  if (value === undefined || value === UNAVAILABLE) return null;
  if (test === 'is_null' || test === 'is_not_null') return (value === null) === (test === 'is_null');
  if (value === null) return test === 'differs';
  const isEqual = isValue(value, wanted);
  return isEqual === null ? null : isEqual === (test === 'equals');
}

/** A column that is true or false is a number in some databases. */
function isValue(value: unknown, wanted: string): boolean | null {
  switch (typeof value) {
    case 'string':
      return value === wanted;
    case 'boolean':
      return TRUE.has(wanted.toLowerCase()) ? value : FALSE.has(wanted.toLowerCase()) ? !value : false;
    case 'number':
      if (wanted.toLowerCase() === 'true') return value === 1;
      if (wanted.toLowerCase() === 'false') return value === 0;
      return wanted.trim() !== '' && Number(wanted) === value;
    default:
      return null;
  }
}

const TRUE: ReadonlySet<string> = new Set(['true', '1', 't', 'yes', 'y']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'f', 'no', 'n']);

type Mark = (value: unknown) => boolean;

/** A time, or true, where the row is deleted; databases and Debezium fill a column that says nothing with a zero. */
const isSet: Mark = (value) => value !== null && value !== false && !isNothing(value);
const isNothing = (value: unknown): boolean =>
  value === 0 ||
  (typeof value === 'string' &&
    (value === '' || /^(?:0|f|n|no|false|0000-00-00.*|1970-01-01T00:00:00.*)$/i.test(value)));
const isOff: Mark = (value) =>
  value !== null && value !== true && !(typeof value === 'number' && value === 1) && !isWord(value, TRUE);
const isNoUsualState: Mark = (value) => value !== null && !isWord(value, USUAL_STATES);

const isWord = (value: unknown, words: ReadonlySet<string>): boolean =>
  typeof value === 'string' && words.has(value.toLowerCase());

const USUAL_STATES: ReadonlySet<string> = new Set(
  'active activated enabled approved accepted confirmed current member joined valid granted assigned'.split(' '),
);

const MARKS: readonly (readonly [Mark, readonly string[]])[] = [
  [
    isSet,
    'deleted_at delete_at deleted_on deleted_date date_deleted deleted_time deleted_by removed_at removed_on'.split(
      ' ',
    ),
  ],
  [isSet, 'revoked_at archived_at deactivated_at disabled_at left_at ended_at'.split(' ')],
  [
    isSet,
    'deleted is_deleted is_removed removed is_archived archived is_revoked revoked is_inactive inactive'.split(' '),
  ],
  [isSet, 'is_disabled disabled is_pending pending'.split(' ')],
  [isOff, 'is_active active is_enabled enabled is_valid is_current is_approved'.split(' ')],
  [isNoUsualState, 'status state membership_status membership_state member_status member_state row_status'.split(' ')],
];

/** In the spellings of databases and of their mappers. */
const spellings = (name: string): readonly string[] => {
  const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const joined = name.replaceAll('_', '');
  return [
    name,
    joined,
    camel,
    camel.charAt(0).toUpperCase() + camel.slice(1),
    name.toUpperCase(),
    joined.toUpperCase(),
  ];
};

const MARK_OF: ReadonlyMap<string, Mark> = new Map(
  MARKS.flatMap(([mark, names]) => names.flatMap((name) => spellings(name).map((spelled) => [spelled, mark] as const))),
);

/** The column that marks the row; null: none does. */
export function markIn(row: Fields): string | null {
  for (const name in row) {
    const mark = MARK_OF.get(name);
    if (mark !== undefined && (isFields(row[name]) || mark(row[name]))) return name;
  }
  return null;
}

/** Whether rows of the table can be marked at all. */
export function canBeMarked(row: Fields): boolean {
  for (const name in row) if (MARK_OF.has(name)) return true;
  return false;
}
