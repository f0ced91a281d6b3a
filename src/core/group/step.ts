/**
 * Room core/group: what a group does next, full states, the removal guard.
 * Not here: members one by one (core/change), a request (core/target).
 *
 * What a group in flight does next. Pure: all that is known of the group goes in, one step comes out.
 * A no-op and a giving-up say how things are at the target, so both need a fresh read out of doubt
 * (spec: confirm, hold, last-look).
 */
import type { RemovedInWindow } from './guard.ts';
import type { HeldBy, Intent } from '../change/change.ts';
import { idKey, isSamePosition } from '../change/change.ts';
import type { Doubt, UnconfirmedView } from '../target/doubt.ts';
import { isOver } from '../target/doubt.ts';
import { NO_SEARCH, nextPart, type Search } from '../target/isolation.ts';
import type { Snapshot } from '../target/snapshot.ts';
import { apart, isSatisfied, plan, sightOf, targetOf, type Membership } from '../target/snapshot.ts';
import { isOfFullState } from './full-state.ts';
import { guardVerdict, isGuarded, isRetargeted, mayHaveRemoved, sizeOf, type GuardLimits } from './guard.ts';

export interface Situation {
  /** Taken when the slot opened, less what is final or superseded since. */
  readonly due: readonly Intent[];
  /** Of these: tried for the last time; they get a last look, no request. */
  readonly exhausted: ReadonlySet<Intent>;
  readonly snapshot: Snapshot | null;
  /** The snapshot was read, or written, since the slot opened. */
  readonly isFresh: boolean;
  readonly doubt: Doubt | null;
  /** What the target has accepted and not shown yet; absent or null: nothing. */
  readonly unconfirmed?: UnconfirmedView | null;
  /** Known to hold a bad member. */
  readonly suspects: readonly Intent[];
  /** For whom is bad among them; absent: none. */
  readonly search?: Search;
  readonly membersMax: number;
  /** As `membersMax`, of removals that a doubtful snapshot does not show. */
  readonly unseenMax: number;
  readonly guard: GuardLimits;
  /** All removals of the group that wait for nothing but their time, or for the live record: the guard judges them together. */
  readonly pendingRemovals: readonly Intent[];
  /** They are no more than so many, those that are due included. */
  readonly removalCountMax: number;
  readonly removed: RemovedInWindow;
  /** Members whom the full state of these removals names are unknown, and no operator has accepted that. */
  readonly isUnresolved?: boolean;
  /** Monotonic ms. */
  readonly nowMs: number;
}

export type Step =
  | { readonly kind: 'done' }
  /** Doubt is over by time: a fresh read decides. */
  | { readonly kind: 'forget_doubt' }
  /** A fresh read that tells whether what was accepted is so. */
  | { readonly kind: 'look' }
  | { readonly kind: 'read' }
  /** GET with `If-None-Match`. */
  | { readonly kind: 'confirm'; readonly snapshot: Snapshot }
  /** What the full state means for each member can be worked out now. */
  | { readonly kind: 'expand'; readonly state: Intent; readonly snapshot: Snapshot }
  /** Too much would be removed: an operator decides. */
  | { readonly kind: 'hold_removals'; readonly intents: readonly Intent[]; readonly by: HeldBy }
  | {
      readonly kind: 'patch';
      readonly snapshot: Snapshot;
      readonly part: readonly Intent[];
    }
  | { readonly kind: 'final'; readonly noop: readonly Intent[]; readonly givenUp: readonly Intent[] }
  /** Nothing to send, nothing final: what is due waits in memory. */
  | { readonly kind: 'wait_for_doubt'; readonly untilMs: number };

export function nextStep(situation: Situation): Step {
  const { exhausted, snapshot, doubt, unconfirmed = null } = situation;
  const due = situation.due.filter((intent) => unconfirmed?.intents.has(intent) !== true);
  if (situation.due.length === 0) return { kind: 'done' };
  if (doubt !== null && isOver(doubt, situation.nowMs)) return { kind: 'forget_doubt' };
  if (unconfirmed !== null && unconfirmed.lookAtMs <= situation.nowMs) return { kind: 'look' };
  if (doubt?.kind === 'old_read') return { kind: 'wait_for_doubt', untilMs: earlier(doubt.untilMs, unconfirmed) };
  const state = due.find(({ op }) => op === 'state');
  // A late request could add whom a full state has found absent, so its removals are worked out of doubt.
  const mustWait = state !== undefined || due.every((intent) => exhausted.has(intent));
  if (doubt !== null && mustWait) return { kind: 'wait_for_doubt', untilMs: earlier(doubt.untilMs, unconfirmed) };
  if (unconfirmed !== null && (state !== undefined || due.length === 0))
    return { kind: 'wait_for_doubt', untilMs: unconfirmed.lookAtMs };
  if (snapshot === null) return { kind: 'read' };
  if (state === undefined) return work(situation, { snapshot, due });
  const own = due.filter((intent) => isPartOf(state, intent) && !exhausted.has(intent));
  if (own.length > 0) return work(situation, { snapshot, due: own });
  return situation.isFresh ? { kind: 'expand', state, snapshot } : { kind: 'confirm', snapshot };
}

