/**
 * The rate gate: who waits for a permit, and when they are woken; what may be spent is decided by pure functions below.
 * Callers that wait in `take` are served before `tryTake`. A timer runs only while a caller waits.
 */
import type { RequestBudget } from '../../core/status/convergence.ts';
import { throttledPauseMs } from '../../core/target/retry.ts';
import type { Clock, Random, RateGate } from '../../ports.ts';

export type Chance = Pick<Random, 'next'>;

/** Waits are as short as they may be. */
export const NO_CHANCE: Chance = { next: () => 0 };

export class RequestGate implements RateGate {
  readonly #clock: Clock;
  readonly #random: Chance;
  #allowance: Allowance;
  #takers: (() => void)[] = [];
  #watchers: (() => void)[] = [];
  #cancelTimer: () => void = () => undefined;
  #waitedMs = 0;
  #waitedSince: number | null = null;
  #isReleased = false;

  /** @param ratePerMinute an upper bound besides the target's headers; null: none. */
  constructor(ratePerMinute: number | null, clock: Clock, random: Chance = NO_CHANCE) {
    this.#clock = clock;
    this.#random = random;
    this.#allowance = firstAllowance(ratePerMinute);
  }

  tryTake(): boolean {
    return this.#takers.length === 0 && this.#takeOne();
  }

  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#serve();
    });
  }

  giveBack(): void {
    this.#change(givenBack(this.#allowance));
  }

  whenOpen(): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push(resolve);
      this.#serve();
    });
  }

  closeFor(delayMs: number): void {
    const now = this.#now();
    this.#change(closed(this.#allowance, now, now + delayMs));
  }

  /** A request that had a permit is over. @param answer null: there was none. */
  answered(answer: Answered | null): void {
    this.#change(answered(this.#allowance, answer));
  }

  /** The target has answered 429. @param askedMs what it asked for; null: nothing. @returns for how long it closes. */
  throttled(sentAt: number, askedMs: number | null): number {
    this.#allowance = throttled(this.#allowance, sentAt);
    const waitMs = throttledPauseMs({
      askedMs,
      failuresInRow: this.#allowance.throttledInRow,
      random: this.#random.next(),
    });
    this.closeFor(waitMs);
    return waitMs;
  }

  waitedMs(): number {
    return this.#waitedMs + (this.#waitedSince === null ? 0 : this.#now() - this.#waitedSince);
  }

  spentShare(): number {
    return spentShare(this.#allowance, this.#now());
  }

  budget(): RequestBudget {
    return budgetOf(this.#allowance, this.#now());
  }

  /** Ends all waits, present and later ones: no request can reach the target any more. */
  release(): void {
    this.#isReleased = true;
    this.#serve();
  }

  #change(allowance: Allowance): void {
    this.#allowance = allowance;
    this.#serve();
  }

  #takeOne(): boolean {
    const now = this.#now();
    if (!this.#isReleased && freeAt(this.#allowance, now) > now) return false;
    this.#allowance = taken(this.#allowance, now);
    return true;
  }

  #serve(): void {
    while (this.#takers.length > 0 && this.#takeOne()) this.#takers.shift()?.();
    const now = this.#now();
    const nextAt = this.#isReleased ? now : freeAt(this.#allowance, now);
    if (this.#takers.length === 0 && nextAt <= now) for (const wake of this.#watchers.splice(0)) wake();
    this.#countWaiting(now);
    this.#cancelTimer();
    if (this.#isWaitedFor() && nextAt < Infinity) {
      this.#cancelTimer = this.#clock.schedule(nextAt - now, () => this.#serve());
    }
  }

  #countWaiting(now: number): void {
    if (this.#waitedSince !== null) this.#waitedMs += now - this.#waitedSince;
    this.#waitedSince = this.#isWaitedFor() ? now : null;
  }

  #isWaitedFor(): boolean {
    return this.#takers.length + this.#watchers.length > 0;
  }

  #now(): number {
    return this.#clock.now().monotonic;
  }
}

/*
 * When the next request may go out: a pure decision over what the target's limit headers said. All instants are
 * monotonic ms. `inin-ratelimit-allowed` minus `-count` requests may be spent until `-reset` seconds are over; requests
 * whose answers are still out count as spent. Until the headers speak, again after each 429, and besides them where a rate
 * is set, permits are paced so that no minute has more of them than the rate; the pace gains nothing while it is closed.
 */

/** The limit headers of one answer. */
export interface RateLimitHeaders {
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
  /** Begun by us when the one before was over; no response has confirmed it yet. */
  readonly isAssumed: boolean;
}

/** Generic cell rate: a permit is free from `nextAt` − (burst − 1) × interval on. */
interface Pace {
  readonly intervalMs: number;
  readonly burst: number;
  readonly nextAt: number;
  readonly ends: 'never' | 'at_first_headers';
}

/** What the answer to a request that had a permit says. */
export interface Answered {
  readonly sentAt: number;
  readonly isThrottled: boolean;
  /** null: the response had no rate-limit headers. */
  readonly rateLimits: RateLimitHeaders | null;
}

export interface Allowance {
  readonly pace: Pace;
  readonly window: Window | null;
  /** Permits taken whose requests are not answered yet. */
  readonly outstanding: number;
  readonly closedUntil: number;
  /** 429s in a row; those to requests that were sent before it closed count as one. */
  readonly throttledInRow: number;
  /** When the latest request was sent whose response had rate-limit headers and was no 429. */
  readonly rateLimitsSentAt: number;
}

/** The lowest of the vendor's published limits (genesys.md 5.1: 180 to 300 a minute). */
const defaultPerMinute = 180;

