/**
 * Room pipeline/partition: a partition from its assignment to its loss: fence, restore, intake of the source, reading the retry topic.
 * Not here: what becomes of the intents that are read (intents).
 *
 * What is acquired, retained and lost at an assignment, what a heartbeat proves, and the restore: the own fence is written, the
 * retry partition read up to it, and its state taken over (protocol.md 4).
 */
import { intentId, type Intent } from '../../core/change/change.ts';
import { fold } from '../../core/change/pending.ts';
import { NO_MARK, compareHistory, decodeCommit, lookFrom } from '../../core/log/commit-metadata.ts';
import { rangesBelow } from '../../core/log/ledger.ts';
import { renderFence } from '../../core/log/live-record.ts';
import { afterTakeover } from '../../core/target/doubt.ts';
import { longestWaitMs } from '../../core/target/retry.ts';
import type { Assignment, Heartbeat, InputTopic, SendOutcome } from '../../ports.ts';
import { reviewAll } from '../dispatch/dispatcher.ts';
import { restoreMarks, supersede, tidyCommitted } from '../intents/conclude.ts';
import { noteDecided } from '../intents/decide-held.ts';
import { reportHeld } from '../intents/guard.ts';
import { identified, identifyGroup } from '../intents/identify.ts';
import { noteHeldNews } from '../intents/notify.ts';
import { foldRestored } from '../intents/precedence.ts';
import { TOO_LARGE, laneName, persist } from '../settle/writer.ts';
import type { Group, Partition } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { PartitionOf } from '../state/partition.ts';
import { groupOf } from '../state/partitions.ts';
import type { Start } from '../state/source-offsets.ts';
import type { Slices } from '../state/turns.ts';
import { catchUp, limitIntake, resumeSource } from './intake.ts';
import { foreignPositionProblem, refuse, revoke, revokeAll } from './loss.ts';
import { recordAll, actOnRetryRecords } from './read-back.ts';

/** In the tick of the assignment: what is sought and paused here is so before the first fetch of the generation. */
export function assigned(owners: Owners, assignment: Assignment): void {
  const { partitions, lease, log, options } = owners;
  // A new member id: everything may have had other owners since (kafkajs.md 3.3).
  if (assignment.memberId !== lease.memberId) revokeAll(owners, 'a new member id');
  const wanted = new Set(assignment.partitions);
  for (const partition of partitions) {
    if (!wanted.has(partition.number)) revoke(owners, partition, 'it has another owner now');
  }
  lease.assigned(assignment);
  for (const number of assignment.partitions) {
    log.pause('source', number);
    log.resume('retry', number);
    const known = partitions.get(number);
    if (known !== undefined && known.isRestored) retain(owners, known);
    else {
      if (known !== undefined) revoke(owners, known, 'its restore was not finished');
      partitions.add(new PartitionOf(number, options, { base: known?.ownership.base }));
      log.seek('retry', number, 0n);
    }
  }
}

/** The state is kept; `restore` gives it up where the fence shows that another instance was the owner in between (spec: refence). */
function retain({ log }: Owners, partition: Partition): void {
  partition.retain();
  const { position } = partition.offsets;
  if (position !== null) log.seek('source', partition.number, position);
  log.seek('retry', partition.number, partition.ownership.nextOffset);
}

export function heartbeat(owners: Owners, beat: Heartbeat): void {
  owners.lease.heartbeat(beat);
  for (const partition of owners.partitions) {
    const { fenceId, overtakenAt } = partition.ownership;
    if (partition.phase === 'fencing' && fenceId === null) void fence(owners, partition);
    else if (overtakenAt !== null && beat.sentAt.monotonic > overtakenAt.monotonic) rebaseEpoch(owners, partition);
  }
  // Where Kafka acknowledges nothing, nothing else would look again.
  limitIntake(owners);
  owners.dispatch();
}

/** A higher epoch exists, in a record or a commit, although our heartbeat succeeds: the group was recreated and its generation restarted at 1. */
function rebaseEpoch(owners: Owners, partition: Partition): void {
  partition.rebase();
  const fields = { partition: partition.number, base: partition.ownership.base };
  const { retry: topic } = owners.options.topics;
  owners.logger.warn({ ...fields, topic, advice: ONE_GROUP }, 'the consumer group was recreated');
  void fence(owners, partition);
}

/** Two groups take the partition from each other without an end. */
const ONE_GROUP =
  'If this is said again and again, two consumer groups use this retry topic: give each its own RETRY_TOPIC.';

