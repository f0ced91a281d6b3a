/** What one flight of a group knows besides the group's own state. */
import type { Intent } from '../core/change.ts';
import type { Search } from '../core/isolation.ts';
import type { Snapshot } from '../core/plan.ts';
import type { RefusedVersion } from '../core/version.ts';
import type { RequestFacts } from '../core/reporting.ts';
import type { Context } from './context.ts';
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
  conflicts: number;
  /** What the target has refused as stale, as long as reads show that version. */
  refused: Refused | null;
}

export interface Refused extends RefusedVersion {
  readonly request: RequestFacts;
}

export type Next = 'go_on' | 'stop';

/** Less what became final, was parked, or was superseded before it was sent. */
export const stillDue = (group: Group, { due }: Flight): Intent[] =>
  [...due].filter((intent) => group.members.get(intent.member)?.pending === intent);

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
export function replaceDue(group: Group, { flight }: Course, { intent, next }: { intent: Intent; next: Intent }): void {
  const member = group.members.get(intent.member);
  if (member === undefined) return;
  member.pending = next;
  flight.due.delete(intent);
  flight.due.add(next);
}
