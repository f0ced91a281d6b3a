/** A clock that stands still until a test moves it. Tasks run in the order of their times, equal times as scheduled. */
import type { Clock, Instant } from '../../src/ports.ts';

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** Rounds of the event loop after which work that needs no time is taken to be done. */
const settleRounds = 10;

export class ManualClock implements Clock {
  #monotonic = 0;
  #wallAhead: number;
  #tasks: Task[] = [];

  /** @param wall epoch ms of the start; the monotonic clock starts at 0. */
  constructor(wall = 1_790_000_000_000) {
    this.#wallAhead = wall;
  }

  now(): Instant {
    return { wall: this.#monotonic + this.#wallAhead, monotonic: this.#monotonic };
  }

  schedule(delayMs: number, run: () => void): () => void {
    const task: Task = { at: this.#monotonic + Math.max(0, delayMs), run };
    const after = this.#tasks.findIndex((other) => other.at > task.at);
    this.#tasks.splice(after === -1 ? this.#tasks.length : after, 0, task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  /** Resolves when so many ms have passed. */
  wait(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(durationMs, resolve));
  }

  /** Moves on by so many ms, runs what falls due on the way at its own time, and lets everything settle after each task. */
  async advance(durationMs: number): Promise<void> {
    const until = this.#monotonic + durationMs;
    await this.settle();
    for (;;) {
      const next = this.#tasks[0];
      if (next === undefined || next.at > until) break;
      this.#tasks.shift();
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.run();
      await this.settle();
    }
    this.#monotonic = until;
  }

  /** Runs the next task that is due by now, if there is one, and lets everything settle. */
  async step(): Promise<void> {
    await this.settle();
    const next = this.#tasks[0];
    if (next === undefined || next.at > this.#monotonic) return;
    this.#tasks.shift();
    next.run();
    await this.settle();
  }

  /** Lets promises and immediates run without moving the time. */
  async settle(): Promise<void> {
    for (let round = 0; round < settleRounds; round++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Sets the wall clock; the monotonic one does not notice. */
  jumpWall(deltaMs: number): void {
    this.#wallAhead += deltaMs;
  }

  /** What waits for its time: 0 = nothing leaked. */
  get scheduledCount(): number {
    return this.#tasks.length;
  }
}
