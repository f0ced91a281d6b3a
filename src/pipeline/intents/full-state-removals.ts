/**
 * When the removals of a full state may go (protocol.md 5.4): after its additions, and not while a member whom it names is unknown.
 * What is held for that alone goes by itself once all are known.
 */
import { isSamePosition, type Intent } from '../../core/change/change.ts';
import { isHeld } from '../../core/change/pending.ts';
import {
  additionsOf,
  isOfFullState,
  passageOf,
  type Additions,
  type Passage,
  waitsForAdditions,
} from '../../core/group/full-state.ts';
import type { Group } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { isPlannable, wholeOf } from './identify.ts';

/** null: no removals of a full state are pending. */
export function additionsIn({ id, members, partition }: Group): Additions | null {
  const removals = partition.unresolved.removalsOf(id);
  if (removals === null) return null;
  const { undecided, unresolved } = members.additionsOf(removals.source);
  const pending = new Map<string, Intent>();
  for (const name of [...undecided, ...unresolved, ...removals.awaited]) {
    const intent = members.get(name)?.pending ?? null;
    if (intent !== null) pending.set(name, intent);
  }
  return additionsOf(pending, removals.source, removals.awaited);
}

export function passageIn(group: Group): Passage {
  const { id, members, partition } = group;
  const removals = partition.unresolved.removalsOf(id);
  if (removals === null) return 'go';
  // There may be very many of them, and one is enough.
  if (members.additionsOf(removals.source).undecided.size > 0) return 'wait';
  const additions = additionsIn(group);
  return additions === null ? 'go' : passageOf(additions, partition.unresolved.acceptedOf(id));
}

/** What can be planned, and need not wait for additions of a full state. */
export function plannableIn(owners: Owners, group: Group): (intent: Intent) => boolean {
  const isKeptBack = keptBackIn(group);
  return (intent) => !isKeptBack(intent) && isPlannable(owners, group, intent);
}

/** What waits for additions of a full state. */
export function keptBackIn(group: Group, passage = passageIn(group)): (intent: Intent) => boolean {
  if (passage !== 'wait') return () => false;
  const whole = wholeOf(group);
  const { unresolved } = group.partition;
  // It has its second look after what the first came to, and what is newer comes on top of it, but for what it waits for.
  const isBehind = (intent: Intent): boolean =>
    whole?.whole?.isPartly === true &&
    (intent.op === 'state' || !(isSamePosition(intent.source, whole.source) || unresolved.isAwaited(group.id, intent)));
  return (intent) => waitsForAdditions(intent) || isBehind(intent);
}

/** All members whom the full state names are known by now: the limits of the guard judge its removals. */
export function releaseKnown({ settle }: Owners, group: Group): void {
  const { id, members, partition } = group;
  const removals = partition.unresolved.removalsOf(id);
  if (removals === null) return;
  if (members.ofFullState.size === 0) return partition.unresolved.endRemovals(id);
  if (members.held.size === 0 || !removals.isComplete || passageIn(group) !== 'go') return;
  for (const member of members.held) {
    if (member.pending === null || !isOfFullState(member.pending) || !isHeld(member.pending)) continue;
    if (member.pending.guard.by !== 'unresolved_members') continue;
    // Sent once the live record does not say any more that it is held.
    member.advance({ ...member.pending, guard: null, waits: 'record' });
    member.dropDeferredReports();
    partition.toWrite.add(group);
    settle();
  }
}
