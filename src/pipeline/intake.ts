/** Source records: decoded, entered in the ledger, folded into the pending intents of their group. Never waits. */
import type { Failure } from '../core/target/refusals.ts';
import { decodeRecord } from '../core/log/reading.ts';
import {
  type ChangeSource,
  type Delta,
  type FullState,
  type Hint,
  type Intent,
  type Invalid,
  type SourceEvent,
  isChange,
  isUnread,
} from '../core/change/change.ts';
import { type EventIntents, eventIntents, NO_INTENTS } from '../core/change/pending.ts';
import { idKey } from '../core/change/id-key.ts';
import { invalidLetter, oneOfMany } from '../core/log/dead-letter.ts';
import { isOver } from '../core/target/doubt.ts';
import { advance, begin, isKnownComplete, knownEnd } from '../core/log/ledger.ts';
import { eventReport, hintFailure, invalidFailure } from '../core/report/reporting.ts';
import { stampOf } from '../core/log/commit-metadata.ts';
import type { Batch, LogRecord } from '../ports.ts';
import { enqueue } from './conclude.ts';
import type { Context } from './context.ts';
import { isCurrent } from './context.ts';
import { identified, identifyGroup } from './identify.ts';
import { arrive, arriveFinal } from './precedence.ts';
import { review, reviewAll, wake } from './schedule.ts';
import { foreignRecordProblem, refuse } from './refuse.ts';
import type { Partition } from './state.ts';
import type { Slices } from './turns.ts';
import { groupOf, isRestored, move, tidyGroup, tidyMember } from './partition.ts';

export function readSource(context: Context, partition: Partition, batch: Batch): 'taken' | 'declined' {
  const { ledger } = partition;
  if (ledger === null || !mayRead(context, partition)) {
    context.log.pause('source', partition.number);
    return 'declined';
  }
  const preparing = context.format.prepare?.(batch.records) ?? null;
  forgetGainDoubt(context, partition);
  partition.inbox.begin();
  let next = batch.nextOffset;
  let last: LogRecord | null = null;
  for (const record of batch.records) {
    if (record.offset < ledger.next) continue;
    if (partition.inbox.isFull) {
      next = record.offset;
      break;
    }
    // A batch may have grown since it was declined: what was waited for then is read now, or it might grow for ever.
    if (preparing !== null && context.format.prepare?.([record]) !== null) {
      next = record.offset;
      break;
    }
    const foreign = foreignRecordProblem(partition, record);
    if (foreign !== null) {
      refuse(context, partition, foreign);
      return 'declined';
    }
    readRecord(context, partition, record);
    // What is remembered of it would differ once its batch can be read.
    if (record.unreadable === undefined) last = record;
  }
  if (last !== null) partition.mark = { ...partition.mark, last: stampOf(last) };
  advance(ledger, next);
  context.backlog.saw(partition, batch.endOffset);
  catchUp(context, partition);
  limitIntake(context);
  context.dispatch();
  context.settle();
  const isWhole = next === batch.nextOffset;
  if (partition.inbox.isFull) {
    // What is read is folded to its end first: nothing more is read before.
    context.log.pause('source', partition.number);
    const isWanted = (): boolean => isCurrent(context, partition) && !context.state.isDraining;
    void context.turns.run(foldRest(context, partition), isWanted);
  } else if (!isWhole && preparing !== null) waitFor(context, partition, preparing);
  // Of a batch that is read to its end nothing is asked for again: retention may take it meanwhile.
  return isWhole ? 'taken' : 'declined';
}

/** What is read is folded in later turns of the event loop; then what is left of the batch comes again. */
function* foldRest(context: Context, partition: Partition): Slices {
  while (!partition.inbox.isEmpty) {
    yield;
    partition.inbox.begin();
    takeFromInbox(context, partition);
  }
  catchUp(context, partition);
  limitIntake(context);
  resumeSource(context, partition);
  context.dispatch();
  context.settle();
}

function takeFromInbox(context: Context, partition: Partition): void {
  partition.inbox.take((intent, standing) => takeIn(context, partition, intent, standing));
}

/** The batch comes again once the format can read it. */
function waitFor(context: Context, partition: Partition, preparing: Promise<void>): void {
  context.log.pause('source', partition.number);
  void preparing.then(() => {
    if (isCurrent(context, partition)) resumeSource(context, partition);
  });
}

