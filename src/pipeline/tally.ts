/** What every answer of the target counts for, from any caller. */
import type { Outcome } from '../core/target/outcome.ts';
import type { Context } from './context.ts';

export function tally({ state }: Context, outcome: Outcome): void {
  const { requests } = state.counts;
  requests[outcome.kind] = (requests[outcome.kind] ?? 0) + 1;
}
