/**
 * The removal guard (design 6.10): what would take too much of a group, or too much in all, waits for an operator. It
 * holds removals, never adds. It judges what is left to remove after folding, against the group as it was just read.
 */
import { type Held, type HeldBy, type Intent, intentId } from './change.ts';
import { isSameId } from './id-key.ts';
import type { Failure } from './outcome.ts';
import { isHeld } from './pending.ts';

export interface GuardLimits {
  /** More than this share of a group, in percent, is held. */
  readonly groupPercent: number;
  /** Below so many members a share says nothing. */
  readonly groupFloor: number;
  /** More than so many removals of one group at once are held. */
  readonly groupCount: number;
  /** An owner removes no more than so many members in `windowMs`. */
  readonly windowCount: number;
  readonly windowMs: number;
}

export interface Removing {
  /** Removals of the group that would be sent, approved ones not counted. */
  readonly count: number;
  /** Members of the group. */
  readonly groupSize: number;
  /** What this owner has removed in the window, or is about to, in other groups too; approved ones not counted. */
  readonly countInWindow: number;
}

/** Why they are held; null: they may go. */
export function guardVerdict({ count, groupSize, countInWindow }: Removing, limits: GuardLimits): HeldBy | null {
  if (count === 0) return null;
  if (count > limits.groupCount) return 'group_count';
  if (groupSize >= limits.groupFloor && count * 100 > limits.groupPercent * groupSize) return 'group_percent';
  return countInWindow + count > limits.windowCount ? 'window_count' : null;
}

/** What the guard has a say in. */
export const isGuarded = (intent: Intent): boolean =>
  intent.op === 'remove' && (intent.guard?.kind !== 'approved' || isRetargeted(intent));

/** The id map names another user by now than the one whom the operator has seen. */
export const isRetargeted = ({ guard, target }: Intent): boolean =>
  guard?.target !== undefined && target !== null && !isSameId(guard.target, target);

/** Lower-case hexadecimal. */
export type Sha256 = (text: string) => string;

/**
 * Names exactly what is held of a group, by position, so that an approval releases that set and no other, and the same
 * members held again later need a new one. Where the target has another id for a member, that is part of it: the same
 * position may mean another user once the id map is corrected. null: nothing is held.
 */
export function heldDigest(group: string, intents: Iterable<Intent>, sha256: Sha256): string | null {
  const entries = new Map<string, string | readonly [id: string, target: string]>();
  for (const intent of intents) {
    if (!isHeld(intent)) continue;
    const id = intentId(intent);
    const { target } = intent.guard;
    entries.set(id, target === undefined || isSameId(target, intent.member) ? id : [id, target]);
  }
  const sorted = [...entries.keys()].toSorted().map((id) => entries.get(id));
  return sorted.length === 0 ? null : sha256(JSON.stringify([group, ...sorted]));
}

/** When how many members were removed; epoch or monotonic ms, but one of them. */
export interface Removed {
  readonly at: number;
  readonly count: number;
}

/** What of it still counts. */
export const withinWindow = (removed: readonly Removed[], now: number, windowMs: number): readonly Removed[] =>
  removed.filter(({ at }) => at > now - windowMs);

export const countOf = (removed: readonly Removed[]): number => removed.reduce((sum, { count }) => sum + count, 0);

/** Why it is held, with the way to release it. */
export const heldFailure = (by: Held['by'], digest: string): Failure => ({
  code: by,
  message: `The removal guard holds this removal: ${heldText(by)}.`,
  status: null,
  scimType: null,
  advice: `Look with \`rollcall held show ${digest}\`, then \`rollcall held approve\` or \`reject\` it.`,
});

export const HELD_BY: Readonly<Record<HeldBy, string>> = {
  group_percent: 'too large a share of the group would be removed (GUARD_GROUP_PERCENT)',
  group_count: 'too many members of one group would be removed at once (GUARD_GROUP_COUNT)',
  window_count: 'too many members would be removed within GUARD_WINDOW_MS (GUARD_WINDOW_COUNT)',
  group_deleted: 'the group was deleted at the identity provider, so everybody would be removed',
  empty_state: 'the full state is empty, so everybody would be removed',
  unresolved_members:
    'the full state names members whom ID_MAP or Genesys Cloud does not know, who may be among those removed; it ends by itself once they are added',
  target_changed: 'ID_MAP names another user than the one whose removal was approved',
};

/** Of a newer version no more is known than the name. */
export const heldText = (by: Held['by']): string =>
  Object.hasOwn(HELD_BY, by) ? HELD_BY[by as HeldBy] : 'for a reason that only a newer version of Rollcall knows';

/** An operator has refused what was held. */
export const refusedFailure = (author: string): Failure => ({
  code: 'refused',
  message: `${author} has refused this removal.`,
  status: null,
  scimType: null,
  advice: 'The member stays. After `rollcall replay now` it is held once more.',
});
