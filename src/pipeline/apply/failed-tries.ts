/** A try of intents has failed: each is parked for its next one, or is spent, and gets a last look before it is given up. */
import type { Intent } from '../../core/change/change.ts';
import { withoutSchedule } from '../../core/change/pending.ts';
import type { Failure, RequestFacts } from '../../core/target/refusals.ts';
import { signOf, type Observation } from '../../core/target/breaker.ts';
import type { FailedOutcome } from '../../core/target/outcome.ts';
import type { Membership } from '../../core/target/snapshot.ts';
import { decideRetry, parkUntested, scheduleOf, scheduleOfUntested } from '../../core/target/retry.ts';
import { giveUp, park } from '../intents/conclude.ts';
import type { Group } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';

export interface Failing {
  readonly intents: readonly Intent[];
  /** What would have been sent next, and was in no request that failed: it waits as long, and uses up no try. Absent: none. */
  readonly unsent?: readonly Intent[];
  readonly outcome: FailedOutcome;
  readonly request: RequestFacts | null;
  /** null: not one request, but all of them together. */
  readonly seen: Observation | null;
  /**
   * What a search for bad members has come to (protocol.md 7.7): found one, or ended before it has separated these, which are
   * not given up then. Absent: none was under way.
   */
  readonly search?: 'found' | 'ended';
}

/**
 * One try has failed: each intent is parked for its next one, or is spent. While the breaker is open it does not count,
 * unless the group itself is at fault.
 */
export function fail(owners: Owners, group: Group, failing: Failing): void {
  const { breaker, options, clock, random } = owners;
  const { intents, unsent = [], outcome, request, seen, search } = failing;
  const kind = outcome.kind === 'not_found' && request !== null ? 'rejected_member' : outcome.kind;
  const sign = seen === null ? null : signOf(seen);
  const isOwn = sign === 'own' || (outcome.kind === 'denied' && request !== null);
  if (!breaker.isClosed && !isOwn) return breaker.wait(group, [...intents, ...unsent]);
  const rule = search === 'ended' ? scheduleOfUntested(kind) : scheduleOf(kind);
  // Of a group that fails alone the breaker holds nothing back.
  const schedule = rule === 'free' && sign === 'alone' ? 'slow' : rule;
  if (schedule === 'free') return;
  if (schedule === 'never') return exhaust(group, intents, { failure: outcome.failure, outcome: 'failed', request });
  // The same chance for all: what failed together can be sent together.
  const now = clock.now().wall;
  const retryAfterMs = 'retryAfterMs' in outcome ? outcome.retryAfterMs : null;
  const after = { schedule, now, random: random.next(), retryAfterMs };
  for (const intent of intents) {
    // Replaced by a newer one while a read was under way.
    if (group.members.get(intent.member)?.pending !== intent) continue;
    const facts = { attempt: intent.attempt, ...after };
    const decision = (search === 'ended' ? parkUntested : decideRetry)(options.retry, facts);
    const waits = isOfGroup(failing) ? 'group' : 'member';
    // Only what is about a member itself waits that long; whom a search has not tested may be known.
    const isUnknown = waits === 'member' && schedule === 'slow' && search !== 'ended';
    const { failure } = outcome;
    if (decision.kind === 'park')
      park(owners, group, intent, { decision, schedule, isUnknown, waits, failure, request });
    else exhaust(group, [intent], { failure, outcome: 'permanent_failure', request });
    if (seen !== null) breaker.used(seen, group, intent);
  }
  if (unsent.length === 0) return;
  const first = decideRetry(options.retry, { attempt: 0, ...after });
  const times = intents.map(({ member }) => group.members.get(member)?.pending?.notBefore ?? 0);
  const notBefore = Math.max(first.kind === 'park' ? first.notBefore : 0, ...times);
  for (const intent of unsent) group.postpone(intent, notBefore);
}

/** A 403 or 404 to a PATCH of a group that can be read is about a member, as far as the answers show; so is what a search finds. */
const isOfGroup = ({ outcome: { kind }, request, search }: Failing): boolean =>
  search === undefined && (kind === 'transient' || ((kind === 'denied' || kind === 'not_found') && request === null));

export function exhaust(
  group: Group,
  intents: readonly Intent[],
  end: { failure: Failure; outcome: 'failed' | 'permanent_failure'; request: RequestFacts | null },
): void {
  for (const intent of intents) {
    const member = group.members.get(intent.member);
    if (member?.pending === intent) member.exhaust({ ...end, intent, attempt: intent.attempt + 1 });
  }
}

/** The last look had no sure answer: once more at the cap, no attempt used up (protocol.md 7.8). */
export function lookAgain({ clock, options }: Owners, group: Group, intent: Intent): void {
  const member = group.members.get(intent.member);
  if (member?.exhausted?.intent !== intent) return;
  const later: Intent = { ...withoutSchedule(intent), notBefore: clock.now().wall + options.retry.capMs };
  member.postponeLastLook(later);
}

/** @param seen what the last look has shown, out of doubt; null: nothing. */
export function giveUpExhausted(owners: Owners, group: Group, intent: Intent, seen: Membership | null): void {
  const exhausted = group.members.get(intent.member)?.exhausted;
  if (exhausted?.intent === intent) giveUp(owners, group, exhausted, seen);
}

/** The target said yes and did something else, for instance by a rule of its own: said once, not tried for ever. */
export function notEffective(group: Group, intent: Intent, request: RequestFacts): void {
  const failure: Failure = {
    code: 'not_effective',
    message: 'The target accepted the change, but fresh reads do not show it.',
    status: request.status,
    scimType: null,
    advice: 'Look for a rule, an owner role or another writer that sets this membership in Genesys Cloud.',
  };
  // Like all that is given up it gets a look out of doubt: a former request about it may still land.
  exhaust(group, [intent], { failure, outcome: 'failed', request });
}
