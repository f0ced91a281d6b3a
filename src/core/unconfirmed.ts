/**
 * Unconfirmed: the target has accepted a change, and its answer does not show it, since its services may lag behind each other
 * (genesys.md 8.1). Fresh reads decide, after 1, 2, 4, 8 s … and for the last time LATE_APPLY_MS after the answer (protocol.md 7.6).
 * Instants are monotonic ms.
 */
import type { Intent } from './change.ts';
import { type Membership, sightOf } from './membership.ts';
import type { RequestFacts } from './reporting.ts';

export interface Unconfirmed {
  readonly intent: Intent;
  /** The PATCH that was accepted. */
  readonly request: RequestFacts;
  readonly lookAtMs: number;
  /** Before the look after the next one. */
  readonly pauseMs: number;
  /** A look from then on is the last one. */
  readonly untilMs: number;
}

/** Before the second look; each further pause is `nextLookPauseMs` of the one before. */
export const FIRST_LOOK_PAUSE_MS = 1_000;
const LOOK_PAUSE_MAX_MS = 30_000;

export const nextLookPauseMs = (pauseMs: number): number => Math.min(2 * pauseMs, LOOK_PAUSE_MAX_MS);

export interface Acceptance {
  readonly intent: Intent;
  readonly request: RequestFacts;
  /** The answer shows the group without the change; else it shows nothing, and the first look is due. */
  readonly isShownOtherwise: boolean;
}

export function accepted({ isShownOtherwise, ...change }: Acceptance, nowMs: number, lateApplyMs: number): Unconfirmed {
  const first = { ...change, lookAtMs: nowMs, pauseMs: FIRST_LOOK_PAUSE_MS, untilMs: nowMs + lateApplyMs };
  return isShownOtherwise ? postponed(first, nowMs) : first;
}

/** Its next look. Past the last one, where that had no sure answer or a doubt goes on, the pauses grow on. */
export function postponed(unconfirmed: Unconfirmed, nowMs: number): Unconfirmed {
  const { pauseMs, untilMs } = unconfirmed;
  const lookAtMs = nowMs + pauseMs;
  return {
    ...unconfirmed,
    lookAtMs: nowMs < untilMs ? Math.min(lookAtMs, untilMs) : lookAtMs,
    pauseMs: nextLookPauseMs(pauseMs),
  };
}

/**
 * What a look comes to. A shown change counts only out of doubt: an older request may still undo it. A list that may leave
 * the member out does not contradict the answer.
 */
export type Look = 'shown' | 'not_effective' | 'look_again';

export interface Sight {
  /** null: the read had no sure answer. */
  readonly snapshot: Membership | null;
  readonly isDoubted: boolean;
  readonly nowMs: number;
}

export function judgeLook({ intent, untilMs }: Unconfirmed, { snapshot, isDoubted, nowMs }: Sight): Look {
  if (snapshot !== null && sightOf(intent, snapshot) !== 'not_so') return isDoubted ? 'look_again' : 'shown';
  return nowMs >= untilMs ? 'not_effective' : 'look_again';
}

/** What a plan has to know of a group's unconfirmed changes. */
export interface UnconfirmedView {
  /** When the next look is due. */
  readonly lookAtMs: number;
  /** Of those that are due: accepted already, so that they are not sent again. */
  readonly intents: Pick<ReadonlySet<Intent>, 'has'>;
  /** By `idKey` of what the target calls them: what a read shows of them may be old. */
  readonly members: Pick<ReadonlySet<string>, 'has'>;
}
