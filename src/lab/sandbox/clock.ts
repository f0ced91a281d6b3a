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
