/**
 * The owners of the pipeline's state, each with private fields, and what its functions work with beside them. A partition, its
 * groups and their members own the rest (partition.ts, group.ts, member.ts).
 */
import type { Backlog } from './backlog.ts';
import type { TargetBreaker } from './breaker.ts';
import type { Context } from './context.ts';
import type { Counts } from './counts.ts';
import type { Group, Partition } from './group.ts';
import type { GroupQueue } from './group-queue.ts';
import type { IntakeLimit } from './intake-limit.ts';
import type { KeyWatch } from './key-watch.ts';
import type { Lease } from './lease.ts';
import type { LookUps } from './look-ups.ts';
import type { Outbox } from './outbox.ts';
import type { Partitions } from './partitions.ts';
import type { Snapshots } from './snapshots.ts';
import type { Throttled } from './throttled.ts';
import type { Turns } from './turns.ts';
import type { Unsettled } from './unsettled.ts';

export interface Owners extends Context {
  readonly lease: Lease;
  readonly partitions: Partitions;
  readonly queue: GroupQueue;
  readonly lookUps: LookUps;
  readonly outbox: Outbox;
  readonly unsettled: Unsettled;
  readonly counts: Counts;
  readonly intakeLimit: IntakeLimit;
  readonly breaker: TargetBreaker;
  readonly throttled: Throttled;
  readonly snapshots: Snapshots;
  readonly keys: KeyWatch;
  readonly backlog: Backlog;
  readonly turns: Turns;
  /** Something may be dispatched. */
  readonly dispatch: () => void;
  /** What is due of the group may have changed. */
  readonly review: (group: Group) => void;
  /** Something is to be reported, recorded or committed. */
  readonly settle: () => void;
}

/** Restored and caught up, and still ours (spec: barrier). */
export const isDispatchable = ({ partitions }: Owners, partition: Partition): boolean =>
  partitions.isCurrent(partition) && partition.isDispatchable;

/** May a request for this group start now? */
export const mayDispatch = (owners: Owners, group: Group): boolean =>
  owners.lease.mayAsk && owners.breaker.lets(group) && isDispatchable(owners, group.partition);
