/**
 * How long a server makes us wait: one reading of what its headers say, one rule for its 429s, one for a token's lifetime.
 * What it says is believed within bounds only, so that no server can make us hurry or stand still. Pure: now and chance
 * are passed in. Durations are milliseconds.
 */

/** The headers of an answer. `name` in lower case; null: there is none. */
export type ReadHeader = (name: string) => string | null;

/** Longer waits are mistakes: a date of another year, milliseconds for seconds. */
export const ASKED_MAX_MS = 3_600_000;

/** null: it counts as not given (0, negative, past, no number, over an hour). */
export const saneWaitMs = (waitMs: number): number | null =>
  waitMs > 0 && waitMs <= ASKED_MAX_MS ? Math.ceil(waitMs) : null;

/** `Retry-After` (RFC 9110 10.2.3), seconds or an HTTP date. @param now epoch ms. */
export function retryAfterMs(header: ReadHeader, now: number): number | null {
  const text = (header('retry-after') ?? '').trim();
  return secondsMs(text) ?? saneWaitMs(httpDate(text) - now);
}

/** A header that counts seconds from now. */
export const secondsMs = (text: string | null): number | null =>
  /^\d+(\.\d+)?$/.test(text ?? '') ? saneWaitMs(Number(text) * 1_000) : null;

/** RFC 9110 5.6.7: the two forms that end in GMT, and that of asctime. NaN: none of them. */
function httpDate(text: string): number {
  if (text.endsWith(' GMT')) return Date.parse(text);
  return /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

export interface Refused {
  /** What the server asked for; null: nothing, or nothing sane. */
  readonly askedMs: number | null;
  /** Refusals in a row, this one included. */
  readonly refusals: number;
  /** In [0, 1). */
  readonly random: number;
}

const WAIT_MIN_MS = 1_000;
const WAIT_GROWS_TO_MS = 60_000;
/** A 429 that names no time: the length of the vendor's window. */
const NOT_GIVEN_MS = 60_000;
/** Part of the wait that chance adds, so that instances do not come back together. */
const JITTER = 0.1;

/** 1 s, 2 s, 4 s … 60 s. @param refusals 429s in a row, the last one included. */
export const throttledLeastMs = (refusals: number): number =>
  Math.min(WAIT_MIN_MS * 2 ** (refusals - 1), WAIT_GROWS_TO_MS);

/** After a 429. Never less than was asked for. */
export function throttledMs({ askedMs, refusals, random }: Refused): number {
  return Math.ceil(Math.max(askedMs ?? NOT_GIVEN_MS, throttledLeastMs(refusals)) * (1 + JITTER * random));
}

/** After any other failure that may pass: a random time below a growing limit, at least 1 s, never less than was asked for. */
export function backoffMs({ askedMs, refusals, random }: Refused): number {
  const limitMs = Math.min(WAIT_MIN_MS * 2 ** refusals, WAIT_GROWS_TO_MS);
  return Math.ceil(Math.max(askedMs ?? 0, WAIT_MIN_MS, limitMs * random));
}

const LIFETIME_MIN_SECONDS = 10;
const LIFETIME_MAX_SECONDS = 30 * 86_400;
/** A token is renewed this long before its end, or at half of a lifetime that is shorter than twice that. */
const RENEW_EARLY_MS = 30_000;
const RENEW_UNKNOWN_MS = 3_600_000;

export interface TokenLifetime {
  /** Counted from when the token was asked for. */
  readonly renewAfterMs: number;
  /** Infinity: not known; a 401 tells. */
  readonly expiresAfterMs: number;
}

/** @param expiresInSeconds as the server says; what is no sane lifetime must not make every request ask for a token. */
export function tokenLifetime(expiresInSeconds: unknown): TokenLifetime {
  const seconds = typeof expiresInSeconds === 'string' ? Number(expiresInSeconds) : expiresInSeconds;
  const isSane = typeof seconds === 'number' && seconds >= LIFETIME_MIN_SECONDS && seconds <= LIFETIME_MAX_SECONDS;
  if (!isSane) return { renewAfterMs: RENEW_UNKNOWN_MS, expiresAfterMs: Number.POSITIVE_INFINITY };
  const expiresAfterMs = seconds * 1_000;
  return { renewAfterMs: Math.max(expiresAfterMs - RENEW_EARLY_MS, expiresAfterMs / 2), expiresAfterMs };
}
