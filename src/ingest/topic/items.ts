/** A record of the input topic → what of it goes through the reorder window. Pure. */
import type { Decoded, Delta, FullState, Hint, Invalid, SourceEvent } from '../../core/change.ts';
import { type DeadLetter, invalidLetter, type OriginalRecord } from '../../core/dead-letter.ts';
import { eventTime } from './event-time.ts';
import type { Occurrence } from './last-released.ts';
import type { Entry } from './reorder.ts';

/** Where a record of the input topic lies, and what it holds. */
export interface InputRecord extends OriginalRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Epoch ms. */
  readonly timestamp: number;
}

export interface Change {
  readonly kind: 'change';
  readonly event: Delta | FullState;
  readonly occurrence: Occurrence;
  readonly record: InputRecord;
}

export interface Letter {
  readonly kind: 'letter';
  readonly code: string;
  readonly letter: DeadLetter;
}

/** A record without a change is done when its turn comes, like every other. */
export interface Nothing {
  readonly kind: 'nothing';
}

export type Item = (Change | Letter | Nothing) & {
  readonly partition: number;
  /** The record that is done with this item; null: more of it follows. */
  readonly last: Pick<InputRecord, 'offset' | 'timestamp'> | null;
};

/** In the order of the record's events. */
export function itemsOf(record: InputRecord, decoded: Decoded, deadLetterTopic: string): readonly Entry<Item>[] {
  const { partition, offset, timestamp } = record;
  const parts: Part[] = [...lettersOf(record, decoded, deadLetterTopic), ...changesOf(record, decoded)];
  if (parts.length === 0) parts.push({ time: timestamp * 1000, rank: 0, value: { kind: 'nothing' } });
  return parts.map(({ time, rank, value }, index) => ({
    time,
    rank,
    value: { ...value, partition, last: index === parts.length - 1 ? { offset, timestamp } : null },
  }));
}

type Part = Entry<Change | Letter | Nothing>;

export function changesOf(record: InputRecord, decoded: Decoded): readonly Entry<Change>[] {
  return decoded.filter(isChange).map((event) => {
    const occurrence = { ...eventTime(event.occurredAt, record.timestamp), partition: record.partition };
    return { time: occurrence.at, rank: rankOf(event), value: { kind: 'change' as const, event, occurrence, record } };
  });
}

/** Of the very same time the removal goes last: where the order cannot be told, the smaller permission stands. */
const rankOf = (event: Delta | FullState): number => (event.kind === 'delta' && event.remove.length === 0 ? 0 : 1);

/** One for each code, as each holds all of the record's bytes, which may tell of thousands of events. */
function lettersOf(record: InputRecord, decoded: Decoded, topic: string): Part[] {
  const unread = decoded.filter(isUnread);
  return [...new Set(unread.map(({ code }) => code))].map((code) => {
    const [first, ...others] = unread.filter((event) => event.code === code);
    const more = others.length === 0 ? '' : ` (and ${others.length} more of the same kind)`;
    const group = others.every((other) => other.group === first?.group) ? (first?.group ?? null) : null;
    const letter = letterOf(record, { topic, code, group, message: `${first?.message ?? ''}${more}` });
    return { time: record.timestamp * 1000, rank: 0, value: { kind: 'letter', code, letter } };
  });
}

/** Of a change that must not go on, since a newer one of the same members already has. */
export function supersededLetter(
  topic: string,
  { event, occurrence, record }: Change,
  { superseded, newestAt }: { readonly superseded: readonly string[]; readonly newestAt: number | null },
): DeadLetter {
  const of =
    event.kind === 'state' ? `the full state of ${event.group}` : `the change of ${superseded.slice(0, 5).join(', ')}`;
  const times = `it happened ${at(occurrence.at)}, and a newer one of ${at(newestAt ?? 0)} has gone on already`;
  const message = `${of} came too late: ${times}. Raise INGEST_REORDER_MS if that happens often.`;
  return letterOf(record, { topic, code: 'superseded', group: event.group, message });
}

const at = (microseconds: number): string => new Date(microseconds / 1000).toISOString();

function letterOf(
  record: InputRecord,
  { topic, code, group, message }: { topic: string; code: string; group: string | null; message: string },
): DeadLetter {
  const { partition, offset, timestamp } = record;
  const source = { topic: record.topic, partition, offset, index: null, eventId: null, timestamp };
  return invalidLetter(topic, record, {
    source,
    group,
    failure: { code, message, status: null, scimType: null, advice: '' },
  });
}

const isChange = (event: SourceEvent): event is Delta | FullState => event.kind === 'delta' || event.kind === 'state';
const isUnread = (event: SourceEvent): event is Hint | Invalid => event.kind === 'hint' || event.kind === 'invalid';
