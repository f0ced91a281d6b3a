/** The loss of a partition. */
import type { Partition } from './group.ts';
import type { Slices } from './turns.ts';
import type { Owners } from './owners.ts';

export function revokeAll(owners: Owners, reason: string): void {
  for (const partition of owners.partitions) revoke(owners, partition, reason);
}

/** Nothing more of it is dispatched, reported or committed; the lock of a group in flight outlives it. */
export function revoke(owners: Owners, partition: Partition, reason: string): void {
  const { partitions, outbox, unsettled, lookUps, logger } = owners;
  partitions.delete(partition);
  outbox.revoke(partition);
  unsettled.revoke(partition.number);
  lookUps.revoke(partition);
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
