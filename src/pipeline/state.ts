/**
 * The state of the pipeline and of its partitions, as plain data; groups, runs and members own theirs (group.ts, group-run.ts,
 * member.ts). The phases of a partition (asserted by `move` in partition.ts):
 *
 *   partition   fencing ──own fence sent──▶ restoring ──own fence read──▶ loading ──all in memory──▶ catching_up ──goal read──▶ running
 *               restoring ──own fence read, kept──▶ catching_up
 *               catching_up | running ──join, kept──▶ fencing      restoring ──overtaken, group recreated──▶ fencing
 *               any ──lost──▶ forgotten      any ──records of another source──▶ forgotten, and refused until the next join
 */
import type { Intent } from '../core/change/change.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import type { Comparison, SourceMark } from '../core/log/commit-metadata.ts';
import type { FinalMark } from '../core/log/final-mark.ts';
import type { Ledger, Range } from '../core/log/ledger.ts';
import type { RetryView } from '../core/log/ownership.ts';
import type { OperatorAnswer } from '../core/log/request-record.ts';
import type { ReportRecord } from '../core/report/report.ts';
import type { Doubt } from '../core/target/doubt.ts';
import type { Instant, OutRecord } from '../ports.ts';
import type { FinalMarks } from './final-marks.ts';
import type { FormerKeys } from './former-keys.ts';
import type { Group } from './group.ts';
import { Heap } from './heap.ts';
import type { HeldDigests } from './held-digests.ts';
import type { Inbox } from './inbox.ts';
import type { IntentCounts } from './members.ts';
import type { OperatorRequests } from './operator-requests.ts';
import type { OwnRecords } from './own-records.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { RecordsToWrite } from './records-to-write.ts';
import type { RemovalWindow } from './removal-window.ts';
import type { Unacknowledged } from './unacknowledged.ts';
import type { UnresolvedMembers } from './unresolved-members.ts';
import { Unsettled } from './unsettled.ts';

/** An id that the target is to be asked for, and who waits for the answer. */
export interface LookUp {
  readonly kind: IdKind;
  readonly id: string;
  readonly groups: Set<Group>;
  isAsked: boolean;
}

export type Phase = 'fencing' | 'restoring' | 'loading' | 'catching_up' | 'running' | 'refused';

/** Where the source is to be read from, once the own fence is written. */
export interface Start extends Comparison {
  readonly committed: bigint | null;
  readonly position: bigint;
  readonly known: readonly Range[];
  /** The end of the source at the fence. */
  readonly goal: bigint;
}

/** Of a request; it is given once the live records say so, too. */
export interface DueAnswer {
  readonly key: string;
  readonly answer: OperatorAnswer;
  /** What it has changed something of. */
  readonly groups: readonly Group[];
}