/** @param ratePerMinute an upper bound for ever; null: the default rate until the headers speak. */
export function firstAllowance(ratePerMinute: number | null): Allowance {
  const limit = ratePerMinute ?? defaultPerMinute;
  const burst = Math.max(1, Math.floor(limit / 60));
  // Burst and pace together make the limit in the worst minute, the one that begins with the burst.
  const intervalMs = 60_000 / Math.max(1, limit - burst);
  const ends = ratePerMinute === null ? 'at_first_headers' : 'never';
  return {
    pace: { intervalMs, burst, nextAt: -Infinity, ends },
    window: null,
    outstanding: 0,
    closedUntil: -Infinity,
    throttledInRow: 0,
    rateLimitsSentAt: -Infinity,
  };
}

/** Intervals are fractions: their sum must not cost the last permit of a burst. */
const ROUNDED_UP = 1 + 1e-9;

/** When a permit is free: now or earlier = at once; Infinity = an answer must come first. */
export function freeAt(allowance: Allowance, now: number): number {
  const { pace, closedUntil, outstanding } = allowance;
  const pacedAt = isPaced(allowance) ? pace.nextAt - (pace.burst - 1) * pace.intervalMs * ROUNDED_UP : -Infinity;
  const openAt = Math.max(closedUntil, pacedAt);
  const window = windowAt(allowance.window, now);
  if (window === null || window.count + outstanding < window.allowed) return openAt;
  return outstanding >= window.allowed ? Infinity : Math.max(openAt, window.endsAt);
}

/** After a 429 the headers have to speak again: what they said before was not all that counts. */
const isPaced = ({ pace, window, rateLimitsSentAt, closedUntil }: Allowance): boolean =>
  pace.ends === 'never' || window === null || rateLimitsSentAt < closedUntil;

/** How much of the present window is spent; 1 where it is not known, or no permit is free. */
export function spentShare(allowance: Allowance, now: number): number {
  const window = windowAt(allowance.window, now);
  if (window === null || freeAt(allowance, now) > now) return 1;
  return Math.min(1, (window.count + allowance.outstanding) / window.allowed);
}

/** What may still be spent. A pace that the next headers end is none, once headers have spoken. */
export function budgetOf(allowance: Allowance, now: number): RequestBudget {
  const { pace, closedUntil, outstanding } = allowance;
  const window = windowAt(allowance.window, Math.max(now, closedUntil));
  const { intervalMs, burst } = pace;
  const firstAt = Math.max(pace.nextAt, now) - (burst - 1) * intervalMs;
  const perMinute = Math.round(60_000 / intervalMs) + burst;
  return {
    window: window && {
      allowed: window.allowed,
      used: window.count + outstanding,
      resetsInMs: window.endsAt - now,
      lengthMs: window.lengthMs,
      isAssumed: window.isAssumed,
    },
    pace: pace.ends === 'never' || window === null ? { intervalMs, firstInMs: firstAt - now, perMinute } : null,
    closedForMs: Math.max(0, closedUntil - now),
  };
}

export function taken(allowance: Allowance, now: number): Allowance {
  const { pace, outstanding } = allowance;
  return {
    ...allowance,
    window: windowAt(allowance.window, now),
    outstanding: outstanding + 1,
    pace: { ...pace, nextAt: Math.max(now, pace.nextAt) + (isPaced(allowance) ? pace.intervalMs : 0) },
  };
}

export function givenBack(allowance: Allowance): Allowance {
  const { pace } = allowance;
  return { ...settled(allowance), pace: { ...pace, nextAt: pace.nextAt - pace.intervalMs } };
}

/** A request is over; without limits in its answer it counts as one more in the window. */
export function answered(allowance: Allowance, answer: Answered | null): Allowance {
  const { window } = allowance;
  const rateLimits = answer?.rateLimits ?? null;
  const counted = window && { ...window, count: window.count + 1 };
  const after = { ...settled(allowance), window: rateLimits === null ? counted : updatedWindow(window, rateLimits) };
  if (answer === null || answer.isThrottled || answer.sentAt < allowance.closedUntil) return after;
  return {
    ...after,
    throttledInRow: 0,
    rateLimitsSentAt: rateLimits === null ? allowance.rateLimitsSentAt : rateLimits.sentAt,
  };
}

/** A 429 came; how long the gate is closed for it is the caller's to say. */
export function throttled(allowance: Allowance, sentAt: number): Allowance {
  if (allowance.throttledInRow > 0 && sentAt < allowance.closedUntil) return allowance;
  return { ...allowance, throttledInRow: allowance.throttledInRow + 1 };
}

/** A shorter closing does not shorten a longer one. The pace moves behind it, so that no credit gathers meanwhile. */
export function closed(allowance: Allowance, now: number, until: number): Allowance {
  const { pace, closedUntil } = allowance;
  if (until <= closedUntil) return allowance;
  const nextAt = Math.max(pace.nextAt, now) + until - Math.max(closedUntil, now);
  return { ...allowance, closedUntil: until, pace: { ...pace, nextAt } };
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
function updatedWindow(window: Window | null, rateLimits: RateLimitHeaders): Window {
  const { allowed, count, sentAt } = rateLimits;
  const endsAt = rateLimits.receivedAt + rateLimits.resetMs;
  const lengthMs = Math.max(window?.lengthMs ?? 1000, rateLimits.resetMs);
  const fresh = { allowed, count, openedAt: sentAt, endsAt, lengthMs, isAssumed: false };
  if (window === null) return fresh;
  const aheadMs = endsAt - window.endsAt;
  if (Math.abs(aheadMs) > Math.max(endToleranceMinMs, lengthMs / 2)) {
    // Sent in the window that we assumed, but the response describes the one before: that one is not over.
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
