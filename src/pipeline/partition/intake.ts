/** Source records: decoded, entered in the ledger, folded into the pending intents of their group. Never waits. */
import {
  idKey,
  isChange,
  isUnread,
  type ChangeSource,
  type Hint,
  type Intent,
  type Invalid,
  type SourceEvent,
} from '../../core/change/change.ts';
import { eventIntents, type EventIntents } from '../../core/change/pending.ts';
import { invalidLetter, oneOfMany } from '../../core/log/dead-letter.ts';
import { decodeRecord } from '../../core/log/reading.ts';
import { eventReport, hintFailure, invalidFailure } from '../../core/report/reporting.ts';
import type { Failure } from '../../core/target/refusals.ts';
import type { Batch, LogRecord } from '../../ports.ts';
import { presentLingerMs, review, reviewAll } from '../dispatch/dispatcher.ts';
import { leftOutField } from '../../core/text/repeated-causes.ts';
import { enqueue } from '../intents/conclude.ts';
import { identified, identifyGroup } from '../intents/identify.ts';
import { arrive, arriveFinal } from '../intents/precedence.ts';
import { isWritable } from '../settle/writer.ts';
import type { Partition } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { groupOf, tidyGroup } from '../state/partitions.ts';
import type { Slices } from '../state/turns.ts';
import { foreignRecordProblem, refuse } from './loss.ts';

export function readSource(owners: Owners, partition: Partition, batch: Batch): 'taken' | 'declined' {
  if (!mayRead(owners, partition)) {
    owners.log.pause('source', partition.number);
    return 'declined';
  }
  const preparing = owners.format.prepare?.(batch.records) ?? null;
  const now = owners.clock.now();
  partition.endTakeoverDoubt(now.monotonic);
  partition.inbox.begin();
  let next = batch.nextOffset;
  let last: LogRecord | null = null;
  for (const record of batch.records) {
    if (partition.offsets.isRead(record.offset)) continue;
    if (partition.inbox.isFull) {
      next = record.offset;
      break;
    }
    // A batch may have grown since it was declined: what was waited for then is read now, or it might grow for ever.
    if (preparing !== null && owners.format.prepare?.([record]) !== null) {
      next = record.offset;
      break;
    }
    const foreign = foreignRecordProblem(partition, record);
    if (foreign !== null) {
      refuse(owners, partition, foreign);
      return 'declined';
    }
    readRecord(owners, { partition, record, seenAt: now.wall });
    // What is remembered of it would differ once its batch can be read.
    if (record.unreadable === undefined) last = record;
  }
  if (last !== null) partition.offsets.noteRead(last);
  partition.offsets.advance(next);
  owners.backlog.noteEnd(partition, batch.endOffset);
  catchUp(owners, partition);
  limitIntake(owners);
  owners.dispatch();
  owners.settle();
  const isWhole = next === batch.nextOffset;
  if (partition.inbox.isFull) {
    // What is read is folded to its end first: nothing more is read before.
    owners.log.pause('source', partition.number);
    const isWanted = (): boolean => owners.partitions.isCurrent(partition) && !owners.lease.isEnding;
    void owners.turns.run(foldRest(owners, partition), isWanted);
  } else if (!isWhole && preparing !== null) waitFor(owners, partition, preparing);
  // Of a batch that is read to its end nothing is asked for again: retention may take it meanwhile.
  return isWhole ? 'taken' : 'declined';
}

/** What is read is folded in later turns of the event loop; then what is left of the batch comes again. */
function* foldRest(owners: Owners, partition: Partition): Slices {
  while (!partition.inbox.isEmpty) {
    yield;
    partition.inbox.begin();
    takeFromInbox(owners, partition);
  }
  catchUp(owners, partition);
  limitIntake(owners);
  resumeSource(owners, partition);
  owners.dispatch();
  owners.settle();
}

function takeFromInbox(owners: Owners, partition: Partition): void {
  partition.inbox.take((intent, standing) => takeIn(owners, partition, intent, standing));
}

/** The batch comes again once the format can read it. */
function waitFor(owners: Owners, partition: Partition, preparing: Promise<void>): void {
  owners.log.pause('source', partition.number);
  void preparing.then(() => {
    if (owners.partitions.isCurrent(partition)) resumeSource(owners, partition);
  });
}

/** A source record that is read now. */
interface Reading {
  readonly partition: Partition;
  readonly record: LogRecord;
  /** Epoch ms. */
  readonly seenAt: number;
}

/** One event of it. */
interface DecodedEvent {
  readonly event: SourceEvent;
  readonly source: ChangeSource;
  /** null: it is about no membership. */
  readonly intents: EventIntents | null;
  /** It is reported as a whole: it names no members, or cannot be read. */
  readonly isReported: boolean;
}