/** One source partition and its retry partition, from gain to loss. */
export interface Partition {
  readonly number: number;
  phase: Phase;
  refusal: { readonly text: string; readonly isForRetry: boolean } | null;
  /** Was owned without a break, as far as is known; the fence will prove it. */
  isKept: boolean;
  base: number;
  epoch: number;
  seq: number;
  fenceId: string | null;
  /** The own fence has been read back at the present attempt. */
  fenceRead: boolean;
  /** The own epoch, or a higher one, was in use before the own fence. */
  epochUsed: boolean;
  /** Epochs of the records before the first own fence; null: that was not read yet. */
  former: Pick<RetryView, 'epochMin' | 'stateEpochMax'> | null;
  /** A foreign fence lies between what was read last and the own new fence. */
  foreignFence: boolean;
  /** When the own fence was read although another owner has this epoch, or a higher one. */
  overtakenAt: Instant | null;
  /** There was no record at all before the first own fence. */
  wasEmpty: boolean;
  view: RetryView;
  /** The next offset of the retry partition to read. */
  retryNext: bigint;
  /** Winners while restoring. */
  restored: Map<string, readonly Intent[]>;
  /** By group: entries of live records that only a newer version understands. */
  readonly foreign: Map<string, readonly unknown[]>;
  /** While restoring: final marks of the winners, by group. */
  readonly restoredMarks: Map<string, readonly FinalMark[]>;
  readonly finals: FinalMarks;
  readonly formerKeys: FormerKeys;
  readonly unresolved: UnresolvedMembers;
  readonly digests: HeldDigests;
  readonly ownRecords: OwnRecords;
  readonly inbox: Inbox;
  readonly counts: IntentCounts;
  /** Groups whose last record does not count. */
  readonly stale: Set<string>;
  /** Offset → timestamp of the source records that the restored intents came from. */
  recordedAt: ReadonlyMap<bigint, number>;
  readonly requests: OperatorRequests;
  /** Of requests that were taken up; each is the tombstone of its request. */
  answers: DueAnswer[];
  start: Start | null;
  ledger: Ledger | null;
  mark: SourceMark;
  /** Of the source with what is remembered of it; null: not compared since the last fence. */
  comparison: Comparison | null;
  /** A recreated retry topic as it was; its live records are being written again; null: it is not known. */
  goneRetry: Comparison['formerRetry'];
  /** The intake limit was reached while catching up. */
  dispatchesEarly: boolean;
  readonly groups: Map<string, Group>;
  readonly toWrite: RecordsToWrite;
  readonly unacknowledged: Unacknowledged<Group>;
  readonly removals: RemovalWindow;
  /** A former owner's requests may still land (monotonic ms in it). */
  takeoverDoubt: Doubt | null;
  /** `progress`: of the ledger, as of then. */
  lastCommit: { readonly offset: bigint; readonly progress: number } | null;
}

/** A report that is not acknowledged yet, with its dead letter. */
export interface Due {
  readonly partition: Partition;
  readonly offset: bigint;
  /** null: a report about the whole record (final, it closes the record's ledger entry), or about a try. */
  readonly subject: { readonly group: Group; readonly intent: Intent } | null;
  /** Of the report: the group, or the source record's where it could not be read. */
  readonly key: Uint8Array | string | null;
  readonly report: ReportRecord;
  readonly deadLetter: OutRecord | null;
}

export interface State {
  readonly partitions: Map<number, Partition>;
  memberId: string | null;
  partitionCount: number;
  generation: number | null;
  /** Between the building of a JoinGroup request and the assignment. */
  isHalted: boolean;
  joiningAt: Instant | null;
  leaseFrom: Instant | null;
  isDraining: boolean;
  isIntakePaused: boolean;
  readonly ready: ReadyQueue<Group>;
  /** Groups by when they are to be reviewed (epoch ms). */
  readonly waiting: Heap<Group>;
  /** Groups with a request in flight; outlives the loss of their partition. */
  readonly locks: Set<string>;
  requestsInFlight: number;
  /** In the order in which they came. */
  readonly outbox: Set<Due>;
  readonly unsettled: Unsettled;
  /** Ids that wait to be looked up, in the order they were met. */
  readonly lookUps: Map<string, LookUp>;
  lookUpsInFlight: number;
  readonly counts: {
    conflicts: number;
    readonly skipped: Record<string, number>;
    possibleLosses: number;
    outsideLease: number;
    /** Requests of operators, by why they were not taken up. */
    readonly refusedRequests: Record<string, number>;
    readonly requests: Record<string, number>;
    readonly reports: Record<string, number>;
  };
}

/* The state of a pipeline that has not begun. */

export const newState = (): State => ({
  partitions: new Map(),
  memberId: null,
  partitionCount: 0,
  generation: null,
  isHalted: true,
  joiningAt: null,
  leaseFrom: null,
  isDraining: false,
  isIntakePaused: false,
  ready: new ReadyQueue(),
  waiting: new Heap(),
  locks: new Set(),
  requestsInFlight: 0,
  outbox: new Set(),
  unsettled: new Unsettled(),
  lookUps: new Map(),
  lookUpsInFlight: 0,
  counts: {
    conflicts: 0,
    skipped: {},
    possibleLosses: 0,
    outsideLease: 0,
    refusedRequests: {},
    requests: {},
    reports: {},
  },
});
