/**
 * The one place that writes reports, dead letters and live records, then commits offsets: one batch at a time, in three
 * acknowledged steps (spec: report-first, record-first, owner-commit).
 */
import type { Intent } from '../core/change.ts';
import { truncated } from '../core/dead-letter.ts';
import { committable, complete, completedRanges, encodeRanges, RANGES_MAX } from '../core/ledger.ts';
import { renderAnswer, renderState } from '../core/live-record.ts';
import { seqAfter } from '../core/ownership.ts';
import { isSamePosition } from '../core/position.ts';
import type { Commit, OutRecord, SendOutcome } from '../ports.ts';
import { closeComplete } from './conclude.ts';
import type { Context } from './context.ts';
import { errorText, isCurrent } from './context.ts';
import { limitIntake } from './intake.ts';
import { fitRecord } from './fit-record.ts';
import { holdsDecided, isReserving, recorded, recordOf, tellExpanded, troubleOf } from './record.ts';
import type { Due, DueAnswer, Group, Partition } from './state.ts';
import { isRestored, tidy } from './partition.ts';

/** kafkajs blocks the event loop with larger ones (kafkajs.md A7). */
const BATCH_MAX = 2_000;

/** One round; false: there was nothing to do, or it did not work and is tried again later. */
export async function settleOnce(context: Context): Promise<boolean> {
  const reported = await sendReports(context);
  const recorded = await sendRecords(context);
  const committed = await commit(context);
  limitIntake(context);
  return reported || recorded || committed;
}

async function sendReports(context: Context): Promise<boolean> {
  const { state, log, logger } = context;
  const batch = takeBatch(context);
  if (batch.length === 0) return false;
  const records = batch.flatMap((due) => [
    reportRecord(context, due),
    ...(due.deadLetter === null ? [] : [due.deadLetter]),
  ]);
  try {
    const outcomes = await log.send(records);
    await sendCut(
      context,
      records.filter((_, i) => outcomes[i] === 'too_large'),
    );
  } catch (error) {
    logger.warn({ error: errorText(error) }, 'reports could not be written, trying again');
    state.outbox = [...batch, ...state.outbox];
    settleLater(context);
    return false;
  }
  for (const due of batch) if (isCurrent(context, due.partition)) acknowledge(context, due);
  return true;
}

/** Reports of partitions that wait for their fence wait too: their epoch is not known. Those of lost ones are dropped. */
function takeBatch(context: Context): Due[] {
  const { state } = context;
  const batch: Due[] = [];
  const later: Due[] = [];
  for (const due of state.outbox) {
    if (isCurrent(context, due.partition))
      (batch.length < BATCH_MAX && isRestored(due.partition) ? batch : later).push(due);
  }
  state.outbox = later;
  return batch;
}

const reportRecord = ({ options }: Context, { report, partition, key }: Due): OutRecord => ({
  topic: options.topics.report,
  partition: null,
  key,
  value: JSON.stringify({ ...report, epoch: partition.epoch }),
  headers: [],
});

/** Half a mebibyte is below any broker's limit that lets the rest of Rollcall work. */
const CUT_LENGTH = 512 * 1_024;

async function sendCut({ log, logger }: Context, records: readonly OutRecord[]): Promise<void> {
  if (records.length === 0) return;
  logger.warn({ count: records.length }, 'records were too large and are cut');
  await log.send(records.map((record) => truncated({ ...record, partition: null }, CUT_LENGTH)));
}

function acknowledge(context: Context, { partition, offset, subject, report }: Due): void {
  if (!report.final) return;
  if (subject === null) {
    if (partition.ledger !== null) complete(partition.ledger, offset);
    return;
  }
  if (subject.intent.op !== 'state' && subject.group.expanded.length > 0) {
    tellExpanded(subject.group, subject.intent.source);
    partition.toWrite.add(subject.group);
  }
  const member = subject.group.members.get(subject.intent.member);
  if (member === undefined || subject.intent === member.woken) return;
  const { source } = subject.intent;
  for (let { open } = member; open !== null; open = open.next) open.isReported ||= isSamePosition(open.source, source);
  if (isSamePosition(member.recorded?.source, source)) member.recordedReported = true;
  if (isSamePosition(member.pending?.source, source) && member.pending?.dead) member.pendingReported = true;
  // What changed in memory may be said in the live record now.
  if (member.recorded !== null || member.pendingReported) partition.toWrite.add(subject.group);
  closeComplete(subject.group, subject.intent.member, member);
  tidy(subject.group, subject.intent.member);
  context.settle();
}

type Rendered = { readonly partition: Partition; readonly epoch: number; readonly record: OutRecord } & (
  | { readonly kind: 'state'; readonly group: Group; readonly intents: readonly Intent[] }
  | { readonly kind: 'answer'; readonly answer: DueAnswer }
);

