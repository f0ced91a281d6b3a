/**
 * One process: it has a clock, may be frozen (nothing of it runs until it wakes up, then everything that was due) and
 * may be killed (nothing of it ever runs again, and no peer is informed). What it has sent goes its way all the same.
 */
import type { Clock, Instant } from '../../../src/ports.ts';
import type { Timeline } from './timeline.ts';

/** When a history begins, by the wall clock. */
export const EPOCH_MS = 1_790_000_000_000;

/** Where a process can be struck besides at a given time. */
export type Point =
  | 'task'
  | 'send'
  | 'effect'
  | 'answer'
  /** A PATCH waits for its connection. */
  | 'patch'
  /** Before it asks to join its consumer group. */
  | 'join'
  /** Before the three steps of settle. */
  | 'report'
  | 'record'
  | 'commit';

export class Host implements Clock {
  state: 'running' | 'frozen' | 'gone' = 'running';
  wallAheadMs = 0;
  readonly name: string;
  readonly #timeline: Timeline;
  #backlog: (() => void)[] = [];
  #strikes: { readonly point: Point; readonly strike: () => void }[] = [];

  constructor(name: string, timeline: Timeline) {
    this.name = name;
    this.#timeline = timeline;
  }

  now(): Instant {
    return { wall: EPOCH_MS + this.#timeline.now + this.wallAheadMs, monotonic: this.#timeline.now };
  }

  schedule(delayMs: number, task: () => void): () => void {
    // As setTimeout does it: whole milliseconds, one at least.
    return this.#timeline.after(Math.max(1, Math.trunc(delayMs)), () => this.run(task));
  }

  /** Now, or when it wakes up, or never. */
  run(task: () => void): void {
    if (this.state === 'frozen') this.#backlog.push(task);
    if (this.state !== 'running') return;
    this.reach('task');
    if (this.isRunning) task();
    else this.run(task);
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** Strikes when the process next reaches the point. */
  strikeAt(point: Point, strike: () => void): void {
    this.#strikes.push({ point, strike });
  }

  /** What has not struck yet never does. */
  disarm(): void {
    this.#strikes = [];
  }

  reach(point: Point): void {
    const index = this.#strikes.findIndex((each) => each.point === point);
    if (index >= 0) this.#strikes.splice(index, 1)[0]?.strike();
  }

  freeze(): void {
    if (this.state === 'running') this.state = 'frozen';
  }

  /** What was due meanwhile comes in its order, each in a turn of its own. */
  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'running';
    const backlog = this.#backlog;
    this.#backlog = [];
    backlog.forEach((task, index) => this.#timeline.after(index * 0.001, () => this.run(task)));
  }

  kill(): void {
    this.state = 'gone';
    this.#backlog = [];
  }
}
