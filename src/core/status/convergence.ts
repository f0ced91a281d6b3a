/**
 * Room core/status: how far behind all instances are, when they will be in step, and the sentence that says so.
 * Not here: asking them, and Kafka (console).
 *
 * When all that is behind will be applied, if nothing new comes: by the requests that it needs, and by what limits them. A
 * prediction for operators (`rollcall status`); `npm run bench -- status` compares it with what then happens.
 */

import type { WorkAhead } from './work-ahead.ts';

/** What may still be spent of the target's limits. Durations in ms, from now. */
export interface RequestBudget {
  /**
   * As the target's headers say, requests without an answer counted as spent; null: they have not spoken yet. The one in which the
   * next request goes out: what is left of one that ends before is lost.
   */
  readonly window: {
    readonly allowed: number;
    readonly used: number;
    /** Until the window ends, and the next one begins. */
    readonly resetsInMs: number;
    readonly lengthMs: number;
    /** It has begun by our reckoning; no answer has confirmed it yet. */
    readonly isAssumed: boolean;
  } | null;
  /** Requests are spread besides: by RATE_LIMIT_PER_MINUTE, or until the headers speak; null: they are not. */
  readonly pace: {
    readonly intervalMs: number;
    /** Until the first may go; negative: so much was saved up. */
    readonly firstInMs: number;
    /** At most, what is saved up included. */
    readonly perMinute: number;
  } | null;
  /** Until requests are sent again after a 429; 0: now. */
  readonly closedForMs: number;
}

/** Requests that may go out until the window ends; null: the target has not said. */
export const leftOf = ({ window }: RequestBudget): number | null => window && Math.max(0, window.allowed - window.used);

/** The part of it that takes time. */
type Ahead = Omit<WorkAhead, 'isSample'>;

/** What an instance has of a partition; `unread` absent: that is not known. */
interface Known {
  readonly phase: string;
  readonly unread?: number | undefined;
}

/** Whether what is behind is known well enough to predict its end. */
export const isPredictable = ({ isSample }: WorkAhead, partitions: readonly Known[]): boolean =>
  isSample &&
  partitions.every(({ phase, unread }) => (phase === 'running' || phase === 'catching_up') && unread !== undefined);

export interface Speed {
  /** Requests under way together, at most. */
  readonly slots: number;
  /** One request takes so long; null: none was answered yet. */
  readonly requestMs: number | null;
  /** null: nothing was read lately, or reading is paused. */
  readonly readPerSecond: number | null;
}

/** Until a request has been answered. */
const REQUEST_MS_ASSUMED = 200;

export function convergesInMs(ahead: Ahead, speed: Speed, budget: RequestBudget): number {
  const { requests, longestRun, waitMs, unread } = ahead;
  const requestMs = speed.requestMs ?? REQUEST_MS_ASSUMED;
  const readMs = speed.readPerSecond === null ? 0 : (unread / speed.readPerSecond) * 1000;
  if (requests === 0) return Math.max(waitMs, readMs);
  const inSlots = (count: number): number => Math.max(requestMs, (count * requestMs) / speed.slots);
  const { inMs, together } = lastInWindow(requests, budget);
  const byWindowsMs = Math.max(inMs, budget.closedForMs) + inSlots(together);
  const byPaceMs = pacedInMs(requests, budget) + requestMs;
  const bySlotsMs = Math.max(inSlots(requests), longestRun * requestMs);
  return Math.max(byWindowsMs, byPaceMs, bySlotsMs, waitMs + requestMs, readMs + requestMs);
}

/** Until the pace lets the last of so many requests go. */
const pacedInMs = (requests: number, { pace, closedForMs }: RequestBudget): number =>
  pace === null ? 0 : Math.max(closedForMs, pace.firstInMs + (requests - 1) * pace.intervalMs);

/** Until the window begins that the last of so many requests goes out in, and how many of them go out in that one. */
function lastInWindow(
  requests: number,
  { window }: RequestBudget,
): { readonly inMs: number; readonly together: number } {
  if (window === null) return { inMs: 0, together: requests };
  const left = Math.max(0, window.allowed - window.used);
  if (requests <= left) return { inMs: 0, together: requests };
  // A target that allows none says so for this window only.
  const allowed = Math.max(1, window.allowed);
  const windows = Math.ceil((requests - left) / allowed);
  const inMs = window.resetsInMs + (windows - 1) * window.lengthMs;
  return { inMs, together: requests - left - (windows - 1) * allowed };
}
