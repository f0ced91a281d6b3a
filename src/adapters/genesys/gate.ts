/**
 * The rate gate: who waits for a permit, and when they are woken; what may be spent is decided in allowance.ts.
 * Whoever waits in `take` is served before `tryTake`. A timer runs only while somebody waits.
 */
import type { Clock, RateGate } from '../../ports.ts';
import type { Allowance, Heard } from './allowance.ts';
import { answered, closed, firstAllowance, freeAt, givenBack, taken } from './allowance.ts';

export class TargetGate implements RateGate {
  readonly #clock: Clock;
  #allowance: Allowance;
  #takers: (() => void)[] = [];
  #watchers: (() => void)[] = [];
  #cancelTimer: () => void = () => undefined;
  #throttledMs = 0;
  #waitedSince: number | null = null;
  #isClosed = false;

  /** @param ratePerMinute an upper bound besides the target's headers; null: none. */
  constructor(ratePerMinute: number | null, clock: Clock) {
    this.#clock = clock;
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
    this.#change(closed(this.#allowance, this.#now() + delayMs));
  }

  /** A request that had a permit is over. @param heard null: its answer, if any, told no limits. */
  answered(heard: Heard | null): void {
    this.#change(answered(this.#allowance, heard));
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
