/**
 * Ownership of partitions: what is gained, kept and lost at an assignment, and what a heartbeat proves (protocol.md 4).
 */
import type { Assignment, Heartbeat, InputTopic } from '../ports.ts';
import type { Context } from './context.ts';
import { isRestored, move, newPartition } from './partition.ts';
import { recordAll } from './read-back.ts';
import { fence } from './restore.ts';
import { revoke, revokeAll } from './revoke.ts';
import type { Partition } from './state.ts';

/** In the tick of the assignment: what is sought and paused here is so before the first fetch of the generation. */
export function assigned(context: Context, assignment: Assignment): void {
  const { state, log } = context;
  // A new member id: everything may have had other owners since (kafkajs.md 3.3).
  if (assignment.memberId !== state.memberId) revokeAll(context, 'a new member id');
  const wanted = new Set(assignment.partitions);
  for (const partition of state.partitions.values()) {
    if (!wanted.has(partition.number)) revoke(context, partition, 'it has another owner now');
  }
  state.memberId = assignment.memberId;
  state.partitionCount = assignment.partitionCount;
  state.generation = null;
  state.isHalted = false;
  state.leaseFrom = state.joiningAt;
  for (const number of assignment.partitions) {
    log.pause('source', number);
    log.resume('retry', number);
    const known = state.partitions.get(number);
    if (known !== undefined && isRestored(known)) retain(context, known);
    else {
      if (known !== undefined) revoke(context, known, 'its restore was not finished');
      acquire(context, number, known?.base ?? 0);
    }
  }
}

/** The state is kept if the fence proves that no other instance was the owner in between (spec: refence). */
function retain({ log }: Context, partition: Partition): void {
  move(partition, 'fencing');
  partition.isKept = true;
  prepareFence(partition);
  if (partition.ledger !== null) log.seek('source', partition.number, partition.ledger.next);
  log.seek('retry', partition.number, partition.retryNext);
}

function acquire({ state, log, options }: Context, number: number, base: number): void {
  const partition = newPartition(number, options);
  partition.base = base;
  state.partitions.set(number, partition);
  log.seek('retry', number, 0n);
}

function prepareFence(partition: Partition): void {
  partition.fenceId = null;
  partition.fenceRead = false;
  partition.comparison = null;
  partition.foreignFence = false;
  partition.overtakenAt = null;
}

/** A heartbeat names the generation, proves that we are a member, and is the lease. */
export function heartbeat(context: Context, { generation, sentAt }: Heartbeat): void {
  const { state } = context;
  state.leaseFrom = sentAt;
  state.generation = generation;
  for (const partition of state.partitions.values()) {
    if (partition.phase === 'fencing' && partition.fenceId === null) void fence(context, partition);
    else if (partition.overtakenAt !== null && sentAt.monotonic > partition.overtakenAt.monotonic)
      rebaseEpoch(context, partition);
  }
  context.dispatch();
}

/** A higher epoch exists, in a record or a commit, although our heartbeat succeeds: the group was recreated and its generation restarted at 1. */
function rebaseEpoch(context: Context, partition: Partition): void {
  partition.base = Math.max(partition.view.epochMax, partition.comparison?.mark.retryEpoch ?? 0);
  const { number, base } = partition;
  const fields = { partition: number, base, topic: context.options.topics.retry, advice: ONE_GROUP };
  context.logger.warn(fields, 'the consumer group was recreated');
  move(partition, 'fencing');
  const { foreignFence } = partition;
  prepareFence(partition);
  // A second fence does not undo an owner in between.
  partition.foreignFence = foreignFence;
  if (!partition.isKept) partition.start = null;
  void fence(context, partition);
}

/** Two groups take the partition from each other without an end. */
const ONE_GROUP =
  'If this is said again and again, two consumer groups use this retry topic: give each its own RETRY_TOPIC.';

/** The log goes on at the oldest record there is. The topic may have been recreated, and offsets mean something else then. */
export function offsetGone(context: Context, topic: InputTopic, number: number): void {
  const { state, log, logger } = context;
  state.counts.possibleLosses += topic === 'source' ? 1 : 0;
  logger.error({ topic, partition: number }, 'the next offset does not exist any more, changes may be lost');
  const partition = state.partitions.get(number);
  if (partition === undefined) return;
  if (topic === 'retry') {
    // Also while the own fence is waited for: it lies in the new topic.
    partition.retryNext = 0n;
    const { retryTopicId: topicId, retryEpoch: epoch } = partition.mark;
    // The next owner would take what is written again for lost.
    partition.mark = { ...partition.mark, retryTopicId: null };
    return recordAll(context, partition, topicId === null ? null : { topicId, epoch });
  }
  if (!isRestored(partition)) return;
  const reason = 'the next offset of the source does not exist any more';
  revoke(context, partition, reason);
  log.rejoin(reason);
}