/** The log goes on at the oldest record there is. The topic may have been recreated, and offsets mean something else then. */
export function offsetGone(owners: Owners, topic: InputTopic, number: number): void {
  const { partitions, counts, log, logger } = owners;
  if (topic === 'source') counts.possibleLosses.add();
  logger.error({ topic, partition: number }, 'the next offset does not exist any more, changes may be lost');
  const partition = partitions.get(number);
  if (partition === undefined) return;
  if (topic === 'retry') {
    // Also while the own fence is waited for: it lies in the new topic.
    partition.ownership.readFromBeginning();
    return recordAll(owners, partition, partition.offsets.forgetRetryTopic());
  }
  if (!partition.isRestored) return;
  const reason = 'the next offset of the source does not exist any more';
  revoke(owners, partition, reason);
  log.rejoin(reason);
}

/*
 * Fence and restore: the own fence is written, the retry partition read up to it, and its state taken over; then the
 * source is read on from the committed offset (protocol.md 4.4, 4.5).
 */

export async function fence(owners: Owners, partition: Partition): Promise<void> {
  const { partitions, lease, log, options, random } = owners;
  const { ownership } = partition;
  const fenceId = random.uuid();
  ownership.begin(fenceId, lease.generation ?? 0);
  const isWanted = (): boolean => partitions.isCurrent(partition) && ownership.fenceId === fenceId;
  const stamp = { owner: options.owner, epoch: ownership.epoch, seq: 0 };
  const { key, headers } = renderFence(stamp, fenceId);
  const record = { topic: options.topics.retry, partition: partition.number, key, value: fenceId, headers };
  partition.move('restoring');
  const lane = laneName(record.topic, partition.number);
  const place = { name: `fence of ${lane}`, topic: record.topic, act: 'write', owner: partition.number } as const;
  await persist(owners, place, async () => assertWritten(await log.send([record])), isWanted);
  await restoreFrom(owners, partition);
}

function assertWritten([outcome]: readonly SendOutcome[]): void {
  if (outcome === 'written') return;
  throw typeof outcome === 'object' ? outcome.error : new Error(TOO_LARGE);
}

/** Restores once the start is known, if this fence is still the present one. */
async function restoreFrom(owners: Owners, partition: Partition): Promise<void> {
  const { fenceId } = partition.ownership;
  const isWanted = (): boolean => owners.partitions.isCurrent(partition) && partition.ownership.fenceId === fenceId;
  const { source: topic } = owners.options.topics;
  const name = `start of ${laneName(topic, partition.number)}`;
  const place = { name, topic, act: 'read', owner: partition.number } as const;
  const start = await persist(owners, place, () => findStart(owners, partition), isWanted);
  if (start === undefined || !isWanted()) return;
  partition.offsets.noteStart(start);
  owners.backlog.noteEnd(partition, start.goal);
  restore(owners, partition);
}

/** The end of the source is read after the fence was acknowledged, so it holds all that a former owner may have committed. */
async function findStart(owners: Owners, partition: Partition): Promise<Start> {
  const { log, counts, logger } = owners;
  const { number } = partition;
  const [committed, bounds] = await Promise.all([log.committed(number), log.bounds('source', number)]);
  const { ranges, mark } =
    committed.offset === null ? NOTHING_COMMITTED : decodeCommit(committed.offset, committed.metadata);
  // What is kept in memory is ahead of what is committed.
  const remembered = partition.isKept ? partition.offsets.mark : mark;
  const seen = await log.inspect(number, lookFrom(remembered, bounds));
  const found = {
    committed: committed.offset,
    known: rangesBelow(bounds.end, ranges),
    goal: bounds.end,
    ...compareHistory(remembered, { ...bounds, ...seen }),
  };
  const position = committed.offset ?? bounds.start;
  if (position >= bounds.start) return { ...found, position };
  counts.possibleLosses.add();
  logger.error(
    { partition: number, committed: String(position), start: String(bounds.start) },
    'retention has passed the committed offset, changes may be lost: raise retention.ms of the source topic',
  );
  return { ...found, position: bounds.start };
}

const NOTHING_COMMITTED = { ranges: [], mark: NO_MARK };

/** Once the own fence was read and the start is known. */
export function restore(owners: Owners, partition: Partition): void {
  const { clock } = owners;
  const { phase, ownership, offsets, isKept } = partition;
  const { start, comparison } = offsets;
  if (phase !== 'restoring' || !ownership.isFenceRead || start === null || comparison === null) return;
  const isBelowCommit = !isKept && ownership.isBelowCommit(comparison);
  if (ownership.isOvertaken || ownership.sharesEpoch(isKept) || isBelowCommit)
    return ownership.noteOvertaken(clock.now());
  if (isKept && ownership.hasForeignFence) return startOver(owners, partition);
  const { historyProblem: problem } = comparison;
  if (problem !== null) return refuse(owners, partition, { problem, kind: 'committed' });
  if (!isKept) {
    const foreign = foreignPositionProblem(owners, partition, start);
    if (foreign !== null) return refuse(owners, partition, foreign);
    partition.move('loading');
    const isWanted = (): boolean => owners.partitions.isCurrent(partition) && !owners.lease.isEnding;
    return void owners.turns.run(load(owners, partition, start), isWanted);
  } else if (comparison.formerRetry !== null) recordAll(owners, partition, comparison.formerRetry);
  finishRestore(owners, partition, start);
}

