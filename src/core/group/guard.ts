/**
 * The removal guard (protocol.md 11): what would take too much of a group, or too much in all, waits for an operator. It
 * holds removals, never adds. It judges what is left to remove after folding, against the group as it was just read, and
 * together with what was removed within the window: removals one at a time count as the same number at once.
 */
import type { Failure } from '../target/refusals.ts';
import { isSatisfied, type Membership } from '../target/snapshot.ts';
import {
  comparePositions,
  idKey,
  intentId,
  isSameId,
  type Held,
  type HeldBy,
  type Intent,
  type OperatorDecision,
} from '../change/change.ts';
import { isHeld, wasTried } from '../change/pending.ts';

export interface GuardLimits {
  /** More than this share of a group, in percent, is held; 100: the share never counts. */
  readonly groupPercent: number;
  /** Below so many members a share says nothing. */
  readonly groupFloor: number;
  /** More than so many removals of one group within `windowMs` are held. */
  readonly groupCount: number;
  /** An owner removes no more than so many members in `windowMs`. */
  readonly windowCount: number;
  readonly windowMs: number;
}

/** Approved removals are not counted. */
export interface Removing {
  /** Removals of the group that would be sent, now or later. */
  readonly count: number;
  /** Members of the group. */
  readonly groupSize: number;
  readonly removed: RemovedInWindow;
}

/** Why they are held; null: they may go. */
export function guardVerdict({ count, groupSize, removed }: Removing, limits: GuardLimits): HeldBy | null {
  if (count === 0) return null;
  const { ofGroup, sizeBefore, ofOwner } = removed;
  // An operator reads what these removals do by themselves before what they come to with others.
  const byThemselves = groupVerdict(count, [groupSize], limits);
  if (byThemselves !== null) return byThemselves;
  if (ofOwner + count > limits.windowCount) return 'window_count';
  // The smaller size decides: members who were added in between do not make room for removals.
  const sizes = [groupSize + ofGroup, ...(sizeBefore === null ? [] : [sizeBefore])];
  return groupVerdict(count + ofGroup, sizes, limits);
}

function groupVerdict(count: number, sizes: readonly number[], limits: GuardLimits): HeldBy | null {
  if (count > limits.groupCount) return 'group_count';
  return sizes.some((size) => isTooLargeShare(count, size, limits)) ? 'group_percent' : null;
}

/** A member who was removed, added and removed again counts twice, so that a share may be more than the whole. */
const isTooLargeShare = (count: number, size: number, { groupPercent, groupFloor }: GuardLimits): boolean =>
  groupPercent < 100 && size >= groupFloor && count * 100 > groupPercent * size;

/** What the guard has a say in. */
export const isGuarded = (intent: Intent): boolean =>
  intent.op === 'remove' && (intent.guard?.kind !== 'approved' || isRetargeted(intent));

/** Of a group that a doubtful read does not show in full no more is known than who is shown and who is to go. */
export function sizeOf({ members }: Membership, removals: readonly Intent[]): number {
  const unseen = removals.filter((intent) => intent.target !== null && !members.has(idKey(intent.target)));
  return members.size + unseen.length;
}

/** It is so, and a try of it may have made it so, which counts in the window once it is final. */
export const mayHaveRemoved = (intent: Intent, snapshot: Membership): boolean =>
  isGuarded(intent) &&
  wasTried(intent) &&
  intent.isAccepted !== true &&
  intent.target !== null &&
  isSatisfied(intent, snapshot);

/**
 * What the window counts of a run with its first request: removals that are left to do, or may be done by it, and those of members
 * who are not shown.
 */
export function removalsOfRun(
  due: Iterable<Intent>,
  snapshot: Membership,
  isLeft: (intent: Intent) => boolean,
): { readonly count: number; readonly unseenCount: number } {
  // Most of what is due may be additions.
  const isCounted = (intent: Intent): boolean => !isSatisfied(intent, snapshot) || mayHaveRemoved(intent, snapshot);
  const removals = [...due].filter((intent) => isGuarded(intent) && isLeft(intent) && isCounted(intent));
  return { count: removals.length, unseenCount: sizeOf(snapshot, removals) - snapshot.members.size };
}

