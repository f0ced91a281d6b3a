/** What a failed request means for the intents it was about: plan again, bisect, park, or one last look before giving up. */
import type { Observation } from '../core/breaker.ts';
import { signOf } from '../core/breaker.ts';
import type { Intent } from '../core/change.ts';
import type { Failure, Outcome } from '../core/outcome.ts';
import type { Snapshot } from '../core/plan.ts';
import { isSo } from '../core/membership.ts';
import { refusalsMax } from '../core/plan.ts';
import type { RequestFacts } from '../core/reporting.ts';
import { budgetFailure } from '../core/request-budget.ts';
import { afterConflict, etagChanged, isSameVersion, versionForms } from '../core/version.ts';
import { conflictDelayMs, decideRetry, scheduleOf } from '../core/retry.ts';
import { giveUp, park, supersedeBeaten } from './conclude.ts';
import type { Context } from './context.ts';
import { sleep } from './context.ts';
import type { Course, Next } from './course.ts';
import { forgetSnapshot, isSpent, isTried, replaceDue, stillDue } from './course.ts';
import { searchTargets } from './no-target.ts';
import type { Asked } from './request.ts';
import { readGroup } from './request.ts';
import type { Group } from './state.ts';

type Failed = Extract<Outcome, { failure: Failure }>;

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
  readonly outcome: Outcome;
  readonly request: RequestFacts;
  readonly seen: Observation;
}

export async function patchFailed(context: Context, group: Group, course: Course, failed: FailedPatch): Promise<Next> {
  supersedeBeaten(context, group);
  const { outcome, snapshot, request, seen } = failed;
  const sentCount = failed.part.length;
  const part = failed.part.filter((intent) => group.members.get(intent.member)?.pending === intent);
  const tried = triedOf(group, course, snapshot);
  switch (outcome.kind) {
    case 'conflict':
      return conflicted(context, group, course, { outcome, part, tried, request, seen, snapshot });
    case 'transient':
      forgetSnapshot(context, group, course);
      fail(context, group, { intents: tried, outcome, request, seen });
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
      return memberRejected(context, group, course, { outcome, part, tried, sentCount, request, seen });
    }
    case 'no_target': {
      const found = await searchTargets(context, group, course, failed);
      if (found === 'go_on' || found === 'stop') return found;
      if (found !== 'refused') return readFailed(context, group, course, found);
      return memberRejected(context, group, course, { outcome, part, tried, sentCount, request, seen });
    }
    case 'rejected_member':
      return memberRejected(context, group, course, { outcome, part, tried, sentCount, request, seen });
    case 'too_large':
      if (sentCount === 1) spend(group, part, { failure: outcome.failure, outcome: 'failed', request });
      else course.membersMax = Math.ceil(sentCount / 2);
      return 'go_on';
    case 'rejected':
      spend(group, part, { failure: outcome.failure, outcome: 'failed', request });
      return 'go_on';
    case 'unauthorized':
      fail(context, group, { intents: tried, outcome, request, seen });
      return 'stop';
    case 'applied':
    case 'unchanged':
    case 'throttled':
    case 'not_started':
      return 'stop';
  }
}

/** What the failure of a request is about: all that would have been sent, and a full state that waits for its second look. */
const triedOf = (group: Group, { flight }: Course, snapshot: Snapshot): Intent[] =>
  stillDue(group, flight).filter((each) => (each.op === 'state' || !isSo(each, snapshot)) && isTried(group, each));

interface Tried {
  readonly outcome: Failed;
  readonly part: readonly Intent[];
  /** What the group still has to send, the part included. */
  readonly tried: readonly Intent[];
  readonly request: RequestFacts;
  readonly seen: Observation;
}

