/** What one record of the source says, and of which groups. */
import {
  idKey,
  isChange,
  type ChangeEvent,
  type ChangeSource,
  type SourceEvent,
  type SourceFormat,
} from '../core/change/change.ts';
import type { Evidence } from '../core/explain/evidence.ts';
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
  const { record, wanted } = read;
  const changes = changesIn(read);
  const ofGroup = changes.filter(({ event }) => wanted.has(idKey(event.group)));
  if (ofGroup.length === 0) return false;
  const actorOf = actorsIn(record.value, changes[0]?.eventCount ?? 1);
  for (const { event, source } of ofGroup) evidence.takeEvent({ event, source, actor: actorOf(event.eventId) });
  return true;
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