function readRecord(owners: Owners, reading: Reading): void {
  const { partition, record } = reading;
  const decoded = decodeRecord(owners.format, record, owners.lease);
  const events = decoded.map((event, index) => decodedEvent(owners, reading, event, decoded.length > 1 ? index : null));
  watchKey(owners, reading, decoded);
  const isKnown = partition.offsets.isKnownComplete(record.offset);
  let parts = 0;
  for (const { intents, isReported } of events) parts += isReported ? 1 : (intents?.count ?? 0);
  const left = isKnown ? 0 : parts;
  partition.offsets.begin(record.offset, left);
  owners.counts.noteRead(left);
  // Each that cannot be read has a dead letter with the record's bytes.
  let copies = 0;
  for (const each of events) {
    if (each.isReported && !isKnown) reportEvent(owners, reading, each, copies);
    if (isUnread(each.event)) copies += 1;
    if (each.intents !== null) partition.inbox.put(each.intents, isKnown ? 'known' : 'new');
  }
  takeFromInbox(owners, partition);
}

/** With one partition there is nothing to choose. */
function watchKey({ lease, keys }: Owners, { partition, record }: Reading, events: readonly SourceEvent[]): void {
  if (lease.partitionCount === 1) return;
  const change = events.find(isChange);
  if (change !== undefined) keys.read(record, partition.number, change.group);
}

function decodedEvent(
  { options, counts }: Owners,
  { partition, record, seenAt }: Reading,
  event: SourceEvent,
  index: number | null,
): DecodedEvent {
  if (event.kind === 'skip') counts.skipped.note(event.reason);
  const source: ChangeSource = {
    topic: options.topics.source,
    partition: partition.number,
    offset: record.offset,
    index,
    eventId: isChange(event) ? event.eventId : null,
    timestamp: record.timestamp,
  };
  const intents = isChange(event)
    ? eventIntents(event, { group: sharedId(partition, event.group), source, seenAt })
    : null;
  return { event, source, intents, isReported: event.kind !== 'skip' && (intents?.count ?? 0) === 0 };
}

function takeIn(owners: Owners, partition: Partition, fresh: Intent, standing: 'known' | 'new'): void {
  const group = groupOf(owners, partition, fresh.group);
  identifyGroup(owners, group);
  const intent = identified(owners, group, fresh);
  if (standing === 'known') {
    arriveFinal(owners, group, intent);
    group.tidyMember(intent.member);
    tidyGroup(owners, group);
    return;
  }
  arrive(owners, group, intent);
  const readyAs = owners.queue.classOf(group);
  // A revocation takes its group to the front.
  if (readyAs === 'add' && intent.op !== 'add') review(owners, group);
  else if (readyAs === null) owners.queue.wakeBy(group, intent.firstSeenAt + presentLingerMs(owners, group));
}

/** Each record has a text of its own for the same group; one of them is kept. */
function sharedId({ groups }: Partition, spelled: string): string {
  const id = groups.get(spelled)?.id;
  return id === spelled ? id : spelled;
}

/** A report must fit where its source record did, and that may have been all key. */
const KEY_LENGTH_MAX = 1_024;
const shortKey = (key: Uint8Array | null): Uint8Array | null =>
  key !== null && key.length > KEY_LENGTH_MAX ? null : key;

/** An event without members, or one that says too little or could not be read: reported once, with `member` null. */
function reportEvent(
  owners: Owners,
  { partition, record }: Reading,
  { event, source }: DecodedEvent,
  copies: number,
): void {
  const { options, clock, ids } = owners;
  const failure = isUnread(event) ? failureOf(event) : null;
  const group = event.kind === 'skip' ? null : event.group;
  const groupTarget = group === null || ids === null ? group : (partition.groups.get(idKey(group))?.target ?? null);
  const outcome = failure === null ? 'no_changes' : 'invalid';
  // About groups that it does not name, so that no report or dead letter stands under them.
  if (event.kind === 'hint' && event.group === null)
    owners.logger.warn(
      { partition: partition.number, offset: String(record.offset), code: event.code },
      'the source changed groups without naming them, see the dead letter for what to do',
    );
  const reportedAt = clock.now().wall;
  enqueue(owners, {
    partition,
    offset: record.offset,
    group: null,
    key: group === null ? shortKey(record.key) : idKey(group),
    report: eventReport({ source, group, groupTarget, outcome, reason: failure, reportedAt }),
    deadLetter:
      failure && oneOfMany(invalidLetter(options.topics.deadLetter, record, { source, group, failure }), copies),
  });
}

const failureOf = (event: Invalid | Hint): Failure =>
  event.kind === 'invalid' ? invalidFailure(event.code, event.message) : hintFailure(event.code, event.message);

