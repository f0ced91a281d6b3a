/**
 * A record of the input topic → its items for the reorder window; and how far each partition is passed on, which is
 * what may be committed.
 */
import { isChange, isUnread, type ChangeEvent, type Decoded, type SourceFormat } from '../../core/change/change.ts';
import { stampOf, type RecordStamp } from '../../core/log/commit-metadata.ts';
import { invalidLetter, type DeadLetter, type OriginalRecord } from '../../core/log/dead-letter.ts';
import { decodeRecord, type UnreadableBatch } from '../../core/log/reading.ts';
import { groupedByCode } from '../delivery.ts';
import type { RelayCommit } from '../ports.ts';
import type { Occurrence } from './reorder.ts';
import { NO_TIME, eventTime, type Entry } from './reorder.ts';

/** Where a record of the input topic lies, and what it holds. */
export interface InputRecord extends OriginalRecord, RecordStamp {
  readonly topic: string;
  readonly partition: number;
  readonly unreadable?: UnreadableBatch;
}

/** What is keyed by something else than the group, or not at all, is what this is for. */
export function decodedBy(format: SourceFormat, input: InputRecord): Decoded {
  const key = format.name === 'native' ? null : input.key;
  return decodeRecord(format, { ...input, key }, { partitionCount: 1 });
}

export interface ChangeItem {
  readonly kind: 'change';
  readonly event: ChangeEvent;
  readonly occurrence: Occurrence;
  readonly record: InputRecord;
}

interface DeadLetterItem {
  readonly kind: 'dead_letter';
  readonly code: string;
  readonly deadLetter: DeadLetter;
}

/** A record without a change is done when all before it in its partition is, like every other. */
interface EmptyItem {
  readonly kind: 'nothing';
}

export type Item = (ChangeItem | DeadLetterItem | EmptyItem) & {
  readonly partition: number;
  /** The record that is done with this item; null: more of it follows. */
  readonly last: RecordStamp | null;
};

/** In the order of the record's events. */
export function itemsOf(record: InputRecord, decoded: Decoded, deadLetterTopic: string): readonly Entry<Item>[] {
  const { partition } = record;
  const changes = changesOf(record, decoded);
  // Dead letters go with the first change of their record, so that a crash repeats both or neither.
  const turn: Turn = changes[0] ?? { time: NO_TIME, rank: 0 };
  const parts: Part[] = [...deadLettersOf(record, { decoded, turn, topic: deadLetterTopic }), ...changes];
  if (parts.length === 0) parts.push({ ...turn, size: 0, value: { kind: 'nothing' } });
  // All of its events share the bytes of the record, until the last of them is gone.
  const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  return parts.map(({ time, rank, value }, index) => ({
    time,
    rank,
    size: index === parts.length - 1 ? size : 0,
    value: { ...value, partition, last: index === parts.length - 1 ? stampOf(record) : null },
  }));
}

type Part = Entry<ChangeItem | DeadLetterItem | EmptyItem>;
type Turn = Pick<Part, 'time' | 'rank'>;

export function changesOf(record: InputRecord, decoded: Decoded): readonly Entry<ChangeItem>[] {
  return decoded.filter(isChange).map((event) => {
    const occurrence = { ...eventTime(event.occurredAt, record.timestamp), partition: record.partition };
    return {
      time: occurrence.at,
      rank: rankOf(event),
      size: 0,
      value: { kind: 'change' as const, event, occurrence, record },
    };
  });
}

/** Of the very same time the removal goes last: where the order is unknown, the smaller permission stands. */
const rankOf = (event: ChangeEvent): number => (event.kind === 'delta' && event.remove.length === 0 ? 0 : 1);

function deadLettersOf(
  record: InputRecord,
  { decoded, turn: { time, rank }, topic }: { readonly decoded: Decoded; readonly turn: Turn; readonly topic: string },
): Part[] {
  return groupedByCode(decoded.filter(isUnread)).map((grouped) => {
    const deadLetter = deadLetterOf(record, { topic, ...grouped });
    return { time, rank, size: 0, value: { kind: 'dead_letter', code: grouped.code, deadLetter } };
  });
}

/** Of a change that must not go on, since a newer one of the same members already has. */
export function supersededDeadLetter(
  topic: string,
  { event, occurrence, record }: ChangeItem,
  { superseded, newestAt }: { readonly superseded: readonly string[]; readonly newestAt: number | null },
): DeadLetter {
  const of =
    event.kind === 'state' ? `the full state of ${event.group}` : `the change of ${superseded.slice(0, 5).join(', ')}`;
  const times = `it happened ${at(occurrence.at)}, and a newer one of ${at(newestAt ?? 0)} has gone on already`;
  const message = `${of} came too late: ${times}. Raise INGEST_REORDER_MS if that happens often.`;
  return deadLetterOf(record, { topic, code: 'superseded', group: event.group, message });
}

const at = (microseconds: number): string => new Date(microseconds / 1000).toISOString();

function deadLetterOf(
  record: InputRecord,
  { topic, code, group, message }: { topic: string; code: string; group: string | null; message: string },
): DeadLetter {
  const { partition, offset, timestamp } = record;
  const source = { topic: record.topic, partition, offset, index: null, eventId: null, timestamp };
  return invalidLetter(topic, record, {
    source,
    group,
    failure: { code, message },
  });
}

export class Done {
  readonly #commits = new Map<number, RelayCommit>();

  clear(): void {
    this.#commits.clear();
  }

  /** These are acknowledged, and so are all before them in their partitions. */
  add(items: readonly Item[]): void {
    for (const { partition, last } of items) {
      if (last === null) continue;
      const timestamp = Math.max(last.timestamp, this.#commits.get(partition)?.timestamp ?? 0);
      this.#commits.set(partition, { partition, offset: last.offset + 1n, last, timestamp });
    }
  }

  uncommitted(): readonly RelayCommit[] {
    return [...this.#commits.values()];
  }

  /** Where more has been done meanwhile, that stays. */
  committed(commits: readonly RelayCommit[]): void {
    for (const commit of commits) {
      if (this.#commits.get(commit.partition) === commit) this.#commits.delete(commit.partition);
    }
  }
}
