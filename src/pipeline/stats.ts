/**
 * What an operator may ask the running pipeline: its figures, whether all is at rest, and how many entries each collection
 * holds. Plain data, computed at each call. Instants in epoch ms.
 */
import { idKey } from '../core/change/change.ts';
import { earlier, noneWaits, noteAge, standing, type Oldest } from '../core/change/pending.ts';
import type { DriftFigures } from '../core/drift/findings.ts';
import { isRemovalsKey } from '../core/log/live-record.ts';
import type { ShownBreaker } from './state/breaker.ts';
import type { GroupRequest, HistogramView } from './state/counts.ts';
import type { Group, Partition } from './state/group.ts';
import type { Stuck } from './state/unsettled.ts';
import { isPaused, type Owners } from './state/owners.ts';
import type { Ownership } from './state/ownership.ts';

export interface PartitionStats {
  readonly partition: number;
  /** `restoring`: the retry partition is being read; `catching_up`: the source is read to the end it had at the fence. */
  readonly phase: 'restoring' | 'catching_up' | 'running' | 'refused';
  /** Source records not read yet; absent: not known. */
  readonly lag?: number;
  /**
   * Since when the oldest change waits that could be worked on, unread ones included; likewise of removals that are held, and
   * of what waits on the slow schedule. null: there is none; absent: not known.
   */
  readonly oldestUnappliedAt?: number | null;
  readonly oldestHeldAt?: number | null;
  readonly oldestWaitingAt?: number | null;
  /** Of a refused one: why, with the remedy. */
  readonly refusal?: string;
  /** It is refused for what lies in the retry topic; else for the source topic. */
  readonly isForRetry?: true;
}

export interface PipelineStats {
  /**
   * All assigned partitions restored, the lease valid, settling goes on, and nothing stands still for want of room in a live
   * record; one with no partitions is ready to take over.
   */
  readonly ready: boolean;
  readonly partitions: readonly PartitionStats[];
  /** Nothing that changes a group is sent. */
  readonly isShadow: boolean;
  /** Intents neither final nor dead, in memory. */
  readonly pending: number;
  readonly parked: number;
  /** Removals that wait for an operator; they count as parked. */
  readonly held: number;
  /** Changes that wait by the slow schedule; they count as parked. */
  readonly waiting: number;
  readonly dead: number;
  readonly inFlight: number;
  /** Nothing more is read, since too much is pending. */
  readonly isIntakePaused: boolean;
  /** Requests to the target by the kind of their outcome. */
  readonly requests: Readonly<Record<string, number>>;
  readonly conflicts: number;
  readonly gateWaitedMs: number;
  /** null: closed. */
  readonly breaker: ShownBreaker | null;
  /** Times that offsets were gone before they were read, or that a retry partition was found empty or recreated. */
  readonly possibleLosses: number;
  /** Events of the source that concern no membership, by reason (`tombstone`, …). */
  readonly skipped: Readonly<Record<string, number>>;
  /** Requests that ended outside their lease. */
  readonly outsideLease: number;
  /** Requests of operators that were not taken up, by why (`unsigned`, …). */
  readonly refusedRequests: Readonly<Record<string, number>>;
  /** Groups of which something waits that no live record takes. */
  readonly unrecordable: readonly string[];
  /** Source records whose key was last read from another partition. */
  readonly strayKeys: number;
  /** What cannot be written or committed at present, by topic; it is tried again and again. */
  readonly unsettled: readonly Stuck[];
  /** Final reports by outcome since the start. */
  readonly reports: Readonly<Record<string, number>>;
  /** As the final reports say, of changes that a request was sent for: until its first one, and from there to their end. */
  readonly queueTimes: HistogramView;
  readonly applyTimes: HistogramView;
  /** Of requests to the target, look-ups of ids left out: until their answer, or their failure. */
  readonly requestTimes: Readonly<Record<GroupRequest, HistogramView>>;
  /** What operators have paused. */
  readonly paused: PausedStats;
  /** Requests that notify people, by their result, and messages that are not delivered; null: there is nowhere to send them. */
  readonly notifications: NotificationStats | null;
  /** What else keeps the instance from its work, as the command that runs it has found; each with its remedy. */
  readonly obstacles?: readonly string[];
  /** Of the comparisons beside it; absent: there are none. */
  readonly drift?: DriftFigures;
}

