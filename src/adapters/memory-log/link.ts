/**
 * How one instance reaches the broker in this process, and its own event loop: the seam at which a simulation puts a
 * network and an order of events of its own.
 */
import type { Clock } from '../../ports.ts';

export interface Link {
  /** The instance's own; the broker has another one. */
  readonly clock: Clock;
  readonly batchRecordsMax: number;
  /** A request to the broker: `act` takes effect there, its result comes back in a later turn of the event loop. */
  call<T>(act: () => T): Promise<T>;
  /** A message of the broker: `task` runs in a later turn of the event loop. */
  later(task: () => void): void;
}

/** What is called takes effect at once, in the tick of the call. */
export const directLink = (clock: Clock): Link => ({
  clock,
  batchRecordsMax: 500,
  call: async (act) => {
    try {
      return act();
    } finally {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  },
  later: (task) => void setImmediate(task),
});