/** Rendered when it is sent, never earlier; one per group and batch. */
async function sendRecords(context: Context): Promise<boolean> {
  const rendered: Rendered[] = [];
  for (const partition of context.state.partitions.values()) {
    if (isRestored(partition)) rendered.push(...renderPartition(context, partition, BATCH_MAX - rendered.length));
  }
  if (rendered.length === 0) return false;
  const outcomes = await context.log.send(rendered.map(({ record }) => record)).catch((error: unknown) => {
    context.logger.warn({ error: errorText(error) }, 'live records could not be written, trying again');
    return null;
  });
  rendered.forEach((each, i) => {
    if (!isCurrent(context, each.partition)) return;
    // Under a former epoch it may lie behind the new fence, and be void.
    const isInTime = each.epoch === each.partition.epoch;
    const outcome = (isInTime ? outcomes?.[i] : null) ?? 'failed';
    if (outcome !== 'written') writeAgain(context, each, outcome);
    else if (each.kind === 'state') recorded(context, each.group, each.intents);
  });
  const isAllWritten = outcomes?.every((outcome) => outcome === 'written') ?? false;
  if (!isAllWritten) settleLater(context);
  return isAllWritten;
}

function renderPartition(context: Context, partition: Partition, recordsMax: number): Rendered[] {
  const { options, clock } = context;
  const rendered = renderAnswers(context, partition);
  for (const group of [...partition.toWrite].slice(0, Math.max(0, recordsMax))) {
    partition.toWrite.delete(group);
    const intents = recordOf(group);
    const stamp = { owner: options.owner, epoch: partition.epoch, seq: nextSeq(partition) };
    const state = renderState({
      group: group.id,
      intents,
      stamp,
      trouble: troubleOf(group),
      isReserving: isReserving(group, intents),
      foreign: partition.foreign.get(group.id) ?? [],
      now: clock.now().wall,
      sha256: context.sha256,
    });
    const record = { ...state, topic: options.topics.retry, partition: partition.number, gzip: true as const };
    rendered.push({ kind: 'state', partition, epoch: partition.epoch, group, intents, record });
  }
  return rendered;
}

function renderAnswers({ options }: Context, partition: Partition): Rendered[] {
  const isOpen = (group: Group): boolean => partition.toWrite.has(group) || holdsDecided(group);
  const due = partition.answers.filter(({ groups }) => !groups.some(isOpen));
  partition.answers = partition.answers.filter((answer) => !due.includes(answer));
  return due.map((answer) => {
    const stamp = { owner: options.owner, epoch: partition.epoch, seq: nextSeq(partition) };
    const headers = renderAnswer(stamp, answer.answer);
    const record = { topic: options.topics.retry, partition: partition.number, key: answer.key, value: null, headers };
    return { kind: 'answer', partition, epoch: partition.epoch, answer, record };
  });
}

function nextSeq(partition: Partition): number {
  partition.seq = seqAfter(partition.seq, partition.view, partition.epoch);
  return partition.seq;
}

function writeAgain(context: Context, rendered: Rendered, outcome: SendOutcome | 'failed'): void {
  const { partition } = rendered;
  if (rendered.kind === 'answer') {
    const { key, answer, groups } = rendered.answer;
    // Whoever asked is told less, but what was asked is done, and the request must not stay.
    const isCut = outcome === 'too_large' && answer.kind === 'replay';
    partition.answers.push({ key, answer: isCut ? { ...answer, verdicts: [] } : answer, groups });
  } else {
    partition.toWrite.add(rendered.group);
    // It may be there all the same (spec: record-first).
    if (outcome === 'failed') rendered.group.isRecordUnknown = true;
    if (outcome === 'too_large') fitRecord(context, rendered.group, rendered.intents);
  }
}

const SETTLE_AGAIN_MS = 500;
const settleLater = ({ clock, settle }: Context): void => void clock.schedule(SETTLE_AGAIN_MS, settle);

/** Partitions owned without a break, at what is complete by now, in the tick of the check. */
async function commit(context: Context): Promise<boolean> {
  const { state, log, logger } = context;
  if (state.isHalted) return false;
  const due = [...state.partitions.values()].flatMap((partition) => commitOf(partition) ?? []);
  if (due.length === 0) return false;
  try {
    await log.commit(due.map(({ commit: each }) => each));
  } catch (error) {
    // The next round commits what is complete then.
    logger.warn({ error: errorText(error) }, 'offsets could not be committed');
    settleLater(context);
    return false;
  }
  for (const each of due) each.partition.lastCommit = { offset: each.commit.offset, progress: each.progress };
  return true;
}

interface DueCommit {
  readonly partition: Partition;
  readonly commit: Commit;
  readonly progress: number;
}

function commitOf(partition: Partition): DueCommit | null {
  const { ledger, lastCommit, number } = partition;
  if (ledger === null || !isRestored(partition) || ledger.progress === lastCommit?.progress) return null;
  const offset = committable(ledger);
  const metadata = encodeRanges(offset, completedRanges(ledger, RANGES_MAX));
  return { partition, commit: { partition: number, offset, metadata }, progress: ledger.progress };
}
