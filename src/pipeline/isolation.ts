/**
 * The search for the bad members of refused PATCHes (core/target/isolation.ts): halves are sent until one is alone, the good ones
 * land, and what is not separated within the bound waits for the next round. Only what was refused alone is given up.
 */
import type { RequestFacts } from '../core/target/answer.ts';
import type { Observation } from '../core/target/breaker.ts';
import type { Intent } from '../core/change/change.ts';
import { type Fault, isOver, isRunningOut } from '../core/target/isolation.ts';
import type { Context } from './context.ts';
import type { GroupRun, Next } from './group-run.ts';
import { fail, type Failed, exhaust } from './failed-tries.ts';
import type { Group } from './group.ts';
import { lookUpAgain } from './unresolved.ts';

export interface RefusedPatch {
  readonly outcome: Failed;
  readonly fault: Fault;
  /** What was sent, less what a newer intent has replaced meanwhile. */
  readonly part: readonly Intent[];
  /** With what was replaced. */
  readonly sentCount: number;
  /** What the group still has to send, the part included. */
  readonly tried: readonly Intent[];
  readonly request: RequestFacts;
  readonly seen: Observation;
}

/**
 * A 5xx is halved as well before it is the end of members that were never refused alone, and so is a version that is called
 * stale although it has not moved.
 */
export function isToBeIsolated(context: Context, group: Group, run: GroupRun, refused: RefusedPatch): boolean {
  const { fault, tried } = refused;
  const isOneOfSeveral = tried.length > 1 || run.search.inRow > 0;
  const isInTime = !isRunningOut(tried, context.options.retry.attemptsMax);
  return fault === 'unclear' && isOneOfSeveral && !isInTime && context.breaker.lets(group);
}

/** Halves what was sent until the bad member is alone; a part of one has found it. */
export function isolate(context: Context, group: Group, run: GroupRun, refused: RefusedPatch): Next {
  const { fault, part, sentCount, tried, outcome } = refused;
  if (fault === 'request') {
    fail(context, group, { ...refused, intents: part });
    return 'go_on';
  }
  run.noteRefused(part, sentCount);
  if (sentCount === 1) endAlone(context, group, refused);
  else if (outcome.kind === 'too_large') tooLarge(group, run, sentCount);
  if (!isOver(run.search)) return 'go_on';
  const untested = sentCount === 1 ? tried.filter((intent) => !part.includes(intent)) : tried;
  // The next round begins with them, and not with those that it knows.
  run.suspect(untested);
  fail(context, group, { ...refused, intents: untested, search: 'ended' });
  return 'go_on';
}

/** No member is suspect; but in doubt this run may send nothing more, and the next one has to begin with less. */
function tooLarge(group: Group, run: GroupRun, sentCount: number): void {
  run.limitMembers(Math.ceil(sentCount / 2));
  if (group.doubt === null) run.suspect([]);
}

function endAlone(context: Context, group: Group, refused: RefusedPatch): void {
  const { part, outcome, request } = refused;
  // There is nothing to halve any more.
  if (outcome.kind === 'too_large')
    return exhaust(group, part, { failure: outcome.failure, outcome: 'failed', request });
  fail(context, group, { ...refused, intents: part, search: 'found' });
  if (outcome.kind !== 'rejected_member' && outcome.kind !== 'not_found') return;
  for (const intent of part) lookUpAgain(context, group, intent);
}
