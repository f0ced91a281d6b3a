/** Dead-letter records (protocol.md 3.4): one per dead intent, and one per invalid source record with its original bytes. */
import type { Failure } from '../target/refusals.ts';
import type { ChangeSource, Intent } from '../change/change.ts';
import { offsetText } from '../change/change.ts';
import { stateValue } from './live-record.ts';
import type { Headers, Trouble } from './wire-intent.ts';
import { textHeader } from './wire-intent.ts';

const TRUNCATED = 'rollcall-truncated';

export interface DeadLetter {
  readonly topic: string;
  readonly partition: null;
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: Headers;
}

/** @param intent a dead one. */
export function deadLetter(
  topic: string,
  intent: Intent,
  { failure, trouble }: { failure: Failure; trouble: Trouble | null },
): DeadLetter {
  const firstFailureAt = trouble?.firstFailureAt ?? intent.dead?.at ?? 0;
  return {
    topic,
    partition: null,
    key: intent.group,
    value: stateValue(intent.group, [intent]),
    headers: [
      ...reasonHeaders(intent.dead?.reason ?? 'rejected', failure),
      ...originHeaders(intent.source),
      textHeader('rollcall-attempt', String(intent.attempt)),
      textHeader('rollcall-first-failure-at', String(firstFailureAt)),
    ],
  };
}

export interface OriginalRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
}

/** Key, value and headers as they came, save headers that only we may write. */
export function invalidLetter(
  topic: string,
  original: OriginalRecord,
  { source, group, failure }: { source: ChangeSource; group: string | null; failure: Reason },
): DeadLetter {
  return {
    topic,
    partition: null,
    key: group ?? original.key,
    value: original.value,
    headers: [
      ...original.headers.filter(([name]) => !name.startsWith('rollcall-')),
      ...reasonHeaders('invalid', failure),
      ...originHeaders(source),
    ],
  };
}

/** What the copies of one record's bytes may come to, beside the first: a list of 100,000 bad events is copied no 100,000 times. */
const COPIES_BYTES_MAX = 1024 * 1024;

/** @param copies how many letters of the same source record hold its bytes already. */
export function oneOfMany(letter: DeadLetter, copies: number): DeadLetter {
  const own = letter.headers.filter(([name]) => name.startsWith('rollcall-'));
  const others = letter.headers.filter(([name]) => !name.startsWith('rollcall-'));
  const bytes = others.reduce((sum, [name, value]) => sum + name.length + value.length, bytesOf(letter.value).length);
  if (copies * bytes <= COPIES_BYTES_MAX) return letter;
  return marked({ ...letter, value: new Uint8Array(), headers: own });
}

/** A value below this is dropped rather than halved. */
const HALVED_BYTES_MIN = 512;
/** Of a key that is cut; no group id is longer. */
const KEY_BYTES_MAX = 256;

/**
 * The next smaller form of a dead letter that the broker refuses as too large: half of its value, and so on down to no
 * value; then without the headers that came with the source record, then with its key cut, then without the error's text.
 * null: only what says where it came from, and why, is left.
 */
export function smaller<R extends Pick<DeadLetter, 'key' | 'value' | 'headers'>>(letter: R): R | null {
  const { headers } = letter;
  const value = bytesOf(letter.value);
  const key = bytesOf(letter.key);
  if (value.length > 0) {
    const length = value.length < HALVED_BYTES_MIN ? 0 : Math.ceil(value.length / 2);
    return marked({ ...letter, value: value.subarray(0, length) });
  }
  const own = headers.filter(([name]) => name.startsWith('rollcall-'));
  if (own.length < headers.length) return marked({ ...letter, headers: own });
  if (key.length > KEY_BYTES_MAX) return marked({ ...letter, key: key.subarray(0, KEY_BYTES_MAX) });
  const short = headers.filter(([name]) => name !== 'rollcall-error-message');
  return short.length < headers.length ? marked({ ...letter, headers: short }) : null;
}

const bytesOf = (content: Uint8Array | string | null): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : (content ?? new Uint8Array());

/** Says that something is missing. */
function marked<R extends Pick<DeadLetter, 'headers'>>(letter: R): R {
  if (letter.headers.some(([name]) => name === TRUNCATED)) return letter;
  return { ...letter, headers: [...letter.headers, textHeader(TRUNCATED, 'true')] };
}

type Reason = Pick<Failure, 'code' | 'message'>;

const reasonHeaders = (reason: string, failure: Reason): Headers => [
  textHeader('rollcall-reason', reason),
  textHeader('rollcall-error-code', failure.code),
  textHeader('rollcall-error-message', failure.message),
];

const originHeaders = ({ topic, partition, timestamp, ...at }: ChangeSource): Headers => [
  textHeader('rollcall-original-topic', topic),
  textHeader('rollcall-original-partition', String(partition)),
  textHeader('rollcall-original-offset', offsetText(at)),
  textHeader('rollcall-original-timestamp', String(timestamp)),
];
