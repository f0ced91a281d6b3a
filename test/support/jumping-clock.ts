/** Real time, which a test can make jump ahead: windows of minutes pass at once, and in no test before it wants them to. */
import { systemClock } from '../../src/adapters/system.ts';
import type { Clock, Instant } from '../../src/ports.ts';

interface Task {
  readonly at: number;
  readonly run: () => void;
}

export class JumpingClock implements Clock {
  #aheadMs = 0;
  #wallAheadMs = 0;
  readonly #tasks = new Set<Task>();

  now(): Instant {
    const { wall, monotonic } = systemClock.now();
    return { wall: wall + this.#aheadMs + this.#wallAheadMs, monotonic: monotonic + this.#aheadMs };
  }

  schedule(delayMs: number, run: () => void): () => void {
    const once = (): void => {
      cancel();
      run();
    };
    const cancelTimer = systemClock.schedule(delayMs, once);
    const task = { at: this.now().monotonic + delayMs, run: once };
    const cancel = (): void => {
      cancelTimer();
      this.#tasks.delete(task);
    };
    this.#tasks.add(task);
    return cancel;
  }

  /** What falls due on the way runs in its order and at its own time. */
  async jump(durationMs: number): Promise<void> {
    const until = this.now().monotonic + durationMs;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#aheadMs += Math.max(0, next.at - this.now().monotonic);
      next.run();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#aheadMs += Math.max(0, until - this.now().monotonic);
  }

  /** Sets the wall clock; the monotonic one does not notice. */
  jumpWall(deltaMs: number): void {
    this.#wallAheadMs += deltaMs;
  }

  #next(until: number): Task | undefined {
    return [...this.#tasks].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
  }
}
