/**
 * Reading the retry partition, at a restore as well as afterwards; what a record means is decided by core/log/ownership.ts.
 */
import { isRemovalsKey, parseRetryRecord, stampIn, type RetryRecord } from '../../core/log/live-record.ts';
import { PAUSES_KEY } from '../../core/log/pause-record.ts';
import { readSignature } from '../../core/log/request-record.ts';
import type { Batch, LogRecord } from '../../ports.ts';
import { handleRequests } from '../intents/operator-requests.ts';
import type { Partition } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import type { KeyedRecord } from '../state/ownership.ts';
import { groupOf } from '../state/partitions.ts';
import type { FormerRetry } from '../state/source-offsets.ts';
import { refuse, revoke } from './loss.ts';

/** Records of the retry partition, at a restore as well as afterwards. */
export function readRetry(owners: Owners, partition: Partition, batch: Batch): void {
  if (partition.phase === 'refused') return;
  const { ownership } = partition;
  for (const record of batch.records) {
    if (record.offset < ownership.nextOffset) continue;
    if (record.unreadable !== undefined) {
      // A live record may be in it, whose changes would be lost.
      const problem = `the retry topic: ${record.unreadable.message}`;
      return refuse(owners, partition, { problem, kind: 'unreadable' });
    }
    ownership.noteReadTo(record.offset + 1n);
    readOne(owners, partition, record);
    if (partition.isRestored) actOnRetryRecords(owners, partition);
    // It may have been overtaken, and forgotten.
    if (!owners.partitions.isCurrent(partition)) return;
  }
  ownership.noteReadTo(batch.nextOffset);
}

function readOne(owners: Owners, partition: Partition, record: LogRecord): void {
  const own = partition.isOwned ? partition.ownRecords.recognize(record, owners.sha256) : null;
  if (own !== null) return void readLive(partition, { ...own, isEnd: false });
  const read = parseRetryRecord(record);
  if (read.kind === 'request') readRequest(owners, partition, read, record);
  else readRetryRecord(owners, partition, read);
}

function readRequest(
  { options, clock, operatorKey }: Owners,
  { requests, ownership, number }: Partition,
  { key, wanted }: Extract<RetryRecord, { kind: 'request' }>,
  { value, headers, offset, timestamp }: LogRecord,
): void {
  if (wanted === null) {
    // What a former owner says behind the fence of another is void, as the records are that it relies on.
    if (!ownership.isVoid(stampIn(headers))) requests.answered(key);
    return;
  }
  const record = { topic: options.topics.retry, partition: number, key, value, headers };
  const signature = operatorKey === undefined ? null : readSignature(record, operatorKey);
  requests.read({ key, wanted, signature, place: { offset, timestamp } }, clock.now().wall);
}

type LiveState = Extract<RetryRecord, { kind: 'state' }>;
type NoRequest = Exclude<RetryRecord, { kind: 'request' }>;

function readRetryRecord(owners: Owners, partition: Partition, record: NoRequest): void {
  const { logger } = owners;
  switch (record.kind) {
    case 'fence':
      partition.ownership.readFence(record);
      break;
    case 'state':
      if (readLive(partition, { ...record, key: record.group, isEnd: isEnd(record) })) take(owners, partition, record);
      else if (isElsewhere(owners, partition, record)) takeBack(owners, partition, record);
      break;
    case 'removals':
      if (readLive(partition, { ...record, isEnd: record.removals === null }))
        partition.removals.read(record.key, record.removals);
      break;
    case 'pauses':
      if (readLive(partition, { ...record, isEnd: isNothing(record) })) partition.pauses.read(record.pauses);
      break;
    case 'unreadable':
      logger.warn(
        { partition: partition.number, group: record.group, problem: record.problem },
        'a record of the retry topic cannot be read',
      );
      if (record.group !== null) partition.ownership.noteStale(record.group);
  }
}

/** Answers whether it is to be taken over at the restore. */
const readLive = ({ ownership, isOwned }: Partition, record: KeyedRecord): boolean =>
  ownership.readLive(record, isOwned);

/** An own one, copied by hand: this owner has written it into another partition, and a restore of this one would be refused over it. */
const isElsewhere = ({ options }: Owners, { number }: Partition, { intents, stamp }: LiveState): boolean =>
  stamp.owner === options.owner && intents.some(({ source }) => source.partition !== number);

/** What the group has here, if anything, is written again. */
function takeBack({ logger }: Owners, { number, ownership }: Partition, { group }: LiveState): void {
  ownership.noteStale(group);
  logger.warn(
    { partition: number, group },
    'a live record of another partition was copied into this one: it is replaced',
  );
}

/** A tombstone. */
const isEnd = ({ intents, foreign, finals, unresolved }: LiveState): boolean =>
  intents.length === 0 && (foreign ?? finals ?? unresolved) === undefined;

/** A tombstone, or a record that says the same. */
const isNothing = ({ pauses: { all, groups } }: Extract<RetryRecord, { kind: 'pauses' }>): boolean =>
  all === null && groups.length === 0;

function take({ logger }: Owners, partition: Partition, record: LiveState): void {
  const { group, intents, foreign, unresolved = {} } = record;
  partition.restored.take(record);
  partition.unresolved.restore(group, unresolved, intents);
  if (foreign === undefined) return;
  logger.warn(
    { partition: partition.number, group, entries: foreign.length },
    'a live record holds changes that only a newer version can apply: they are kept until one owns the partition',
  );
}

/** What was read means something only for a partition whose state is known. */
export function actOnRetryRecords(owners: Owners, partition: Partition): void {
  if (partition.ownership.isOvertaken) {
    const reason = 'the retry partition holds a higher epoch';
    revoke(owners, partition, reason);
    owners.log.rejoin(reason);
    return;
  }
  repair(owners, partition);
  handleRequests(owners, partition);
}

/** Its live records are in a topic that is gone, also those that tell of no group in memory. */
export function recordAll(owners: Owners, partition: Partition, gone: FormerRetry): void {
  const { unresolved, restored } = partition;
  for (const id of [...unresolved.groups, ...restored.foreignGroups]) groupOf(owners, partition, id);
  partition.rewriteRecords(gone);
  owners.settle();
}

/** Groups, pauses, and slices of the guard's window, whose last record does not count are written again, since compaction keeps only the last (spec: repair). */
function repair(owners: Owners, partition: Partition): void {
  const { ownership } = partition;
  if (ownership.stale.size === 0) return;
  for (const id of ownership.stale) {
    if (isRemovalsKey(id)) {
      partition.removals.rewrite(id, owners.clock.now());
      continue;
    }
    if (id === PAUSES_KEY) {
      partition.pauses.rewrite();
      continue;
    }
    const group = groupOf(owners, partition, id);
    partition.noteFormerKey(group, id);
    partition.toWrite.add(group);
  }
  ownership.clearStale();
  owners.settle();
}