/** Groups that are met later have nothing to fear from a former owner. */
function forgetGainDoubt({ clock }: Context, partition: Partition): void {
  if (partition.takeoverDoubt !== null && isOver(partition.takeoverDoubt, clock.now().monotonic))
    partition.takeoverDoubt = null;
}

function readRecord(context: Context, partition: Partition, record: LogRecord): void {
  const { ledger } = partition;
  if (ledger === null) return;
  const { format, state } = context;
  let unread = 0;
  const events = decodeRecord(format, record, { partitionCount: state.partitionCount }).map(
    (event, index, { length }) => {
      const copies = isUnread(event) ? unread++ : 0;
      return decodedEvent(context, { partition, record, event, copies, index: length > 1 ? index : null });
    },
  );
  watchKey(context, partition, { record, events });
  const isKnown = isKnownComplete(ledger, record.offset);
  const parts = events.reduce((sum, { intents, isReported }) => sum + (isReported ? 1 : intents.count), 0);
  begin(ledger, record.offset, isKnown ? 0 : parts);
  for (const each of events) {
    if (each.isReported && !isKnown) reportEvent(context, each);
    partition.inbox.put(each.intents, isKnown ? 'known' : 'new');
  }
  takeFromInbox(context, partition);
}

/** With one partition there is nothing to choose. */
function watchKey(
  { state, keys }: Context,
  { number }: Partition,
  { record, events }: { readonly record: LogRecord; readonly events: readonly DecodedEvent[] },
): void {
  if (state.partitionCount === 1) return;
  const change = events.map(({ event }) => event).find(isChange);
  if (change !== undefined) keys.read(record, number, change.group);
}

/** One event of a source record. */
interface DecodedEvent {
  readonly partition: Partition;
  readonly record: LogRecord;
  readonly event: SourceEvent;
  /** How many before it in the record could not be read either: each has a dead letter with the record's bytes. */
  readonly copies: number;
  readonly source: ChangeSource;
  readonly intents: EventIntents;
  /** It is reported as a whole: it names no members, or cannot be read. */
  readonly isReported: boolean;
}

function decodedEvent(
  { options, clock, state }: Context,
  read: Pick<DecodedEvent, 'partition' | 'record' | 'event' | 'copies'> & { readonly index: number | null },
): DecodedEvent {
  const { partition, record, event, copies, index } = read;
  const { skipped } = state.counts;
  if (event.kind === 'skip') skipped[event.reason] = (skipped[event.reason] ?? 0) + 1;
  const source: ChangeSource = {
    topic: options.topics.source,
    partition: partition.number,
    offset: record.offset,
    index,
    eventId: isChange(event) ? event.eventId : null,
    timestamp: record.timestamp,
  };
  const intents = isChange(event) ? eventIntents(sharingId(partition, event), source, clock.now().wall) : NO_INTENTS;
  const isReported = event.kind !== 'skip' && intents.count === 0;
  return { partition, record, event, copies, source, intents, isReported };
}

function takeIn(context: Context, partition: Partition, fresh: Intent, standing: 'known' | 'new'): void {
  const group = groupOf(context, partition, fresh.group);
  identifyGroup(context, group);
  const intent = identified(context, group, fresh);
  if (standing === 'known') {
    arriveFinal(context, group, intent);
    tidyMember(group, intent.member);
    tidyGroup(context, group);
    return;
  }
  arrive(context, group, intent);
  // A revocation takes its group to the front.
  if (context.state.ready.classOf(group) === 'add' && intent.op !== 'add') review(context, group);
  else wake(context, group, intent.firstSeenAt + context.options.lingerMs);
}

/** Each record has a text of its own for the same group; one of them is kept. */
function sharingId<T extends Delta | FullState>({ groups }: Partition, event: T): T {
  const id = groups.get(event.group)?.id;
  return id === event.group ? { ...event, group: id } : event;
}

/** A report must fit where its source record did, and that may have been all key. */
const KEY_LENGTH_MAX = 1_024;
const shortKey = (key: Uint8Array | null): Uint8Array | null =>
  key !== null && key.length > KEY_LENGTH_MAX ? null : key;

