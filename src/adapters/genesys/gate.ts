/**
 * The rate gate: who waits for a permit, and when they are woken; what may be spent is decided in allowance.ts.
 * Callers that wait in `take` are served before `tryTake`. A timer runs only while a caller waits.
 */
import { throttledMs } from '../../core/target/retry.ts';
import type { Clock, Random, RateGate } from '../../ports.ts';
import type { Allowance, Answered } from './allowance.ts';
import { answered, closed, firstAllowance, freeAt, givenBack, refused, taken } from './allowance.ts';

export type Chance = Pick<Random, 'next'>;

/** Waits are as short as they may be. */
export const NO_CHANCE: Chance = { next: () => 0 };

export class TargetGate implements RateGate {
  readonly #clock: Clock;
  readonly #random: Chance;
  #allowance: Allowance;
  #takers: (() => void)[] = [];
  #watchers: (() => void)[] = [];
  #cancelTimer: () => void = () => undefined;
  #throttledMs = 0;
  #waitedSince: number | null = null;
  #isClosed = false;

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
    this.#allowance = refused(this.#allowance, sentAt);
    const waitMs = throttledMs({ askedMs, refusals: this.#allowance.refusals, random: this.#random.next() });
    this.closeFor(waitMs);
    return waitMs;
  }

  throttledMs(): number {
    return this.#throttledMs + (this.#waitedSince === null ? 0 : this.#now() - this.#waitedSince);
  }

  /** Lets everybody go who waits, now and later: there is no target any more whom a request could reach. */
  close(): void {
    this.#isClosed = true;
    this.#serve();
  }

  #change(allowance: Allowance): void {
    this.#allowance = allowance;
    this.#serve();
  }

  #takeOne(): boolean {
    const now = this.#now();
    if (!this.#isClosed && freeAt(this.#allowance, now) > now) return false;
    this.#allowance = taken(this.#allowance, now);
    return true;
  }

  #serve(): void {
    while (this.#takers.length > 0 && this.#takeOne()) this.#takers.shift()?.();
    const now = this.#now();
    const nextAt = this.#isClosed ? now : freeAt(this.#allowance, now);
    if (this.#takers.length === 0 && nextAt <= now) for (const wake of this.#watchers.splice(0)) wake();
    this.#countWaiting(now);
    this.#cancelTimer();
    if (this.#isWaitedFor() && nextAt < Infinity) {
      this.#cancelTimer = this.#clock.schedule(nextAt - now, () => this.#serve());
    }
  }

  #countWaiting(now: number): void {
    if (this.#waitedSince !== null) this.#throttledMs += now - this.#waitedSince;
    this.#waitedSince = this.#isWaitedFor() ? now : null;
  }

  #isWaitedFor(): boolean {
    return this.#takers.length + this.#watchers.length > 0;
  }

  #now(): number {
    return this.#clock.now().monotonic;
  }
}
