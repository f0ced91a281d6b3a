/**
 * Room ingest: identity providers that do not speak Kafka → native records: what the three ways share.
 * Not here: what an event means (formats).
 *
 * Writes records so that none is lost: what the broker refuses goes to the dead-letter topic, cut until it fits. What does not
 * fit there either is not acknowledged.
 */
import type { Hint, Invalid } from '../core/change/change.ts';
import { idKey, isChange, type ChangeEvent, type SourceEvent } from '../core/change/change.ts';
import type { DeadLetter } from '../core/log/dead-letter.ts';
import { smaller } from '../core/log/dead-letter.ts';
import { textHeader, type Headers } from '../core/log/wire-intent.ts';
import { writePauseMs } from '../core/target/retry.ts';
import { isRfc3339 } from '../formats/native/native.ts';
import { invalid } from '../formats/reading/reading.ts';
import type { Logger, OutRecord, SendOutcome } from '../ports.ts';
import type { SendQueue, Turn } from './send-queue.ts';

export interface Delivery {
  readonly queue: Pick<SendQueue, 'offer' | 'pause'>;
  readonly deadLetterTopic: string;
  /** Where the records come from. Without the bytes that came, dead letters hold those of the record. */
  readonly origin: Pick<Origin, 'source' | 'at'> & Partial<Origin>;
  /** Rejects with UnwantedError where it says `never`. */
  readonly turn?: Turn;
}

/** The dead-letter topic takes no dead letter, however small. */
export class UnwrittenError extends Error {
  override name = 'UnwrittenError';
  readonly deadLetters: readonly OutRecord[];

  constructor(deadLetters: readonly OutRecord[], reason: string) {
    super(`the dead-letter topic ${deadLetters[0]?.topic} does not take a record: ${reason}`);
    this.deadLetters = deadLetters;
  }
}

/**
 * Resolves when all are acknowledged: how many were refused. Rejects with UnwrittenError where a dead letter is refused.
 * null: the queue is full, nothing is written.
 */
export function deliver(records: readonly OutRecord[], delivery: Delivery): Promise<number> | null {
  if (records.length === 0) return Promise.resolve(0);
  const written = delivery.queue.offer(records, delivery.turn);
  if (written === null) return null;
  return written.then(async (outcomes) => {
    const refused = unwritten(records, outcomes);
    await writeDeadLetters(
      refused.flatMap(([record, outcome]) => deadLettersOf(record, outcome, delivery)),
      delivery,
    );
    return refused.length;
  });
}

/**
 * As `deliver`, for a caller that offers one thing after the other, and so never finds the queue full: dead letters that are
 * refused are tried again until they are taken.
 */
export async function deliverNext(
  records: readonly OutRecord[],
  delivery: Delivery & { readonly logger: Pick<Logger, 'error'> },
): Promise<number> {
  try {
    return await (deliver(records, delivery) ?? noRoom());
  } catch (error) {
    if (!(error instanceof UnwrittenError)) throw error;
    await insist(error, delivery);
    return error.deadLetters.length;
  }
}

const LOG_EVERY_MS = 60_000;

async function insist(first: UnwrittenError, delivery: Parameters<typeof deliverNext>[1]): Promise<void> {
  let sinceLogMs = LOG_EVERY_MS;
  for (let error: UnwrittenError | null = first, failures = 1; error !== null; failures += 1) {
    const delayMs = writePauseMs(failures);
    if (sinceLogMs >= LOG_EVERY_MS) {
      delivery.logger.error(
        { error: error.message },
        'a dead letter is refused, trying again; nothing goes on before it',
      );
      sinceLogMs = 0;
    }
    sinceLogMs += delayMs;
    await delivery.queue.pause(delayMs);
    error = await writeDeadLetters(error.deadLetters, delivery).then(
      () => null,
      (again: unknown) => {
        if (again instanceof UnwrittenError) return again;
        throw again;
      },
    );
  }
}

/** Each is cut until it fits. */
async function writeDeadLetters(deadLetters: readonly OutRecord[], { queue, turn }: Delivery): Promise<void> {
  const hopeless: OutRecord[] = [];
  let reason = '';
  for (let left = deadLetters; left.length > 0;) {
    // The room of what they replace has just become free.
    const refused = unwritten(left, await (queue.offer(left, turn) ?? noRoom()));
    left = refused.flatMap(([deadLetter, outcome]) => {
      const next = outcome === 'too_large' ? smaller(deadLetter) : null;
      if (next === null) {
        hopeless.push(deadLetter);
        reason = reasonOf(outcome);
      }
      return next ?? [];
    });
  }
  if (hopeless.length > 0) throw new UnwrittenError(hopeless, reason);
}

