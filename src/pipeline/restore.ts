/**
 * Fence and restore: the own fence is written, the retry partition read up to it, and its state taken over; then the
 * source is read on from the committed offset (protocol.md 4.4, 4.5).
 */
import { NO_MARK, compareHistory, decodeCommit, lookFrom, type Comparison } from '../core/log/commit-metadata.ts';
import { afterTakeover } from '../core/target/doubt.ts';
import { openLedger, rangesBelow } from '../core/log/ledger.ts';
import { renderFence } from '../core/log/live-record.ts';
import { COUNT_MAX, epochOf, isOvertaken } from '../core/log/ownership.ts';
import { longestWaitMs } from '../core/target/retry.ts';
import { intentId, type Intent } from '../core/change/change.ts';
import { fold } from '../core/change/pending.ts';
import type { SendOutcome } from '../ports.ts';
import { supersede } from './conclude.ts';
import type { Context } from './context.ts';
import { isCurrent } from './context.ts';
import { revoke } from './revoke.ts';
import { reportHeld } from './guard.ts';
import { catchUp, resumeSource } from './intake.ts';
import { groupOf, memberOf, move, newPartition, noteFormerKey } from './partition.ts';
import { recordAll, takeAccount } from './read-back.ts';
import { foreignPositionProblem, refuse } from './refuse.ts';
import { identified, identifyGroup } from './identify.ts';
import { restoreMarks, tidyCommitted } from './marks.ts';
import { foldRestored } from './precedence.ts';
import { reviewAll } from './schedule.ts';
import type { Group } from './group.ts';
import type { Partition, Start } from './state.ts';
import type { Slices } from './turns.ts';
import { TOO_LARGE, laneName, persist } from './writer.ts';

export async function fence(context: Context, partition: Partition): Promise<void> {
  const { state, log, options, random } = context;
  const fenceId = random.uuid();
  partition.fenceId = fenceId;
  partition.epoch = epochOf(partition.base, state.generation ?? 0);
  const isWanted = (): boolean => isCurrent(context, partition) && partition.fenceId === fenceId;
  const stamp = { owner: options.owner, epoch: partition.epoch, seq: 0 };
  const { key, headers } = renderFence(stamp, fenceId);
  const record = { topic: options.topics.retry, partition: partition.number, key, value: fenceId, headers };
  move(partition, 'restoring');
  const lane = laneName(record.topic, partition.number);
  const place = { name: `fence of ${lane}`, topic: record.topic, act: 'write', owner: partition.number } as const;
  await persist(context, place, async () => assertWritten(await log.send([record])), isWanted);
  await restoreFrom(context, partition);
}

function assertWritten([outcome]: readonly SendOutcome[]): void {
  if (outcome === 'written') return;
  throw typeof outcome === 'object' ? outcome.error : new Error(TOO_LARGE);
}

/** Restores once the start is known, if this fence is still the present one. */
async function restoreFrom(context: Context, partition: Partition): Promise<void> {
  const { fenceId } = partition;
  const isWanted = (): boolean => isCurrent(context, partition) && partition.fenceId === fenceId;
  const { source: topic } = context.options.topics;
  const name = `start of ${laneName(topic, partition.number)}`;
  const place = { name, topic, act: 'read', owner: partition.number } as const;
  const start = await persist(context, place, () => findStart(context, partition), isWanted);
  if (start === undefined || !isWanted()) return;
  partition.start ??= start;
  context.backlog.saw(partition, start.goal);
  partition.comparison = start;
  partition.mark = start.mark;
  restore(context, partition);
}

/** The end of the source is read after the fence was acknowledged, so it holds all that a former owner may have committed. */
async function findStart(context: Context, partition: Partition): Promise<Start> {
  const { log, state, logger } = context;
  const { number } = partition;
  const [committed, bounds] = await Promise.all([log.committed(number), log.bounds('source', number)]);
  const { ranges, mark } =
    committed.offset === null ? NOTHING_COMMITTED : decodeCommit(committed.offset, committed.metadata);
  // What is kept in memory is ahead of what is committed.
  const remembered = partition.isKept ? partition.mark : mark;
  const seen = await log.inspect(number, lookFrom(remembered, bounds));
  const found = {
    committed: committed.offset,
    known: rangesBelow(bounds.end, ranges),
    goal: bounds.end,
    ...compareHistory(remembered, { ...bounds, ...seen }),
  };
  const position = committed.offset ?? bounds.start;
  if (position >= bounds.start) return { ...found, position };
  state.counts.possibleLosses += 1;
  logger.error(
    { partition: number, committed: String(position), start: String(bounds.start) },
    'retention has passed the committed offset, changes may be lost: raise retention.ms of the source topic',
  );
  return { ...found, position: bounds.start };
}

const NOTHING_COMMITTED = { ranges: [], mark: NO_MARK };

/** Once the own fence was read and the start is known. */
export function restore(context: Context, partition: Partition): void {
  const { clock } = context;
  const { phase, fenceRead, start, comparison } = partition;
  if (phase !== 'restoring' || !fenceRead || start === null || comparison === null) return;
  if (isOvertaken(partition.view, partition.epoch) || sharesEpoch(partition) || isBelowCommit(partition, comparison)) {
    partition.overtakenAt = clock.now();
    return;
  }
  if (partition.isKept && partition.foreignFence) return startOver(context, partition);
  const { historyProblem: problem } = comparison;
  if (problem !== null) return refuse(context, partition, { problem, kind: 'committed' });
  if (!partition.isKept) {
    const foreign = foreignPositionProblem(context, partition, start);
    if (foreign !== null) return refuse(context, partition, foreign);
    move(partition, 'loading');
    const isWanted = (): boolean => isCurrent(context, partition) && !context.state.isDraining;
    return void context.turns.run(load(context, partition, start), isWanted);
  } else if (comparison.formerRetry !== null) recordAll(context, partition, comparison.formerRetry);
  goOn(context, partition, start);
}

