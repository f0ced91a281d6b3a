/** Waiting in real time, always with a limit. */
import { systemClock } from '../../src/adapters/system.ts';
import { pause } from '../../src/time.ts';

export const rest = (delayMs: number): Promise<void> => pause(systemClock, delayMs);

const POLL_MS = 50;

/** Whether it came to hold within the limit. */
export async function comesTrue(limitMs: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) return false;
    await rest(POLL_MS);
  }
  return true;
}
