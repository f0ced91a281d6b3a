/** What a log says of a send (ports.ts, `SendOutcome`), where nothing of it could be written. */

type Outcome = string | { readonly kind: string; readonly error: Error };

/** @throws where all have failed: the first error. */
export function unlessAllFailed<O extends Outcome>(outcomes: readonly O[]): readonly O[] {
  const errors = outcomes.flatMap((outcome: Outcome) =>
    typeof outcome === 'object' && outcome.kind === 'failed' ? [outcome.error] : [],
  );
  const [first] = errors;
  if (first !== undefined && errors.length === outcomes.length) throw first;
  return outcomes;
}
