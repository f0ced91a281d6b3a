/**
 * What a failed request means for the intents it was about: plan again, isolate, park, or one last look before giving up. Where a
 * PATCH of several is refused, the bad member is searched for.
 */
import type { Intent } from '../../core/change/change.ts';
import type { HttpAnswer, RequestFacts } from '../../core/target/refusals.ts';
import type { Observation } from '../../core/target/breaker.ts';
import { faultOf, isOver, isRunningOut, isSearching } from '../../core/target/isolation.ts';
import { isSureAnswer, type FailedOutcome, type Outcome } from '../../core/target/outcome.ts';
import { isSatisfied, isUnseenRemoval, sightOf, type Snapshot } from '../../core/target/snapshot.ts';
import { budgetFailure, conflictDelayMs } from '../../core/target/retry.ts';
import { afterConflict, etagChanged, isSameVersion, versionForms } from '../../core/target/version.ts';
import { pause } from '../../time.ts';
import { markAlreadySynced, supersedeReplaced } from '../intents/conclude.ts';
import { lookUpAgain } from '../intents/identify.ts';
import { markUnsure } from '../intents/precedence.ts';
import { isExhausted, isStillDue, isTried, type Next, type RefusedPatch } from '../state/group-run.ts';
import type { Group, Run } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { exhaust, fail, giveUpExhausted, lookAgain } from './failed-tries.ts';
import { forgetSnapshot, readGroup, type Asked, type Read } from './request.ts';

export function readFailed(owners: Owners, run: Run, { outcome, seen }: Asked): Next {
  const { group } = run;
  forgetSnapshot(owners, run);
  if (!('failure' in outcome)) return 'stop';
  // What the client as a whole may not do says nothing of this group.
  const isConfirmed = isRefusal(outcome) && group.doubt === null && owners.breaker.lets(group);
  const due = run.stillDue();
  for (const intent of due.filter((each) => isExhausted(group, each))) {
    if (isConfirmed) giveUpExhausted(owners, group, intent, null);
    else lookAgain(owners, group, intent);
  }
  const tried = run.stillDue().filter((each) => isTried(group, each));
  fail(owners, group, { intents: tried, outcome, request: null, seen });
  for (const intent of isConfirmed ? tried : []) giveUpExhausted(owners, group, intent, null);
  return afterFailure(run, outcome);
}

/** Sure, and about this group: another read would be answered the same way, so it confirms a giving-up. */
const isRefusal = ({ kind }: FailedOutcome): boolean =>
  kind !== 'transient' && kind !== 'throttled' && kind !== 'unauthorized';

interface FailedPatch {
  readonly snapshot: Snapshot;
  readonly part: readonly Intent[];
  readonly answer: HttpAnswer;
  readonly outcome: Outcome;
  readonly request: RequestFacts;
  readonly seen: Observation;
}

export async function patchFailed(owners: Owners, run: Run, failed: FailedPatch): Promise<Next> {
  const { group } = run;
  supersedeReplaced(owners, group);
  const { answer, outcome, snapshot, request, seen } = failed;
  if (!('failure' in outcome)) return 'stop';
  const sentCount = failed.part.length;
  const left = failed.part.filter((intent) => isStillDue(group, intent));
  if (!isSureAnswer(answer)) markUnsure(owners, group, failed.part);
  const part = left.map((intent) => group.members.get(intent.member)?.pending ?? intent);
  const fault = outcome.kind === 'conflict' ? 'unclear' : faultOf(answer);
  const tried = triedOf(run, snapshot);
  const refused = { outcome, fault, part, sentCount, tried, request, seen };
  switch (outcome.kind) {
    case 'conflict':
      return conflicted(owners, run, { ...refused, snapshot });
    case 'transient':
      forgetSnapshot(owners, run);
      if (isToBeIsolated(owners, run, refused)) return isolate(owners, run, refused);
      fail(owners, group, { intents: part, unsent: without(tried, part), outcome, request, seen });
      return afterFailure(run, outcome);
    case 'denied':
    case 'not_found': {
      // Of the group, or of a member? A read tells; of the client it is not where the group can be read.
      if (outcome.kind === 'not_found' || !run.wasRead) {
        const asked = await readGroup(owners, run, null);
        if (asked === null) return 'stop';
        if (asked.snapshot === null) return readFailed(owners, run, asked);
        run.show(asked.snapshot);
      }
      return isolate(owners, run, refused);
    }
    case 'no_target': {
      const found = await searchTargets(owners, run, failed);
      if (found === 'go_on' || found === 'stop') return found;
      if (found !== 'refused') return readFailed(owners, run, found);
      return isolate(owners, run, refused);
    }
    case 'rejected_member':
    case 'rejected':
    case 'too_large':
      return isolate(owners, run, refused);
    case 'unauthorized':
      fail(owners, group, { intents: tried, outcome, request, seen });
      return 'stop';
    // The gate is closed, and the group has its own pause (`Throttled`), for which the dispatcher waits.
    case 'throttled':
      return 'stop';
  }
}

