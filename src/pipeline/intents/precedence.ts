/**
 * Which of a group's intents stand: per member the newest position wins, under whichever of its names; a full state takes
 * the place of everything older of every member, and what is newer stands on top of it (protocol.md 5.1, 5.3).
 */
import { WHOLE_GROUP, intentId, isSamePosition, type Intent } from '../../core/change/change.ts';
import { fold, isKeptBeside, supersedes } from '../../core/change/pending.ts';
import { afterAcceptance, afterUnsurePatch, succeeding } from '../../core/change/unsure.ts';
import type { Group } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { closeComplete, noteFinal, passedBy, supersede, supersedePending } from './conclude.ts';

/** An intent is read for the first time in this ownership; the ledger has begun its offset. */
export function arrive(owners: Owners, group: Group, intent: Intent): void {
  const member = group.members.obtain(intent.member);
  member.begin(intent.source);
  enter(owners, group, intent);
  // It is parked already. There may be 100,000 more, which the next report or live record completes.
  if (isSamePosition(member.recorded?.source, intent.source)) closeComplete(group, intent.member, member);
}

/** An intent that is known to be final is read again: it takes the place of what is older (spec: ranges). */
export function arriveFinal(owners: Owners, group: Group, intent: Intent): void {
  // A full state is delivered again with its record, of which another event was open: on top of it, this is wanted once more.
  if (isLayeredOnFullState(group, intent)) return enter(owners, group, intent);
  // If the live record holds just this position, it is parked and stays pending.
  replaceOlder(owners, group, intent);
  noteFinal(owners, group, intent);
}

function isLayeredOnFullState(group: Group, intent: Intent): boolean {
  const whole = group.members.get(WHOLE_GROUP)?.pending ?? null;
  return intent.op !== 'state' && whole !== null && whole.dead === null && supersedes(intent, whole);
}

/** Enters an intent among what is pending. */
export function enter(owners: Owners, group: Group, intent: Intent): void {
  const rivals = rivalsOf(group, intent);
  const newer = rivals.find((rival) => supersedes(rival, intent));
  const winner = newer ?? passedBy(group, intent);
  if (winner !== null) return supersede(owners, group, intent, { by: intentId(winner), requestedAt: null });
  const member = group.members.obtain(intent.member);
  // Delivered again: the further advanced copy stays.
  if (member.pending !== null && fold(member.pending, intent).winner !== intent) return;
  noteNewer(group, intent);
  const isReplacing = rivals.length > 0 || intent.op === 'state';
  member.replace(isReplacing ? replaceOlder(owners, group, intent) : intent);
}

/** The removals of a full state wait for whom it adds (protocol.md 5.4): from now on for the newer addition, or not any more. */
function noteNewer(group: Group, { member, target, op, source }: Intent): void {
  const { unresolved, toWrite } = group.partition;
  const removals = unresolved.removalsOf(group.id);
  if (removals === null || op === 'state' || isSamePosition(source, removals.source)) return;
  const names = [member, ...group.aliasesPending({ member, target })];
  // Delivered again after a restart, it may find nothing left of what it has replaced.
  const isWanted =
    names.some((name) => removals.awaited.has(name)) ||
    pendingAs(group, names).some((rival) => unresolved.isAwaited(group.id, rival));
  for (const name of names) if (unresolved.forgetAwaited(group.id, name)) toWrite.add(group);
  if (!isWanted || op === 'remove') return;
  unresolved.keepAwaited(group.id, member);
  toWrite.add(group);
}

/** A restored group: what a full state, or another name, has replaced is reported as superseded. */
export function foldRestored(owners: Owners, group: Group): void {
  for (const member of group.members.values()) {
    const { pending } = member;
    if (pending === null) continue;
    const mark = passedBy(group, pending);
    if (mark !== null) {
      supersedePending(owners, group, member, intentId(mark));
      member.replace(null);
    } else if (pending.op === 'state' || group.aliases !== null) {
      const next = replaceOlder(owners, group, pending);
      if (next !== pending) member.advance(next);
    }
  }
}

/**
 * Supersedes what is pending and older: of its member, under any name, or of every member where it is a full state. Answers the intent
 * with what is unsure of these.
 */
export function replaceOlder(owners: Owners, group: Group, intent: Intent): Intent {
  const olders: Intent[] = [];
  for (const rival of intent.op === 'state' ? pendingAs(group, group.members.keys()) : rivalsOf(group, intent)) {
    if (!supersedes(intent, rival)) continue;
    olders.push(group.unconfirmed?.has(rival) === true ? afterAcceptance(rival) : rival);
    if (isKeptBeside(rival, intent)) continue;
    const member = group.members.obtain(rival.member);
    supersedePending(owners, group, member, intentId(intent));
    member.replace(null);
    if (rival.member !== intent.member && rival.op !== 'state') group.noteReplaced(intent.member, rival.member);
  }
  return succeeding(intent, olders);
}

/** A PATCH may have done these, and no answer says so: that stays known of them, or of what has taken their place meanwhile. */
export const markUnsure = (owners: Owners, group: Group, sent: readonly Intent[]): void =>
  handOn(owners, group, sent.map(afterUnsurePatch));

/** It was accepted, is not shown yet, and something has taken its place meanwhile. */
export const markAccepted = (owners: Owners, group: Group, intent: Intent): void =>
  handOn(owners, group, [afterAcceptance(intent)]);

function handOn({ settle }: Owners, group: Group, sent: readonly Intent[]): void {
  const before = new Map<Intent, Intent[]>();
  for (const intent of sent) {
    const isConcerned = (rival: Intent): boolean => isOneIntent(rival, intent) || supersedes(rival, intent);
    for (const pending of rivalsOf(group, intent).filter(isConcerned)) {
      const olders = before.get(pending) ?? [];
      olders.push(intent);
      before.set(pending, olders);
    }
  }
  for (const [pending, olders] of before) {
    const next = succeeding(pending, olders);
    if (next === pending) continue;
    if (group.run?.due.has(pending) === true) group.run.replaceDue(pending, next);
    else group.members.get(pending.member)?.advance(next);
    group.partition.toWrite.addInTime(group);
  }
  settle();
}

const isOneIntent = (one: Intent, other: Intent): boolean =>
  one.member === other.member && isSamePosition(one.source, other.source);

/** Pending intents of its member, under any name, and of the whole group: they may supersede it, or it them. */
const rivalsOf = (group: Group, intent: Intent): Intent[] =>
  pendingAs(
    group,
    intent.op === 'state' ? [WHOLE_GROUP] : [intent.member, WHOLE_GROUP, ...group.aliasesPending(intent)],
  );

/** A copy: the caller changes what is pending while it goes through the list. */
function pendingAs({ members }: Group, names: Iterable<string>): Intent[] {
  const all: Intent[] = [];
  for (const name of names) {
    const pending = members.get(name)?.pending ?? null;
    if (pending !== null) all.push(pending);
  }
  return all;
}
