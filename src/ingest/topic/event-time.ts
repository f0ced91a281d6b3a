/** When an event happened, in microseconds: Entra ID writes seven digits after the second, more than a Date can hold. */

export interface EventTime {
  /** Epoch µs. */
  readonly at: number;
  /** The source says so itself; else it is when the record was written, which says little about the order. */
  readonly isCertain: boolean;
}

/** An event cannot be written long before it happened: such a time would hold up, or cover, all that comes after it. */
const AHEAD_MAX_MS = 3_600_000;

/** @param timestamp of the record, epoch ms. */
export function eventTime(occurredAt: string | null, timestamp: number): EventTime {
  const at = occurredAt === null ? null : microseconds(occurredAt);
  if (at === null || at > (timestamp + AHEAD_MAX_MS) * 1000) return { at: timestamp * 1000, isCertain: false };
  return { at, isCertain: true };
}

/** With date, time and zone only: a time without a zone is a guess. */
const TIME = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|z|[+-]\d\d:?\d\d)$/;

function microseconds(text: string): number | null {
  const [, seconds, fraction = '', zone] = TIME.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return null;
  const ms = Date.parse(`${seconds.replace(/[t ]/, 'T')}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? null : ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}