/** What the failure of a request is about: all that would have been sent, and a full state that waits for its second look. */
const triedOf = (run: Run, snapshot: Snapshot): Intent[] =>
  run.stillDue().filter((each) => (each.op === 'state' || !isSatisfied(each, snapshot)) && isTried(run.group, each));

const without = (intents: readonly Intent[], sent: readonly Intent[]): readonly Intent[] => {
  const left = new Set(intents);
  for (const intent of sent) left.delete(intent);
  return [...left];
};

type Conflicted = RefusedPatch & { readonly snapshot: Snapshot };

/** Read and plan again, a few times; then park. */
async function conflicted(owners: Owners, run: Run, failed: Conflicted): Promise<Next> {
  const { outcome, part, tried, request, seen, snapshot } = failed;
  const before = run.refused;
  const isUnmoved = before !== null && isSameVersion(before.tags, snapshot.tags);
  const counted = new Map(part.map((intent) => [intent, { ...intent, conflicts: intent.conflicts + 1 }]));
  const now = (intents: readonly Intent[]): Intent[] => intents.map((intent) => counted.get(intent) ?? intent);
  const patch = { ...failed, part: now(part), tried: now(tried) };
  run.noteConflict({ tags: snapshot.tags, tried: [...(before?.tried ?? []), snapshot.version], request, patch });
  forgetSnapshot(owners, run);
  for (const [intent, next] of counted) run.replaceDue(intent, next);
  // A version that may be changed on the way is tried in each of its forms.
  const forms = versionForms(snapshot.tags).length;
  const most = owners.options.conflictsMax + (forms > 1 ? forms : 0);
  const mayBeOfMember = isToBeIsolated(owners, run, patch);
  // Only after another read is it known whether the version has moved.
  const isLast = run.conflicts > most + (mayBeOfMember && before === null ? 1 : 0);
  // Of several forms another may be right: once all are refused, the read that follows tells (readAfterConflict).
  if (mayBeOfMember && isUnmoved && forms < 2 && (isLast || isSearching(run.search))) {
    run.endConflicts();
    return isolate(owners, run, patch);
  }
  if (isLast) {
    fail(owners, run.group, { intents: patch.part, unsent: without(patch.tried, patch.part), outcome, request, seen });
    return 'go_on';
  }
  await pause(owners.clock, conflictDelayMs(run.conflicts, owners.random.next()));
  return 'go_on';
}

/** Where the read shows the version that was refused, it is no conflict: the version is changed on the way. */
export function readAfterConflict(owners: Owners, run: Run): Next {
  const { refused, snapshot } = run;
  if (refused === null || snapshot === null) return 'go_on';
  const next = afterConflict(snapshot, refused);
  if (next !== null) {
    // Another version than the one that was refused has forms of its own.
    if (!isSameVersion(snapshot.tags, refused.tags)) run.forgetRefused();
    run.show(next);
    return 'go_on';
  }
  run.forgetRefused();
  const tried = triedOf(run, snapshot);
  const outcome = { kind: 'conflict', failure: etagChanged(refused.tags, refused.request.status) } as const;
  const patch = { ...refused.patch, outcome, tried };
  if (isToBeIsolated(owners, run, patch)) {
    run.endConflicts();
    return isolate(owners, run, patch);
  }
  // A version that is changed on the way keeps every request about the group from passing.
  fail(owners, run.group, { intents: tried, outcome, request: refused.request, seen: null });
  return 'go_on';
}

