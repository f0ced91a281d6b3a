/** What every answer of the target counts for, whoever asked: the totals, and the gate. */
import type { Outcome } from '../core/outcome.ts';
import { throttledMs } from '../core/retry.ts';
import type { Context } from './context.ts';

export function tally({ state, api }: Context, outcome: Outcome): void {
  const { requests } = state.counts;
  requests[outcome.kind] = (requests[outcome.kind] ?? 0) + 1;
  if (outcome.kind === 'throttled') api.gate.closeFor(throttledMs(outcome.retryAfterMs));
}