interface NotificationStats {
  readonly delivered: number;
  readonly failed: number;
  readonly waiting: number;
}

/** Times in epoch ms. */
interface PauseStats {
  readonly author: string;
  readonly reason: string;
  readonly since: number;
}

export interface PausedStats {
  readonly partitions: readonly (PauseStats & { readonly partition: number })[];
  /** As operators have named them, each once; the longest paused first, and not all of very many. */
  readonly groups: readonly (PauseStats & { readonly group: string })[];
  /** Of all of them. */
  readonly groupCount: number;
  /** Pending changes that wait for an operator to resume. */
  readonly changes: number;
}

export function statsOf(owners: Owners): PipelineStats {
  const { lease, queue, counts, intakeLimit, api, notices } = owners;
  const partitions = [...owners.partitions];
  const { open } = owners.breaker;
  const now = owners.clock.now().wall;
  const waiting = partitions.map((partition) => waitingIn(partition, now));
  const unrecordable = waiting.flatMap((each) => each.unrecordable);
  const unsettled = owners.unsettled.list();
  const goesOn = unrecordable.length === 0 && !unsettled.some(({ isLasting }) => isLasting);
  return {
    ready: partitions.every(({ isRestored }) => isRestored) && !lease.isHalted && lease.holds && goesOn,
    unsettled,
    isShadow: owners.options.isShadow,
    partitions: partitions.map((partition, i) => partitionStats(owners, partition, waiting[i]?.oldest ?? noneWaits())),
    pending: sum(partitions, ({ counts: { pending } }) => pending),
    parked: sum(waiting, ({ parked }) => parked),
    held: sum(partitions, ({ counts: { held } }) => held),
    waiting: sum(waiting, ({ slow }) => slow),
    dead: sum(partitions, ({ counts: { dead } }) => dead),
    inFlight: queue.lockedCount,
    isIntakePaused: intakeLimit.isPaused,
    requests: counts.requests.byName,
    conflicts: counts.conflicts.value,
    gateWaitedMs: api.gate.waitedMs(),
    breaker: open,
    possibleLosses: counts.possibleLosses.value,
    skipped: counts.skipped.byName,
    outsideLease: counts.outsideLease.value,
    refusedRequests: counts.refusedRequests.byName,
    unrecordable,
    strayKeys: owners.keys.count,
    reports: counts.reports.byName,
    queueTimes: counts.queueTimes.view,
    applyTimes: counts.applyTimes.view,
    requestTimes: { read: counts.requestTimes.read.view, write: counts.requestTimes.write.view },
    paused: pausedStats(partitions),
    notifications: owners.notifier === undefined ? null : { ...notices.results, waiting: notices.waiting },
  };
}

/** A pause of one group stands in each partition. */
const PAUSED_LISTED_MAX = 100;

function pausedStats(partitions: readonly Partition[]): PausedStats {
  const groups = new Map<string, PausedStats['groups'][number]>();
  for (const { pauses } of partitions) {
    for (const { group, author, reason, at: since } of pauses.groups) {
      const known = groups.get(idKey(group));
      if (known === undefined || since < known.since) groups.set(idKey(group), { group, author, reason, since });
    }
  }
  return {
    partitions: partitions.flatMap(({ number: partition, pauses: { all } }) =>
      all === null ? [] : [{ partition, author: all.author, reason: all.reason, since: all.at }],
    ),
    groups: [...groups.values()].toSorted((a, b) => a.since - b.since).slice(0, PAUSED_LISTED_MAX),
    groupCount: groups.size,
    changes: sum(partitions, ({ pausedCount }) => pausedCount),
  };
}

