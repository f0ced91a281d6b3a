/**
 * Microsoft Entra ID, three sources in one format, told apart entry by entry: groups of a Graph delta query, audit log
 * entries (Azure Monitor or Graph), and Graph change notifications. They come alone, in lists, in pages (`value[]`) and
 * in batches of Azure Monitor (`records[]`).
 */
import type { SourceEvent, SourceFormat } from '../core/change.ts';
import { isAudit, readAudit } from './entra-audit.ts';
import { isGroup, readGroup } from './entra-group.ts';
import { isNotification, readNotification } from './entra-notification.ts';
import { invalid, isFields, textIn } from './reading.ts';
import { readEvents } from './several.ts';

export const entra: SourceFormat = {
  name: 'entra',
  decode: (record) => readEvents(record, eventsIn),
};

function eventsIn(json: unknown): readonly SourceEvent[] {
  if (Array.isArray(json)) return json.flatMap((entry) => readEntry(entry, null));
  if (!isFields(json)) return [unknownShape];
  const { records, value } = json;
  if (Array.isArray(records)) return records.flatMap((entry) => readEntry(entry, null));
  if (Array.isArray(value)) {
    const context = textIn(json['@odata.context']);
    return value.flatMap((entry) => readEntry(entry, context));
  }
  return readEntry(json, textIn(json['@odata.context']));
}

function readEntry(entry: unknown, context: string | null): readonly SourceEvent[] {
  if (!isFields(entry)) return [unknownShape];
  if (isNotification(entry)) return readNotification(entry);
  if (isAudit(entry)) return [readAudit(entry)];
  return isGroup(entry, context) ? readGroup(entry, context) : [unknownShape];
}

const unknownShape = invalid(
  'schema',
  'This is neither a group of a delta query, nor an audit log entry, nor a change notification. Send the answers of ' +
    'groups/delta, the diagnostic records of the category AuditLogs, or the notifications as they are.',
);
