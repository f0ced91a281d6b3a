/** How long to wait before a request is sent again. Pure. */

export interface Throttle {
  /** null: no answer at all. */
  readonly status: number | null;
  header(name: string): string | null;
  /** Tries so far. */
  readonly tries: number;
  /** Epoch ms. */
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
}

const BASE_MS = 1_000;
const CAP_MS = 60_000;
/** Whatever a server says. */
const WAIT_MIN_MS = 250;
const WAIT_MAX_MS = 3_600_000;

/** Whether the same request may succeed later. */
export const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** What the server says, else a random time below a growing limit. */
export function waitMs(throttle: Throttle): number {
  const told = throttle.status === null ? null : (retryAfterMs(throttle) ?? resetMs(throttle));
  if (told !== null) return Math.min(Math.max(told, WAIT_MIN_MS), WAIT_MAX_MS);
  return Math.ceil(throttle.random * Math.min(CAP_MS, BASE_MS * 2 ** throttle.tries));
}

/** Seconds or an HTTP date (RFC 9110 10.2.3). */
function retryAfterMs({ header, now }: Throttle): number | null {
  const text = header('retry-after');
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at - now;
}

/** Okta and Auth0: epoch seconds, by the server's clock, which stands in `date`. A second more, as both are cut. */
function resetMs({ status, header, now }: Throttle): number | null {
  const text = header('x-rate-limit-reset') ?? header('x-ratelimit-reset');
  if (status !== 429 || text === null || !/^\d{9,11}$/.test(text)) return null;
  const serverNow = Date.parse(header('date') ?? '');
  return Number(text) * 1000 - (Number.isNaN(serverNow) ? now : serverNow) + 1000;
}