/** Its state is in memory. */
function finishRestore(owners: Owners, partition: Partition, start: Start): void {
  const isKept = partition.isKept;
  partition.endRestore();
  owners.logger.info({ partition: partition.number, epoch: partition.ownership.epoch, isKept }, 'partition restored');
  if (!isKept) owners.log.seek('source', partition.number, start.position);
  // It may have been overtaken while it was loaded, and nothing is dispatched then.
  actOnRetryRecords(owners, partition);
  if (!owners.partitions.isCurrent(partition)) return;
  resumeSource(owners, partition);
  catchUp(owners, partition);
  // What has caught up is reviewed already.
  if (partition.dispatchesEarly) reviewAll(owners, partition);
  owners.dispatch();
  owners.settle();
}

/** Another instance was the owner in between: everything is read from the beginning, up to the fence that is there already. */
function startOver(owners: Owners, partition: Partition): void {
  const { partitions, log, options } = owners;
  revoke(owners, partition, 'another instance was the owner in between');
  const fresh: Partition = new PartitionOf(partition.number, options, { again: partition.ownership });
  partitions.add(fresh);
  log.seek('retry', fresh.number, 0n);
  void restoreFrom(owners, fresh);
}

function restorePauses({ clock, logger }: Owners, { number, pauses }: Partition): void {
  if (pauses.restore(Math.trunc(clock.now().wall))) return;
  logger.warn(
    { partition: number },
    'the record of pauses cannot be read: nothing is sent for the partition until it is resumed',
  );
}

/** About 20 ms. */
const SLICE = 1_000;

/** In slices: there may be 200,000 live records. What is read of the retry partition meanwhile is of a higher epoch, or void. */
function* load(owners: Owners, partition: Partition, start: Start): Slices {
  const { clock, options } = owners;
  const wasEmpty = partition.ownership.former?.recordCount === 0;
  const isNew = wasEmpty && start.committed === null;
  if ((wasEmpty && !isNew) || start.formerRetry !== null) noteEmptied(owners, partition);
  // A former owner's requests may still land (spec: noop).
  partition.doubtFormerOwner(isNew ? null : afterTakeover(clock.now().monotonic, options.lateApplyMs));
  partition.removals.restore(clock.now());
  restorePauses(owners, partition);
  const latest = clock.now().wall + longestWaitMs(options.retry);
  let count = 0;
  let last = -1n;
  const recordedAt = new Map<bigint, number>();
  for (const [id, { intents, marks }] of partition.restored.records) {
    if (intents.length + marks.length === 0) continue;
    if (count >= SLICE) {
      yield;
      count = 0;
    }
    count += intents.length + marks.length;
    const group = groupOf(owners, partition, id);
    partition.noteFormerKey(group, id);
    identifyGroup(owners, group);
    restoreMarks(owners, group, { marks, end: start.goal });
    for (const restored of intents) {
      const { offset, timestamp } = restored.source;
      recordedAt.set(offset, timestamp);
      if (offset > last) last = offset;
      loadIntent(owners, group, identified(owners, group, waitingUntil(restored, latest)));
    }
    const waiting = intents.find(({ dead }) => dead === null);
    if (waiting !== undefined) owners.keys.waits(waiting.group, waiting.source);
    foldRestored(owners, group);
    noteDecided(owners, group);
    reportHeld(owners, group);
    noteHeldNews(owners, group);
  }
  partition.restored.end(recordedAt);
  partition.offsets.open(start, last + 1n);
  tidyCommitted(owners, partition);
  finishRestore(owners, partition, start);
}

/** At the latest; `latest` in epoch ms. */
const waitingUntil = (intent: Intent, latest: number): Intent =>
  intent.notBefore > latest ? { ...intent, notBefore: latest } : intent;

function loadIntent(owners: Owners, group: Group, intent: Intent): void {
  const member = group.members.obtain(intent.member);
  const rival = member.pending;
  // An older version kept two spellings of one member apart.
  const { winner, loser } = rival === null ? { winner: intent, loser: null } : fold(rival, intent);
  if (loser?.dead === null) supersede(owners, group, loser, { by: intentId(winner), requestedAt: null });
  member.restore(winner);
}

/** A fence is written before any commit, and compaction keeps it. */
function noteEmptied({ counts, logger, options }: Owners, { number }: Partition): void {
  counts.possibleLosses.add();
  logger.error(
    { partition: number, topic: options.topics.retry, remedy: EMPTIED_REMEDY },
    'the retry partition is empty or recreated although offsets are committed: what was parked is lost, if anything was',
  );
}

const EMPTIED_REMEDY =
  'While nothing changes them, send the full states of the groups that `rollcall report --format csv --outcome retry_scheduled --outcome held` shows';
