import { NO_MARK } from '../../src/core/log/commit-metadata.ts';
import { PartitionOf } from '../../src/pipeline/state/partition.ts';
import type { Partition } from '../../src/pipeline/state/group.ts';

export const MEMBERS_PER_PATCH = 50;

/** Partition 0, just gained. */
export const aPartition = (): Partition =>
  new PartitionOf(0, {
    owner: 'rollcall-1',
    guard: { groupPercent: 100, groupFloor: 10, groupCount: 1_000, windowCount: 1_000, windowMs: 600_000 },
    membersPerPatchMax: MEMBERS_PER_PATCH,
    requestsPerPiece: 4,
  });

/** As once all is read that its source has, from offset 0 to 9. */
export function readToGoal({ offsets }: Partition): void {
  const comparison = { mark: NO_MARK, historyProblem: null, formerRetry: null };
  const start = { ...comparison, committed: null, position: 0n, known: [], goal: 10n };
  offsets.noteStart(start);
  offsets.open(start, 0n);
  offsets.advance(10n);
}