/** Approved removals come last, the oldest event first: in the order in which they were recorded, requests would depend on chance. */
export function approvedLast(removals: readonly Intent[]): readonly Intent[] {
  const approved = removals.filter(({ guard }) => guard?.kind === 'approved');
  if (approved.length === 0) return removals;
  const byPlace = (a: Intent, b: Intent): number =>
    comparePositions(a.source, b.source) || (a.member < b.member ? -1 : Number(a.member > b.member));
  return [...removals.filter(({ guard }) => guard?.kind !== 'approved'), ...approved.toSorted(byPlace)];
}

/** The id map names another user by now than the one whom the operator was shown. */
export const isRetargeted = ({ guard, target }: Intent): boolean =>
  guard?.target !== undefined && target !== null && !isSameId(guard.target, target);

/** Lower-case hexadecimal. */
export type Sha256 = (text: string) => string;

/**
 * Names exactly what is held of a group, by position, so that an approval releases that set and no other, and the same
 * members held again later need a new one. Where the target has another id for a member, or for the group, that is part of
 * it: the same position means another user once the id map is corrected. null: nothing is held.
 */
export function heldDigest(group: string, intents: Iterable<Intent>, sha256: Sha256): string | null {
  const entries = new Map<string, string | readonly string[]>();
  for (const intent of intents) {
    if (!isHeld(intent)) continue;
    const id = intentId(intent);
    const { target = intent.member, groupTarget = group } = intent.guard;
    const hasOtherGroup = !isSameId(groupTarget, group);
    const isAsNamed = isSameId(target, intent.member) && !hasOtherGroup;
    entries.set(id, isAsNamed ? id : [id, target, ...(hasOtherGroup ? [groupTarget] : [])]);
  }
  const sorted = [...entries.keys()].toSorted().map((id) => entries.get(id));
  return sorted.length === 0 ? null : sha256(JSON.stringify([group, ...sorted]));
}

/** Why it is held, with the way to release it. */
export const heldFailure = (by: Held['by'], digest: string): Failure => ({
  code: by,
  message: `The removal guard holds this removal: ${heldText(by)}.`,
  status: null,
  scimType: null,
  advice: `Look with \`rollcall held show ${digest}\`, then decide: \`rollcall held approve ${digest}\` or \`rollcall held reject ${digest}\`.`,
});

export const HELD_BY: Readonly<Record<HeldBy, string>> = {
  group_percent: 'too large a share of the group would be removed within GUARD_WINDOW_MS (GUARD_GROUP_PERCENT)',
  group_count: 'too many members of one group would be removed within GUARD_WINDOW_MS (GUARD_GROUP_COUNT)',
  window_count: 'too many members would be removed within GUARD_WINDOW_MS (GUARD_WINDOW_COUNT)',
  group_deleted: 'the group was deleted at the identity provider, so everybody would be removed',
  empty_state: 'the full state is empty, so everybody would be removed',
  unresolved_members:
    'the full state names members whom ID_MAP or Genesys Cloud does not know, who may be among those removed; it ends by itself once they are added',
  target_changed: 'ID_MAP names another user, or another group, than those whose removal was approved',
};

/** Of a newer version no more is known than the name. */
export const heldText = (by: Held['by']): string =>
  Object.hasOwn(HELD_BY, by) ? HELD_BY[by as HeldBy] : 'for a reason that only a newer version of Rollcall knows';

/** The code of a removal that an operator has refused. */
export const REFUSED = 'refused';

/** An operator has refused what was held. */
export const refusedFailure = ({ author, reason }: Pick<OperatorDecision, 'author' | 'reason'>): Failure => ({
  code: REFUSED,
  message: asSentence(`${author} has refused this removal${reason === null ? '' : `: ${reason}`}`),
  status: null,
  scimType: null,
  advice: 'The member stays. Once it is woken, it is held once more.',
});

/** A reason may be one already. */
const asSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** What the guard counts besides the removals that it is asked about. */
export interface RemovedInWindow {
  /** From this group. */
  readonly ofGroup: number;
  /** Members of this group before the oldest of them; null: none was removed, or it is not known. */
  readonly sizeBefore: number | null;
  /** From all groups of this owner, with what other groups in flight are about to remove. */
  readonly ofOwner: number;
}

export const NOTHING_REMOVED: RemovedInWindow = { ofGroup: 0, sizeBefore: null, ofOwner: 0 };

/** Counts until the window has passed, to the millisecond. */
export const isInWindow = (at: number, now: number, windowMs: number): boolean => at > now - windowMs;
