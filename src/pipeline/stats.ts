/** What an operator may ask the running pipeline; plain data, computed at each call. Instants in epoch ms. */

import type { BreakerReason } from '../core/target/breaker.ts';
import { earlier, noneWaits, noteAge, type Oldest } from '../core/change/pending.ts';
import type { Partition } from './group.ts';
import type { Stuck } from './unsettled.ts';
import type { Owners } from './owners.ts';

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
  /** Intents neither final nor dead, in memory. */
  readonly pending: number;
  readonly parked: number;
  /** Removals that wait for an operator; they count as parked. */
  readonly held: number;
  readonly dead: number;
  readonly inFlight: number;
  /** Nothing more is read, since too much is pending. */
  readonly isIntakePaused: boolean;
  /** Requests to the target by the kind of their outcome. */
  readonly requests: Readonly<Record<string, number>>;
  readonly conflicts: number;
  readonly throttledMs: number;
  /** `problem`: the failure that opened it, with the address where there was no answer. */
  readonly breaker: { readonly reason: BreakerReason; readonly since: number; readonly problem: string } | null;
  /** Partitions whose committed offset retention has passed: records may be lost. */
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
  /** What else keeps the instance from its work, as the command that runs it has found; each with its remedy. */
  readonly obstacles?: readonly string[];
}

export function statsOf(owners: Owners): PipelineStats {
  const { lease, queue, counts, intakeLimit, api } = owners;
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
    partitions: partitions.map((partition, i) => partitionStats(owners, partition, waiting[i]?.oldest ?? noneWaits())),
    pending: sum(partitions.map((each) => each.counts.pending)),
    parked: sum(waiting.map(({ parked }) => parked)),
    held: sum(partitions.map((each) => each.counts.held)),
    dead: sum(partitions.map((each) => each.counts.dead)),
    inFlight: queue.lockedCount,
    isIntakePaused: intakeLimit.isPaused,
    requests: counts.requests.byName,
    conflicts: counts.conflicts,
    throttledMs: api.gate.throttledMs(),
    breaker: open,
    possibleLosses: counts.possibleLosses,
    skipped: counts.skipped.byName,
    outsideLease: counts.outsideLease,
    refusedRequests: counts.refusedRequests.byName,
    unrecordable,
    strayKeys: owners.keys.count,
    reports: counts.reports.byName,
  };
}

function partitionStats({ backlog }: Owners, partition: Partition, oldest: Oldest): PartitionStats {
  const { number, phase, refusal, isOwned: isKnown } = partition;
  const { lag, oldestAt } = backlog.unread(partition);
  const unapplied = earlier(oldest.unapplied, oldestAt ?? null);
  return {
    partition: number,
    phase: phase === 'fencing' || phase === 'loading' ? 'restoring' : phase,
    ...(lag !== undefined && { lag }),
    ...((unapplied !== null || (isKnown && oldestAt !== undefined)) && { oldestUnappliedAt: unapplied }),
    ...((oldest.held !== null || isKnown) && { oldestHeldAt: oldest.held }),
    ...((oldest.waiting !== null || isKnown) && { oldestWaitingAt: oldest.waiting }),
    ...(refusal !== null && { refusal: refusal.text }),
    ...(refusal?.isForRetry === true && { isForRetry: true as const }),
  };
}

/** One pass without copies: there may be 200,000 intents, and a scrape must not hold up the rest. */
function waitingIn(partition: Partition, now: number): Waiting {
  let parked = 0;
  const oldest = noneWaits();
  // While it is restored, what was read of its live records so far.
  for (const intent of partition.restored.intents()) noteAge(oldest, intent, now);
  const unrecordable: string[] = [];
  for (const { id, members, recordLimit } of partition.groups.values()) {
    if (recordLimit?.isStuck === true) unrecordable.push(id);
    parked += members.parkedCount;
    for (const { pending } of members.values()) if (pending !== null) noteAge(oldest, pending, now);
  }
  return { parked, oldest, unrecordable };
}

interface Waiting {
  readonly parked: number;
  readonly oldest: Oldest;
  readonly unrecordable: readonly string[];
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** Everything is read, final or dead, reported, recorded and committed. */
export async function isAtRest(owners: Owners): Promise<boolean> {
  const { queue, outbox, log } = owners;
  const partitions = [...owners.partitions];
  if (partitions.length === 0 || outbox.size > 0 || queue.lockedCount > 0) return false;
  if (!partitions.every(isPartitionAtRest)) return false;
  try {
    const bounds = await Promise.all(partitions.map(({ number }) => log.bounds('source', number)));
    return partitions.every((partition, i) => isPartitionAtRest(partition) && isReadTo(partition, bounds[i]?.end));
  } catch {
    return false;
  }
}

/** What is held may wait for days; nothing happens to it by itself. */
function isPartitionAtRest(partition: Partition): boolean {
  const { phase, offsets, toWrite, requests, counts, removals, inbox } = partition;
  if (phase !== 'running' || !offsets.isSettled || !inbox.isEmpty) return false;
  if (removals.isDue || removals.isOwing || toWrite.size + requests.answerCount > 0) return false;
  return counts.pending === counts.held;
}

const isReadTo = ({ offsets: { ledger } }: Partition, end: bigint | undefined): boolean =>
  ledger !== null && end !== undefined && ledger.next >= end;
