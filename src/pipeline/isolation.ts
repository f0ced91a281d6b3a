/**
 * The search for the bad members of refused PATCHes (core/target/isolation.ts): halves are sent until one is alone, the good ones
 * land, and what is not separated within the bound waits for the next round. Only what was refused alone is given up.
 */
import { isOver, isRunningOut } from '../core/target/isolation.ts';
import type { GroupRun, Next, RefusedPatch } from './group-run.ts';
import { fail, exhaust } from './failed-tries.ts';
import type { Group } from './group.ts';
import { lookUpAgain } from './unresolved.ts';
import type { Owners } from './owners.ts';

/**
 * A 5xx is halved as well before it is the end of members that were never refused alone, and so is a version that is called
 * stale although it has not moved.
 */
export function isToBeIsolated(owners: Owners, group: Group, run: GroupRun, refused: RefusedPatch): boolean {
  const { fault, tried } = refused;
  const isOneOfSeveral = tried.length > 1 || run.search.inRow > 0;
  const isInTime = !isRunningOut(tried, owners.options.retry.attemptsMax);
  return fault === 'unclear' && isOneOfSeveral && !isInTime && owners.breaker.lets(group);
}

/** Halves what was sent until the bad member is alone; a part of one has found it. */
export function isolate(owners: Owners, group: Group, run: GroupRun, refused: RefusedPatch): Next {
  const { fault, part, sentCount, tried, outcome } = refused;
  if (fault === 'request') {
    fail(owners, group, { ...refused, intents: part });
    return 'go_on';
  }
  run.noteRefused(part, sentCount);
  if (sentCount === 1) endAlone(owners, group, refused);
  else if (outcome.kind === 'too_large') tooLarge(group, run, sentCount);
  if (!isOver(run.search)) return 'go_on';
  const untested = sentCount === 1 ? tried.filter((intent) => !part.includes(intent)) : tried;
  // The next round begins with them, and not with those that it knows.
  run.suspect(untested);
  fail(owners, group, { ...refused, intents: untested, search: 'ended' });
  return 'go_on';
}

/** No member is suspect; but in doubt this run may send nothing more, and the next one has to begin with less. */
function tooLarge(group: Group, run: GroupRun, sentCount: number): void {
  run.limitMembers(Math.ceil(sentCount / 2));
  if (group.doubt === null) run.suspect([]);
}

function endAlone(owners: Owners, group: Group, refused: RefusedPatch): void {
  const { part, outcome, request } = refused;
  // There is nothing to halve any more.
  if (outcome.kind === 'too_large')
    return exhaust(group, part, { failure: outcome.failure, outcome: 'failed', request });
  fail(owners, group, { ...refused, intents: part, search: 'found' });
  if (outcome.kind !== 'rejected_member' && outcome.kind !== 'not_found') return;
  for (const intent of part) lookUpAgain(owners, group, intent);
}
