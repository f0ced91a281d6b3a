/**
 * A full state says "exactly these members". What that means for each member follows from the group as it is at
 * the target, so it is worked out once the group was read, out of doubt; what is newer than the full state stands.
 * Its removals go after its additions, and wait for an operator while a member whom it names is unknown: that member may be
 * in the group under another name, and a group must not lose its members because the new ones are refused.
 */
import type { Failure } from '../target/refusals.ts';
import {
  distinctIds,
  idKey,
  isId,
  isSamePosition,
  sourceGroup,
  type HeldBy,
  type Intent,
  type Position,
  type WholeGroup,
} from '../change/change.ts';
import { intentFor, withFields } from '../change/pending.ts';
import { unsureIn, withUnsure } from '../change/unsure.ts';
import type { Resolved } from '../ids/resolution.ts';
import { ADVICE } from '../target/refusals.ts';
import type { Membership } from '../target/snapshot.ts';
import { isGuarded } from './guard.ts';

export interface Expansion {
  readonly intents: readonly Intent[];
  /** Why its removals wait for an operator, few or many; null: its additions and the limits decide. */
  readonly heldBy: HeldBy | null;
  /** Named, not there, and added by something newer: the names of that. The removals wait for it as for an addition. */
  readonly awaited: readonly string[];
}

export interface Standing {
  readonly snapshot: Membership;
  /** What the id map says of each member that the full state names. */
  readonly resolve: (member: string) => Resolved;
  /** What speaks for this member instead of the full state, under the source's name or the target's; null: nothing does. */
  readonly newerFor: (member: string, target: string | null) => Intent | null;
}

/** @param state an intent with `op` `state`. */
export function expand(state: Intent, standing: Standing): Expansion {
  const work = expandInSlices(state, standing);
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** About 20 ms. */
const SLICE = 10_000;

/** As `expand`, with a break after each slice: a full state may name 200,000 members, and as many may have to leave. */
export function* expandInSlices(state: Intent, { snapshot, resolve, newerFor }: Standing): Generator<void, Expansion> {
  const { members, deleted, isPartly }: WholeGroup = state.whole ?? { members: [], deleted: false };
  const origin = { group: sourceGroup(state), source: state.source, seenAt: state.firstSeenAt };
  const wanted = new Set<string>();
  const adds: Intent[] = [];
  const removes: Intent[] = [];
  const awaited: string[] = [];
  let count = 0;
  for (const [key, member] of distinctIds(members)) {
    count += 1;
    if (count % SLICE === 0) yield;
    const { target, canJoin } = resolve(member);
    const targetKey = target === null ? null : idKey(target);
    // What a PATCH may have done is reported, although it is there already.
    const unsure = targetKey === null ? [] : unsureIn(state.whole, targetKey);
    const isThere = targetKey !== null && snapshot.members.has(targetKey) && !unsure.includes('add');
    // There already, or wanted under another name.
    const isCovered = isThere || (targetKey !== null && wanted.has(targetKey));
    if (targetKey !== null) wanted.add(targetKey);
    const newer = newerFor(key, target);
    // It has come to a removal of the member before the name was known, which the addition takes back.
    const isTakenBack = newer !== null && isOfFullState(newer) && isSamePosition(newer.source, state.source);
    if (isCovered && !isTakenBack) continue;
    if (newer === null || isTakenBack) {
      const intent = { ...intentFor(origin, 'add', member), target: canJoin ? target : null, waits: 'record' as const };
      adds.push(withUnsure(intent, unsure));
    } else if (isAwaited(newer, state)) awaited.push(newer.member);
  }
  for (const target of [...snapshot.members, ...mayHaveLeft(state, snapshot)]) {
    count += 1;
    if (count % SLICE === 0) yield;
    if (!mayLeave(target, snapshot) || wanted.has(target) || newerFor(target, target) !== null) continue;
    const intent = intentFor(origin, 'remove', snapshot.spellings.get(target) ?? target);
    removes.push(withUnsure(withFields(intent, { namedBy: 'target', waits: 'record' }), unsureIn(state.whole, target)));
  }
  // The second look is about those whom the first did not show; the adds were sent after the first.
  return {
    intents: isPartly === true ? removes : [...adds, ...removes],
    heldBy: deleted ? 'group_deleted' : members.length === 0 ? 'empty_state' : null,
    awaited,
  };
}

/** Not there, and a PATCH may have removed them, which is reported. */
const mayHaveLeft = ({ whole }: Intent, { members }: Membership): readonly string[] =>
  [...(whole?.unsure ?? [])].flatMap(([target, ops]) =>
    ops.includes('remove') && !members.has(target) ? [target] : [],
  );

/** A member whom the full state names is added by something newer. */
export const isAwaited = (newer: Intent, { source }: Intent): boolean =>
  newer.op === 'add' && !isSamePosition(newer.source, source);

/** What a full state removes; no other intent goes by the target's name of its member. */
export const isOfFullState = ({ op, namedBy }: Intent): boolean => op === 'remove' && namedBy === 'target';

/** What the removals of a full state wait for. */
export interface Additions {
  /** Members whose addition is not decided, by the source's names. */
  readonly undecided: readonly string[];
  /** Members whom the id map or the target does not know, by the source's names; given up counts as unknown. */
  readonly unresolved: readonly string[];
}

/**
 * @param source the position of the full state.
 * @param awaited beside its own additions: names of members whom something newer adds, or of whom no intent is left.
 */
export function additionsOf(
  pending: ReadonlyMap<string, Intent>,
  source: Position,
  awaited: Iterable<string>,
): Additions {
  const waitedFor = new Map<string, Intent | undefined>();
  for (const name of awaited) waitedFor.set(name, pending.get(name));
  for (const [name, intent] of pending)
    if (intent.op === 'add' && isSamePosition(intent.source, source)) waitedFor.set(name, intent);
  const [undecided, unresolved]: [string[], string[]] = [[], []];
  for (const [name, intent] of waitedFor) (isUndecided(intent) ? undecided : unresolved).push(name);
  return { undecided, unresolved };
}

/** An addition that is neither given up nor of a member who is not known. */
export const isUndecided = (intent: Intent | null | undefined): boolean =>
  intent?.op === 'add' && intent.dead === null && intent.isUnresolved !== true;

/** `wait`: for its additions. `hold`: an operator decides. */
export type Passage = 'go' | 'wait' | 'hold';

/** @param accepted names that an operator has accepted as unknown. */
export function passageOf({ undecided, unresolved }: Additions, accepted: ReadonlySet<string>): Passage {
  if (undecided.length > 0) return 'wait';
  return unresolved.every((name) => accepted.has(name)) ? 'go' : 'hold';
}

/** What waits for the additions: the removals that no operator has approved. */
export const waitsForAdditions = (intent: Intent): boolean => isOfFullState(intent) && isGuarded(intent);

/** Full states name users, so nested groups stay. What could be no id could not be recorded, so it stays too. */
const mayLeave = (key: string, { nested }: Membership): boolean => isId(key) && !nested.has(key);

/** A read that may be cut says nothing of those whom it does not show. */
export const DOUBTFUL_STATE: Failure = {
  code: 'members_not_shown',
  message:
    'The target does not show all members of the group, or a number at which lists are cut, so that members whom this full state does not name may be left.',
  status: null,
  scimType: null,
  advice: ADVICE.doubtful,
};
