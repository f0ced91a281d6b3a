/** Debezium's changes as its CloudEventsConverter writes them: the envelope's fields are attributes, `data` has the rows. */
import type { SourceEvent } from '../core/change.ts';
import { isOtherTable, readChange, type RowReading } from './debezium-envelope.ts';
import { type Fields, fieldsIn, isFields, skip, textIn } from './reading.ts';
import { epochTime, timeIn } from './several.ts';

export const isCloudEvent = (fields: Fields): boolean =>
  'iodebeziumop' in fields && 'specversion' in fields && isFields(fields['data']);

export function readCloudEvent(fields: Fields, reading: RowReading): readonly SourceEvent[] {
  if (isOtherTable(fields['iodebeziumtable'], reading.options)) return [skip('other_table')];
  const data = fieldsIn(fields['data']);
  // With schemas enabled, the data is of the shape {"schema","payload"}.
  const { before, after } = isFields(data['payload']) ? data['payload'] : data;
  const told = {
    eventId: textIn(fields['id']),
    occurredAt: epochTime(fields['iodebeziumtsms']) ?? timeIn(fields['time']),
  };
  return readChange({ op: fields['iodebeziumop'], before, after, told }, reading);
}