function partitionStats({ backlog }: Owners, partition: Partition, oldest: Oldest): PartitionStats {
  const { number, phase, refusal, isOwned: isKnown } = partition;
  const { lag, oldestAt } = backlog.unread(partition);
  const unapplied = earlier(oldest.unapplied, oldestAt ?? null);
  return {
    partition: number,
    phase: shownPhase(phase),
    ...(lag !== undefined && { lag }),
    ...((unapplied !== null || (isKnown && oldestAt !== undefined)) && { oldestUnappliedAt: unapplied }),
    ...((oldest.held !== null || isKnown) && { oldestHeldAt: oldest.held }),
    ...((oldest.waiting !== null || isKnown) && { oldestWaitingAt: oldest.waiting }),
    ...(refusal !== null && { refusal: refusal.text }),
    ...(refusal?.isForRetry === true && { isForRetry: true as const }),
  };
}

/** To an operator its steps are one: what waits is restored. */
export const shownPhase = (phase: Partition['phase']): PartitionStats['phase'] =>
  phase === 'fencing' || phase === 'loading' ? 'restoring' : phase;

/** One pass without copies: there may be 200,000 intents, and a scrape must not hold up the rest. */
function waitingIn(partition: Partition, now: number): Waiting {
  let [parked, slow] = [0, 0];
  const oldest = noneWaits();
  // While it is restored, what was read of its live records so far.
  for (const intent of partition.restored.intents()) noteAge(oldest, intent, now);
  const unrecordable: string[] = [];
  for (const group of partition.groups.values()) {
    const { id, members, recordLimit } = group;
    if (recordLimit?.isStuck === true) unrecordable.push(id);
    parked += members.parkedCount;
    // What waits for an operator to resume makes nothing look stuck.
    const seen = isPaused(group) ? members.held : members.values();
    for (const { pending } of seen) {
      if (pending === null) continue;
      noteAge(oldest, pending, now);
      if (standing(pending, now) === 'waiting') slow += 1;
    }
  }
  return { parked, slow, oldest, unrecordable };
}

interface Waiting {
  readonly parked: number;
  /** By the slow schedule. */
  readonly slow: number;
  readonly oldest: Oldest;
  readonly unrecordable: readonly string[];
}

/** Everything is read, final or dead, reported, recorded and committed. */
export async function isAtRest(owners: Owners): Promise<boolean> {
  const { queue, outbox, log } = owners;
  const partitions = [...owners.partitions];
  if (partitions.length === 0 || outbox.size > 0 || queue.lockedCount > 0) return false;
  if (!partitions.every((partition) => partition.isAtRest)) return false;
  try {
    const bounds = await Promise.all(partitions.map(({ number }) => log.bounds('source', number)));
    return partitions.every((partition, i) => {
      const end = bounds[i]?.end;
      return partition.isAtRest && end !== undefined && partition.offsets.hasReadTo(end);
    });
  } catch {
    return false;
  }
}

/*
 * How many entries each collection of the pipeline holds. At rest all are 0 but what live records keep: their groups and
 * members, the order of their records, and the removals that still count in the window of the guard.
 */

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
  /** Groups that people are still to be notified of. */
  readonly notices: number;
  /** Of the window of the guard, and slices whose order of records is remembered without need. */
  readonly removals: number;
}

export function sizesOf(owners: Owners): Sizes {
  const { queue, outbox, unsettled, lookUps, notices } = owners;
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
    unacknowledged: inPartitions(({ unacknowledgedCount }) => unacknowledgedCount),
    openOffsets: inPartitions(({ offsets }) => offsets.openCount),
    knownRanges: inPartitions(({ offsets }) => offsets.knownRangeCount),
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
    notices: notices.groupCount,
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
