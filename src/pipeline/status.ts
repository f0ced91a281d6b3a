/**
 * What an instance says of itself (`rollcall status`): its figures, what is still to be done, and how long that takes. Plain data,
 * computed at each call: a pass over what is pending.
 */
import { earlier, isHeld, sinceOf, standing } from '../core/change/pending.ts';
import { convergesInMs, isPredictable, leftOf, type RequestBudget, type Speed } from '../core/status/convergence.ts';
import type {
  AffectedGroup,
  InstanceStatus,
  PartitionStatus,
  PipelineStatus,
  StatusAsked,
} from '../core/status/instance-status.ts';
import { workAhead, type GroupNeed, type Intake } from '../core/status/work-ahead.ts';
import { closedBy } from '../core/target/breaker.ts';
import { isSatisfied } from '../core/target/snapshot.ts';
import { advices, type ShownBreaker } from './state/breaker.ts';
import type { Group, Partition } from './state/group.ts';
import { isPaused, type Owners } from './state/owners.ts';
import type { PartitionStats, PausedStats, PipelineStats } from './stats.ts';

/** An answer must not hold up the rest. */
const AFFECTED_MAX = 10_000;

/** @param stats of the same partitions, as they are now. */
export function statusOf(owners: Owners, { withAffected }: StatusAsked, stats: PipelineStats): PipelineStatus {
  const { clock, api, breaker, lookUps, options, lease } = owners;
  const now = clock.now().wall;
  const due: DueGroup[] = [];
  const pausedGroups: Group[] = [];
  const partitions = [...owners.partitions].map((partition, i) => {
    const waits = waitsOf(owners, partition, { due, pausedGroups, now });
    return partitionStatus(partition, stats.partitions[i], waits);
  });
  const needs = due.map(({ need }) => need);
  const work = workAhead(needs, { intake: intakeOf(owners, partitions), membersMax: options.membersPerPatchMax, now });
  const ahead = { ...work, requests: work.requests + lookUps.size };
  const budget = api.gate.budget();
  const { open } = breaker;
  const isPredicted = open === null && isPredictable(ahead, partitions);
  return {
    now,
    member_id: lease.memberId,
    ...(options.isShadow && { shadow: true as const }),
    possible_losses: stats.possibleLosses,
    partitions,
    paused: pausedJson(stats.paused),
    in_flight: stats.inFlight,
    intake_paused: stats.isIntakePaused,
    budget: budgetJson(budget),
    requests_ahead: ahead.requests,
    converges_in_ms: isPredicted ? Math.ceil(convergesInMs(ahead, speedOf(owners), budget)) : null,
    breaker: open && breakerJson(open),
    affected: withAffected
      ? affectedJson([
          ...due.map(({ affected }) => affected),
          ...pausedGroups.flatMap((group) => pausedAffected(group) ?? []),
        ])
      : null,
  };
}

/** What of a partition waits, and until when. */
interface Waits {
  readonly tried: number;
  readonly due: number;
  readonly paused: number;
  readonly parked: number;
  readonly waiting: number;
  readonly nextWaitEndsAt: number | null;
}

/** What of one group could be sent, if the target could be worked with. */
interface DueGroup {
  readonly need: GroupNeed;
  readonly affected: AffectedGroup;
}

/** @param found takes the groups of which something is due, and those that are paused */
function waitsOf(
  owners: Owners,
  partition: Partition,
  found: { readonly due: DueGroup[]; readonly pausedGroups: Group[]; readonly now: number },
): Waits {
  let [tried, due, paused, parked, waiting] = [0, 0, 0, 0, 0];
  let nextWaitEndsAt: number | null = null;
  for (const group of partition.groups.values()) {
    parked += group.members.parkedCount;
    if (isPaused(group)) {
      paused += group.members.unheldCount;
      found.pausedGroups.push(group);
      continue;
    }
    let isDue = false;
    for (const { pending } of group.members.values()) {
      const kind = pending === null ? 'dead' : standing(pending, found.now);
      if (pending === null || kind === 'dead' || kind === 'held') continue;
      if (kind === 'waiting') {
        waiting += 1;
        nextWaitEndsAt = earlier(nextWaitEndsAt, pending.notBefore);
      } else {
        due += 1;
        tried += Number(pending.attempt > 0);
        isDue = true;
      }
    }
    if (isDue) found.due.push(dueOf(owners, group, found.now));
  }
  return { tried, due, paused, parked, waiting, nextWaitEndsAt };
}

