/** What one flight of a group knows besides the group's own state. */
import type { RequestFacts } from '../core/target/answer.ts';
import { WHOLE_GROUP, isSamePosition, type Intent } from '../core/change/change.ts';
import type { Search } from '../core/target/isolation.ts';
import { isSatisfied } from '../core/target/snapshot.ts';
import type { Snapshot } from '../core/target/plan.ts';
import type { RefusedVersion } from '../core/target/version.ts';
import type { Context } from './context.ts';
import { SLICE_MAX } from './due-queue.ts';
import type { RefusedPatch } from './isolation.ts';
import type { Permit } from './request.ts';
import { cacheKey } from './snapshot-cache.ts';
import type { Flight, Group } from './state.ts';

export interface Course {
  readonly flight: Flight;
  readonly permit: Permit;
  snapshot: Snapshot | null;
  /** Read or written by this flight, and nothing has failed since. */
  isFresh: boolean;
  /** Known to hold a bad member. */
  suspects: readonly Intent[];
  search: Search;
  membersMax: number;
  /** Of removals that a doubtful snapshot does not show. */
  unseenMax: number;
  /** In a row. */
  conflicts: number;
  /** What the target has refused as stale, as long as reads show that version. */
  refused: Refused | null;
  /** Of the removals that are due, since when the guard's window counts them, those whom the snapshot does not show. */
  reserved: { readonly unseenCount: number } | null;
}

interface Refused extends RefusedVersion {
  readonly request: RequestFacts;
  /** What was sent under that version. */
  readonly patch: RefusedPatch;
}

export type Next = 'go_on' | 'stop';

export const stillDue = (group: Group, { due }: Flight): Intent[] =>
  [...due].filter((intent) => isStillDue(group, intent));

/** Of what was due: it has not become final, was not parked, and not superseded before it was sent. */
export const isStillDue = ({ members }: Group, intent: Intent): boolean =>
  members.get(intent.member)?.pending === intent;

/**
 * Of what is still due and not kept back, what the next step is about: a full state with what it came to, else those that
 * may hold a bad member, and others.
 */
export function sliceOf(
  group: Group,
  { flight: { due }, snapshot, suspects }: Course,
  isKeptBack: (intent: Intent) => boolean,
): Intent[] {
  const isPending = (intent: Intent): boolean => isStillDue(group, intent);
  const isSettled = (intent: Intent): boolean =>
    !isTried(group, intent) || (snapshot !== null && isSatisfied(intent, snapshot));
  const whole = group.members.get(WHOLE_GROUP)?.pending ?? null;
  if (whole === null || !due.has(whole) || isKeptBack(whole)) {
    const first = take(suspects, SLICE_MAX, (intent) => isPending(intent) && !isKeptBack(intent));
    const slice = due.slice({ isPending, isKeptBack, isSettled });
    return first.length === 0 ? slice : [...new Set([...first, ...slice])];
  }
  if (whole.whole?.isPartly !== true) return [whole];
  const isOfOther = (intent: Intent): boolean =>
    intent === whole || isKeptBack(intent) || isSpent(group, intent) || !isSamePosition(intent.source, whole.source);
  return [whole, ...due.slice({ isPending, isKeptBack: isOfOther, isSettled })];
}

function take<T>(list: readonly T[], countMax: number, isWanted: (one: T) => boolean): T[] {
  const taken: T[] = [];
  for (const one of list) {
    if (taken.length === countMax) break;
    if (isWanted(one)) taken.push(one);
  }
  return taken;
}

/** Neither tried for the last time nor accepted: a failure now is a failed try of it. */
export const isTried = (group: Group, intent: Intent): boolean =>
  !isSpent(group, intent) && group.unconfirmed?.has(intent) !== true;

export const isSpent = (group: Group, intent: Intent): boolean =>
  group.members.get(intent.member)?.spent?.intent === intent;

export function forgetSnapshot(context: Context, group: Group, course: Course): void {
  context.cache.delete(cacheKey(group));
  course.snapshot = null;
  course.isFresh = false;
}

/** What is in flight goes on in another state, such as one conflict more. */
export function replaceDue(group: Group, course: Course, { intent, next }: { intent: Intent; next: Intent }): void {
  const member = group.members.get(intent.member);
  if (member === undefined) return;
  member.pending = next;
  course.flight.due.replace(intent, next);
  course.suspects = course.suspects.map((each) => (each === intent ? next : each));
}
