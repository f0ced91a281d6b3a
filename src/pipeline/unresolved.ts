/** Intents that no request can name yet: they wait for their next look-up, or are given up. */
import type { Failure } from '../core/target/refusals.ts';
import { isSamePosition, sourceMember, type Intent } from '../core/change/change.ts';
import { idKey } from '../core/change/id-key.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import { decideRetry, type Schedule } from '../core/target/retry.ts';
import { giveUp, park } from './conclude.ts';
import type { Group } from './group.ts';
import type { Owners } from './owners.ts';

interface NotKnown {
  readonly failure: Failure;
  readonly waits: 'group' | 'member';
  readonly schedule: Schedule;
  /** What the target asked for; null: nothing. */
  readonly retryAfterMs: number | null;
}

/** No request could name it: it waits for its next look-up, or is given up. */
export function notKnown(owners: Owners, group: Group, intent: Intent, unknown: NotKnown): void {
  const { options, clock, random } = owners;
  const { failure, waits, schedule, retryAfterMs } = unknown;
  if (group.members.get(intent.member)?.pending !== intent) return;
  const facts = { schedule, attempt: intent.attempt, now: clock.now().wall, random: random.next(), retryAfterMs };
  const decision = decideRetry(options.retry, facts);
  const isUnknown = waits === 'member' && schedule === 'slow';
  if (decision.kind === 'park')
    park(owners, group, intent, { decision, schedule, isUnknown, waits, failure, request: null });
  else {
    const end = { attempt: decision.attempt, failure, outcome: 'permanent_failure', request: null } as const;
    giveUp(owners, group, { intent, ...end });
  }
}

/** An id that was looked up earlier is asked for again before it is believed that the user is no member. */
const BELIEVED_MS = 60_000;

/**
 * A removal finds no member to remove, and the id was looked up a while ago, or by another instance's changes: the user may have been
 * deleted and created again since, and be a member under the new id.
 */
export function mayHaveAnotherId({ ids, clock }: Owners, group: Group, intent: Intent): boolean {
  const { op, member: name, attempt, target, namedBy } = intent;
  const member = group.members.get(name);
  if (op !== 'remove' || attempt > 0 || target === null || namedBy === 'target') return false;
  if (member?.pending !== intent || member.exhausted !== null) return false;
  const ageMs = ids?.userIds?.ageMs(sourceMember(intent)) ?? null;
  const begunMs = member.requestedAt === null ? 0 : clock.now().wall - member.requestedAt;
  return ageMs !== null && ageMs > Math.max(BELIEVED_MS, begunMs);
}

/** The next try asks for the id of its member first. */
export function lookUpAgain({ ids }: Owners, group: Group, { member: name, source, target, namedBy }: Intent): void {
  const member = group.members.get(name);
  if (ids?.userIds === undefined || member === undefined || target === null || namedBy === 'target') return;
  const { pending, exhausted } = member;
  if (pending === null || !isSamePosition(pending.source, source)) return;
  ids.userIds.noteUnknown(sourceMember(pending), target);
  // Its last look is at the member that was sent.
  if (exhausted !== null) return;
  const unnamed = { ...pending, target: null };
  member.advance(unnamed);
  group.noteAlias(unnamed);
}

/** What waits for this look-up cannot go on without it. */
export const waitsFor = (group: Group, kind: IdKind, id: string): Intent[] =>
  [...group.members.values()].flatMap(({ pending }) => {
    if (pending === null || pending.dead !== null) return [];
    if (kind === 'group') return [pending];
    const isNamed =
      pending.op === 'state' ? pending.whole?.members.includes(id) === true : pending.member === idKey(id);
    return isNamed && (pending.op === 'state' || pending.target === null) ? [pending] : [];
  });