/** After a failure of the whole group nothing more is sent now; what is left waits for the end of the doubt, or for its time. */
function afterFailure(run: Run, outcome: Outcome): Next {
  if (outcome.kind !== 'transient') return outcome.kind === 'denied' ? 'go_on' : 'stop';
  const { doubt } = run.group;
  if (doubt !== null) run.group.waitForDoubt(doubt.untilMs, run.stillDue());
  return 'stop';
}

/** A run that does not come to an end is a try that failed; for what was tried for the last time, a look without an answer. */
export function overBudget(owners: Owners, run: Run): Next {
  const { group } = run;
  const failure = budgetFailure(run.requestCount);
  owners.logger.warn({ group: group.id, requests: run.requestCount }, 'the target answers without any progress');
  for (const intent of run.stillDue().filter((each) => isExhausted(group, each))) lookAgain(owners, group, intent);
  const intents = run.stillDue().filter((each) => isTried(group, each));
  // As a conflict, which uses up a try for good: what opens the breaker is the answers themselves.
  fail(owners, group, { intents, outcome: { kind: 'conflict', failure }, request: null, seen: null });
  return 'stop';
}

/*
 * The search for the bad members of refused PATCHes (core/target/isolation.ts): halves are sent until one is alone, the good ones
 * land, and what is not separated within the bound waits for the next round. Only what was refused alone is given up.
 */

/**
 * A 5xx is halved as well before it is the end of members that were never refused alone, and so is a version that is called
 * stale although it has not moved.
 */
export function isToBeIsolated(owners: Owners, run: Run, refused: RefusedPatch): boolean {
  const { fault, tried } = refused;
  const isOneOfSeveral = tried.length > 1 || run.search.inRow > 0;
  const isInTime = !isRunningOut(tried, owners.options.retry.attemptsMax);
  return fault === 'unclear' && isOneOfSeveral && !isInTime && owners.breaker.lets(run.group);
}

/** Halves what was sent until the bad member is alone; a part of one has found it. */
export function isolate(owners: Owners, run: Run, refused: RefusedPatch): Next {
  const { group } = run;
  const { fault, part, sentCount, tried, outcome } = refused;
  if (fault === 'request') {
    fail(owners, group, { ...refused, intents: part });
    return 'go_on';
  }
  run.noteRefused(part, sentCount);
  if (sentCount === 1) endAlone(owners, group, refused);
  else if (outcome.kind === 'too_large') tooLarge(run, sentCount);
  if (!isOver(run.search)) return 'go_on';
  const untested = sentCount === 1 ? tried.filter((intent) => !part.includes(intent)) : tried;
  // The next round begins with them, and not with those that it knows.
  run.suspect(untested);
  fail(owners, group, { ...refused, intents: untested, search: 'ended' });
  return 'go_on';
}

/** No member is suspect; but in doubt this run may send nothing more, and the next one has to begin with less. */
function tooLarge(run: Run, sentCount: number): void {
  run.limitMembers(Math.ceil(sentCount / 2));
  if (run.group.doubt === null) run.suspect([]);
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

/* 400 `noTarget`: some member of a request that was to be removed is not there, and the target does not say which one. */

interface Sent {
  readonly snapshot: Snapshot;
  /** All of it, also what has been superseded meanwhile: the refusal is about the request. */
  readonly part: readonly Intent[];
}

/** `refused`: all are there as far as a read tells, so that one of them is refused for another reason. A `Read` has failed. */
export async function searchTargets(
  owners: Owners,
  run: Run,
  { snapshot, part }: Sent,
): Promise<Next | 'refused' | Read> {
  if (part.every((intent) => isUnseenRemoval(intent, snapshot))) {
    // No read shows them, so each is asked about alone; then the refusal says that it is so.
    if (part.length > 1) run.askForUnseenAlone();
    else for (const intent of part) markAlreadySynced(owners, run.group, intent);
    return 'go_on';
  }
  const asked = await readGroup(owners, run, null);
  if (asked === null) return 'stop';
  const { snapshot: fresh } = asked;
  if (fresh === null) return asked;
  run.noteRead(fresh);
  const isGone = (intent: Intent): boolean => intent.op === 'remove' && sightOf(intent, fresh) !== 'not_so';
  return part.some((intent) => !isUnseenRemoval(intent, snapshot) && isGone(intent)) ? 'go_on' : 'refused';
}
