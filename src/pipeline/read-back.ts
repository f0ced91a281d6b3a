/**
 * Reading the retry partition, at a restore as well as afterwards; what a record means is decided by core/log/ownership.ts.
 */
import type { RetryRecord } from '../core/log/live-record.ts';
import { parseRetryRecord } from '../core/log/live-record.ts';
import { endGroup, isOvertaken, isUsed, readFence, readState, type Stamp } from '../core/log/ownership.ts';
import { isRemovalsKey } from '../core/log/removal-window.ts';
import { readSignature } from '../core/log/request-record.ts';
import type { Batch, LogRecord } from '../ports.ts';
import type { Context } from './context.ts';
import { isCurrent } from './context.ts';
import { revoke } from './revoke.ts';
import { groupOf, isOwned, isRestored, noteFormerKey } from './partition.ts';
import { refuse, unreadableRetry } from './refuse.ts';
import { handleRequests } from './replay.ts';
import type { Partition } from './state.ts';

/** Records of the retry partition, at a restore as well as afterwards. */
export function readRetry(context: Context, partition: Partition, batch: Batch): void {
  if (partition.phase === 'refused') return;
  for (const record of batch.records) {
    if (record.offset < partition.retryNext) continue;
    if (record.unreadable !== undefined) return refuse(context, partition, unreadableRetry(record.unreadable.message));
    partition.retryNext = record.offset + 1n;
    readOne(context, partition, record);
    if (isRestored(partition)) takeAccount(context, partition);
    // It may have been overtaken, and forgotten.
    if (!isCurrent(context, partition)) return;
  }
  if (batch.nextOffset > partition.retryNext) partition.retryNext = batch.nextOffset;
}

function readOne(context: Context, partition: Partition, record: LogRecord): void {
  const own = isOwned(partition) ? partition.ownRecords.recognize(record, context.sha256) : null;
  if (own !== null) return void readLive(context, partition, { ...own, isEnd: false });
  const read = parseRetryRecord(record);
  if (read.kind === 'request') readRequest(context, partition, read, record);
  else readRetryRecord(context, partition, read);
}

function readRequest(
  { options, clock, operatorKey }: Context,
  { requests, number }: Partition,
  { key, wanted }: Extract<RetryRecord, { kind: 'request' }>,
  { value, headers }: LogRecord,
): void {
  if (wanted === null) {
    requests.answered(key);
    return;
  }
  const record = { topic: options.topics.retry, partition: number, key, value, headers };
  const signature = operatorKey === undefined ? null : readSignature(record, operatorKey);
  requests.read({ key, wanted, signature }, clock.now().wall);
}

type LiveState = Extract<RetryRecord, { kind: 'state' }>;
type NoRequest = Exclude<RetryRecord, { kind: 'request' }>;

function readRetryRecord(context: Context, partition: Partition, record: NoRequest): void {
  const { options, logger } = context;
  switch (record.kind) {
    case 'fence': {
      const isOwn = record.fenceId === partition.fenceId;
      if (isOwn && !partition.fenceRead) partition.epochUsed = isUsed(partition.view, partition.epoch);
      if (isOwn) noteFormer(partition);
      if (record.stamp.owner !== options.owner) partition.foreignFence = true;
      readFence(partition.view, record.stamp);
      partition.fenceRead ||= isOwn;
      break;
    }
    case 'state':
      if (readLive(context, partition, { ...record, key: record.group, isEnd: isEnd(record) }))
        take(context, partition, record);
      else if (isElsewhere(context, partition, record)) takeBack(context, partition, record);
      break;
    case 'removals':
      if (readLive(context, partition, { ...record, isEnd: record.removals === null }))
        partition.removals.read(record.key, record.removals);
      break;
    case 'unreadable':
      logger.warn(
        { partition: partition.number, group: record.group, problem: record.problem },
        'a record of the retry topic cannot be read',
      );
      if (record.group !== null) partition.stale.add(record.group);
  }
}

