/**
 * Room core/explain: why somebody is a member of a group, or is not: the chain of what is known, and the sentence that follows.
 * Not here: where it is read (console), how the chain is shown (console).
 *
 * A chain has a link for each event about the member, the newest first. What counts is the newest: what became of it, and whether
 * the target shows it.
 */
import type { Op, Position } from '../change/change.ts';
import type { ReportRecord } from '../report/report.ts';
import { isFailure, isSuccess } from '../report/summary.ts';
import type { FormerChanges } from './former-changes.ts';

/** An event about one member of one group, and what became of it. */
export interface Link {
  readonly position: Position;
  /** null: not known, since the record is gone and no report says it. */
  readonly op: Op | null;
  /** The event says who the members are, all of them. */
  readonly isState: boolean;
  /** Of a full state: changes that it came to are reported, or wait, and none of them is this member's. */
  readonly changesOthers: boolean;
  readonly eventId: string | null;
  /** Of the source record, epoch ms; null: not known. */
  readonly timestamp: number | null;
  /** Who made the change, as the source says; null: it does not, or its record is gone. */
  readonly actor: string | null;
  /** Its record is still in the source topic. */
  readonly isRetained: boolean;
  readonly reading: Reading;
  /** The newest first. */
  readonly reports: readonly ReportRecord[];
  /** Its intent in the live record of the group. */
  readonly waiting: WaitingChange | null;
  /** Its intent in the memory of a running instance. */
  readonly inMemory: RunningChange | null;
}

/**
 * `committed`: no instance reads it again. `uncommitted`: its owner has read it. `unread`: its owner has not, or it has no owner that
 * says so. `past`: as of a time that is over, of which no instance can be asked.
 */
export type Reading = 'committed' | 'uncommitted' | 'unread' | 'past';

export interface WaitingChange {
  readonly state: 'parked' | 'held' | 'dead';
  readonly attempt: number;
  /** Epoch ms; 0: now. */
  readonly notBefore: number;
}

export interface RunningChange {
  readonly state: WaitingChange['state'] | 'queued' | 'in_flight';
  readonly attempt: number;
  readonly notBefore: number;
}

/** Whether the target has the member. */
export type AtTarget =
  | { readonly kind: 'read'; readonly isMember: boolean; readonly version: string | null }
  /** It is a group inside of the group. */
  | { readonly kind: 'nested' }
  | { readonly kind: 'unknown'; readonly why: string };

/** What is known of changes, beside the target. */
export interface KnownChanges {
  /** The newest first. */
  readonly links: readonly Link[];
  /** The owners of the group's partitions have said what they have in memory. */
  readonly isMemoryKnown: boolean;
  /** Why what is queued is not sent at present; null: nothing keeps it. */
  readonly obstacle: string | null;
  /** Of the obstacle, where an operator has paused the group, or its partition; null: it is not paused. */
  readonly pause: string | null;
  /** Intake stands still, so that what is unread stays unread; null: it does not, or that is not known. */
  readonly intakeObstacle: string | null;
  /** By partition of the source, the offset of its oldest record, where records are gone that may have been about the group. */
  readonly goneSource: ReadonlyMap<number, bigint>;
  /** Reports are gone that may have been about the group. */
  readonly areReportsGone: boolean;
}

/** All that is known of one member. */
export interface Known extends KnownChanges {
  readonly atTarget: AtTarget;
  /** Of the group after Rollcall's last request, as far as reports say; null: they do not. */
  readonly lastVersion: string | null;
  /** `patch_id` of a request of Rollcall that may have changed the group after that; null: there is none. */
  readonly openRequest: string | null;
  /** Of each partition the newest event of the group that could not be read. */
  readonly invalid: readonly Position[];
  /** What a former source topic has left of the member, the newest of each; absent: nothing. */
  readonly former?: Pick<FormerChanges, 'report' | 'waiting'>;
}

/**
 * `done`: the target has it, by Rollcall or before. `undone`: it was done, and the target shows the opposite. `waits`: for another
 * try. `held`: for an operator. `given_up`: dead, or failed. `queued`: read, and not answered yet. `unread`: no instance has read it.
 * `unfinished`: not committed, and no running instance says more; as of a time that is
 * over: without a report until then. `unreported`: committed, and what became of it is not known.
 * `nothing`: no event is known that names the member, or has changed it.
 */
