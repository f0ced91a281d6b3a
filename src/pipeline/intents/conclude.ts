/**
 * Room pipeline/intents: which intents of a group stand, and what becomes of each: ids, full states, the guard, replays, ends.
 * Not here: requests (apply), and when a group has its turn (dispatch).
 *
 * Every end of an intent goes through here: final, superseded, parked or dead.
 */
import { WHOLE_GROUP, comparePositions, idKey, isSamePosition, type Intent } from '../../core/change/change.ts';
import { afterGroupAnswered, wasTried, withFields, withoutSchedule } from '../../core/change/pending.ts';
import { withoutOwn } from '../../core/change/unsure.ts';
import { isGuarded } from '../../core/group/guard.ts';
import { deadLetter } from '../../core/log/dead-letter.ts';
import { isPassed, markOf, type FinalMark } from '../../core/log/final-mark.ts';
import { isComplete } from '../../core/log/ledger.ts';
import type { FinalOutcome } from '../../core/report/report.ts';
import { NO_LAG, finalReport, retryReport, type LagMs, type Report } from '../../core/report/reporting.ts';
import type { Failure, RequestFacts } from '../../core/target/refusals.ts';
import { sightOf, type Membership } from '../../core/target/snapshot.ts';
import type { RetryDecision, Schedule } from '../../core/target/retry.ts';
import { isExhausted } from '../state/group-run.ts';
import type { Group, Partition } from '../state/group.ts';
import type { Exhausted, Member } from '../state/member.ts';
import type { Due } from '../state/outbox.ts';
import type { Owners } from '../state/owners.ts';

/**
 * Closes the ledger entries of a member that are complete by now; none while the record may hold something older.
 * @param upTo offset of the last that may be; null: all may.
 */
export function closeComplete(group: Group, name: string, member: Member, upTo: bigint | null = null): void {
  const { offsets } = group.partition;
  if (!offsets.isOpen || group.isRecordUnknown || group.partition.finals.isUnrecorded(group)) return;
  const { pending, recorded } = member;
  let hasClosed = false;
  member.closeUnfinished(upTo, (source, isReported) => {
    const isReplacing = isReported && group.isOlderRecorded(name, source);
    if (!isComplete(source, { isReported, pending, recorded, isOlderRecorded: isReplacing })) return false;
    offsets.complete(source.offset);
    hasClosed = true;
    return true;
  });
  // What it has replaced matters to nothing but the ends of its source records.
  if (member.firstUnfinished === null) group.aliases?.endReplaced(name);
  if (name === WHOLE_GROUP && hasClosed) closeLayered(group);
}

/** Changes that are layered on a full state have waited for it. */
function closeLayered(group: Group): void {
  for (const [name, member] of group.members) {
    if (name === WHOLE_GROUP) continue;
    closeComplete(group, name, member);
    group.tidyMember(name);
  }
}

/** The pending intent is about to be replaced. A dead one keeps its report; one in flight waits for its answer. */
export function supersedePending(owners: Owners, group: Group, member: Member, by: string): void {
  const { pending, requestedAt } = member;
  if (pending === null) return;
  if (pending.dead !== null) {
    group.partition.toWrite.add(group);
    return;
  }
  if (group.run?.isSent(pending) === true) group.run.supersede(pending, { by, requestedAt });
  else supersede(owners, group, pending, { by, requestedAt });
}

/** The request that carried them has failed. */
export function supersedeReplaced(owners: Owners, group: Group): void {
  for (const intent of group.run?.superseded ?? []) supersedeIfReplaced(owners, group, intent);
}

export function supersedeIfReplaced(owners: Owners, group: Group, intent: Intent): void {
  const replacing = group.run?.takeReplacing(intent);
  if (replacing !== undefined) supersede(owners, group, intent, replacing);
}

export function supersede(
  owners: Owners,
  group: Group,
  intent: Intent,
  { by, requestedAt }: { by: string; requestedAt: number | null },
): void {
  reportEnd(owners, group, intent, {
    outcome: 'superseded',
    reason: null,
    request: null,
    supersededBy: by,
    requestedAt,
  });
}

export interface End {
  readonly outcome: FinalOutcome;
  readonly request: RequestFacts | null;
}

/** It is so at the target. */
export function finish(owners: Owners, group: Group, intent: Intent, { outcome, request }: End): void {
  const member = group.members.obtain(intent.member);
  const replacing = group.run?.takeReplacing(intent);
  const { requestedAt } = replacing ?? member;
  if (member.pending === intent) member.replace(null);
  noteFinal(owners, group, intent);
  if (intent.op === 'add' && group.partition.unresolved.noteAdded(group.id, intent.member))
    group.partition.toWrite.add(group);
  reportEnd(owners, group, intent, { outcome, reason: null, request, supersededBy: null, requestedAt });
}

