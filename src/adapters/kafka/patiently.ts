/** What passes by itself while brokers start or change is tried again, for a bounded time. */
import type { Clock } from '../../ports.ts';
import { pause } from '../../time.ts';

export interface Patience {
  readonly clock: Clock;
  /** No try begins later than that after the first. */
  readonly limitMs: number;
  readonly mayPass: (error: unknown) => boolean;
  /** Before each further try. */
  readonly prepare?: () => Promise<void>;
}

const PAUSE_MS = 500;

/** Rejects with what the last try has thrown. */
export async function patiently<T>(task: () => Promise<T>, { clock, limitMs, mayPass, prepare }: Patience): Promise<T> {
  const last = clock.now().monotonic + limitMs - PAUSE_MS;
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!mayPass(error) || clock.now().monotonic > last) throw error;
    }
    await pause(clock, PAUSE_MS);
    await prepare?.();
  }
}
