/**
 * When the next request may go out: a pure decision over what the target's limit headers said. All instants are
 * monotonic ms. `inin-ratelimit-allowed` minus `-count` requests may be spent until `-reset` seconds are over; requests
 * whose answers are still out count as spent. Until the headers speak, and besides them where a rate is set, permits are
 * paced so that no minute has more of them than the rate.
 */

/** The limit headers of one answer. */
export interface Heard {
  readonly allowed: number;
  readonly count: number;
  readonly resetMs: number;
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** The target's window of counting, as far as known. */
interface Window {
  readonly allowed: number;
  readonly count: number;
  readonly openedAt: number;
  /** Never earlier than its true end, unless it is assumed. */
  readonly endsAt: number;
  /** The longest reset that was heard, a second at least. */
  readonly lengthMs: number;
  /** Begun by us when the one before was over; no answer has told of it yet. */
  readonly isAssumed: boolean;
}

/** Generic cell rate: a permit is free from `nextAt` − (burst − 1) × interval on. */
interface Pace {
  readonly intervalMs: number;
  readonly burst: number;
  readonly nextAt: number;
  readonly ends: 'never' | 'when_heard';
}

export interface Allowance {
  readonly pace: Pace;
  readonly window: Window | null;
  /** Permits taken whose requests are not answered yet. */
  readonly outstanding: number;
  readonly closedUntil: number;
}

/** The lowest of the vendor's published limits (facts: 180 to 300 a minute). */
const defaultPerMinute = 180;

/** @param ratePerMinute an upper bound for ever; null: the default rate until the headers speak. */
export function firstAllowance(ratePerMinute: number | null): Allowance {
  const limit = ratePerMinute ?? defaultPerMinute;
  const burst = Math.max(1, Math.floor(limit / 20));
  // Burst and pace together make the limit in the worst minute, the one that begins with the burst.
  const intervalMs = 60_000 / Math.max(1, limit - burst);
  const ends = ratePerMinute === null ? 'when_heard' : 'never';
  return {
    pace: { intervalMs, burst, nextAt: -Infinity, ends },
    window: null,
    outstanding: 0,
    closedUntil: -Infinity,
  };
}

/** When a permit is free: now or earlier = at once; Infinity = an answer must come first. */
export function freeAt(allowance: Allowance, now: number): number {
  const { pace, closedUntil, outstanding } = allowance;
  const isPaced = pace.ends === 'never' || allowance.window === null;
  const pacedAt = isPaced ? pace.nextAt - (pace.burst - 1) * pace.intervalMs : -Infinity;
  const openAt = Math.max(closedUntil, pacedAt);
  const window = windowAt(allowance.window, now);
  if (window === null || window.count + outstanding < window.allowed) return openAt;
  return outstanding >= window.allowed ? Infinity : Math.max(openAt, window.endsAt);
}

export function taken(allowance: Allowance, now: number): Allowance {
  const { pace, outstanding } = allowance;
  return {
    ...allowance,
    window: windowAt(allowance.window, now),
    outstanding: outstanding + 1,
    pace: { ...pace, nextAt: Math.max(now, pace.nextAt) + pace.intervalMs },
  };
}

export function givenBack(allowance: Allowance): Allowance {
  const { pace } = allowance;
  return { ...settled(allowance), pace: { ...pace, nextAt: pace.nextAt - pace.intervalMs } };
}

/** A request is over; without limits in its answer it counts as one more in the window. */
export function answered(allowance: Allowance, heard: Heard | null): Allowance {
  const { window } = allowance;
  if (heard !== null) return { ...settled(allowance), window: told(window, heard) };
  return { ...settled(allowance), window: window && { ...window, count: window.count + 1 } };
}

/** A shorter closing does not shorten a longer one. */
export function closed(allowance: Allowance, until: number): Allowance {
  return { ...allowance, closedUntil: Math.max(allowance.closedUntil, until) };
}

const settled = (allowance: Allowance): Allowance => ({
  ...allowance,
  outstanding: Math.max(0, allowance.outstanding - 1),
});

function windowAt(window: Window | null, now: number): Window | null {
  if (window === null || now < window.endsAt) return window;
  return { ...window, count: 0, openedAt: now, endsAt: now + window.lengthMs, isAssumed: true };
}

/** Resets are whole seconds, and an answer travels: ends that differ by less may be of one window. */
const endToleranceMinMs = 1500;

/**
 * Answers come out of order: within a window the highest count and the earliest end hold, and an answer about a window
 * before the present one says nothing.
 */
function told(window: Window | null, heard: Heard): Window {
  const { allowed, count, sentAt } = heard;
  const endsAt = heard.receivedAt + heard.resetMs;
  const lengthMs = Math.max(window?.lengthMs ?? 1000, heard.resetMs);
  const fresh = { allowed, count, openedAt: sentAt, endsAt, lengthMs, isAssumed: false };
  if (window === null) return fresh;
  const aheadMs = endsAt - window.endsAt;
  if (Math.abs(aheadMs) > Math.max(endToleranceMinMs, lengthMs / 2)) {
    // Sent in the window that we assumed, and told of the one before: that one is not over.
    return aheadMs > 0 || sentAt >= window.openedAt ? fresh : window;
  }
  const { openedAt, isAssumed } = window;
  return {
    ...fresh,
    openedAt,
    count: Math.max(window.count, count),
    endsAt: isAssumed ? endsAt : Math.min(window.endsAt, endsAt),
  };
}
