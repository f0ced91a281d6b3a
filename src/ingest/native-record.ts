/**
 * A change of an identity provider as a native record, keyed by its group (protocol.md 3.1, 5.3). Pure, and true to the
 * native format: what it reads from the record is the same change.
 */
import { type ChangeEvent, isChange, type SourceEvent } from '../core/change/change.ts';
import { idKey } from '../core/change/id-key.ts';
import { isRfc3339 } from '../formats/native/native.ts';
import type { OutRecord } from '../ports.ts';

export interface NativeRecord {
  /** The group, in one spelling: what decides the partition, and so keeps its order. */
  readonly key: string;
  /** JSON. */
  readonly value: string;
}

export function nativeRecord(event: ChangeEvent): NativeRecord {
  const { group, eventId, occurredAt } = event;
  const optional = {
    ...(eventId !== null && { event_id: eventId }),
    // For people alone; in another spelling it would make the whole record unreadable.
    ...(isRfc3339(occurredAt) && { occurred_at: occurredAt }),
  };
  return { key: idKey(group), value: JSON.stringify({ group_id: group, ...membersOf(event), ...optional }) };
}

/** Of all changes among the events, for the topic. */
export const nativeRecords = (events: readonly SourceEvent[], topic: string): readonly OutRecord[] =>
  events.filter(isChange).map((event) => ({ topic, partition: null, headers: [], ...nativeRecord(event) }));

function membersOf(event: ChangeEvent): object {
  if (event.kind === 'delta') return { add_members: event.add, remove_members: event.remove };
  return { members: event.members, complete: true, ...(event.deleted && { deleted: true }) };
}