/** Read and plan again, a few times; then park. */
async function conflicted(
  context: Context,
  group: Group,
  course: Course,
  { outcome, part, tried, request, seen, snapshot }: Tried & { snapshot: Snapshot },
): Promise<Next> {
  course.refused = { tags: snapshot.tags, tried: [...(course.refused?.tried ?? []), snapshot.version], request };
  course.conflicts += 1;
  forgetSnapshot(context, group, course);
  const counted = new Map(part.map((intent) => [intent, { ...intent, conflicts: intent.conflicts + 1 }]));
  for (const [intent, next] of counted) replaceDue(group, course, { intent, next });
  // A version that may be changed on the way is tried in each of its forms.
  const forms = versionForms(snapshot.tags).length;
  if (course.conflicts > context.options.conflictsMax + (forms > 1 ? forms : 0)) {
    fail(context, group, { intents: tried.map((intent) => counted.get(intent) ?? intent), outcome, request, seen });
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
  fail(context, group, { intents: tried, outcome, request: refused.request, seen: null });
  return 'go_on';
}

/** Halve what was sent until the bad member is alone; a part of one has found it. */
function memberRejected(
  context: Context,
  group: Group,
  course: Course,
  { outcome, part, tried, sentCount, request, seen }: Tried & { sentCount: number },
): Next {
  const { refusals } = course;
  refusals.inRow += 1;
  refusals.max ??= refusalsMax(sentCount);
  // A group may be denied as a whole, and then no half of it is allowed.
  const isHopeless = outcome.kind === 'denied' && refusals.inRow >= refusals.max;
  if (sentCount > 1 && !isHopeless) {
    course.suspects = part;
    return 'go_on';
  }
  course.suspects = [];
  fail(context, group, { intents: isHopeless ? tried : part, outcome, request, seen });
  return 'go_on';
}

interface Failing {
  readonly intents: readonly Intent[];
  readonly outcome: Failed;
  readonly request: RequestFacts | null;
  /** null: not one request, but all of them together. */
  readonly seen: Observation | null;
}

/**
 * One try has failed: each intent is parked for its next one, or is spent. While the breaker is open it does not count,
 * unless the group itself is at fault.
 */
function fail(context: Context, group: Group, { intents, outcome, request, seen }: Failing): void {
  const { breaker, options, clock, random } = context;
  const schedule = scheduleOf(outcome.kind === 'not_found' && request !== null ? 'rejected_member' : outcome.kind);
  const isOwn = (seen !== null && signOf(seen) === 'own') || (outcome.kind === 'denied' && request !== null);
  if (!breaker.isClosed && !isOwn) return breaker.wait(context, group, intents);
  if (schedule === 'free') return;
  if (schedule === 'never') return spend(group, intents, { failure: outcome.failure, outcome: 'failed', request });
  // The same chance for all: what failed together can be sent together.
  const chance = random.next();
  const waits = isOfGroup(outcome, request) ? 'group' : 'member';
  const retryAfterMs = 'retryAfterMs' in outcome ? outcome.retryAfterMs : null;
  for (const intent of intents) {
    // Replaced by a newer one while a read was under way.
    if (group.members.get(intent.member)?.pending !== intent) continue;
    const facts = { schedule, attempt: intent.attempt, now: clock.now().wall, random: chance, retryAfterMs };
    const decision = decideRetry(options.retry, facts);
    const { failure } = outcome;
    if (decision.kind === 'park') park(context, group, intent, { decision, schedule, waits, failure, request });
    else spend(group, [intent], { failure: outcome.failure, outcome: 'permanent_failure', request });
    if (seen !== null) breaker.used(seen, group, intent);
  }
}

/** A 403 or 404 to a PATCH of a group that can be read is about a member, as far as the answers show. */
const isOfGroup = ({ kind }: Failed, request: RequestFacts | null): boolean =>
  kind === 'transient' || ((kind === 'denied' || kind === 'not_found') && request === null);

function spend(
  group: Group,
  intents: readonly Intent[],
  end: { failure: Failure; outcome: 'failed' | 'permanent_failure'; request: RequestFacts | null },
): void {
  for (const intent of intents) {
    const member = group.members.get(intent.member);
    if (member?.pending === intent) member.spent = { ...end, intent, attempt: intent.attempt + 1 };
  }
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

/** The last look had no sure answer: once more at the cap, no attempt used up (design 6.3). */
function lookAgain({ clock, options }: Context, group: Group, intent: Intent): void {
  const member = group.members.get(intent.member);
  if (member?.spent?.intent !== intent) return;
  const later: Intent = { ...intent, notBefore: clock.now().wall + options.retry.capMs };
  member.pending = later;
  member.spent = { ...member.spent, intent: later };
}

export function giveUpSpent(context: Context, group: Group, intent: Intent): void {
  const spent = group.members.get(intent.member)?.spent;
  if (spent?.intent === intent) giveUp(context, group, spent);
}

/** The target said yes and did something else, for instance by a rule of its own: said once, not tried for ever. */
export function notEffective(group: Group, intent: Intent, request: RequestFacts): void {
  const failure: Failure = {
    code: 'not_effective',
    message: 'The target accepted the change, but fresh reads do not show it.',
    status: request.status,
    scimType: null,
    advice: 'Look for a rule, an owner role or another writer that sets this membership in Genesys Cloud.',
  };
  // Like all that is given up it gets a look out of doubt: a former request about it may still land.
  spend(group, [intent], { failure, outcome: 'failed', request });
}
