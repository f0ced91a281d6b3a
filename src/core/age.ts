/** Since when changes wait, for the figures: what can be worked on apart from what waits for an operator or for its time. */
import type { Intent } from './change.ts';
import { isHeld, isSlowWait } from './pending.ts';

/** Since when the oldest change of each kind waits, epoch ms; null: there is none. */
export interface Oldest {
  unapplied: number | null;
  /** Removals that wait for an operator. */
  held: number | null;
  /** On the slow schedule, before their time. */
  waiting: number | null;
}

export const noneWaits = (): Oldest => ({ unapplied: null, held: null, waiting: null });

/** @param now epoch ms. */
export function noteAge(oldest: Oldest, intent: Intent, now: number): void {
  if (intent.dead !== null) return;
  const kind = isHeld(intent) ? 'held' : isSlowWait(intent, now) ? 'waiting' : 'unapplied';
  oldest[kind] = earlier(oldest[kind], waitsSince(intent.source.timestamp, intent.firstSeenAt));
}

export const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/**
 * Since when a change waits: since its record was written, as the record says. Producers may write any time, or none, so not
 * since later than it was seen. Epoch ms.
 */
export const waitsSince = (timestamp: number, seenAt: number): number =>
  timestamp > 0 ? Math.min(timestamp, seenAt) : seenAt;
