/**
 * What a group in flight does next. Pure: all that is known of the group goes in, one step comes out.
 * A no-op and a giving-up say how things are at the target, so both need a fresh read out of doubt
 * (spec: confirm, hold, last-look).
 */
import type { HeldBy, Intent } from './change.ts';
import type { Doubt } from './doubt.ts';
import { isOver } from './doubt.ts';
import { type GuardLimits, guardVerdict, isGuarded } from './guard.ts';
import type { Snapshot } from './plan.ts';
import { nextPart, plan } from './plan.ts';

export interface Situation {
  /** Taken when the slot opened, less what is final or superseded since. */
  readonly due: readonly Intent[];
  /** Of these: tried for the last time; they get a last look, no request. */
  readonly spent: ReadonlySet<Intent>;
  readonly snapshot: Snapshot | null;
  /** The snapshot was read, or written, since the slot opened. */
  readonly isFresh: boolean;
  readonly doubt: Doubt | null;
  /** Known to hold a bad member. */
  readonly suspects: readonly Intent[];
  readonly membersMax: number;
  readonly guard: GuardLimits;
  /** Removals of a full state that wait for the live record: they come in pieces, and the guard judges them together. */
  readonly unrecordedRemovals: readonly Intent[];
  /** What this owner has removed in the window of the guard, or is about to, in other groups. */
  readonly removedInWindow: number;
  /** Monotonic ms. */
  readonly nowMs: number;
}

export type Step =
  | { readonly kind: 'done' }
  /** Doubt is over by time: a fresh read decides. */
  | { readonly kind: 'forget_doubt' }
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
      readonly riding: readonly Intent[];
    }
  | { readonly kind: 'final'; readonly noop: readonly Intent[]; readonly givenUp: readonly Intent[] }
  /** Nothing to send, nothing final: what is due waits in memory. */
  | { readonly kind: 'hold'; readonly untilMs: number };

export function nextStep(situation: Situation): Step {
  const { due, spent, snapshot, doubt } = situation;
  if (due.length === 0) return { kind: 'done' };
  if (doubt !== null && isOver(doubt, situation.nowMs)) return { kind: 'forget_doubt' };
  const state = due.find(({ op }) => op === 'state');
  // A late request could add whom a full state has found absent, so its removals are worked out of doubt.
  const mustWait = state !== undefined || due.every((intent) => spent.has(intent));
  if (doubt !== null && mustWait) return { kind: 'hold', untilMs: doubt.untilMs };
  if (snapshot === null) return { kind: 'read' };
  if (state !== undefined)
    return situation.isFresh ? { kind: 'expand', state, snapshot } : { kind: 'confirm', snapshot };
  const { noop, todo } = plan(due, snapshot);
  const untried = todo.filter((intent) => !spent.has(intent));
  if (untried.length > 0) return send(situation, { snapshot, untried, noop });
  if (doubt !== null) return { kind: 'hold', untilMs: doubt.untilMs };
  if (!situation.isFresh) return { kind: 'confirm', snapshot };
  return { kind: 'final', noop, givenUp: todo };
}

interface Sending {
  readonly snapshot: Snapshot;
  readonly untried: readonly Intent[];
  readonly noop: readonly Intent[];
}

function send(situation: Situation, { snapshot, untried, noop }: Sending): Step {
  const guarded = untried.filter(isGuarded);
  const { unrecordedRemovals } = situation;
  const removing = {
    count: guarded.length === 0 ? 0 : guarded.length + unrecordedRemovals.length,
    groupSize: snapshot.members.size,
    countInWindow: situation.removedInWindow,
  };
  const by = guardVerdict(removing, situation.guard);
  // What is held waits for an operator, so it is not held for what was true a while ago.
  if (by !== null && !situation.isFresh) return { kind: 'confirm', snapshot };
  if (by !== null) return { kind: 'hold_removals', intents: [...guarded, ...unrecordedRemovals], by };
  const suspects = situation.suspects.filter((intent) => untried.includes(intent));
  const rest = untried.filter((intent) => !suspects.includes(intent));
  return { kind: 'patch', snapshot, part: nextPart({ suspects, untried: rest }, situation.membersMax), riding: noop };
}