/** It is so already; no request of this flight was about it. */
export function markAlreadySynced(owners: Owners, group: Group, intent: Intent): void {
  if (group.members.get(intent.member)?.pending !== intent) return;
  const outcome = wasTried(intent) || isExhausted(group, intent) ? 'recovered' : 'already_synced';
  // It may be its own request, whose answer was lost, that has removed the member.
  if (outcome === 'recovered' && intent.isAccepted !== true) noteRemoved(owners, group, intent);
  finish(owners, group, intent, { outcome, request: null });
}

/** It is so by a request of this group, whose acceptance the guard has counted. */
export function markApplied(owners: Owners, group: Group, intent: Intent, request: RequestFacts): void {
  finish(owners, group, intent, { outcome: intent.attempt > 0 ? 'recovered' : 'applied', request });
}

/** A removal has taken effect. */
export function noteRemoved({ clock, settle }: Owners, group: Group, intent: Intent): void {
  if (!isGuarded(intent)) return;
  group.partition.removals.note(group.id, clock.now());
  settle();
}

/** To be reported by the next round of settle: that it waits, which is not final and so completes nothing. */
export function reportWait(owners: Owners, group: Group, report: Report): void {
  enqueue(owners, { partition: group.partition, group: null, offset: null, key: group.id, report, deadLetter: null });
}

/** Waits in the live record for its next try. */
export function park(
  owners: Owners,
  group: Group,
  intent: Intent,
  parking: {
    decision: RetryDecision & { kind: 'park' };
    schedule: Schedule;
    /** The target does not know the member. */
    isUnknown: boolean;
    waits: 'group' | 'member';
    failure: Failure;
    request: RequestFacts | null;
  },
): Intent {
  const { decision, schedule, waits, failure, request } = parking;
  const isUnresolved = intent.op === 'add' && parking.isUnknown;
  const { attempt, notBefore } = decision;
  const parked = withFields(withoutSchedule(intent), {
    attempt,
    notBefore,
    waits,
    ...(schedule === 'slow' && { schedule }),
    ...(isUnresolved && { isUnresolved }),
  });
  const member = group.members.obtain(intent.member);
  member.advance(parked);
  group.partition.toWrite.addInTime(group);
  const now = owners.clock.now().wall;
  group.noteFailure(failure, now);
  const lag = lagOf(parked, member.requestedAt, now);
  const facts = { request, lag, groupTarget: group.target, reportedAt: now };
  const retry = retryReport(parked, { ...facts, reason: failure, nextAttemptAt: decision.notBefore });
  // A full state that never waited has no report of its own in the end.
  if (parked.op === 'state') member.deferReport(retry);
  else reportWait(owners, group, retry);
  return parked;
}

/**
 * Given up, after the last look. It stays, marked, so that a replay can wake it and a newer intent can replace it.
 * @param seen what that look has shown, out of doubt; null: nothing.
 */
export function giveUp(owners: Owners, group: Group, exhausted: Exhausted, seen: Membership | null = null): void {
  const member = group.members.obtain(exhausted.intent.member);
  const now = owners.clock.now().wall;
  const { refusal } = exhausted;
  const byOutcome = exhausted.outcome === 'failed' ? 'rejected' : 'attempts_exhausted';
  const at = endedAt(group, exhausted.intent, now);
  const end = refusal === undefined ? { at, reason: byOutcome } : { at, reason: 'refused', refusal };
  const isUndone = seen !== null && sightOf(exhausted.intent, seen) === 'not_so';
  const known = isUndone ? withoutOwn(exhausted.intent) : exhausted.intent;
  const dead: Intent = { ...known, attempt: exhausted.attempt, waits: null, dead: end };
  const { requestedAt } = member;
  if (member.pending === exhausted.intent) member.replace(hasNewerDeltas(group, dead) ? null : dead);
  noteFinal(owners, group, dead);
  reportEnd(owners, group, dead, {
    outcome: exhausted.outcome,
    reason: exhausted.failure,
    request: exhausted.request,
    supersededBy: null,
    requestedAt,
  });
}

/** A full state that newer changes stand upon: once it is dead, a replay could only undo them (protocol.md 5.3). */
function hasNewerDeltas({ members }: Group, { op, source }: Intent): boolean {
  if (op !== 'state') return false;
  return [...members.values()].some(({ pending }) => pending !== null && comparePositions(pending.source, source) > 0);
}

interface Facts extends End {
  readonly reason: Failure | null;
  readonly supersededBy: string | null;
  readonly requestedAt: number | null;
}

