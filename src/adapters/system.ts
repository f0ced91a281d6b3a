/**
 * Room adapters: what meets the world in one file: real time, randomness, the log, tokens, proxies, private files, notifications.
 * Not here: decisions (core).
 *
 * The real clock and real randomness: the one place in the project that touches either.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Clock, Random } from '../ports.ts';

/** Node fires a timer with a longer delay at once (https://nodejs.org/docs/latest-v20.x/api/timers.html#settimeoutcallback-delay-args). */
const timerDelayMaxMs = 2 ** 31 - 1;

/** `schedule` takes delays of any length; a scheduled task keeps the process alive until it ran or was cancelled. */
export const systemClock: Clock = {
  now: () => ({ wall: Date.now(), monotonic: performance.now() }),
  schedule: (delayMs, task) => {
    const dueAt = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      timer = setTimeout(leftMs > timerDelayMaxMs ? waitOn : task, Math.min(leftMs, timerDelayMaxMs));
    };
    const waitOn = (): void => wait(Math.max(0, dueAt - performance.now()));
    wait(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => randomUUID(),
};

/** Of bytes that come one part after the other. */
export class RunningSha256 {
  readonly #hash = createHash('sha256');

  update(part: string | Uint8Array): void {
    this.#hash.update(part);
  }

  /** Lower-case hexadecimal; of what came so far. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** Lower-case hexadecimal. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
