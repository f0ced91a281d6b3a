/** Dead-letter records (design 5.3): one per dead intent, and one per invalid source record with its original bytes. */
import type { ChangeSource, Intent } from './change.ts';
import { offsetText } from './position.ts';
import { stateValue } from './live-record.ts';
import type { Failure } from './outcome.ts';
import type { Headers, Trouble } from './record-headers.ts';
import { textHeader } from './record-headers.ts';

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

/** What does not fit is written all the same, with its value cut. */
export function truncated(letter: DeadLetter, lengthMax: number): DeadLetter {
  const value = typeof letter.value === 'string' ? new TextEncoder().encode(letter.value) : letter.value;
  return {
    ...letter,
    value: value?.subarray(0, lengthMax) ?? null,
    headers: [...letter.headers, textHeader('rollcall-truncated', 'true')],
  };
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
