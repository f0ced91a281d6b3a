/** What both logs say of a send. */
import type { SendOutcome } from '../ports.ts';

/** @throws where all have failed: the first error. */
export function unlessAllFailed(outcomes: readonly SendOutcome[]): readonly SendOutcome[] {
  const [first] = outcomes;
  const haveFailed = outcomes.every((outcome) => typeof outcome === 'object' && outcome.kind === 'failed');
  if (haveFailed && typeof first === 'object') throw first.error;
  return outcomes;
}