export type Standing =
  | 'done'
  | 'undone'
  | 'waits'
  | 'held'
  | 'given_up'
  | 'queued'
  | 'unread'
  | 'unfinished'
  | 'unreported'
  | 'nothing';

/** null: the target could not be read. */
export const isMemberIn = (atTarget: AtTarget): boolean | null =>
  atTarget.kind === 'read' ? atTarget.isMember : atTarget.kind === 'nested' ? true : null;

export function standingOf(known: Known): Standing {
  const {
    links: [newest],
    atTarget,
  } = known;
  const standing = changeStanding(known);
  if (standing !== 'done') return standing;
  const op = newest?.op ?? null;
  const isOpposite = atTarget.kind === 'read' && op !== null && atTarget.isMember !== (op === 'add');
  if (!isOpposite) return 'done';
  return known.links.every(isSilent) ? 'nothing' : 'undone';
}

/** A full state that does not name the member, and came to no change of it: the member was none then, and nothing is undone. */
function isSilent({ isState, op, reports, waiting, inMemory }: Link): boolean {
  const isOwn = reports.some(({ member, source_member: name = null }) => (member ?? name) !== null);
  return isState && op === 'remove' && !isOwn && waiting === null && inMemory === null;
}

/** Whatever the target shows. */
export function changeStanding({
  links: [newest],
  isMemoryKnown,
  areReportsGone,
}: KnownChanges): Exclude<Standing, 'undone'> {
  if (newest === undefined) return 'nothing';
  if (isReportedDone(newest)) return 'done';
  // What is dead may have been woken since it was reported: then memory, or the live record, says so.
  if (newest.inMemory !== null) return STANDINGS[newest.inMemory.state];
  if (newest.waiting !== null) return STANDINGS[newest.waiting.state];
  const [last] = newest.reports;
  if (last !== undefined && hasFailed(last)) return 'given_up';
  switch (newest.reading) {
    case 'past':
      // What is finished was reported by then, unless that report is gone.
      if (last === undefined) return areReportsGone ? 'unreported' : 'unfinished';
      return last.final ? 'unreported' : last.outcome === 'held' ? 'held' : 'waits';
    case 'committed':
      return 'unreported';
    case 'uncommitted':
      return 'unfinished';
    case 'unread':
      return isMemoryKnown ? 'unread' : 'unfinished';
  }
}

const STANDINGS = {
  parked: 'waits',
  held: 'held',
  dead: 'given_up',
  queued: 'queued',
  in_flight: 'queued',
} as const;

/** By its own reports, or because it came to changes of others alone, which is no change of the member by Rollcall. */
export const isReportedDone = (link: Link): boolean => isStillDone(link) || isNeedless(link);

/** No later owner has read the change again, and found that it has to wait. */
function isStillDone({ reports }: Link): boolean {
  const done = reports.find(isDone);
  return done !== undefined && (reports[0]?.epoch ?? 0) <= done.epoch;
}

export const isDone = ({ final, ...report }: ReportRecord): boolean =>
  final && isSuccess(report) && report.outcome !== 'superseded';

/** A full state that is finished, and came to changes of others alone: the member was as it says already. */
function isNeedless({ changesOthers, reading, reports, inMemory, waiting }: Link): boolean {
  const isOver = reading === 'committed' || reading === 'past';
  return changesOthers && isOver && !reports.some(hasFailed) && inMemory === null && waiting === null;
}

const hasFailed = ({ final, ...report }: ReportRecord): boolean => final && isFailure(report);

/** What the target had when the last of these reports was written: the newest change that is reported as done. */
export function atTargetByReports(links: readonly Link[]): AtTarget {
  for (const { op, reports } of links) {
    const report = reports.find(isDone);
    if (op !== null && report !== undefined)
      return { kind: 'read', isMember: op === 'add', version: report.request?.etag_after ?? null };
  }
  return { kind: 'unknown', why: 'no report until then says' };
}
