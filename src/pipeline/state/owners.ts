/**
 * Room pipeline/state: the owners of the pipeline's mutable state, a class with private fields each.
 * Not here: functions that work with several owners: the rooms above; decisions: core.
 *
 * What those functions are given: ports, options and owners. (The owner of a partition is something
 * else: an instance.) A partition, its groups and their members own the rest (partition.ts,
 * group.ts, member.ts).
 */
import type { SourceFormat } from '../../core/change/change.ts';
import type { Sha256 } from '../../core/group/guard.ts';
import type { OperatorKey } from '../../core/log/request-record.ts';
import type { ChangeLog, Clock, GroupApi, IdMap, Logger, Notifier, Random } from '../../ports.ts';
import type { TargetBreaker } from './breaker.ts';
import type { Counts } from './counts.ts';
import type { GroupQueue } from './group-queue.ts';
import type { Group, Partition } from './group.ts';
import type { IntakeLimit, ReportLimit } from './intake-limits.ts';
import type { LookUps } from './look-ups.ts';
import type { Notices } from './notices.ts';
import type { PipelineOptions } from './options.ts';
import type { Outbox } from './outbox.ts';
import type { Lease } from './ownership.ts';
import type { Partitions } from './partitions.ts';
import type { Snapshots } from './snapshots.ts';
import type { Backlog, KeyWatch } from './source-watch.ts';
import type { Throttled } from './target-history.ts';
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
  /** Of changes that are pending. */
  readonly intakeLimit: IntakeLimit;
  /** Of reports that wait to be written: a change that is final still takes its memory until then. */
  readonly reportLimit: ReportLimit;
  readonly breaker: TargetBreaker;
  readonly notices: Notices<Group>;
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
  /** There may be something to notify people of. */
  readonly notify: () => void;
}

/** Restored and caught up, and still ours (spec: barrier). */
export const isOpen = ({ partitions }: Pick<Owners, 'partitions'>, partition: Partition): boolean =>
  partitions.isCurrent(partition) && partition.isDispatchable;

/** An operator has paused it, or its partition. */
export const isPaused = (group: Group): boolean => group.partition.pauses.isPaused(group);

/** Something may be sent for the group. */
export const isDispatchable = (owners: Pick<Owners, 'partitions'>, group: Group): boolean =>
  isOpen(owners, group.partition) && !isPaused(group);

/** May a request for this group start now? */
export const mayDispatch = (owners: Owners, group: Group): boolean =>
  owners.lease.mayAsk && owners.breaker.lets(group) && isDispatchable(owners, group);

/* The ports and options that the pipeline works with. */

export interface Ports {
  readonly log: ChangeLog;
  readonly api: GroupApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly format: SourceFormat;
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  readonly sha256: Sha256;
  /** Absent: requests of operators need no signature. */
  readonly operatorKey?: OperatorKey;
  /** Absent: no one is notified, and nothing is recorded of it. */
  readonly notifier?: Notifier;
}

export interface Context extends Ports {
  readonly options: PipelineOptions;
}