/** An event without members, or one that says too little or could not be read: reported once, with `member` null. */
function reportEvent(context: Context, { partition, record, event, source, copies }: DecodedEvent): void {
  const { options, clock, ids } = context;
  const failure = isUnread(event) ? failureOf(event) : null;
  const group = event.kind === 'skip' ? null : event.group;
  const groupTarget = group === null || ids === null ? group : (partition.groups.get(idKey(group))?.target ?? null);
  const outcome = failure === null ? 'no_changes' : 'invalid';
  // About groups that it does not name, so that no report or dead letter stands under them.
  if (event.kind === 'hint' && event.group === null)
    context.logger.warn(
      { partition: partition.number, offset: String(record.offset), code: event.code },
      'the source changed groups without naming them, see the dead letter for what to do',
    );
  const written = { epoch: 0, reportedAt: clock.now().wall };
  enqueue(context, {
    partition,
    offset: record.offset,
    subject: null,
    key: group === null ? shortKey(record.key) : idKey(group),
    report: eventReport({ source, group, groupTarget, outcome, reason: failure, ...written }),
    deadLetter:
      failure && oneOfMany(invalidLetter(options.topics.deadLetter, record, { source, group, failure }), copies),
  });
}

const failureOf = (event: Invalid | Hint): Failure =>
  event.kind === 'invalid' ? invalidFailure(event.code, event.message) : hintFailure(event.code, event.message);

/** Nothing of the partition is dispatched before its source has been read to the end it had at the fence (spec: barrier). */
export function catchUp(context: Context, partition: Partition): void {
  const { ledger, start } = partition;
  if (partition.phase !== 'catching_up' || ledger === null || start === null || ledger.next < start.goal) return;
  if (!partition.inbox.isEmpty) return;
  move(partition, 'running');
  partition.dispatchesEarly = false;
  partition.recordedAt = new Map();
  context.logger.info({ partition: partition.number, offset: String(ledger.next) }, 'partition caught up');
  reviewAll(context, partition);
}

/** With hysteresis, so that a full memory does not pause and resume at every record. */
const RESUME_RATIO = 0.8;
/** The waits of the slow schedule last for hours. */
const LASTING_PAUSE =
  'Under load this passes by itself. Where it lasts, too much waits for another try: the reports with the outcome retry_scheduled say why. Remove that cause, or start again with a higher MAX_PENDING_INTENTS.';

export function limitIntake(context: Context): void {
  const { state, options, log, logger } = context;
  const { pendingIntentsMax: limit } = options;
  const { pending, held, tried, unsent } = pendingOf(state.partitions.values());
  // What waits for an operator may wait for days, and must not hold up the others (protocol.md 6.3).
  const unheld = state.outbox.size + pending - held;
  // So may what waits for another try: it has as much room of its own, so that revocations are read all the same.
  // What waits with it and was not sent shares that room, but not while the breaker is open: nothing that is read could be sent.
  const counted = unheld - Math.min(context.breaker.isClosed ? tried + unsent : tried, limit);
  if (!state.isIntakePaused && counted >= limit) {
    state.isIntakePaused = true;
    logger.warn({ pending, held, tried, unsent, limit, advice: LASTING_PAUSE }, 'intake paused, too much is pending');
  } else if (state.isIntakePaused && counted <= limit * RESUME_RATIO) {
    state.isIntakePaused = false;
    logger.info({ pending, held }, 'intake resumed');
    for (const partition of state.partitions.values()) resumeSource(context, partition);
  }
  if (!state.isIntakePaused) return;
  for (const partition of state.partitions.values()) {
    if (mayRead(context, partition)) continue;
    log.pause('source', partition.number);
    dispatchEarly(context, partition);
  }
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
function mayRead({ state }: Context, partition: Partition): boolean {
  const { ledger } = partition;
  if (ledger === null || !isRestored(partition) || state.isDraining || !partition.inbox.isEmpty) return false;
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
  if (ledger.next < knownEnd(ledger) || !partition.inbox.isEmpty) return;
  partition.dispatchesEarly = true;
  context.logger.warn({ partition: partition.number }, 'dispatching before the partition has caught up');
  reviewAll(context, partition);
}
