/**
 * Which rows of the table are memberships. DEBEZIUM_MEMBER_WHERE says it in a small part of SQL: conditions that all
 * must hold. Without it, a column that usually marks rows as deleted or inactive must not be passed over: a row that it
 * marks is no change. Neither is one of a history or of a nested group, unless the conditions name the column that says
 * so. Also the table that DEBEZIUM_TABLE names, in the spellings of operators and connectors.
 */
import { foundId, type FoundId } from '../reading/events.ts';
import { fieldsIn, invalid, listIn, textIn, type Fields } from '../reading/reading.ts';
import { isTypeBeside, markIn, type Marked } from './marks.ts';
import { isObject } from '../../core/text/json.ts';

/** What stands before the table may be its schema, its keyspace, its database or the connector's name. */
export interface TableName {
  readonly table: string;
  /** In lower case, the nearest to the table first. */
  readonly qualifiers: readonly string[];
}

const QUALIFIERS_MAX = 3;

/** `table`, `schema.table`, `"schema"."table"`; null: no name of one table (a list, a pattern). */
export function parseTableName(text: string): TableName | null {
  const parts = text.split('.').map((part) => unquoted(part.trim()).toLowerCase());
  const table = parts.at(-1) ?? '';
  if (parts.length > QUALIFIERS_MAX + 1 || !parts.every((part) => /^[^\s"'`,;*?()[\]\\|]+$/.test(part))) return null;
  return { table, qualifiers: parts.slice(0, -1).toReversed() };
}

const unquoted = (part: string): string => /^(?:"(.+)"|`(.+)`|\[(.+)\])$/.exec(part)?.slice(1).find(Boolean) ?? part;

/** Where a row comes from, as far as its record says. */
export interface RowOrigin {
  readonly table: unknown;
  readonly schema: unknown;
  /** Vitess, Cassandra; their `db` is empty. */
  readonly keyspace: unknown;
  readonly db: unknown;
  /** The connector's. */
  readonly name: unknown;
}

/** A record that does not name its table counts as one of the table. */
export function isOtherTable(origin: RowOrigin, wanted: TableName | null): boolean {
  const table = wanted === null ? null : textIn(origin.table)?.toLowerCase();
  if (wanted === null || table === null || table === undefined) return false;
  if (table !== wanted.table && !isPartition(table, wanted.table)) return true;
  if (wanted.qualifiers.length === 0) return false;
  const places = [origin.schema, origin.keyspace, origin.db].flatMap(nameIn);
  // The connector's name alone does not say where the table is.
  if (places.length === 0) return false;
  const known = [...places, ...nameIn(origin.name)];
  return !wanted.qualifiers.every((qualifier, at) => isPlace(qualifier, at, known));
}

function nameIn(place: unknown): readonly string[] {
  const name = textIn(place);
  return name === null ? [] : [name.toLowerCase()];
}

/** One that the record does not name cannot be compared: so the nearest must be there, the others where there is room. */
const isPlace = (qualifier: string, at: number, known: readonly string[]): boolean =>
  known.includes(qualifier) || at >= known.length;

/**
 * Without publish_via_partition_root PostgreSQL names the partition: `t_p2026_01`, `t_2026_01`, `t_y2026m01`, `t_p0`, `t_default`. Names
 * that could be those of another table (`t_archive`, `t_v2`) are none.
 */
const isPartition = (table: string, parent: string): boolean =>
  table.startsWith(`${parent}_`) && PARTITION.test(table.slice(parent.length + 1));

const PARTITION = /^(?:(?:p|part|partition)_?)?(?:\d[\d_]*|[ymwdq]?\d{4}(?:_?[mwdq]?\d{1,3}){0,2}|default)$/;

/** As `source` of an envelope names it; MongoDB has collections. */
export const originIn = ({ table, collection, schema, keyspace, db, name }: Fields): RowOrigin => ({
  table: table ?? collection,
  schema,
  keyspace,
  db,
  name,
});

/*
 * Ids in numeric columns. In the default decimal.handling.mode=precise a number is bytes, which JSON has in base64, and only the
 * schema says so: `org.apache.kafka.connect.data.Decimal` with its scale, or `io.debezium.data.VariableScaleDecimal`.
 * https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-decimal-types
 */

/** Part of a record, with the schema that Connect has written beside it; none where schemas are off. */
export interface Columns {
  readonly fields: Fields;
  readonly schema: unknown;
}

/** The schema of a field; undefined where there is none. */
export const schemaOf = (schema: unknown, field: string): unknown =>
  isObject(schema) ? listIn(schema['fields']).find((one) => fieldsIn(one)['field'] === field) : undefined;

export function idInColumn({ fields, schema }: Columns, column: string): FoundId {
  const value = fields[column];
  const field = `the column \`${column}\``;
  if (typeof value === 'string' && isBase64(value)) return idInText(value, schemaOf(schema, column), field);
  if (!isObject(value)) return foundId(value, field);
  const { scale, value: bytes } = value;
  if (scale === undefined || bytes === undefined) return foundId(value, field);
  const type = fieldsIn(schemaOf(schema, column));
  if (type['name'] !== VARIABLE_DECIMAL || typeof bytes !== 'string') return encoded(field);
  return wholeNumber(bytes, scale, field);
}

/** The schema says that the column is a number in bytes, no matter how its base64 looks. */
export const isNumberInBytes = (schema: unknown, column: string): boolean =>
  NUMBERS_IN_BYTES.has(textIn(fieldsIn(schemaOf(schema, column))['name']) ?? '');

const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const VARIABLE_DECIMAL = 'io.debezium.data.VariableScaleDecimal';
const NUMBERS_IN_BYTES: ReadonlySet<string> = new Set([DECIMAL, VARIABLE_DECIMAL]);

/** Texts that are no base64 are most ids, and cost no more than this. */
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

function idInText(text: string, schema: unknown, field: string): FoundId {
  if (!isObject(schema)) return isEncodedNumber(text) ? encoded(field) : foundId(text, field);
  if (schema['name'] !== DECIMAL) return foundId(text, field);
  return wholeNumber(text, fieldsIn(schema['parameters'])['scale'], field);
}

/** As many bytes as numeric(20) has. A text that is padded so is taken for no id; without the padding the two look alike. */
const NUMBER_BYTES_MAX = 9;

export const isEncodedNumber = (text: string): boolean =>
  text.endsWith('=') && isBase64(text) && Buffer.from(text, 'base64').length <= NUMBER_BYTES_MAX;

const DIGITS_MAX = 100;
const LENGTH_MAX = 64;

function wholeNumber(base64: string, scale: unknown, field: string): FoundId {
  const places = typeof scale === 'string' && /^-?\d{1,3}$/.test(scale) ? Number(scale) : scale;
  const isKnown = typeof places === 'number' && Number.isInteger(places) && Math.abs(places) <= DIGITS_MAX;
  if (!isKnown || base64.length > LENGTH_MAX || base64 === '') return encoded(field);
  const bytes = Buffer.from(base64, 'base64');
  const unscaled = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
  const unit = 10n ** BigInt(Math.abs(places));
  if (places > 0 && unscaled % unit !== 0n) return fraction(field);
  return { kind: 'id', id: String(places > 0 ? unscaled / unit : unscaled * unit) };
}

const encoded = (field: string): FoundId => ({
  kind: 'bad',
  problem: invalid(
    'schema',
    `${field} holds a number as bytes in base64, and no schema beside it says which: set decimal.handling.mode=string at the ` +
      'connector, or value.converter.schemas.enable=true (for a binary column: binary.handling.mode=hex).',
  ),
});

const fraction = (field: string): FoundId => ({
  kind: 'bad',
  problem: invalid('schema', `${field} holds a fraction, which is no id; name the column that holds the id.`),
});

interface Condition {
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
