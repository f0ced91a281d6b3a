/**
 * Batches of the source that cannot be unpacked: for good, since their bytes are what they are. A client reads one record in
 * place of each, at its last offset, which says nothing but that.
 */
import type { LogRecord } from '../../src/ports.ts';

const DAMAGED = 'test-damaged';

/** Where a record lies in such a batch. */
type Place = 'within' | 'end';

export const damagedHeaders = (place: Place): LogRecord['headers'] => [[DAMAGED, Buffer.from(place)]];

/** undefined: its batch is whole. */
export function damageOf({ headers }: Pick<LogRecord, 'headers'>): Place | undefined {
  const value = headers.find(([name]) => name === DAMAGED)?.[1];
  return value === undefined ? undefined : (Buffer.from(value).toString() as Place);
}

/** What a client makes of them. */
export const asFetched = (records: readonly LogRecord[]): readonly LogRecord[] =>
  records.flatMap((record) => {
    const place = damageOf(record);
    if (place === undefined) return [record];
    if (place === 'within') return [];
    const message = `The batch that ends at the offset ${record.offset} cannot be read: its CRC is wrong`;
    const unreadable = { code: 'batch_unreadable', message } as const;
    return [{ ...record, key: null, value: null, headers: [], unreadable }];
  });
