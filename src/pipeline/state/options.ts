/** The options of the pipeline; limits, defaults and units of each value: config/pipeline.ts. Durations in ms. */
import type { GuardLimits } from '../../core/group/guard.ts';
import type { RetryPolicy } from '../../core/target/retry.ts';

export interface Topics {
  readonly source: string;
  readonly retry: string;
  readonly deadLetter: string;
  readonly report: string;
}

export interface PipelineOptions {
  readonly topics: Topics;
  /** The target is one that nothing is sent to which changes a group; reports, messages and figures say so. */
  readonly isShadow: boolean;
  /** Client id + `-` + a UUID per process start. */
  readonly owner: string;
  /** Base URL of the API without a trailing slash; prefixes `$ref`. */
  readonly publicApiUrl: string;
  readonly concurrency: number;
  readonly lingerMs: number;
  readonly maxWaitMs: number;
  readonly membersPerPatchMax: number;
  readonly conflictsMax: number;
  readonly retry: RetryPolicy;
  readonly guard: GuardLimits;
  readonly lateApplyMs: number;
  readonly deadKeepMs: number;
  readonly deadKeepCount: number;
  readonly breakerFailures: number;
  readonly pendingIntentsMax: number;
  /** Bound of the snapshot cache, in member ids. */
  readonly snapshotMembersMax: number;
  /** What a full state came to goes through the live record in pieces of so many requests; Infinity: all of it together. */
  readonly requestsPerPiece: number;
  /** Age of the last good heartbeat beyond which no request starts; Infinity where ownership cannot be lost (memory log). */
  readonly leaseMs: number;
  readonly drainTimeoutMs: number;
}
