/** Rows of the index, and what they stand for. */
import type { Headers } from '../../core/log/wire-intent.ts';
import type { TopicRecord } from '../../ports.ts';
import type { Row } from './sqlite.ts';

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
