/** A clock without waits: as soon as nothing else is left to do, the time of the next task has come. */
import type { Clock, Instant } from '../../src/ports.ts';

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** Rounds of the event loop without a new task after which work that needs no time is taken to be done. */
const IDLE_ROUNDS = 12;

export class HastyClock implements Clock {
  #monotonic = 0;
  #tasks: Task[] = [];
  #isRunning = false;
  #isStopped = false;

  now(): Instant {
    return { wall: 1_790_000_000_000 + this.#monotonic, monotonic: this.#monotonic };
  }

  schedule(delayMs: number, run: () => void): () => void {
    const task = { at: this.#monotonic + Math.max(0, delayMs), run };
    const after = this.#tasks.findIndex((other) => other.at > task.at);
    this.#tasks.splice(after === -1 ? this.#tasks.length : after, 0, task);
    if (!this.#isRunning) void this.#run();
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  /** Whatever is scheduled never happens. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#tasks.length > 0 && !this.#isStopped) {
      for (let round = 0; round < IDLE_ROUNDS; round++) await new Promise<void>((resolve) => setImmediate(resolve));
      const next = this.#tasks.shift();
      if (next === undefined || this.#isStopped) break;
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.run();
    }
    this.#isRunning = false;
  }
}
