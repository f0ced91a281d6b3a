/** Source records: decoded, entered in the ledger, folded into the pending intents of their group. Never waits. */
import type { ChangeEvent, ChangeSource, Decoded } from '../core/change.ts';
import { intentsOf } from '../core/change.ts';
import { invalidLetter } from '../core/dead-letter.ts';
import { isOver } from '../core/doubt.ts';
import { advance, begin, isKnownComplete, knownEnd } from '../core/ledger.ts';
import type { Failure } from '../core/outcome.ts';
import { eventReport, invalidFailure } from '../core/report.ts';
import type { Batch, LogRecord } from '../ports.ts';
import { arrive, arriveFinal, enqueue } from './conclude.ts';
import type { Context } from './context.ts';
import { review, reviewAll, wake } from './schedule.ts';
import { isForeign, refuse } from './refuse.ts';
import type { Partition } from './state.ts';
import { groupOf, isRestored, move, tidy } from './partition.ts';

export function readSource(context: Context, partition: Partition, batch: Batch): 'taken' | 'declined' {
  const { ledger } = partition;
  if (ledger === null || !mayRead(context, partition)) {
    context.log.pause('source', partition.number);
    return 'declined';
  }
  forgetGainDoubt(context, partition);
  for (const record of batch.records) {
    if (record.offset < ledger.next) continue;
    if (isForeign(partition, record)) {
      refuse(context, partition, 'the live records are of another record at the same offset');
      return 'declined';
    }
    readRecord(context, partition, record);
  }
  advance(ledger, batch.nextOffset);
  if (batch.endOffset > partition.endOffset) partition.endOffset = batch.endOffset;
  catchUp(context, partition);
  limitIntake(context);
  context.dispatch();
  context.settle();
  return 'taken';
}

/** Groups that are met later have nothing to fear from a former owner. */
function forgetGainDoubt({ clock }: Context, partition: Partition): void {
  if (partition.gainDoubt !== null && isOver(partition.gainDoubt, clock.now().monotonic)) partition.gainDoubt = null;
}

function readRecord(context: Context, partition: Partition, record: LogRecord): void {
  const { ledger } = partition;
  if (ledger === null) return;
  const isKnown = isKnownComplete(ledger, record.offset);
  const decoded = context.format(record, { partitionCount: context.state.partitionCount });
  const source: ChangeSource = {
    topic: context.options.topics.source,
    partition: partition.number,
    offset: record.offset,
    eventId: decoded.kind === 'change' ? decoded.event.eventId : null,
    timestamp: record.timestamp,
  };
  if (decoded.kind === 'skip') context.state.counts.tombstones += 1;
  const intents =
    decoded.kind === 'change' ? intentsOf(sharingId(partition, decoded.event), source, context.clock.now().wall) : [];
  const isReported = decoded.kind === 'invalid' || (decoded.kind === 'change' && intents.length === 0);
  begin(ledger, record.offset, isKnown ? 0 : isReported ? 1 : intents.length);
  if (isReported && !isKnown) reportRecord(context, partition, { record, source, decoded });
  for (const intent of intents) {
    const group = groupOf(partition, intent.group);
    if (isKnown) {
      arriveFinal(context, group, intent);
      tidy(group, intent.member);
    } else {
      arrive(context, group, intent);
      // A revocation takes its group to the front.
      if (group.ready?.class === 'add' && intent.op === 'remove') review(context, group);
      else wake(context, group, intent.firstSeenAt + context.options.lingerMs);
    }
  }
}

/** Each record has a text of its own for the same group; one of them is kept. */
const sharingId = ({ groups }: Partition, event: ChangeEvent): ChangeEvent => ({
  ...event,
  group: groups.get(event.group)?.id ?? event.group,
});

interface Undispatched {
  readonly record: LogRecord;
  readonly source: ChangeSource;
  readonly decoded: Decoded;
}

/** A report must fit where its source record did, and that may have been all key. */
const KEY_LENGTH_MAX = 1_024;
const shortKey = (key: Uint8Array | null): Uint8Array | null =>
  key !== null && key.length > KEY_LENGTH_MAX ? null : key;

/** A record without members, or one that could not be read: reported once, with `member` null. */
function reportRecord(context: Context, partition: Partition, { record, source, decoded }: Undispatched): void {
  const { options, clock } = context;
  const failure: Failure | null = decoded.kind === 'invalid' ? invalidFailure(decoded.code, decoded.message) : null;
  const group = decoded.kind === 'change' ? decoded.event.group : decoded.kind === 'invalid' ? decoded.group : null;
  const outcome = failure === null ? 'no_changes' : 'invalid';
  enqueue(context, {
    partition,
    offset: record.offset,
    subject: null,
    key: group ?? shortKey(record.key),
    report: eventReport({ source, group, outcome, reason: failure, epoch: 0, reportedAt: clock.now().wall }),
    deadLetter: failure && invalidLetter(options.topics.deadLetter, record, { source, group, failure }),
  });
}

/** Nothing of the partition is dispatched before its source has been read to the end it had at the fence (spec: barrier). */
export function catchUp(context: Context, partition: Partition): void {
  const { ledger, start } = partition;
  if (partition.phase !== 'catching_up' || ledger === null || start === null || ledger.next < start.goal) return;
  move(partition, 'running');
  partition.dispatchesEarly = false;
  partition.recordedAt = new Map();
  context.logger.info({ partition: partition.number, offset: String(ledger.next) }, 'partition caught up');
  reviewAll(context, partition);
}

/** With hysteresis, so that a full memory does not pause and resume at every record. */
const RESUME_RATIO = 0.8;

export function limitIntake(context: Context): void {
  const { state, options, log, logger } = context;
  const held = [...state.partitions.values()].reduce(
    (sum, { pendingCount }) => sum + pendingCount,
    state.outbox.length,
  );
  if (!state.isIntakePaused && held >= options.pendingIntentsMax) {
    state.isIntakePaused = true;
    logger.warn({ held, limit: options.pendingIntentsMax }, 'intake paused, too much is pending');
  } else if (state.isIntakePaused && held <= options.pendingIntentsMax * RESUME_RATIO) {
    state.isIntakePaused = false;
    logger.info({ held }, 'intake resumed');
    for (const partition of state.partitions.values()) resumeSource(context, partition);
  }
  if (!state.isIntakePaused) return;
  for (const partition of state.partitions.values()) {
    if (mayRead(context, partition)) continue;
    log.pause('source', partition.number);
    dispatchEarly(context, partition);
  }
}

/**
 * What is known to be complete is read whatever is pending: nothing of the partition is dispatched before, so waiting
 * would never end.
 */
function mayRead({ state }: Context, partition: Partition): boolean {
  const { ledger } = partition;
  if (ledger === null || !isRestored(partition) || state.isDraining) return false;
  return !state.isIntakePaused || ledger.next < knownEnd(ledger);
}

/** Two reasons to pause: not restored, and too much pending. */
export function resumeSource(context: Context, partition: Partition): void {
  if (mayRead(context, partition)) context.log.resume('source', partition.number);
}

/** The memory is full before the goal is reached: dispatch makes room, but not before what is known complete was read. */
function dispatchEarly(context: Context, partition: Partition): void {
  const { ledger } = partition;
  if (partition.phase !== 'catching_up' || partition.dispatchesEarly || ledger === null) return;
  if (ledger.next < knownEnd(ledger)) return;
  partition.dispatchesEarly = true;
  context.logger.warn({ partition: partition.number }, 'dispatching before the partition has caught up');
  reviewAll(context, partition);
}
