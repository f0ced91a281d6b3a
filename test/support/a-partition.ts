import { PartitionOf } from '../../src/pipeline/state/partition.ts';
import type { Partition } from '../../src/pipeline/state/group.ts';

export const MEMBERS_PER_PATCH = 50;

/** Partition 0, just gained. */
export const aPartition = (): Partition =>
  new PartitionOf(0, {
    owner: 'rollcall-1',
    guard: { groupPercent: 100, groupFloor: 10, groupCount: 1_000, windowCount: 1_000, windowMs: 600_000 },
    membersPerPatchMax: MEMBERS_PER_PATCH,
  });
