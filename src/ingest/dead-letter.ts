/**
 * Dead letters of what never was a Kafka record (design 5.3): in the place of topic, partition and offset their headers
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

/**
 * One letter for each code, since each holds all of the bytes, which may tell of thousands of events. Its key is the group
 * where it is about one only.
 */
export function deadLetters(topic: string, events: readonly (Hint | Invalid)[], origin: Origin): readonly DeadLetter[] {
  const codes = new Set(events.map(({ code }) => code));
  return [...codes].map((code) => {
    const [first, ...others] = events.filter((event) => event.code === code);
    const isOfOneGroup = others.every(({ group }) => group === first?.group);
    const more = others.length === 0 ? '' : ` (and ${others.length} more of the same kind)`;
    return {
      topic,
      partition: null,
      key: isOfOneGroup ? (first?.group ?? null) : null,
      value: origin.value,
      headers: [
        ...origin.headers.filter(([name]) => !name.startsWith('rollcall-')),
        textHeader('rollcall-reason', 'invalid'),
        textHeader('rollcall-error-code', code),
        textHeader('rollcall-error-message', `${first?.message ?? ''}${more}`),
        textHeader('rollcall-original-source', origin.source),
        textHeader('rollcall-original-timestamp', String(origin.at)),
      ],
    };
  });
}