function dueOf(owners: Owners, group: Group, now: number): DueGroup {
  const snapshot = owners.snapshots.peek(group);
  let [due, changes, fullStates, since, waitUntil] = [0, 0, 0, Number.POSITIVE_INFINITY, 0];
  for (const { pending } of group.members.values()) {
    if (pending === null || standing(pending, now) !== 'unapplied') continue;
    due += 1;
    since = Math.min(since, sinceOf(pending));
    waitUntil = Math.max(waitUntil, pending.notBefore);
    if (pending.op === 'state') fullStates += 1;
    else if (snapshot === null || pending.target === null || !isSatisfied(pending, snapshot)) changes += 1;
  }
  const need = { changes, fullStates, isUnknown: snapshot === null || group.doubt !== null, waitUntil };
  return { need, affected: { group: group.id, changes: due, since } };
}

function intakeOf({ counts, options }: Owners, partitions: readonly PartitionStatus[]): Intake {
  const unread = partitions.reduce((sum, partition) => sum + (partition.unread ?? 0), 0);
  const unheld = partitions.reduce((sum, { pending, held }) => sum + pending - held, 0);
  return { unread, room: options.pendingIntentsMax - unheld, lately: counts.lately };
}

const speedOf = ({ options, counts, intakeLimit, backlog }: Owners): Speed => ({
  slots: options.concurrency,
  requestMs: counts.requestMs.value,
  readPerSecond: intakeLimit.isPaused ? null : backlog.readPerSecond,
});

function partitionStatus(
  { number, ownership, offsets, counts }: Partition,
  stats: PartitionStats | undefined,
  { nextWaitEndsAt, ...waits }: Waits,
): PartitionStatus {
  const { phase = 'restoring', lag, oldestUnappliedAt, oldestHeldAt, oldestWaitingAt } = stats ?? {};
  return {
    partition: number,
    epoch: ownership.epoch,
    phase,
    next_offset: offsets.position === null ? null : String(offsets.position),
    ...(lag !== undefined && { unread: lag }),
    ...(oldestUnappliedAt !== undefined && { oldest_unapplied_at: oldestUnappliedAt }),
    ...(oldestHeldAt !== undefined && { oldest_held_at: oldestHeldAt }),
    ...(oldestWaitingAt !== undefined && { oldest_waiting_at: oldestWaitingAt }),
    pending: counts.pending,
    held: counts.held,
    dead: counts.dead,
    ...waits,
    next_wait_ends_at: nextWaitEndsAt,
  };
}

const pausedJson = ({ partitions, groups, groupCount }: PausedStats): PipelineStatus['paused'] => ({
  partitions: [...partitions],
  groups: [...groups],
  group_count: groupCount,
});

function budgetJson(budget: RequestBudget): InstanceStatus['budget'] {
  const { window, pace, closedForMs } = budget;
  return {
    allowed: window && window.allowed,
    used: window && window.used,
    left: leftOf(budget),
    resets_in_ms: window && Math.ceil(window.resetsInMs),
    assumed: window?.isAssumed ?? false,
    per_minute: pace && pace.perMinute,
    closed_for_ms: Math.ceil(closedForMs),
  };
}

const breakerJson = ({ reason, since, problem, failed, nextProbeAt }: ShownBreaker): InstanceStatus['breaker'] => ({
  reason,
  since,
  problem,
  advice: advices[reason],
  closed_by: closedBy({ failed }),
  next_probe_at: nextProbeAt,
});

/** All that waits for the resume, whenever it could be tried after it; null: nothing does. */
function pausedAffected({ id, members }: Group): AffectedGroup | null {
  let [changes, since] = [0, Number.POSITIVE_INFINITY];
  for (const { pending } of members.values()) {
    if (pending === null || pending.dead !== null || isHeld(pending)) continue;
    changes += 1;
    since = Math.min(since, sinceOf(pending));
  }
  return changes === 0 ? null : { group: id, changes, since, paused: true };
}

function affectedJson(affected: readonly AffectedGroup[]): NonNullable<InstanceStatus['affected']> {
  const groups = affected.toSorted((a, b) => a.since - b.since);
  return { groups: groups.slice(0, AFFECTED_MAX), left_out: Math.max(0, groups.length - AFFECTED_MAX) };
}
