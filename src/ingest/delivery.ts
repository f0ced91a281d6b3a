/**
 * Writes records so that none is lost: what the broker refuses goes to the dead-letter topic, cut until it fits. What does not
 * fit there either is not acknowledged.
 */
import { smaller } from '../core/dead-letter.ts';
import { writePauseMs } from '../core/backoff.ts';
import { invalid } from '../formats/reading.ts';
import type { Logger, OutRecord, SendOutcome } from '../ports.ts';
import { deadLetters, type Origin } from './dead-letter.ts';
import type { SendQueue, Turn } from './send-queue.ts';

export interface Delivery {
  readonly queue: Pick<SendQueue, 'offer' | 'pause'>;
  readonly deadLetterTopic: string;
  /** Where the records come from. Without the bytes that came, letters hold those of the record. */
  readonly origin: Pick<Origin, 'source' | 'at'> & Partial<Origin>;
  /** Rejects with UnwantedError where it says `never`. */
  readonly turn?: Turn;
}

/** The dead-letter topic does not take a letter, however small. */
export class UnwrittenError extends Error {
  override name = 'UnwrittenError';
  readonly letters: readonly OutRecord[];

  constructor(letters: readonly OutRecord[], reason: string) {
    super(`the dead-letter topic ${letters[0]?.topic} does not take a record: ${reason}`);
    this.letters = letters;
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
    await writeLetters(
      refused.flatMap(([record, outcome]) => lettersOf(record, outcome, delivery)),
      delivery,
    );
    return refused.length;
  });
}

/**
 * As `deliver`, for a caller that offers one thing after the other, and so never finds the queue full: letters that are refused
 * are tried again until they are taken.
 */
export async function deliverNext(
  records: readonly OutRecord[],
  delivery: Delivery & { readonly log: Pick<Logger, 'error'> },
): Promise<number> {
  try {
    return await (deliver(records, delivery) ?? noRoom());
  } catch (error) {
    if (!(error instanceof UnwrittenError)) throw error;
    await insist(error, delivery);
    return error.letters.length;
  }
}

const LOG_EVERY_MS = 60_000;

async function insist(first: UnwrittenError, delivery: Parameters<typeof deliverNext>[1]): Promise<void> {
  let sinceLogMs = LOG_EVERY_MS;
  for (let error: UnwrittenError | null = first, failures = 1; error !== null; failures += 1) {
    const delayMs = writePauseMs(failures);
    if (sinceLogMs >= LOG_EVERY_MS) {
      delivery.log.error({ error: error.message }, 'a dead letter is refused, trying again; nothing goes on before it');
      sinceLogMs = 0;
    }
    sinceLogMs += delayMs;
    await delivery.queue.pause(delayMs);
    error = await writeLetters(error.letters, delivery).then(
      () => null,
      (again: unknown) => {
        if (again instanceof UnwrittenError) return again;
        throw again;
      },
    );
  }
}

/** Each is cut until it fits. */
async function writeLetters(letters: readonly OutRecord[], { queue, turn }: Delivery): Promise<void> {
  const hopeless: OutRecord[] = [];
  let reason = '';
  for (let left = letters; left.length > 0;) {
    // The room of what they replace has just become free.
    const refused = unwritten(left, await (queue.offer(left, turn) ?? noRoom()));
    left = refused.flatMap(([letter, outcome]) => {
      const next = outcome === 'too_large' ? smaller(letter) : null;
      if (next === null) {
        hopeless.push(letter);
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

function lettersOf(
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
  return deadLetters(deadLetterTopic, [problem], { value, headers, ...origin });
}

const groupOf = (key: OutRecord['key']): string | null => (typeof key === 'string' ? key : null);
