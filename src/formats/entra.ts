/**
 * Microsoft Entra ID, three sources in one format, told apart entry by entry: groups of a Graph delta query, audit log
 * entries (Azure Monitor or Graph), and Graph change notifications. They come alone, in lists, in pages (`value[]`) and
 * in batches of Azure Monitor (`records[]`).
 */
import type { SourceEvent } from '../core/change.ts';
import type { Reader } from './reader.ts';
import { isAudit, readAudit } from './entra-audit.ts';
import { isGroup, readGroup } from './entra-group.ts';
import { isNotification, readNotification } from './entra-notification.ts';
import { type Fields, fieldsIn, invalid, isFields, textIn } from './reading.ts';
import { readEvents } from './several.ts';

export const entra: Reader = {
  name: 'entra',
  recognizes,
  decode: (record) => readEvents(record, eventsIn),
};

const GRAPH_NAMES = [
  '@odata.context',
  '@odata.type',
  '@odata.id',
  '@odata.nextLink',
  '@odata.deltaLink',
  '@removed',
  'members@delta',
  'owners@delta',
] as const;

function recognizes(fields: Fields): boolean {
  if (GRAPH_NAMES.some((name) => name in fields) || isOfAuditLog(fields) || isOfSubscription(fields)) return true;
  const entries = Array.isArray(fields['records']) ? fields['records'] : fields['value'];
  if (!Array.isArray(entries)) return false;
  return entries.some(
    (entry) => isFields(entry) && (isOfAuditLog(entry) || isOfSubscription(entry) || '@removed' in entry),
  );
}

/** Columns of a Log Analytics export begin with capitals. */
const isOfAuditLog = (fields: Fields): boolean =>
  'targetResources' in fields ||
  'TargetResources' in fields ||
  fields['category'] === 'AuditLogs' ||
  fields['Type'] === 'AuditLogs' ||
  'targetResources' in fieldsIn(fields['properties']);

const isOfSubscription = (fields: Fields): boolean =>
  'subscriptionId' in fields && ('changeType' in fields || 'lifecycleEvent' in fields);

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