/** Of what a full state came to on a doubtful read: sent before the second look. */
const isPartOf = ({ whole, source }: Intent, intent: Intent): boolean =>
  whole?.isPartly === true && intent.op !== 'state' && isSamePosition(intent.source, source);

function work(
  situation: Situation,
  { snapshot, due }: { readonly snapshot: Snapshot; readonly due: readonly Intent[] },
): Step {
  const { exhausted, doubt, unconfirmed = null } = situation;
  const { noop, todo } = plan(due, snapshot);
  // Of a member that something unconfirmed is about the read may tell what was before.
  const seen = noop.filter((intent) => unconfirmed?.members.has(idKey(targetOf(intent))) !== true);
  const untried = todo.filter((intent) => !exhausted.has(intent));
  // What a doubtful snapshot does not show may be so already, and then in doubt it is no more final than a no-op.
  const sendable = doubt === null ? untried : untried.filter((intent) => sightOf(intent, snapshot) === 'not_so');
  if (sendable.length > 0) return send(situation, { snapshot, untried, sendable });
  if (doubt !== null) return { kind: 'wait_for_doubt', untilMs: earlier(doubt.untilMs, unconfirmed) };
  if (unconfirmed !== null && seen.length + todo.length === 0)
    return { kind: 'wait_for_doubt', untilMs: unconfirmed.lookAtMs };
  if (!situation.isFresh) return { kind: 'confirm', snapshot };
  return { kind: 'final', noop: seen, givenUp: todo };
}

/** The end of the doubt, or the next look before it. */
const earlier = (untilMs: number, unconfirmed: UnconfirmedView | null): number =>
  Math.min(untilMs, unconfirmed?.lookAtMs ?? untilMs);

interface Sending {
  readonly snapshot: Snapshot;
  /** The guard counts all of them. */
  readonly untried: readonly Intent[];
  readonly sendable: readonly Intent[];
}

function send(situation: Situation, { snapshot, untried, sendable }: Sending): Step {
  const guarded = untried.filter(isGuarded);
  const hold = toHold(situation, snapshot, guarded);
  // What is held waits for an operator, so it is not held for what was true a while ago.
  if (hold !== null && !situation.isFresh) return { kind: 'confirm', snapshot };
  if (hold !== null) return { kind: 'hold_removals', ...hold };
  const { seen, unseen } = apart(additionsFirst(sendable), snapshot);
  const [together, membersMax] = seen.length > 0 ? [seen, situation.membersMax] : [unseen, situation.unseenMax];
  const { search = NO_SEARCH } = situation;
  const sent = new Set(together);
  const suspects = situation.suspects.filter((intent) => sent.has(intent));
  for (const intent of suspects) sent.delete(intent);
  const rest = [...sent];
  return { kind: 'patch', snapshot, part: nextPart({ suspects, untried: rest, search }, membersMax) };
}

interface Hold {
  readonly intents: readonly Intent[];
  readonly by: HeldBy;
}

/** What an operator has to decide about first; null: nothing. */
function toHold(situation: Situation, snapshot: Snapshot, guarded: readonly Intent[]): Hold | null {
  if (guarded.length === 0) return null;
  const { isUnresolved, removed, removalCountMax, guard } = situation;
  if (guarded.some(isRetargeted)) {
    const retargeted = [...guarded, ...situation.pendingRemovals].filter(isRetargeted);
    return { intents: [...new Set(retargeted)], by: 'target_changed' };
  }
  const ofFullState = isUnresolved === true ? guarded.filter(isOfFullState) : [];
  if (ofFullState.length > 0)
    return {
      intents: allRemovals(ofFullState, situation.pendingRemovals.filter(isOfFullState), snapshot),
      by: 'unresolved_members',
    };
  // Most pass however many of them are to be counted, so that they are not gone through at each request.
  const most = { count: removalCountMax, groupSize: snapshot.members.size, removed };
  if (guardVerdict(most, { ...guard, groupFloor: 0 }) === null) return null;
  const removals = allRemovals(guarded, situation.pendingRemovals, snapshot);
  const gone = situation.pendingRemovals.filter((intent) => mayHaveRemoved(intent, snapshot));
  const all = [...new Set([...removals, ...gone])];
  // The window has counted what was accepted.
  const count = all.filter(({ isAccepted }) => isAccepted !== true).length;
  const removing = { count, groupSize: sizeOf(snapshot, all), removed: situation.removed };
  const by = guardVerdict(removing, situation.guard);
  return by === null ? null : { intents: removals, by };
}

/** A full state adds before it removes, in requests of their own: whom it adds may be refused. */
export function additionsFirst(sendable: readonly Intent[]): readonly Intent[] {
  const source = sendable.find(isOfFullState)?.source;
  const hasAdditions = sendable.some((intent) => intent.op === 'add' && isSamePosition(intent.source, source));
  return hasAdditions ? sendable.filter((intent) => !isOfFullState(intent)) : sendable;
}

/** Also those that are sent later: a schedule must not spread them so that each alone looks small. */
export function allRemovals(
  due: readonly Intent[],
  pending: readonly Intent[],
  snapshot: Membership,
): readonly Intent[] {
  // Whom the target knows by no name yet may be one of its members.
  const later = pending.filter((intent) => intent.target === null || !isSatisfied(intent, snapshot));
  return [...new Set([...due, ...later])];
}
