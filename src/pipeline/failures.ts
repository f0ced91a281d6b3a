/** What a failed request means for the intents it was about: plan again, isolate, park, or one last look before giving up. */
import type { HttpAnswer, RequestFacts } from '../core/target/answer.ts';
import type { Observation } from '../core/target/breaker.ts';
import type { Intent } from '../core/change/change.ts';
import { faultOf, isSearching } from '../core/target/isolation.ts';
import { isSatisfied } from '../core/target/snapshot.ts';
import type { Outcome } from '../core/target/outcome.ts';
import type { Snapshot } from '../core/target/plan.ts';
import { budgetFailure, conflictDelayMs } from '../core/target/retry.ts';
import { afterConflict, etagChanged, isSameVersion, versionForms } from '../core/target/version.ts';
import { supersedeBeaten } from './conclude.ts';
import type { Context } from './context.ts';
import { sleep } from './context.ts';
import type { Course, Next } from './course.ts';
import { forgetSnapshot, isSpent, isTried, replaceDue, stillDue } from './course.ts';
import { fail, giveUpSpent, lookAgain, type Failed } from './failed-tries.ts';
import { isToBeIsolated, isolate, type RefusedPatch } from './isolation.ts';
import { searchTargets } from './no-target.ts';
import type { Asked } from './request.ts';
import { readGroup } from './request.ts';
import type { Group } from './state.ts';

export function readFailed(context: Context, group: Group, course: Course, { outcome, seen }: Asked): Next {
  forgetSnapshot(context, group, course);
  if (!('failure' in outcome)) return 'stop';
  // What the client as a whole may not do says nothing of this group.
  const isConfirmed = isRefusal(outcome) && group.doubt === null && context.breaker.lets(group);
  const due = stillDue(group, course.flight);
  for (const intent of due.filter((each) => isSpent(group, each))) {
    if (isConfirmed) giveUpSpent(context, group, intent);
    else lookAgain(context, group, intent);
  }
  const tried = stillDue(group, course.flight).filter((each) => isTried(group, each));
  fail(context, group, { intents: tried, outcome, request: null, seen });
  for (const intent of isConfirmed ? tried : []) giveUpSpent(context, group, intent);
  return afterFailure(group, course, outcome);
}

/** Sure, and about this group: another read would be answered the same way, so it confirms a giving-up. */
const isRefusal = ({ kind }: Failed): boolean =>
  kind !== 'transient' && kind !== 'throttled' && kind !== 'unauthorized';

interface FailedPatch {
  readonly snapshot: Snapshot;
  readonly part: readonly Intent[];
  readonly answer: HttpAnswer;
  readonly outcome: Outcome;
  readonly request: RequestFacts;
  readonly seen: Observation;
}

export async function patchFailed(context: Context, group: Group, course: Course, failed: FailedPatch): Promise<Next> {
  supersedeBeaten(context, group);
  const { answer, outcome, snapshot, request, seen } = failed;
  if (!('failure' in outcome)) return 'stop';
  const sentCount = failed.part.length;
  const part = failed.part.filter((intent) => group.members.get(intent.member)?.pending === intent);
  const fault = outcome.kind === 'conflict' ? 'unclear' : faultOf(answer);
  const tried = triedOf(group, course, snapshot);
  const refused = { outcome, fault, part, sentCount, tried, request, seen };
  switch (outcome.kind) {
    case 'conflict':
      return conflicted(context, group, course, { ...refused, snapshot });
    case 'transient':
      forgetSnapshot(context, group, course);
      if (isToBeIsolated(context, group, course, refused)) return isolate(context, group, course, refused);
      fail(context, group, { intents: part, unsent: without(tried, part), outcome, request, seen });
      return afterFailure(group, course, outcome);
    case 'denied':
    case 'not_found': {
      // Of the group, or of a member? A read tells; of the client it is not where the group can be read.
      if (outcome.kind === 'not_found' || !course.flight.wasRead) {
        const asked = await readGroup(context, group, { permit: course.permit, known: null });
        if (asked === null) return 'stop';
        if (asked.snapshot === null) return readFailed(context, group, course, asked);
        course.snapshot = asked.snapshot;
      }
      return isolate(context, group, course, refused);
    }
    case 'no_target': {
      const found = await searchTargets(context, group, course, failed);
      if (found === 'go_on' || found === 'stop') return found;
      if (found !== 'refused') return readFailed(context, group, course, found);
      return isolate(context, group, course, refused);
    }
    case 'rejected_member':
    case 'rejected':
    case 'too_large':
      return isolate(context, group, course, refused);
    case 'unauthorized':
      fail(context, group, { intents: tried, outcome, request, seen });
      return 'stop';
    case 'throttled':
      return 'stop';
  }
}

