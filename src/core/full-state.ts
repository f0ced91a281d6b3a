/**
 * A full state says "these members and nobody else". What that means for each member follows from the group as it is at
 * the target, so it is worked out once the group was read, out of doubt; what is newer than the full state stands.
 */
import { type HeldBy, type Intent, intentFor, isId, type WholeGroup } from './change.ts';
import type { Resolved } from './resolution.ts';
import type { Snapshot } from './plan.ts';

export interface Expansion {
  readonly intents: readonly Intent[];
  /** Why its removals wait for an operator whatever their number; null: the limits decide. */
  readonly heldBy: HeldBy | null;
}

export interface Standing {
  readonly snapshot: Snapshot;
  /** What the id map says of each member that the full state names. */
  readonly resolve: (member: string) => Resolved;
  /** Something newer speaks for this member, under the source's name or the target's. */
  readonly isNewer: (member: string, target: string | null) => boolean;
}

/** @param state an intent with `op` `state`. */
export function expand(state: Intent, { snapshot, resolve, isNewer }: Standing): Expansion {
  const { members, deleted }: WholeGroup = state.whole ?? { members: [], deleted: false };
  const origin = { group: state.group, source: state.source, seenAt: state.firstSeenAt };
  const wanted = new Set<string>();
  const intents: Intent[] = [];
  let isUnsure = false;
  for (const member of new Set(members)) {
    const { target, isSure, canJoin } = resolve(member);
    isUnsure ||= !isSure;
    // There already, or wanted under another name.
    const isCovered = target !== null && (snapshot.members.has(target) || wanted.has(target));
    if (target !== null) wanted.add(target);
    if (isCovered || isNewer(member, target)) continue;
    intents.push({ ...intentFor(origin, 'add', member), target: canJoin ? target : null, waits: 'record' });
  }
  for (const target of snapshot.members) {
    // What could be no id could not be recorded, so it cannot be removed by name either.
    if (!isId(target) || wanted.has(target) || isNewer(target, target)) continue;
    intents.push({ ...intentFor(origin, 'remove', target), target, namedBy: 'target', waits: 'record' });
  }
  return { intents, heldBy: heldBy({ members, deleted }, isUnsure) };
}

function heldBy({ members, deleted }: WholeGroup, isUnsure: boolean): HeldBy | null {
  if (deleted) return 'group_deleted';
  if (members.length === 0) return 'empty_state';
  return isUnsure ? 'unresolved_members' : null;
}