/** Its state is in memory. */
function goOn(context: Context, partition: Partition, start: Start): void {
  const isKept = partition.isKept;
  partition.isKept = false;
  move(partition, 'catching_up');
  context.logger.info({ partition: partition.number, epoch: partition.epoch, isKept }, 'partition restored');
  if (!isKept) context.log.seek('source', partition.number, start.position);
  // It may have been overtaken while it was loaded, and nothing is dispatched then.
  takeAccount(context, partition);
  if (!isCurrent(context, partition)) return;
  resumeSource(context, partition);
  catchUp(context, partition);
  // What has caught up is reviewed already.
  if (partition.dispatchesEarly) reviewAll(context, partition);
  context.dispatch();
  context.settle();
}

/** No other owner can have written under the epoch of a partition that is kept, if no foreign fence says so. */
const sharesEpoch = ({ epochUsed, isKept, foreignFence }: Partition): boolean => epochUsed && (!isKept || foreignFence);

/** The epochs of commits only go up, also in a recreated consumer group, so that they tell which retry topic was used later. */
const isBelowCommit = ({ epoch, isKept }: Partition, { mark }: Comparison): boolean =>
  !isKept && epoch <= (mark.retryEpoch ?? 0) && epoch < COUNT_MAX;

/** Another instance was the owner in between: everything is read from the beginning, up to the fence that is there already. */
function startOver(context: Context, partition: Partition): void {
  const { state, log } = context;
  const { base, epoch, fenceId } = partition;
  revoke(context, partition, 'another instance was the owner in between');
  const fresh = newPartition(partition.number, context.options);
  Object.assign(fresh, { base, epoch, fenceId, phase: 'restoring' });
  state.partitions.set(fresh.number, fresh);
  log.seek('retry', fresh.number, 0n);
  void restoreFrom(context, fresh);
}

/** About 20 ms. */
const SLICE = 1_000;

/** In slices: there may be 200,000 live records. What is read of the retry partition meanwhile is of a higher epoch, or void. */
function* load(context: Context, partition: Partition, start: Start): Slices {
  const { clock, options } = context;
  const isNew = partition.wasEmpty && start.committed === null;
  if ((partition.wasEmpty && !isNew) || start.formerRetry !== null) noteEmptied(context, partition);
  // A former owner's requests may still land (spec: noop).
  partition.takeoverDoubt = isNew ? null : afterTakeover(clock.now().monotonic, options.lateApplyMs);
  partition.removals.restore(clock.now());
  const latest = clock.now().wall + longestWaitMs(options.retry);
  let count = 0;
  let last = -1n;
  const recordedAt = new Map<bigint, number>();
  for (const [id, intents] of partition.restored) {
    const marks = partition.restoredMarks.get(id) ?? [];
    if (intents.length + marks.length === 0) continue;
    if (count >= SLICE) {
      yield;
      count = 0;
    }
    count += intents.length + marks.length;
    const group = groupOf(context, partition, id);
    noteFormerKey(group, id);
    identifyGroup(context, group);
    restoreMarks(context, group, { marks, end: start.goal });
    for (const restored of intents) {
      const { offset, timestamp } = restored.source;
      recordedAt.set(offset, timestamp);
      if (offset > last) last = offset;
      loadIntent(context, group, identified(context, group, waitingUntil(restored, latest)));
    }
    const waiting = intents.find(({ dead }) => dead === null);
    if (waiting !== undefined) context.keys.waits(waiting.group, waiting.source);
    foldRestored(context, group);
    reportHeld(context, group);
  }
  partition.recordedAt = recordedAt;
  partition.restored = new Map();
  partition.restoredMarks.clear();
  partition.ledger = openLedger(start.position, start.known, last + 1n);
  tidyCommitted(context, partition);
  goOn(context, partition, start);
}

/** At the latest; `latest` in epoch ms. */
const waitingUntil = (intent: Intent, latest: number): Intent =>
  intent.notBefore > latest ? { ...intent, notBefore: latest } : intent;

function loadIntent(context: Context, group: Group, intent: Intent): void {
  const member = memberOf(group, intent.member);
  const rival = member.pending;
  // An older version kept two spellings of one member apart.
  const { winner, loser } = rival === null ? { winner: intent, loser: null } : fold(rival, intent);
  if (loser?.dead === null) supersede(context, group, loser, { by: intentId(winner), requestedAt: null });
  member.restore(winner);
}

/** A fence is written before any commit, and compaction keeps it. */
function noteEmptied({ state, logger, options }: Context, { number }: Partition): void {
  state.counts.possibleLosses += 1;
  logger.error(
    { partition: number, topic: options.topics.retry, remedy: EMPTIED_REMEDY },
    'the retry partition is empty or recreated although offsets are committed: what was parked is lost, if anything was',
  );
}

const EMPTIED_REMEDY =
  'While nothing changes them, send the full states of the groups that `rollcall report --format csv --outcome retry_scheduled --outcome held` shows';
