/**
 * What a group in flight does next. Pure: all that is known of the group goes in, one step comes out.
 * A no-op and a giving-up say how things are at the target, so both need a fresh read out of doubt
 * (spec: confirm, hold, last-look).
 */
import type { Intent } from './change.ts';
import type { Doubt } from './doubt.ts';
import { isOver } from './doubt.ts';
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
  if (doubt !== null && due.every((intent) => spent.has(intent))) return { kind: 'hold', untilMs: doubt.untilMs };
  if (snapshot === null) return { kind: 'read' };
  const { noop, todo } = plan(due, snapshot);
  const untried = todo.filter((intent) => !spent.has(intent));
  if (untried.length > 0) {
    const suspects = situation.suspects.filter((intent) => untried.includes(intent));
    const rest = untried.filter((intent) => !suspects.includes(intent));
    return { kind: 'patch', snapshot, part: nextPart({ suspects, untried: rest }, situation.membersMax), riding: noop };
  }
  if (doubt !== null) return { kind: 'hold', untilMs: doubt.untilMs };
  if (!situation.isFresh) return { kind: 'confirm', snapshot };
  return { kind: 'final', noop, givenUp: todo };
}
