/** What one record of the source says, and of which groups. */
import {
  idKey,
  isChange,
  type ChangeEvent,
  type ChangeSource,
  type SourceEvent,
  type SourceFormat,
} from '../core/change/change.ts';
import type { Evidence, GroupEvent } from '../core/explain/evidence.ts';
import { decodeRecord } from '../core/log/reading.ts';
import { actorsIn } from '../formats/actor.ts';
import type { TopicRecord } from '../ports.ts';

interface SourceRecordRead {
  readonly record: TopicRecord;
  readonly topic: string;
  readonly partitionCount: number;
  readonly format: SourceFormat;
  /** Groups that are asked for, by `idKey`. */
  readonly wanted: ReadonlySet<string>;
}

/** What a record says of the group that is asked for. @returns whether it says anything of it */
export function takeSourceRecord(read: SourceRecordRead, evidence: Evidence): boolean {
  const events = groupEventsIn(read);
  for (const event of events) evidence.takeEvent(event);
  return events.length > 0;
}

/** What a record says of the groups that are asked for. */
export function groupEventsIn(read: SourceRecordRead): readonly GroupEvent[] {
  const { record, wanted } = read;
  const changes = changesIn(read);
  const ofGroups = changes.filter(({ event }) => wanted.has(idKey(event.group)));
  if (ofGroups.length === 0) return [];
  const actorOf = actorsIn(record.value, changes[0]?.eventCount ?? 1);
  return ofGroups.map(({ event, source }) => ({ event, source, actor: actorOf(event.eventId) }));
}

export interface PlacedEvent<E> {
  readonly event: E;
  readonly source: ChangeSource;
  /** Of its record, changes or not. */
  readonly eventCount: number;
}

/** What a record of the source tells of. */
export function eventsIn(read: Omit<SourceRecordRead, 'wanted'>): readonly PlacedEvent<SourceEvent>[] {
  const { record, topic, format } = read;
  const events = decodeRecord(format, record, read);
  return events.map((event, at) => ({
    event,
    source: {
      topic,
      partition: record.partition,
      offset: record.offset,
      index: events.length > 1 ? at : null,
      eventId: isChange(event) ? event.eventId : null,
      timestamp: record.timestamp,
    },
    eventCount: events.length,
  }));
}

/** The changes that a record of the source tells of. */
export const changesIn = (read: Omit<SourceRecordRead, 'wanted'>): readonly PlacedEvent<ChangeEvent>[] =>
  eventsIn(read).filter((each): each is PlacedEvent<ChangeEvent> => isChange(each.event));