function unwritten(
  records: readonly OutRecord[],
  outcomes: readonly SendOutcome[],
): readonly (readonly [OutRecord, SendOutcome | undefined])[] {
  return records
    .map((record, index) => [record, outcomes[index]] as const)
    .filter(([, outcome]) => outcome !== 'written');
}

const reasonOf = (outcome: SendOutcome | undefined): string =>
  typeof outcome === 'object' ? outcome.error.message : 'MESSAGE_TOO_LARGE';

function noRoom(): never {
  throw new Error('the queue before Kafka is full');
}

function deadLettersOf(
  record: OutRecord,
  outcome: SendOutcome | undefined,
  { deadLetterTopic, origin }: Delivery,
): readonly OutRecord[] {
  const { topic, key, headers } = record;
  // It is cut where it is sent again.
  if (topic === deadLetterTopic) return [record];
  const problem =
    outcome === 'too_large'
      ? invalid(
          'too_large',
          `The record of this change does not fit; raise max.message.bytes of ${topic}.`,
          groupOf(key),
        )
      : invalid('refused', `${topic} does not take the record of this change: ${reasonOf(outcome)}`, groupOf(key));
  const value = typeof record.value === 'string' ? Buffer.from(record.value) : (record.value ?? new Uint8Array());
  return deadLettersFor(deadLetterTopic, [problem], { value, headers, ...origin });
}

const groupOf = (key: OutRecord['key']): string | null => (typeof key === 'string' ? key : null);

/*
 * Dead letters of what never was a Kafka record (protocol.md 3.4): in the place of topic, partition and offset their headers
 * say where it came from.
 */

export interface Origin {
  /** Such as `webhook/okta`. */
  readonly source: string;
  /** Epoch ms of its arrival. */
  readonly at: number;
  readonly value: Uint8Array;
  readonly headers: Headers;
}

export interface InvalidGroup {
  readonly code: string;
  readonly message: string;
  /** null: none is named, or several are. */
  readonly group: string | null;
}

/** One for each code, since each dead letter holds all of the bytes, which may tell of thousands of events. */
export function groupedByCode(events: readonly (Hint | Invalid)[]): readonly InvalidGroup[] {
  const codes = new Set(events.map(({ code }) => code));
  return [...codes].map((code) => {
    const [first, ...others] = events.filter((event) => event.code === code);
    const isOfOneGroup = others.every(({ group }) => group === first?.group);
    const more = others.length === 0 ? '' : ` (and ${others.length} more of the same kind)`;
    return { code, message: `${first?.message ?? ''}${more}`, group: isOfOneGroup ? (first?.group ?? null) : null };
  });
}

/** Keyed by the group. */
export const deadLettersFor = (
  topic: string,
  events: readonly (Hint | Invalid)[],
  origin: Origin,
): readonly DeadLetter[] =>
  groupedByCode(events).map(({ code, message, group }) => ({
    topic,
    partition: null,
    key: group,
    value: origin.value,
    headers: [
      ...origin.headers.filter(([name]) => !name.startsWith('rollcall-')),
      textHeader('rollcall-reason', 'invalid'),
      textHeader('rollcall-error-code', code),
      textHeader('rollcall-error-message', message),
      textHeader('rollcall-original-source', origin.source),
      textHeader('rollcall-original-timestamp', String(origin.at)),
    ],
  }));

/*
 * A change of an identity provider as a native record, keyed by its group (protocol.md 3.1, 5.3). Pure, and true to the
 * native format: what it reads from the record is the same change.
 */

export interface NativeRecord {
  /** The group, in one spelling: what decides the partition, and so keeps its order. */
  readonly key: string;
  /** JSON. */
  readonly value: string;
}

/** @param more fields for people, which the format does not read. */
export function nativeRecord(event: ChangeEvent, more: object = {}): NativeRecord {
  const { group, eventId, occurredAt } = event;
  const optional = {
    ...(eventId !== null && { event_id: eventId }),
    // For people alone; in another spelling it would make the whole record unreadable.
    ...(isRfc3339(occurredAt) && { occurred_at: occurredAt }),
  };
  return { key: idKey(group), value: JSON.stringify({ group_id: group, ...membersOf(event), ...optional, ...more }) };
}

/** Of all changes among the events, for the topic. */
export const nativeRecords = (events: readonly SourceEvent[], topic: string): readonly OutRecord[] =>
  events.filter(isChange).map((event) => ({ topic, partition: null, headers: [], ...nativeRecord(event) }));

function membersOf(event: ChangeEvent): object {
  if (event.kind === 'delta') return { add_members: event.add, remove_members: event.remove };
  return { members: event.members, complete: true, ...(event.deleted && { deleted: true }) };
}
