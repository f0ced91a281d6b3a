/** Writes records so that none is lost: what the broker refuses as too large goes to the dead-letter topic, cut to fit. */
import { truncated } from '../core/dead-letter.ts';
import { invalid } from '../formats/reading.ts';
import type { OutRecord, SendOutcome } from '../ports.ts';
import { deadLetters } from './dead-letter.ts';
import type { SendQueue } from './send-queue.ts';

export interface Delivery {
  readonly queue: SendQueue;
  readonly deadLetterTopic: string;
  /** Where the records come from, such as `poll/okta`. */
  readonly source: string;
  /** Epoch ms. */
  readonly at: number;
}

/** Of a record that does not fit. */
const CUT_BYTES = 64 * 1024;

/** Resolves when all are acknowledged. @returns how many did not fit */
export async function deliver(records: readonly OutRecord[], delivery: Delivery): Promise<number> {
  const outcomes = await offer(records, delivery.queue);
  const refused = records.filter((_, index) => outcomes[index] === 'too_large');
  const letters = refused.flatMap((record) => letterOf(record, delivery));
  if (letters.length > 0) await offer(letters, delivery.queue);
  return refused.length;
}

async function offer(records: readonly OutRecord[], queue: SendQueue): Promise<readonly SendOutcome[]> {
  if (records.length === 0) return [];
  const outcomes = await queue.offer(records);
  // Who offers one thing after the other never finds it full.
  if (outcomes === null) throw new Error('the queue before Kafka is full');
  return outcomes;
}

function letterOf(record: OutRecord, { deadLetterTopic, source, at }: Delivery): readonly OutRecord[] {
  const { topic, key, headers } = record;
  const value = typeof record.value === 'string' ? Buffer.from(record.value) : (record.value ?? new Uint8Array());
  if (topic === deadLetterTopic) return [truncated({ ...record, partition: null }, CUT_BYTES)];
  const message = `The change does not fit; raise max.message.bytes of ${topic}.`;
  const problem = invalid('too_large', message, typeof key === 'string' ? key : null);
  return deadLetters(deadLetterTopic, [problem], { source, at, value, headers }).map((letter) =>
    truncated(letter, CUT_BYTES),
  );
}
