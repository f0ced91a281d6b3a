/**
 * Native records among those of another format in the source topic, marked by a header: how an operator sends the full state of a group
 * where the source could not say what changed. The key is that of the topic's own records, so it is not compared with the group.
 */
import type { SourceFormat, SourceRecord } from '../core/change.ts';
import { headerText } from './headers.ts';
import { native } from './native.ts';

/** Its value is `native`. */
export const FORMAT_HEADER = 'rollcall-format';

const ANY_KEY = { partitionCount: 1 } as const;

const isNative = (record: SourceRecord): boolean =>
  record.headers.length > 0 && headerText(record, FORMAT_HEADER) === 'native';

export function besideNative(format: SourceFormat): SourceFormat {
  const { name, prepare } = format;
  return {
    name,
    decode: (record, topic) =>
      isNative(record) ? native.decode({ ...record, key: null }, ANY_KEY) : format.decode(record, topic),
    ...(prepare !== undefined && { prepare: (records) => prepare(records.filter((record) => !isNative(record))) }),
  };
}
