/**
 * When all that is behind will be applied, if nothing new comes: by the requests that it needs, and by what limits them. A
 * prediction for operators (`rollcall status`); `npm run bench -- status` compares it with what then happens.
 */

/** What may still be spent of the target's limits. Durations in ms, from now. */
export interface RequestBudget {
  /** As the target's headers say, requests without an answer counted as spent; null: they have not spoken yet. */
  readonly window: {
    readonly allowed: number;
    readonly used: number;
    /** Until the window ends, and the next one begins. */
    readonly resetsInMs: number;
    readonly lengthMs: number;
  } | null;
  /** Requests are spread besides: by RATE_LIMIT_PER_MINUTE, or until the headers speak; null: they are not. */
  readonly pace: {
    readonly intervalMs: number;
    /** Until the first may go; negative: so much was saved up. */
    readonly firstInMs: number;
  } | null;
  /** Until requests are sent again after a 429; 0: now. */
  readonly closedForMs: number;
}

/** Requests that may go out until the window ends; null: the target has not said. */
export const leftOf = ({ window }: RequestBudget): number | null => window && Math.max(0, window.allowed - window.used);

/** What is to be done about what is behind. */
export interface WorkAhead {
  /** Of all groups; what is not read yet is estimated. */
  readonly requests: number;
  /** The most that one group needs: they go one after the other. */
  readonly longestRun: number;
  /** Until the last short wait for another try is over. */
  readonly waitMs: number;
  /** Source records. */
  readonly unread: number;
}

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

export function convergesInMs(
  { requests, longestRun, waitMs, unread }: WorkAhead,
  speed: Speed,
  budget: RequestBudget,
): number {
  const requestMs = speed.requestMs ?? REQUEST_MS_ASSUMED;
  const readMs = speed.readPerSecond === null ? 0 : (unread / speed.readPerSecond) * 1000;
  if (requests === 0) return Math.max(waitMs, readMs);
  const inSlots = (count: number): number => Math.max(requestMs, (count * requestMs) / speed.slots);
  const byBudgetMs = permitInMs(requests, budget) + inSlots(inLastWindow(requests, budget));
  return Math.max(byBudgetMs, inSlots(requests), longestRun * requestMs, waitMs + requestMs, readMs + requestMs);
}

/** Until the last of so many requests may go out. */
function permitInMs(requests: number, { window, pace, closedForMs }: RequestBudget): number {
  const pacedMs = pace === null ? 0 : pace.firstInMs + (requests - 1) * pace.intervalMs;
  return Math.max(closedForMs, pacedMs, window === null ? 0 : openInMs(requests, window));
}

/** Until the window begins in which the last of so many requests goes out. */
function openInMs(requests: number, window: NonNullable<RequestBudget['window']>): number {
  const later = requests - Math.max(0, window.allowed - window.used);
  return later <= 0 ? 0 : window.resetsInMs + (Math.ceil(later / allowedIn(window)) - 1) * window.lengthMs;
}

/** How many of them go out together in the window of the last one. */
function inLastWindow(requests: number, { window, pace }: RequestBudget): number {
  if (pace !== null) return 1;
  if (window === null) return requests;
  const later = requests - Math.max(0, window.allowed - window.used);
  return later <= 0 ? requests : ((later - 1) % allowedIn(window)) + 1;
}

/** A target that allows none says so for this window only. */
const allowedIn = ({ allowed }: { readonly allowed: number }): number => Math.max(1, allowed);
