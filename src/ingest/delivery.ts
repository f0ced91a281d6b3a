/** Writes records so that none is lost: what the broker refuses as too large goes to the dead-letter topic, cut to fit. */
import { truncated } from '../core/dead-letter.ts';
import { invalid } from '../formats/reading.ts';
import type { OutRecord } from '../ports.ts';
import { deadLetters, type Origin } from './dead-letter.ts';
import type { SendQueue, Turn } from './send-queue.ts';

export interface Delivery {
  readonly queue: Pick<SendQueue, 'offer'>;
  readonly deadLetterTopic: string;
  /** Where the records come from. Without the bytes that came, letters hold those of the record. */
  readonly origin: Pick<Origin, 'source' | 'at'> & Partial<Origin>;
  /** Rejects with UnwantedError where it says `never`. */
  readonly turn?: Turn;
}

/** Of a record that does not fit. */
const CUT_BYTES = 64 * 1024;

/** Resolves when all are acknowledged: how many did not fit. null: the queue is full, nothing is written. */
export function deliver(records: readonly OutRecord[], delivery: Delivery): Promise<number> | null {
  if (records.length === 0) return Promise.resolve(0);
  const { queue, turn } = delivery;
  const written = queue.offer(records, turn);
  if (written === null) return null;
  return written.then(async (outcomes) => {
    const refused = records.filter((_, index) => outcomes[index] === 'too_large');
    const letters = refused.flatMap((record) => lettersOf(record, delivery));
    // The room of what they replace has just become free.
    if (letters.length > 0) await (queue.offer(letters, turn) ?? noRoom());
    return refused.length;
  });
}

/** As `deliver`, for whoever offers one thing after the other, and so never finds the queue full. */
export async function deliverNext(records: readonly OutRecord[], delivery: Delivery): Promise<number> {
  return deliver(records, delivery) ?? noRoom();
}

function noRoom(): never {
  throw new Error('the queue before Kafka is full');
}

function lettersOf(record: OutRecord, { deadLetterTopic, origin }: Delivery): readonly OutRecord[] {
  const { topic, key, headers } = record;
  if (topic === deadLetterTopic) return [truncated({ ...record, partition: null }, CUT_BYTES)];
  const message = `The record of this change does not fit; raise max.message.bytes of ${topic}.`;
  const problem = invalid('too_large', message, typeof key === 'string' ? key : null);
  const value = typeof record.value === 'string' ? Buffer.from(record.value) : (record.value ?? new Uint8Array());
  return deadLetters(deadLetterTopic, [problem], { value, headers, ...origin }).map((letter) =>
    truncated(letter, CUT_BYTES),
  );
}
