/**
 * Dead letters of what never was a Kafka record (protocol.md 3.4): in the place of topic, partition and offset their headers
 * say where it came from.
 */
import type { Hint, Invalid } from '../core/change.ts';
import type { DeadLetter } from '../core/dead-letter.ts';
import { type Headers, textHeader } from '../core/record-headers.ts';

export interface Origin {
  /** Such as `webhook/okta`. */
  readonly source: string;
  /** Epoch ms of its arrival. */
  readonly at: number;
  readonly value: Uint8Array;
  readonly headers: Headers;
}

export interface Complaint {
  readonly code: string;
  readonly message: string;
  /** null: none is named, or several are. */
  readonly group: string | null;
}

/** One for each code, since each letter holds all of the bytes, which may tell of thousands of events. */
export function complaintsOf(events: readonly (Hint | Invalid)[]): readonly Complaint[] {
  const codes = new Set(events.map(({ code }) => code));
  return [...codes].map((code) => {
    const [first, ...others] = events.filter((event) => event.code === code);
    const isOfOneGroup = others.every(({ group }) => group === first?.group);
    const more = others.length === 0 ? '' : ` (and ${others.length} more of the same kind)`;
    return { code, message: `${first?.message ?? ''}${more}`, group: isOfOneGroup ? (first?.group ?? null) : null };
  });
}

/** Keyed by the group. */
export const deadLetters = (
  topic: string,
  events: readonly (Hint | Invalid)[],
  origin: Origin,
): readonly DeadLetter[] =>
  complaintsOf(events).map(({ code, message, group }) => ({
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
