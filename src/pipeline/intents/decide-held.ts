/** What an operator has decided about removals that are held: of exactly the set that the digest names (protocol.md 11.2). */
import {
  idKey,
  isSamePosition,
  positionText,
  type Approval,
  type Intent,
  type OperatorDecision,
} from '../../core/change/change.ts';
import { isHeld } from '../../core/change/pending.ts';
import { heldDigest, refusedFailure } from '../../core/group/guard.ts';
import { decidedBefore, refusedSets } from '../../core/group/held-set.ts';
import { NAMED_MAX, type DecisionRequest, type HeldPart } from '../../core/log/request-record.ts';
import type { Group, Partition } from '../state/group.ts';
import type { DueAnswer } from '../state/operator-requests.ts';
import type { Owners } from '../state/owners.ts';
import { giveUp } from './conclude.ts';
import { additionsIn } from './full-state-removals.ts';
import { decidableIn, shownTargets, targetsOf } from './guard.ts';

/** An operator has decided about exactly this set; where it has changed meanwhile, nothing is done. */
export function decide(
  owners: Owners,
  partition: Partition,
  { kind, part, digest, author, reason }: DecisionRequest,
): Omit<DueAnswer<Group>, 'key'> {
  const nothing = (verdict: 'gone' | 'too_many') => ({ answer: { kind, digest, verdict, count: 0 }, groups: [] });
  if (part !== null && part.named.length > NAMED_MAX) return nothing('too_many');
  const group = part === null ? partition.digests.groupOf(digest) : partition.groups.get(idKey(part.group));
  if (group === undefined || group === null) return nothing('gone');
  const verdict = kind === 'approve' ? 'approved' : 'rejected';
  const sets = part === null ? heldSets(group) : [heldOf(group, part)];
  const held = sets.find((set) => heldDigest(group.id, set, owners.sha256) === digest);
  if (held === undefined) {
    const asked = { kind, digest, sha256: owners.sha256 };
    const count = decidedBefore(group.id, decidableIn(group), asked);
    return count === 0 ? nothing('gone') : { answer: { kind, digest, verdict, count }, groups: [group] };
  }
  const decision = { digest, author, reason };
  if (kind === 'approve') approve(owners, group, held, decision);
  else for (const intent of held) reject(owners, group, intent, decision);
  group.partition.toWrite.add(group);
  const facts = { group: group.id, kind, ...decision, removals: held.length, isPart: part !== null };
  owners.logger.info(facts, 'held removals are decided');
  return { answer: { kind, digest, verdict, count: held.length }, groups: [group] };
}

/** Of those that it names, what is held now. */
function heldOf({ members }: Group, { named }: HeldPart): readonly Intent[] {
  const held = named.flatMap(({ member, ...place }) => {
    const pending = members.get(idKey(member))?.pending ?? null;
    return pending !== null && isHeld(pending) && positionText(pending.source) === positionText(place) ? [pending] : [];
  });
  return [...new Set(held)];
}

/** What an operator can have read: all that is held, or all that the live record has room for. */
function heldSets(group: Group): readonly (readonly Intent[])[] {
  const held = decidableIn(group).filter(isHeld);
  const isRecorded = ({ member, source }: Intent): boolean =>
    isSamePosition(source, group.members.get(member)?.recorded?.source);
  return held.length === 0 ? [] : [held, held.filter(isRecorded)];
}

function approve(owners: Owners, group: Group, held: readonly Intent[], decision: OperatorDecision): void {
  const at = owners.clock.now().wall;
  // Members who are unknown, tried once more or not, hold no later full state that names them.
  if (held.some(isHeldForUnknown) && isAllForUnknown(group, held)) {
    const { undecided, unresolved } = additionsIn(group) ?? { undecided: [], unresolved: [] };
    group.partition.unresolved.accept(group.id, [...undecided, ...unresolved]);
  }
  for (const intent of held) {
    const shown = { ...shownTargets(owners, group, intent), ...targetsOf(intent) };
    const guard: Approval = { ...shown, kind: 'approved', ...decision, at };
    // Sent once the live record says who has approved it: the next owner must know, too.
    group.members.obtain(intent.member).advance({ ...intent, guard, waits: 'record' });
  }
}

const isHeldForUnknown = (intent: Intent): boolean => isHeld(intent) && intent.guard.by === 'unresolved_members';

/** Once their unknown members are accepted, what is held for these goes by itself: so none of it may be left (protocol.md 5.4). */
function isAllForUnknown(group: Group, held: readonly Intent[]): boolean {
  const taken = new Set(held);
  return decidableIn(group).every((intent) => !isHeldForUnknown(intent) || taken.has(intent));
}

function reject(owners: Owners, group: Group, intent: Intent, refusal: OperatorDecision): void {
  const { attempt } = intent;
  giveUp(owners, group, {
    outcome: 'failed',
    refusal,
    request: null,
    intent,
    attempt,
    failure: refusedFailure(refusal),
  });
}

/** A request that was executed may be read again, by a new owner too: its digest is known then. */
export function noteDecided({ sha256 }: Owners, group: Group): void {
  for (const { guard } of decidableIn(group))
    if (guard?.kind === 'approved') group.partition.digests.note(group, guard.digest);
  for (const refused of refusedSets(decidableIn(group))) {
    const digest = heldDigest(group.id, refused, sha256);
    if (digest !== null) group.partition.digests.note(group, digest);
  }
}
