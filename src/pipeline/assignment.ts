/**
 * Ownership of partitions: what is acquired, retained and lost at an assignment, and what a heartbeat proves (protocol.md 4).
 */
import type { Assignment, Heartbeat, InputTopic } from '../ports.ts';
import type { Partition } from './group.ts';
import type { Owners } from './owners.ts';
import { PartitionOf } from './partition.ts';
import { recordAll } from './read-back.ts';
import { fence } from './restore.ts';
import { revoke, revokeAll } from './revoke.ts';

/** In the tick of the assignment: what is sought and paused here is so before the first fetch of the generation. */
export function assigned(owners: Owners, assignment: Assignment): void {
  const { partitions, lease, log } = owners;
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
      acquire(owners, number, known?.ownership.base ?? 0);
    }
  }
}

/** The state is kept if the fence proves that no other instance was the owner in between (spec: refence). */
function retain({ log }: Owners, partition: Partition): void {
  partition.retain();
  const { ledger } = partition.offsets;
  if (ledger !== null) log.seek('source', partition.number, ledger.next);
  log.seek('retry', partition.number, partition.ownership.nextOffset);
}

function acquire({ partitions, log, options }: Owners, number: number, base: number): void {
  partitions.add(PartitionOf.acquired(number, options, base));
  log.seek('retry', number, 0n);
}

export function heartbeat(owners: Owners, beat: Heartbeat): void {
  owners.lease.heartbeat(beat);
  for (const partition of owners.partitions) {
    const { fenceId, overtakenAt } = partition.ownership;
    if (partition.phase === 'fencing' && fenceId === null) void fence(owners, partition);
    else if (overtakenAt !== null && beat.sentAt.monotonic > overtakenAt.monotonic) rebaseEpoch(owners, partition);
  }
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
  if (topic === 'source') counts.notePossibleLoss();
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
