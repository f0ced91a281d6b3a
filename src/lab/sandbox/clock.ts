// Time and identifiers of the sandbox. The sandbox is a program of its own that other processes talk to over HTTP, so
// this is the one place in it that touches the real clock, timers and randomness; everything else is given a world.
import { randomUUID } from 'node:crypto';

export type SandboxWorld = Readonly<{
  /** Epoch milliseconds. */
  now: () => number;
  /** Calls back once after `delayMs`; the returned function cancels that. */
  after: (delayMs: number, callback: () => void) => () => void;
  newId: () => string;
}>;

export const systemWorld: SandboxWorld = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  newId: () => randomUUID(),
};

// The timers under way in one sandbox, so that stopping it leaves none behind.

export class Timers {
  readonly #world: SandboxWorld;
  readonly #underWay = new Set<{ cancel: () => void; stopped: (() => void) | null }>();

  constructor(world: SandboxWorld) {
    this.#world = world;
  }

  /** Calls back after `delayMs`, unless the sandbox stops first. */
  after(delayMs: number, callback: () => void): void {
    this.#start(delayMs, callback, null);
  }

  /** Resolves after `delayMs`, or at once when the sandbox stops (the caller then finds its connection dropped). */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#start(delayMs, resolve, resolve));
  }

  stop(): void {
    for (const timer of this.#underWay) {
      timer.cancel();
      timer.stopped?.();
    }
    this.#underWay.clear();
  }

  #start(delayMs: number, callback: () => void, stopped: (() => void) | null): void {
    const timer = { cancel: () => {}, stopped };
    this.#underWay.add(timer);
    timer.cancel = this.#world.after(delayMs, () => {
      this.#underWay.delete(timer);
      callback();
    });
  }
}
