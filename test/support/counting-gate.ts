/** An open rate gate that counts: a permit that is neither used by a request nor given back would be missing for good. */
import type { RequestBudget } from '../../src/core/status/convergence.ts';
import type { RateGate } from '../../src/ports.ts';

export class CountingGate implements RateGate {
  /** Awaited before a permit is taken that has to be waited for. */
  beforeTake: () => Promise<void> = async () => undefined;
  /** From 0 to 1. */
  spent = 1;
  #held = 0;

  /** Permits that were taken, less those that requests have used up, and those that were given back. */
  get held(): number {
    return this.#held;
  }

  tryTake(): boolean {
    this.#held += 1;
    return true;
  }

  async take(): Promise<void> {
    await this.beforeTake();
    this.#held += 1;
  }

  giveBack(): void {
    this.used();
  }

  /** A request was sent, or its sender knows that it was not. */
  used(): void {
    if (this.#held === 0) throw new Error('a permit is used, or given back, that was not taken');
    this.#held -= 1;
  }

  async whenOpen(): Promise<void> {}

  waitedMs(): number {
    return 0;
  }

  spentShare(): number {
    return this.spent;
  }

  budget(): RequestBudget {
    return { window: null, pace: null, closedForMs: 0 };
  }
}
