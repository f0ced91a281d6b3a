/**
 * What the target calls groups and members, where the source has other ids (`ID_MAP`). What is not known waits on the slow
 * schedule and is looked up again each time it is due; nothing is planned for it before, and in the end it is given up.
 */
import { WHOLE_GROUP, idKey, isSameId, isSamePosition, sourceMember, type Intent } from '../../core/change/change.ts';
import { isDue } from '../../core/change/pending.ts';
import {
  memberFailure,
  resolved,
  targetFor,
  unresolvedFailure,
  type IdKind,
  type Resolved,
  type SureResolution,
} from '../../core/ids/resolution.ts';
import type { Failure } from '../../core/target/refusals.ts';
import { decideRetry, type Schedule } from '../../core/target/retry.ts';
import type { Group } from '../state/group.ts';
import type { SoughtId } from '../state/look-ups.ts';
import type { Owners } from '../state/owners.ts';
import { giveUp, park } from './conclude.ts';
import { enter } from './precedence.ts';

/** As far as it is known without asking, and again each time: a table may have been corrected. */
export function identifyGroup({ ids }: Owners, group: Group): void {
  if (ids === null || group.run !== null) return;
  const known = knownOf(ids, 'group', group.id);
  if (known === null) return;
  if (known.kind !== 'found') return group.forgetTarget();
  if (group.target !== null && !isSameId(group.target, known.id)) group.forgetTarget();
  group.resolve(known.id, ids.groupNames?.lookedUp(group.id) ?? null);
}

/** The intent under the target's name for its member, as far as it is known without asking. */
export function identified({ ids }: Owners, group: Group, intent: Intent): Intent {
  if (ids === null || intent.op === 'state') return intent;
  if (intent.namedBy === 'target') {
    group.noteAlias(intent);
    return intent;
  }
  const named = { ...intent, target: knownTarget(ids, intent) ?? null };
  group.noteAlias(named);
  return named;
}

/** What is known of it without asking; null: nothing that is sure. */
function knownOf(ids: Owners['ids'], kind: IdKind, id: string): SureResolution | null {
  const known = ids?.known(kind, id) ?? null;
  return known?.kind === 'unanswered' ? null : known;
}

/** Whom it means, as far as that is known without asking; undefined: it is not, or there is nothing to ask. */
export function knownTarget(ids: Owners['ids'], intent: Intent): string | null | undefined {
  const known = intent.namedBy === 'target' ? null : knownOf(ids, 'user', sourceMember(intent));
  return known === null ? undefined : targetFor(intent.op, known);
}

/** Is everything known that a plan for it needs? */
export function isPlannable({ ids }: Owners, group: Group, intent: Intent): boolean {
  const whole = wholeOf(group);
  // What stands on top of it must not go before its second look.
  if (whole?.waits === 'record' && !isSamePosition(intent.source, whole.source)) return false;
  if (ids === null) return true;
  if (group.target === null) return false;
  // What a full state came to was identified with it. While the state waits for the record of that, it is not identified again.
  const isWorkedOut = whole?.waits === 'record' && intent.op !== 'state';
  if (whole !== null && !isWorkedOut && !isWholeIdentified(group, whole)) return false;
  return intent.op === 'state' || intent.target !== null;
}

/** An id that a plan for the intent needs and that only the target knows; null: there is none. */
export function unknownId({ ids }: Owners, group: Group, intent: Intent): SoughtId | null {
  if (group.target === null) return knownOf(ids, 'group', group.id) === null ? { kind: 'group', id: group.id } : null;
  const members = intent.op === 'state' ? (intent.whole?.members ?? []) : [intent.member];
  const id = members.find(
    (member) => group.aliases?.resolutionOf(member) === undefined && knownOf(ids, 'user', member) === null,
  );
  return id === undefined ? null : { kind: 'user', id };
}

/** The full state that is pending; null: none, or a dead one. */
export function wholeOf({ members }: Group): Intent | null {
  const pending = members.get(WHOLE_GROUP)?.pending ?? null;
  return pending?.dead === null ? pending : null;
}

/** A table has changed: a name that was not in it, or that means another member now, is due again. */
export function reResolve(owners: Owners): void {
  for (const { groups } of owners.partitions) for (const group of groups.values()) identifyGroupAgain(owners, group);
  owners.dispatch();
}

