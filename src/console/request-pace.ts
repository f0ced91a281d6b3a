/** How fast a command may ask the target beside a service that works: a part of what is allowed, evenly spread. */
import type { Clock, RateGate } from '../ports.ts';
import { pauseUnlessAborted } from '../time.ts';

export interface PaceLimits {
  /** RATE_LIMIT_PER_MINUTE; null: the target's headers say. */
  readonly ratePerMinute: number | null;
  /** As the operator wishes; null: a quarter of what is allowed. */
  readonly wished: number | null;
}

const SHARE = 1 / 4;
/** Where so much of the target's window is spent, by all who share it, the rest is left to the service. */
const SPENT_MAX = 3 / 4;
/** Until the headers speak (docs/genesys.md 5.1). */
const ALLOWED_PER_MINUTE = 180;

export class RequestPace {
  readonly #gate: Pick<RateGate, 'budget'>;
  readonly #limits: PaceLimits;
  readonly #clock: Clock;
  /** Monotonic ms. */
  #nextAt = -Infinity;

  constructor(gate: Pick<RateGate, 'budget'>, limits: PaceLimits, clock: Clock) {
    this.#gate = gate;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Resolves when the next request may be sent, or at the signal. */
  async turn(stop: AbortSignal): Promise<void> {
    const now = this.#clock.now().monotonic;
    const { window } = this.#gate.budget();
    const isSpent = window !== null && this.#limits.wished === null && window.used >= SPENT_MAX * window.allowed;
    const at = Math.max(now, this.#nextAt, isSpent ? now + window.resetsInMs : now);
    this.#nextAt = at + 60_000 / this.#perMinute(window?.allowed ?? ALLOWED_PER_MINUTE);
    if (at > now) await pauseUnlessAborted(this.#clock, at - now, stop);
  }

  #perMinute(allowed: number): number {
    const { ratePerMinute, wished } = this.#limits;
    return Math.max(1, wished ?? SHARE * Math.min(allowed, ratePerMinute ?? Infinity));
  }
}
