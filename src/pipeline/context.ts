/** What every part of the pipeline works with: the ports, the options, the one state, and the questions asked of it. */
import type { SourceFormat } from '../core/change/change.ts';
import type { Sha256 } from '../core/group/guard.ts';
import type { OperatorKey } from '../core/log/request-record.ts';
import type { ChangeLog, Clock, GroupApi, IdMap, Instant, Logger, Random } from '../ports.ts';
import type { Backlog } from './backlog.ts';
import type { TargetBreaker } from './breaker.ts';
import type { OldReads } from './old-reads.ts';
import type { KeyWatch } from './key-watch.ts';
import type { PipelineOptions } from './options.ts';
import type { SnapshotCache } from './snapshot-cache.ts';
import type { Group } from './group.ts';
import type { Partition, State } from './state.ts';
import type { Throttled } from './throttled.ts';
import type { Turns } from './turns.ts';
import type { VersionForm } from './version-form.ts';

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
}

export interface Context extends Ports {
  readonly options: PipelineOptions;
  readonly state: State;
  readonly breaker: TargetBreaker;
  readonly throttled: Throttled;
  readonly cache: SnapshotCache;
  readonly oldReads: OldReads;
  readonly keys: KeyWatch;
  readonly backlog: Backlog;
  readonly versionForm: VersionForm;
  readonly turns: Turns;
  /** Something may be dispatched. */
  readonly dispatch: () => void;
  /** What is due of the group may have changed. */
  readonly review: (group: Group) => void;
  /** Something is to be reported, recorded or committed. */
  readonly settle: () => void;
}

/** Still ours, without a break; results for anything else are dropped. */
export const isCurrent = ({ state }: Context, partition: Partition): boolean =>
  state.partitions.get(partition.number) === partition;

/** By the later of both clocks: one stands still while a machine sleeps, the other may be set back (spec: lease). */
export function leaseHolds({ state, options, clock }: Context): boolean {
  return state.leaseFrom !== null && elapsedMs(state.leaseFrom, clock.now()) <= options.leaseMs;
}

const elapsedMs = (from: Instant, to: Instant): number => Math.max(to.wall - from.wall, to.monotonic - from.monotonic);

/** May a request to the target start now? Asked in the tick that writes to the socket (spec: lease, halt). */
export const mayAsk = (context: Context): boolean =>
  !context.state.isHalted && !context.state.isDraining && leaseHolds(context);

/** Restored and caught up (spec: barrier). */
export const isDispatchable = (context: Context, partition: Partition): boolean =>
  isCurrent(context, partition) &&
  (partition.phase === 'running' || (partition.phase === 'catching_up' && partition.dispatchesEarly));

/** May a request for this group start now? */
export const mayDispatch = (context: Context, group: Group): boolean =>
  mayAsk(context) && context.breaker.lets(group) && isDispatchable(context, group.partition);

export const sleep = ({ clock }: Pick<Context, 'clock'>, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });

export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