function identifyGroupAgain(owners: Owners, group: Group): void {
  const groupTarget = group.target;
  identifyGroup(owners, group);
  // Whom the pending full state names.
  for (const name of group.aliases?.resolvedNames ?? []) {
    const known = knownOf(owners.ids, 'user', name);
    if (known !== null) group.aliases?.noteResolution(name, known);
  }
  for (const member of group.members.values()) {
    const { pending } = member;
    if (pending !== null) member.advance(reResolved(owners, group, pending, groupTarget));
  }
  owners.review(group);
}

/** @param groupTarget what the group was at the target. */
function reResolved({ ids }: Owners, group: Group, pending: Intent, groupTarget: string | null): Intent {
  // In flight, it stays what its run has taken: a newer intent without its full state must not go on.
  if (pending.dead !== null || group.run?.due.has(pending) === true) return pending;
  if (pending.op === 'state') return { ...pending, notBefore: 0 };
  const known = knownTarget(ids, pending);
  const target = known === undefined ? pending.target : known;
  // What the change of the table is not about keeps its time, and its tries.
  if (target === pending.target && group.target === groupTarget) return pending;
  // Resolved again when it is due, so that it meets what is pending under that name.
  const renamed = { ...pending, target: pending.namedBy === 'target' ? pending.target : null, notBefore: 0 };
  group.noteAlias(renamed);
  return renamed;
}

/** What is due and not known is asked for, or waits. */
export function identifyDue(owners: Owners, group: Group, now: number): void {
  if (owners.ids === null) return;
  const due = [...group.members.values()].flatMap(({ pending }) =>
    pending !== null && isDue(pending, now) ? [pending] : [],
  );
  if (due.length === 0 || !isGroupIdentified(owners, group, due)) return;
  for (const intent of due) {
    if (intent.op === 'state') identifyWhole(owners, group, intent);
    else if (intent.target === null || isNamedAgain(owners, intent)) identifyMember(owners, group, intent);
  }
}

/** A table may have changed while it was on its way. */
function isNamedAgain({ ids }: Owners, intent: Intent): boolean {
  const known = knownTarget(ids, intent);
  return known !== undefined && known !== intent.target;
}

function isGroupIdentified(owners: Owners, group: Group, due: readonly Intent[]): boolean {
  identifyGroup(owners, group);
  const known = knownOf(owners.ids, 'group', group.id);
  if (known === null) {
    // What was known is too old by now: another group may have the name.
    group.forgetTarget();
    owners.lookUps.want(group, { kind: 'group', id: group.id });
    return false;
  }
  if (group.target !== null) return true;
  if (known.kind !== 'found') {
    const failure = unresolvedFailure('group', known);
    for (const intent of due)
      notKnown(owners, group, intent, { failure, waits: 'group', schedule: 'slow', retryAfterMs: null });
  }
  return false;
}

function identifyMember(owners: Owners, group: Group, intent: Intent): void {
  const member = group.members.get(intent.member);
  if (member?.pending !== intent) return;
  const name = sourceMember(intent);
  const known = knownOf(owners.ids, 'user', name);
  if (known === null) return void owners.lookUps.want(group, { kind: 'user', id: name });
  const target = targetFor(intent.op, known);
  if (target === null) {
    const failure = memberFailure(known);
    return notKnown(owners, group, intent, { failure, waits: 'member', schedule: 'slow', retryAfterMs: null });
  }
  const named = { ...intent, target };
  group.noteAlias(named);
  // Under its new name something else may be pending, older or newer.
  member.replace(null);
  enter(owners, group, named);
}

/** What a full state comes to depends on everybody it names, so everybody is asked for first. */
function identifyWhole(owners: Owners, group: Group, { whole }: Intent): void {
  const aliases = group.obtainAliases();
  for (const member of whole?.members ?? []) {
    if (aliases.resolutionOf(member) !== undefined) continue;
    const known = knownOf(owners.ids, 'user', member);
    if (known === null) owners.lookUps.want(group, { kind: 'user', id: member });
    else aliases.noteResolution(member, known);
  }
}

const isWholeIdentified = ({ aliases }: Group, { whole }: Intent): boolean =>
  (whole?.members ?? []).every((member) => aliases?.resolutionOf(member) !== undefined);

/** For a full state whose members are all known, or known to be unknown. */
export function resolveFor({ ids }: Owners, group: Group): (member: string) => Resolved {
  if (ids === null) return (member) => ({ target: idKey(member), canJoin: true });
  const aliases = group.obtainAliases();
  return (member) => resolved(aliases.resolutionOf(member) ?? { kind: 'unmapped' });
}

/* Intents that no request can name yet: they wait for their next look-up, or are given up. */

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
