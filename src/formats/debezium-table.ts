/** The table that DEBEZIUM_TABLE names, in the spellings in which operators and connectors write it. */
import type { Fields } from './reading.ts';
import { textIn } from './reading.ts';

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