export function catchUp(owners: Owners, partition: Partition): void {
  if (!partition.mayRun) return;
  partition.move('running');
  owners.logger.info(
    { partition: partition.number, offset: String(partition.offsets.position) },
    'partition caught up',
  );
  reviewAll(owners, partition);
}

/** The waits of the slow schedule last for hours. */
const LASTING_PAUSE =
  'Under load this passes by itself. Where it lasts, too much waits for another try (the reports with the outcome retry_scheduled say why) or for a resume (`rollcall status` says what is paused). Remove that cause, or start again with a higher MAX_PENDING_INTENTS.';

export function limitIntake(owners: Owners): void {
  const { partitions, outbox, intakeLimit, reportLimit, options, log, logger } = owners;
  const { pendingIntentsMax: limit } = options;
  const { pending, held, tried, unsent } = pendingOf(partitions);
  // What waits for an operator may wait for days, and must not hold up the others (protocol.md 6.3).
  const unheld = outbox.size + pending - held;
  // So may what waits for another try, or for a resume: it has as much room of its own, so that revocations are read all the same.
  // What waits with it and was not sent shares that room, but not while the breaker is open: nothing that is read could be sent.
  const counted = unheld - Math.min(owners.breaker.isClosed ? tried + unsent : tried, limit);
  const change = intakeLimit.note(counted);
  if (change === 'paused')
    logger.warn({ pending, held, tried, unsent, limit, advice: LASTING_PAUSE }, 'intake paused, too much is pending');
  else if (change === 'resumed') logger.info({ pending, held }, 'intake resumed');
  const areStuck = areReportsStuck(owners);
  const reports = reportLimit.note(reportsOnTheirWay(owners), areStuck);
  if (reports === 'paused') logger.debug({ reports: outbox.size }, 'intake waits until reports are written');
  if (change === 'resumed' || reports === 'resumed')
    for (const partition of partitions) resumeSource(owners, partition);
  if (!intakeLimit.isPaused && !reportLimit.isPaused) return;
  for (const partition of partitions) {
    if (mayRead(owners, partition)) continue;
    log.pause('source', partition.number);
    // Reports make room by themselves as long as they are written.
    const makesRoom = !areStuck && counted - outbox.size <= intakeLimit.resumesAt;
    if (intakeLimit.isPaused && !makesRoom) dispatchEarly(owners, partition);
  }
}

/** But for those of a partition that waits for its fence. */
function reportsOnTheirWay(owners: Owners): number {
  let count = 0;
  for (const partition of owners.partitions)
    if (isWritable(owners, partition)) count += owners.outbox.countOf(partition);
  return count;
}

/** Kafka takes none at present. */
function areReportsStuck(owners: Owners): boolean {
  const { outbox, unsettled, options } = owners;
  const { report, deadLetter } = options.topics;
  const { isStalled } = outbox;
  if (isStalled) noteStall(owners);
  return isStalled || unsettled.isTopicFailing(report) || unsettled.isTopicFailing(deadLetter);
}

/** Nothing has failed yet, so that nothing else says it. */
function noteStall({ outbox, reportLimit, clock, logger }: Owners): void {
  const leftOut = reportLimit.admitStall(clock.now().monotonic);
  if (leftOut === null) return;
  const fields = { reports: outbox.size, ...leftOutField(leftOut) };
  logger.warn(fields, 'Kafka acknowledges no reports; changes are read and applied all the same');
}

/** How many changes are pending; of them held by the guard, tried before, and waiting unsent with those. */
function pendingOf(partitions: Iterable<Partition>) {
  const sum = { pending: 0, held: 0, tried: 0, unsent: 0 };
  for (const { counts } of partitions) {
    sum.pending += counts.pending;
    sum.held += counts.held;
    sum.tried += counts.tried;
    sum.unsent += counts.unsent;
  }
  return sum;
}

/**
 * What is known to be complete is read however much is pending: nothing of the partition is dispatched before, so waiting
 * would never end.
 */
function mayRead({ lease, intakeLimit, reportLimit }: Owners, partition: Partition): boolean {
  if (!partition.isRestored || lease.isEnding || !partition.inbox.isEmpty) return false;
  return !(intakeLimit.isPaused || reportLimit.isPaused) || !partition.offsets.hasReadKnown;
}

/** Reasons to pause: not restored, too much pending, too many reports that wait. */
export function resumeSource(owners: Owners, partition: Partition): void {
  if (mayRead(owners, partition)) owners.log.resume('source', partition.number);
}

/** The memory is full before the goal is reached: dispatch makes room. */
function dispatchEarly(owners: Owners, partition: Partition): void {
  if (!partition.mayDispatchEarly) return;
  partition.dispatchEarly();
  owners.logger.warn({ partition: partition.number }, 'dispatching before the partition has caught up');
  reviewAll(owners, partition);
}
