/** Debezium's changes as its CloudEventsConverter writes them: the envelope's fields are attributes, `data` has the rows. */
import type { SourceEvent } from '../core/change.ts';
import type { RowReading } from './debezium-change.ts';
import { otherTable, readChange } from './debezium-envelope.ts';
import { isOtherTable, type RowOrigin } from './debezium-table.ts';
import { type Fields, fieldsIn, isFields, textIn } from './reading.ts';
import { encoded } from './schema-registry.ts';
import { epochTime, timeIn } from './several.ts';

export const isCloudEvent = (fields: Fields): boolean =>
  'iodebeziumop' in fields && 'specversion' in fields && 'data' in fields;

export function readCloudEvent(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  if (isOtherTable(originOf(fields), reading.options.table)) return [otherTable];
  // Avro, as bytes in base64.
  if (typeof fields['data'] === 'string') return [encoded];
  const data = fieldsIn(fields['data']);
  // With schemas enabled, the data is of the shape {"schema","payload"}.
  const { before, after } = isFields(data['payload']) ? data['payload'] : data;
  const header = {
    eventId: textIn(fields['id']),
    occurredAt: epochTime(fields['iodebeziumtsms']) ?? timeIn(fields['time']),
  };
  return readChange({ op: fields['iodebeziumop'], before, after, header }, { ...reading, schema: data['schema'] });
}

const originOf = (fields: Fields): RowOrigin => ({
  table: fields['iodebeziumtable'] ?? fields['iodebeziumcollection'],
  schema: fields['iodebeziumschema'],
  keyspace: fields['iodebeziumkeyspace'],
  db: fields['iodebeziumdb'],
  name: fields['iodebeziumname'],
});
