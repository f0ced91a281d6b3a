/**
 * A full state says "these members and nobody else". What that means for each member follows from the group as it is at
 * the target, so it is worked out once the group was read, out of doubt; what is newer than the full state stands.
 */
import { type HeldBy, type Intent, isId, sourceGroup, type WholeGroup } from './change.ts';
import { intentFor } from './intents.ts';
import { distinctIds, idKey } from './id-key.ts';
import type { Membership } from './membership.ts';
import type { Failure } from './outcome.ts';
import { ADVICE } from './refusals.ts';
import type { Resolved } from './resolution.ts';

export interface Expansion {
  readonly intents: readonly Intent[];
  /** Why its removals wait for an operator whatever their number; null: the limits decide. */
  readonly heldBy: HeldBy | null;
}

export interface Standing {
  readonly snapshot: Membership;
  /** What the id map says of each member that the full state names. */
  readonly resolve: (member: string) => Resolved;
  /** Something newer speaks for this member, under the source's name or the target's. */
  readonly isNewer: (member: string, target: string | null) => boolean;
}

/** @param state an intent with `op` `state`. */
export function expand(state: Intent, { snapshot, resolve, isNewer }: Standing): Expansion {
  const { members, deleted, isPartly }: WholeGroup = state.whole ?? { members: [], deleted: false };
  const origin = { group: sourceGroup(state), source: state.source, seenAt: state.firstSeenAt };
  const wanted = new Set<string>();
  const adds: Intent[] = [];
  let isUnsure = false;
  for (const [key, member] of distinctIds(members)) {
    const { target, isSure, canJoin } = resolve(member);
    isUnsure ||= !isSure;
    const targetKey = target === null ? null : idKey(target);
    // There already, or wanted under another name.
    const isCovered = targetKey !== null && (snapshot.members.has(targetKey) || wanted.has(targetKey));
    if (targetKey !== null) wanted.add(targetKey);
    if (isCovered || isNewer(key, target)) continue;
    adds.push({ ...intentFor(origin, 'add', member), target: canJoin ? target : null, waits: 'record' });
  }
  const removes = leaving(snapshot, wanted)
    .filter((target) => !isNewer(target, target))
    .map((target): Intent => {
      const intent = intentFor(origin, 'remove', snapshot.spellings.get(target) ?? target);
      return { ...intent, namedBy: 'target', waits: 'record' };
    });
  // The second look is about those whom the first did not show; the adds were sent after the first.
  return {
    intents: isPartly === true ? removes : [...adds, ...removes],
    heldBy: heldBy({ members, deleted }, isUnsure),
  };
}

/** Full states name users, so nested groups stay. What could be no id could not be recorded, so it stays too. */
const leaving = ({ members, nested }: Membership, wanted: ReadonlySet<string>): readonly string[] =>
  [...members].filter((key) => isId(key) && !wanted.has(key) && !nested.has(key));

/** A read that may be cut says nothing of those whom it does not show. */
export const DOUBTFUL_STATE: Failure = {
  code: 'members_not_shown',
  message:
    'The target does not show all members of the group, or a number at which lists are cut, so that members whom this full state does not name may be left.',
  status: null,
  scimType: null,
  advice: ADVICE.doubtful,
};

function heldBy({ members, deleted }: WholeGroup, isUnsure: boolean): HeldBy | null {
  if (deleted) return 'group_deleted';
  if (members.length === 0) return 'empty_state';
  return isUnsure ? 'unresolved_members' : null;
}
