/**
 * How many entries each collection of the pipeline holds. At rest all are 0 but what live records keep: their groups and
 * members, the order of their records, and the removals that still count in the window of the guard.
 */
import { isRemovalsKey } from '../core/log/removal-window.ts';
import type { Group, Partition } from './group.ts';
import type { Ownership } from './ownership.ts';
import type { Owners } from './owners.ts';

export interface Sizes {
  readonly groups: number;
  readonly members: number;
  /** Names of members of the target, and what is final of members under other names (id map only). */
  readonly aliases: number;
  readonly deferred: number;
  /** Changes that the target has accepted and not shown. */
  readonly unconfirmed: number;
  readonly toWrite: number;
  readonly unacknowledged: number;
  readonly openOffsets: number;
  readonly knownRanges: number;
  /** Groups whose order of records is remembered. */
  readonly recordOrders: number;
  readonly staleRecords: number;
  /** Keys of live records that are to be tombstoned. */
  readonly formerKeys: number;
  /** What is remembered of members that full states name and the target does not know. */
  readonly unresolved: number;
  /** What a restore reads, until it is taken over. */
  readonly restored: number;
  /** Digests that operators may decide about. */
  readonly digests: number;
  /** Partitions that have read more than they have folded. */
  readonly inboxes: number;
  /** Large live records that are on their way back. */
  readonly ownRecords: number;
  readonly requests: number;
  readonly answers: number;
  readonly ready: number;
  readonly waiting: number;
  readonly locks: number;
  readonly outbox: number;
  /** Places that nothing can be written to for now. */
  readonly unsettled: number;
  readonly lookUps: number;
  /** Of the window of the guard, and slices whose order of records is remembered without need. */
  readonly removals: number;
}

export function sizesOf(owners: Owners): Sizes {
  const { queue, outbox, unsettled, lookUps } = owners;
  const partitions = [...owners.partitions];
  const groups = partitions.flatMap((partition) => [...partition.groups.values()]);
  const inPartitions = (sizeOf: (partition: Partition) => number): number => sum(partitions, sizeOf);
  const inGroups = (sizeOf: (group: Group) => number): number => sum(groups, sizeOf);
  return {
    groups: groups.length,
    members: inGroups(({ members }) => members.size),
    aliases: inGroups(({ aliases }) => aliases?.size ?? 0) + inPartitions(({ finals }) => finals.size),
    deferred: inGroups(({ waitingForDoubtCount }) => waitingForDoubtCount),
    unconfirmed: inGroups(({ unconfirmed }) => unconfirmed?.size ?? 0),
    toWrite: inPartitions(({ toWrite }) => toWrite.size),
    unacknowledged: inPartitions(({ unacknowledged }) => unacknowledged.size),
    openOffsets: inPartitions(({ offsets }) => offsets.ledger?.open.size ?? 0),
    knownRanges: inPartitions(({ offsets }) => offsets.ledger?.known.length ?? 0),
    recordOrders: inPartitions(({ ownership }) => ownership.orderedKeys.length - slicesIn(ownership).length),
    staleRecords: inPartitions(({ ownership }) => ownership.stale.size),
    formerKeys: inPartitions(({ formerKeys }) => formerKeys.size),
    unresolved: inPartitions(({ unresolved }) => unresolved.size),
    restored: inPartitions(({ restored }) => restored.size),
    digests: inPartitions(({ digests }) => digests.size),
    inboxes: inPartitions(({ inbox }) => Number(!inbox.isEmpty)),
    ownRecords: inPartitions(({ ownRecords }) => ownRecords.size),
    requests: inPartitions(({ requests }) => requests.size),
    answers: inPartitions(({ requests }) => requests.answerCount),
    ready: queue.readyCount,
    waiting: queue.waitingCount,
    locks: queue.lockedCount,
    outbox: outbox.size,
    unsettled: unsettled.size,
    lookUps: lookUps.size,
    removals: inPartitions(removalsIn),
  };
}

const slicesIn = ({ orderedKeys }: Ownership): string[] => orderedKeys.filter(isRemovalsKey);

const removalsIn = ({ removals, ownership }: Partition): number =>
  removals.size + slicesIn(ownership).filter((key) => !removals.knows(key)).length;

function sum<T>(list: readonly T[], sizeOf: (each: T) => number): number {
  let total = 0;
  for (const each of list) total += sizeOf(each);
  return total;
}
