/**
 * The loss of a partition, and a partition that is refused: its live records or its committed offset are of a source topic that is
 * not there any more. Offsets of two topics have no order, so going on would let an old change win over a newer one, and what lies
 * below the committed offset would never be read. Nor does one start whose live records cannot be read: what is parked is not known.
 * Nor one whose retry topic was used before the last commit, and another one since: what waits there may be older than what was
 * applied.
 */
import { isOlderEpoch } from '../../core/log/commit-metadata.ts';
import { shadowGroup } from '../../core/log/shadow-names.ts';
import { withNamedCommands } from '../../core/text/named-commands.ts';
import type { LogRecord } from '../../ports.ts';
import type { Partition } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { PartitionOf } from '../state/partition.ts';
import type { Start } from '../state/source-offsets.ts';
import type { Slices } from '../state/turns.ts';

export interface Refusal {
  readonly problem: string;
  /** What is wrong: what is committed, or what waits, is not of this source; a batch cannot be read; it is another retry topic. */
  readonly kind: 'committed' | 'parked' | 'unreadable' | 'other_retry';
}

export function refuse(owners: Owners, partition: Partition, { problem, kind }: Refusal): void {
  const { partitions, log, logger, options } = owners;
  const { number } = partition;
  const topic = options.topics.source;
  const { message, remedyOf, isForRetry } = REFUSALS[kind];
  const { isShadow } = options;
  const remedy = withNamedCommands(options, remedyOf({ topic, partition: number, isShadow }));
  revoke(owners, partition, problem);
  const refused = { refusal: { text: `${problem}. ${remedy}`, isForRetry }, offsets: partition.offsets };
  partitions.add(new PartitionOf(number, options, { refused }));
  log.pause('source', number);
  logger.error({ topic, partition: number, problem, remedy }, message);
}

interface Refused {
  readonly topic: string;
  readonly partition: number;
  readonly isShadow: boolean;
}

/** In a shell, of the real service. */
const GROUP = '${KAFKA_GROUP_ID:-rollcall}';

/** Both remedies are tried in test/integration/recreated-source.test.ts. */
const resetOffsets = ({ topic, partition, isShadow }: Refused): string =>
  `Stop all instances, run \`kafka-consumer-groups.sh --bootstrap-server $KAFKA_BROKERS --group ${isShadow ? shadowGroup(GROUP) : GROUP} --topic ${topic}:${partition} --reset-offsets --to-earliest --execute\` and start again; if the topic was recreated, set a new RETRY_TOPIC first (\`rollcall topics create\`), since what waits in the old one belongs to the deleted topic`;
const NEW_TOPICS =
  'Stop all instances, set a new RETRY_TOPIC and a new KAFKA_GROUP_ID, run `rollcall topics create` and start again; the source is read from its beginning, what waits in the old retry topic is left there';

const LAST_RETRY_TOPIC =
  'Set RETRY_TOPIC to the topic that was used last (`kafka-topics.sh --describe` shows the ids). Where it is gone, or not wanted:';

const SOURCE_OTHER = 'partition refused: the source topic was recreated, truncated or renamed';

/** `isForRetry`: `/readyz` names the retry topic, and not the source. */
const REFUSALS = {
  committed: { message: SOURCE_OTHER, remedyOf: resetOffsets, isForRetry: false },
  parked: { message: SOURCE_OTHER, remedyOf: () => NEW_TOPICS, isForRetry: false },
  unreadable: {
    message: 'partition refused: the retry topic holds a batch that cannot be read',
    remedyOf: () => NEW_TOPICS,
    isForRetry: true,
  },
  other_retry: {
    message: 'partition refused: the retry topic is not the one that was used last',
    remedyOf: () => `${LAST_RETRY_TOPIC} ${NEW_TOPICS}`,
    isForRetry: true,
  },
};

/** Positions that this source cannot have; null: none. */
export function foreignPositionProblem({ options }: Owners, partition: Partition, start: Start): Refusal | null {
  if (start.committed !== null && start.committed > start.goal) {
    return { problem: 'the committed offset lies beyond the end of the source partition', kind: 'committed' };
  }
  if (isOlderRetry(partition, start)) {
    const present = `the retry topic ${options.topics.retry} is not the one that the last offsets were committed with`;
    const problem = `${present} (topic id ${start.formerRetry?.topicId}), and was used before it`;
    return { problem, kind: 'other_retry' };
  }
  let isBeyond = false;
  // Without a copy: there may be 200,000 of them.
  for (const { source } of partition.restored.intents()) {
    if (source.topic !== options.topics.source || source.partition !== partition.number)
      return { problem: 'the retry partition holds intents of another topic or partition', kind: 'parked' };
    isBeyond ||= source.offset >= start.goal;
  }
  return isBeyond
    ? { problem: 'the retry partition holds offsets beyond the end of the source partition', kind: 'parked' }
    : null;
}

/**
 * An owner that writes again what a recreated topic has lost does so under the epoch of the last commit, or a later one. A
 * fence of a later one proves nothing: an instance that was refused has written it.
 */
function isOlderRetry({ ownership: { former } }: Partition, { formerRetry }: Start): boolean {
  const epoch = formerRetry?.epoch ?? null;
  return epoch !== null && former !== null && former.epochMin < epoch && former.stateEpochMax < epoch;
}

/** Of a record that was read: a live record, or the record before it, tells of another topic; null: neither does. */
export function foreignRecordProblem({ restored, offsets: { mark } }: Partition, record: LogRecord): Refusal | null {
  const { offset, timestamp } = record;
  const known = restored.timestampAt(offset);
  if (known !== undefined && known !== timestamp) {
    return { problem: `the live records are of another record at offset ${offset}`, kind: 'parked' };
  }
  // What is remembered may lie ahead of what is committed, and is read again from there.
  const isBehind = mark.last === null || offset > mark.last.offset;
  return isBehind && isOlderEpoch(mark.last, record)
    ? { problem: `the leader epoch of offset ${offset} is lower than the one before it`, kind: 'committed' }
    : null;
}

/* The loss of a partition. */

export function revokeAll(owners: Owners, reason: string): void {
  for (const partition of owners.partitions) revoke(owners, partition, reason);
}

/** Nothing more of it is dispatched, reported or committed; the lock of a group in flight outlives it. */
export function revoke(owners: Owners, partition: Partition, reason: string): void {
  const { partitions, outbox, unsettled, lookUps, notices, logger } = owners;
  partitions.delete(partition);
  outbox.revoke(partition);
  unsettled.revoke(partition.number);
  lookUps.revoke(partition);
  notices.forget((group) => group.partition === partition);
  owners.notify();
  void owners.turns.run(revokeEach(owners, partition), () => true);
  logger.info({ partition: partition.number, epoch: partition.ownership.epoch, reason }, 'partition lost');
}

/** About 10 ms; all partitions may be lost in one turn. */
const SLICE = 2_000;

/** In slices: there may be 100,000 groups. Meanwhile they are not current, so that none of them is taken. */
function* revokeEach({ queue, snapshots }: Owners, { groups }: Partition): Slices {
  let count = 0;
  for (const group of groups.values()) {
    if (count > 0 && count % SLICE === 0) yield;
    count += 1;
    queue.forget(group);
    snapshots.forget(group);
  }
}
