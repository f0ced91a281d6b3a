/**
 * Operators pause a partition, or one group, resume it, and let one group go ahead (protocol.md 12.4). Nothing is sent for what is
 * paused: `isDispatchable` of state/owners.ts. What is pending there waits in the live record, so that offsets are committed.
 */
import { idKey, isSamePosition, type Intent } from '../../core/change/change.ts';
import { countedFrom, isHeld, isParked, startedAgain } from '../../core/change/pending.ts';
import type { ApplyNowRequest, PauseRequest, PauseVerdict } from '../../core/log/request-record.ts';
import { pauseReport } from '../../core/report/reporting.ts';
import type { Group, Partition } from '../state/group.ts';
import type { Member } from '../state/member.ts';
import type { DueAnswer, RequestPlace } from '../state/operator-requests.ts';
import { isOpen, isPaused, type Owners } from '../state/owners.ts';
import { eachGroup } from '../state/turns.ts';
import { enqueue } from './conclude.ts';

type Done = Omit<DueAnswer<Group>, 'key'>;

/** One that was carried out before is answered again: a former owner may have died before its answer. */
export function handlePause(owners: Owners, partition: Partition, wanted: PauseRequest, place: RequestPlace): Done {
  const { kind, group, author, reason } = wanted;
  const at = Math.trunc(owners.clock.now().wall);
  const done = wanted.kind === 'pause' ? partition.pauses.pause(wanted, at) : partition.pauses.resume(wanted);
  const concerned = group === null ? null : groupsNamed(partition, group);
  // Named in another way too, or with all of its partition; also where nothing of it is pending.
  const isStill =
    kind === 'resume' && concerned !== null && (partition.pauses.all !== null || concerned.some(isPaused));
  const verdict = !isStill ? done : done === 'resumed' ? 'still_paused' : 'is_paused';
  const count = VAIN.has(verdict) ? 0 : countOf(partition, concerned, verdict);
  if (done !== 'too_many') report(owners, partition, wanted, { place, at, result: verdict });
  owners.logger.info({ partition: partition.number, kind, group, author, reason, verdict, changes: count }, HANDLED);
  if (CHANGED.has(done)) reviewThose(owners, partition, concerned);
  return { answer: { kind, group, verdict, count }, groups: [] };
}

const HANDLED = 'a request to pause or to resume is handled';

const VAIN: ReadonlySet<PauseVerdict> = new Set(['too_many', 'not_paused']);

const CHANGED: ReadonlySet<PauseVerdict> = new Set(['paused', 'resumed']);

/** By the source's name or by the target's: with an id map several may have one target. */
export function groupsNamed({ groups }: Partition, name: string): readonly Group[] {
  const key = idKey(name);
  return [...groups.values()].filter(({ id, target }) => id === key || (target !== null && idKey(target) === key));
}

/** What waits for a resume from now on or still, or does not any more. @param concerned null: all groups of the partition. */
function countOf(partition: Partition, concerned: readonly Group[] | null, verdict: PauseVerdict): number {
  const { counts } = partition;
  const goesOn = verdict === 'resumed';
  if (concerned === null) return counts.pending - counts.held - (goesOn ? partition.pausedCount : 0);
  const meant = goesOn ? concerned.filter((group) => !isPaused(group)) : concerned;
  return meant.reduce((sum, { members }) => sum + members.unheldCount, 0);
}

interface Handled {
  readonly place: RequestPlace;
  /** Epoch ms. */
  readonly at: number;
  readonly result: PauseVerdict;
}

function report(owners: Owners, partition: Partition, wanted: PauseRequest, handled: Handled): void {
  const { place, at, result } = handled;
  const { group, author, reason } = wanted;
  const { number } = partition;
  const source = { topic: owners.options.topics.retry, partition: number, index: null, eventId: null, ...place };
  const outcome = wanted.kind === 'pause' ? 'paused' : 'resumed';
  const pause = { author, reason, at, result };
  const facts = { source, group, groupTarget: group, outcome, reportedAt: at, pause } as const;
  const key = group === null ? null : idKey(group);
  enqueue(owners, { partition, offset: null, group: null, key, report: pauseReport(facts), deadLetter: null });
}

/** @param concerned null: all groups of the partition. */
function reviewThose(owners: Owners, partition: Partition, concerned: readonly Group[] | null): void {
  if (concerned === null) {
    const work = eachGroup(owners, partition, (group) => owners.review(group));
    return void owners.turns.run(work, () => isOpen(owners, partition));
  }
  for (const group of concerned) owners.review(group);
  owners.dispatch();
}

/** What a paused group that is not in flight has pending waits for the resume, in the live record. */
export function waitForResume({ queue, settle }: Owners, group: Group): void {
  queue.withdraw(group);
  const waiting = [...group.members.queued()].filter(({ pending }) => pending !== null && !isParked(pending));
  for (const member of waiting) member.waitFor('resume');
  if (waiting.every(isRecorded)) return;
  group.partition.toWrite.add(group);
  settle();
}

const isRecorded = ({ pending, recorded }: Member): boolean => isSamePosition(recorded?.source, pending?.source);

/** The group goes ahead of all others, and what waits for its time is due now. What is held stays held, what is dead stays dead. */
export function handleApplyNow(
  owners: Owners,
  partition: Partition,
  { kind, group: name, author }: ApplyNowRequest,
): Done {
  const groups = groupsNamed(partition, name).filter(({ members }) => members.unheldCount > 0);
  const count = groups.reduce((sum, { members }) => sum + members.unheldCount, 0);
  const verdict = groups.length === 0 ? 'gone' : groups.every(isPaused) ? 'is_paused' : 'queued';
  owners.logger.info(
    { partition: partition.number, group: name, author, verdict, changes: count },
    'a group is to go ahead',
  );
  for (const group of groups) {
    if (isPaused(group)) continue;
    for (const intent of [...group.members.queued()].flatMap(({ pending }) => pending ?? [])) endWait(group, intent);
    owners.queue.putFirst(group);
    owners.review(group);
  }
  owners.dispatch();
  return { answer: { kind, group: name, verdict, count }, groups: [] };
}

/** What has failed starts again with its first try, as after a replay. In flight it stays what its run has taken: that is being tried. */
function endWait(group: Group, pending: Intent): void {
  const member = group.members.get(pending.member);
  if (member === undefined || isHeld(pending) || group.run?.due.has(pending) === true) return;
  const isLast = member.exhausted?.intent === pending;
  // What was tried for the last time has not counted that try yet.
  const tried = isLast ? countedFrom(pending, pending.attempt) : pending;
  const due = startedAgain(tried);
  if (pending.attempt > 0 || isLast) member.revive(due);
  else if (pending.notBefore > 0) member.advance(due);
}
