/** Rows of the index, and what they stand for. */
import type { Headers } from '../../core/log/wire-intent.ts';
import type { TopicRecord } from '../../ports.ts';
import type { IndexedTopic, IndexPlace } from './entries.ts';
import type { Database, Row, SqlValue } from './sqlite.ts';

/** Of the source, where a report says none. */
export const NO_PARTITION = -1;
/** In place of a member's id. */
export const WHOLE = 0;
export const TOPIC: Readonly<Record<IndexedTopic, number>> = { report: 0, source: 1 };

export function placesIn(database: Database, topic: IndexedTopic): ReadonlyMap<number, IndexPlace> {
  const rows = database.prepare('SELECT * FROM places WHERE topic = ?').all(TOPIC[topic]) as readonly Row[];
  const offset = (value: SqlValue | undefined): bigint => BigInt(Number(value));
  return new Map(
    rows.map(({ partition, first, next }) => [Number(partition), { first: offset(first), next: offset(next) }]),
  );
}

/** null: there are none. */
export const headersText = (headers: Headers): string | null =>
  headers.length === 0
    ? null
    : JSON.stringify(headers.map(([name, value]) => [name, Buffer.from(value).toString('base64')]));

export const recordOf = (row: Row): TopicRecord => ({
  partition: Number(row['partition']),
  offset: BigInt(Number(row['offset'])),
  timestamp: Number(row['timestamp']),
  key: row['key'] as Uint8Array | null,
  value: row['value'] as Uint8Array | null,
  headers: headersOf(row['headers'] as string | null),
});

function headersOf(text: string | null): Headers {
  if (text === null) return [];
  const headers = JSON.parse(text) as readonly (readonly [string, string])[];
  return headers.map(([name, value]) => [name, Buffer.from(value, 'base64')]);
}
