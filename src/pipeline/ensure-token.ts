/** What a probe needs before it is sent. */
import { classify } from '../core/target/outcome.ts';
import type { Group } from './group.ts';
import type { LookUp } from './look-ups.ts';
import type { Owners } from './owners.ts';

/**
 * Where the client was refused, a probe is worth while with a token only. The one that it has serves, although it was
 * refused: older by now, it may be known, and the request takes a new one where it is not. false: there is none.
 */
export async function ensureToken(owners: Owners, subject: Group | LookUp, groups: readonly Group[]): Promise<boolean> {
  const { breaker, counts, api } = owners;
  if (breaker.open?.reason !== 'auth') return true;
  // So that a drain waits for it; the run, or the look-up, that it is for settles at its end.
  counts.beginRequest();
  const refused = await api.ensureToken();
  counts.endRequest();
  if (refused === null) return true;
  breaker.observe({ request: 'read', answer: refused, outcome: classify(refused, 'GET'), groups, subject });
  return false;
}