/** After the end that a replay has woken it from: the wall clock may be set back, and of two ends the one that is reported later counts. */
function endedAt({ members }: Group, { member, source }: Intent, now: number): number {
  const former = members.get(member)?.revived ?? null;
  return former?.dead && isSamePosition(former.source, source) ? Math.max(now, former.dead.at + 1) : now;
}

function reportEnd(owners: Owners, group: Group, intent: Intent, facts: Facts): void {
  const now = owners.clock.now().wall;
  const { topics } = owners.options;
  enqueue(owners, {
    partition: group.partition,
    group,
    offset: null,
    key: group.id,
    report: finalReport(intent, {
      outcome: facts.outcome,
      reason: facts.reason,
      request: facts.request,
      supersededBy: facts.supersededBy,
      lag: lagOf(intent, facts.requestedAt, now),
      groupTarget: group.target,
      reportedAt: intent.dead?.at ?? endedAt(group, intent, now),
    }),
    deadLetter:
      intent.dead === null || facts.reason === null
        ? null
        : deadLetter(topics.deadLetter, intent, { failure: facts.reason, trouble: group.trouble }),
  });
}

/** To be reported by the next round of settle. */
export function enqueue({ counts, outbox, settle }: Owners, due: Due): void {
  counts.noteReport(due.report);
  outbox.add(due);
  settle();
}

const lagOf = (intent: Intent, requestedAt: number | null, now: number): LagMs =>
  requestedAt === null
    ? NO_LAG
    : { queue: Math.max(0, requestedAt - intent.firstSeenAt), apply: Math.max(0, now - requestedAt) };

/** The group has done what was asked: what was parked for a reason of the whole group is due. */
export function groupAnswered(group: Group): void {
  const { members, run } = group;
  for (const member of members.forGroup) {
    if (member.pending === null || run?.due.has(member.pending) === true) continue;
    // What is spent waits for another look, not for another try.
    if (member.exhausted === null) member.advance(afterGroupAnswered(member.pending));
  }
  if (members.parkedCount === 0) group.endTrouble();
}

/*
 * One user under two names: while a name is not resolved, a newer change under another name may become final. Its mark stays
 * until the older change can arrive neither from the live record nor from the source (protocol.md 5.2).
 */

/** The intent is final; something that is not resolved yet may be an older change of the same member. */
export function noteFinal({ ids }: Pick<Owners, 'ids'>, group: Group, intent: Intent): void {
  const mark = ids === null || group.aliases?.tidyUnresolved() !== true ? null : markOf(intent);
  if (mark === null) return;
  const { finals, toWrite } = group.partition;
  const known = finals.find(group, mark.target);
  // Of one event another name may come later, and the removal wins.
  if (known !== null && isPassed(intent, known)) return;
  if (known !== null && known.member === mark.member && comparePositions(known.source, mark.source) === 0) return;
  finals.note(group, mark);
  toWrite.add(group);
}

/** A newer change of the same member, under another name, is final. null: none that is known. */
export function passedBy(group: Group, intent: Intent): FinalMark | null {
  const mark = intent.target === null ? null : group.partition.finals.find(group, idKey(intent.target));
  return mark !== null && isPassed(intent, mark) ? mark : null;
}

/** Drops the marks that no older change can meet any more. */
export function tidyMarks({ settle }: Pick<Owners, 'settle'>, group: Group): void {
  const { finals, toWrite } = group.partition;
  if (!finals.has(group)) return;
  const from = group.partition.offsets.committed;
  const unresolved = finals.of(group).some(({ source }) => source.offset < from) ? unresolvedOf(group) : [];
  const isNeeded = ({ source }: FinalMark): boolean =>
    source.offset >= from || unresolved.some((each) => comparePositions(each.source, source) <= 0);
  if (!finals.retain(group, isNeeded)) return;
  toWrite.add(group);
  settle();
}

/** What is below can no longer arrive from the source. */
export function tidyCommitted(owners: Pick<Owners, 'settle'>, { finals }: Partition): void {
  for (const group of finals.groups) tidyMarks(owners, group);
}

/** In memory, or as a restore would find it. */
const unresolvedOf = ({ members }: Group): readonly Intent[] =>
  [...members.values()]
    .flatMap(({ pending, recorded }) => [pending, recorded])
    .flatMap((each) => (each !== null && each.op !== 'state' && each.target === null ? [each] : []));

/** Marks that this source cannot have written are of another one. @param end offset after its last record. */
export function restoreMarks(
  { options }: Owners,
  group: Group,
  { marks, end }: { readonly marks: readonly FinalMark[]; readonly end: bigint },
): void {
  if (marks.length === 0) return;
  const { number, finals } = group.partition;
  const isOwn = ({ source }: FinalMark): boolean =>
    source.topic === options.topics.source && source.partition === number && source.offset < end;
  finals.restore(group, marks.filter(isOwn));
}