/** Before the first own fence; a later one has that before it. */
function noteFormer(partition: Partition): void {
  if (partition.former !== null) return;
  const { epochMin, stateEpochMax, recordCount } = partition.view;
  partition.former = { epochMin, stateEpochMax };
  partition.wasEmpty = recordCount === 0;
}

interface LiveRecord {
  readonly key: string;
  readonly stamp: Stamp;
  /** A tombstone. */
  readonly isEnd: boolean;
}

/** Answers whether it is to be taken over at the restore. */
function readLive({ options }: Context, partition: Partition, { key, stamp, isEnd }: LiveRecord): boolean {
  const { view, stale } = partition;
  const isKnown = isOwned(partition);
  const reading = readState(view, key, stamp);
  const counts = reading === 'counts' && (!isKnown || stamp.owner === options.owner);
  if (counts) stale.delete(key);
  // Before the restore its place in the order decides what counts; afterwards only what is to be written again.
  if (counts && isKnown && isEnd) endGroup(view, key);
  if (!counts) stale.add(key);
  return reading === 'counts' && !isKnown;
}

/** An own one, copied by hand: this owner has written it into another partition, and a restore of this one would be refused over it. */
const isElsewhere = ({ options }: Context, { number }: Partition, { intents, stamp }: LiveState): boolean =>
  stamp.owner === options.owner && intents.some(({ source }) => source.partition !== number);

/** What the group has here, if anything, is written again. */
function takeBack({ logger }: Context, { number, stale }: Partition, { group }: LiveState): void {
  stale.add(group);
  logger.warn(
    { partition: number, group },
    'a live record of another partition was copied into this one: it is replaced',
  );
}

/** A tombstone. */
const isEnd = ({ intents, foreign, finals, unresolved }: LiveState): boolean =>
  intents.length === 0 && (foreign ?? finals ?? unresolved) === undefined;

function take({ logger }: Context, partition: Partition, record: LiveState): void {
  const { group, intents, foreign, finals, unresolved = {} } = record;
  partition.restored.set(group, intents);
  partition.unresolved.restore(group, unresolved, intents);
  partition.restoredMarks.delete(group);
  if (finals !== undefined) partition.restoredMarks.set(group, finals);
  partition.foreign.delete(group);
  if (foreign === undefined) return;
  partition.foreign.set(group, foreign);
  logger.warn(
    { partition: partition.number, group, entries: foreign.length },
    'a live record holds changes that only a newer version can apply: they are kept until one owns the partition',
  );
}

/** What was read means something only for a partition whose state is known. */
export function takeAccount(context: Context, partition: Partition): void {
  if (isOvertaken(partition.view, partition.epoch)) {
    const reason = 'the retry partition holds a higher epoch';
    revoke(context, partition, reason);
    context.log.rejoin(reason);
    return;
  }
  repair(context, partition);
  handleRequests(context, partition);
}

/**
 * Memory is all that is left of the live records: each is written again. Until all are, commits name the topic that is gone,
 * so that the next owner reports what it does not find; then one names the present topic.
 * @param gone is that topic
 */
export function recordAll(context: Context, partition: Partition, gone: Partition['goneRetry']): void {
  const { groups, toWrite, unresolved, removals, foreign } = partition;
  if (!toWrite.hasLost) partition.goneRetry = gone;
  for (const id of [...unresolved.groups, ...foreign.keys()]) groupOf(context, partition, id);
  for (const group of groups.values()) toWrite.addLost(group);
  partition.lastCommit = null;
  removals.rewriteAll();
  context.settle();
}

/** Groups, and slices of the guard's window, whose last record does not count are written again, since compaction keeps only the last (spec: repair). */
function repair(context: Context, partition: Partition): void {
  if (partition.stale.size === 0) return;
  for (const id of partition.stale) {
    if (isRemovalsKey(id)) {
      partition.removals.rewrite(id, context.clock.now());
      continue;
    }
    const group = groupOf(context, partition, id);
    noteFormerKey(group, id);
    partition.toWrite.add(group);
  }
  partition.stale.clear();
  context.settle();
}