/** What the failure of a request is about: all that would have been sent, and a full state that waits for its second look. */
const triedOf = (group: Group, { flight }: Course, snapshot: Snapshot): Intent[] =>
  stillDue(group, flight).filter(
    (each) => (each.op === 'state' || !isSatisfied(each, snapshot)) && isTried(group, each),
  );

const without = (intents: readonly Intent[], sent: readonly Intent[]): readonly Intent[] => {
  const left = new Set(intents);
  for (const intent of sent) left.delete(intent);
  return [...left];
};

type Conflicted = RefusedPatch & { readonly snapshot: Snapshot };

/** Read and plan again, a few times; then park. */
async function conflicted(context: Context, group: Group, course: Course, failed: Conflicted): Promise<Next> {
  const { outcome, part, tried, request, seen, snapshot } = failed;
  const before = course.refused;
  const isUnmoved = before !== null && isSameVersion(before.tags, snapshot.tags);
  const counted = new Map(part.map((intent) => [intent, { ...intent, conflicts: intent.conflicts + 1 }]));
  const now = (intents: readonly Intent[]): Intent[] => intents.map((intent) => counted.get(intent) ?? intent);
  const patch = { ...failed, part: now(part), tried: now(tried) };
  course.refused = { tags: snapshot.tags, tried: [...(before?.tried ?? []), snapshot.version], request, patch };
  course.conflicts += 1;
  forgetSnapshot(context, group, course);
  for (const [intent, next] of counted) replaceDue(group, course, { intent, next });
  // A version that may be changed on the way is tried in each of its forms.
  const forms = versionForms(snapshot.tags).length;
  const most = context.options.conflictsMax + (forms > 1 ? forms : 0);
  const mayBeOfMember = isToBeIsolated(context, group, course, patch);
  // Only after another read is it known whether the version has moved.
  const isLast = course.conflicts > most + (mayBeOfMember && before === null ? 1 : 0);
  // Of several forms another may be right: once all are refused, the read that follows tells (readAfterConflict).
  if (mayBeOfMember && isUnmoved && forms < 2 && (isLast || isSearching(course.search))) {
    course.conflicts = 0;
    return isolate(context, group, course, patch);
  }
  if (isLast) {
    fail(context, group, { intents: patch.part, unsent: without(patch.tried, patch.part), outcome, request, seen });
    return 'go_on';
  }
  await sleep(context, conflictDelayMs(course.conflicts, context.random.next()));
  return 'go_on';
}

/** Where the read shows the version that was refused, it is no conflict: the version is changed on the way. */
export function readAfterConflict(context: Context, group: Group, course: Course): Next {
  const { refused, snapshot } = course;
  if (refused === null || snapshot === null) return 'go_on';
  const next = afterConflict(snapshot, refused);
  if (next !== null) {
    // Another version than the one that was refused has forms of its own.
    if (!isSameVersion(snapshot.tags, refused.tags)) course.refused = null;
    course.snapshot = next;
    return 'go_on';
  }
  course.refused = null;
  const tried = triedOf(group, course, snapshot);
  const outcome = { kind: 'conflict', failure: etagChanged(refused.tags, refused.request.status) } as const;
  const patch = { ...refused.patch, outcome, tried };
  if (isToBeIsolated(context, group, course, patch)) {
    course.conflicts = 0;
    return isolate(context, group, course, patch);
  }
  // A version that is changed on the way keeps every request about the group from passing, whatever it holds.
  fail(context, group, { intents: tried, outcome, request: refused.request, seen: null });
  return 'go_on';
}

/** After a failure of the whole group nothing more is sent now; what is left waits for the end of the doubt, or for its time. */
function afterFailure(group: Group, { flight }: Course, outcome: Outcome): Next {
  if (outcome.kind !== 'transient') return outcome.kind === 'denied' ? 'go_on' : 'stop';
  const left = new Set(stillDue(group, flight));
  if (group.doubt !== null) group.deferred = { untilMs: group.doubt.untilMs, intents: left };
  return 'stop';
}

/** A run that does not come to an end is a try that failed; for what was tried for the last time, a look without an answer. */
export function overBudget(context: Context, group: Group, { flight, permit }: Course): Next {
  const failure = budgetFailure(permit.requestCount);
  context.logger.warn({ group: group.id, requests: permit.requestCount }, 'the target answers without any progress');
  for (const intent of stillDue(group, flight).filter((each) => isSpent(group, each)))
    lookAgain(context, group, intent);
  const intents = stillDue(group, flight).filter((each) => isTried(group, each));
  // As a conflict, which uses up a try for good: what opens the breaker is the answers themselves.
  fail(context, group, { intents, outcome: { kind: 'conflict', failure }, request: null, seen: null });
  return 'stop';
}
