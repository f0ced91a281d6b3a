// The timers under way in one sandbox, so that stopping it leaves none behind.
import type { SandboxWorld } from './clock.ts';

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
