/**
 * What an instance says of itself (`rollcall status`): its figures, what is still to be done, and how long that takes. Plain data,
 * computed at each call: a pass over what is pending.
 */
import { sinceOf, standing } from '../core/change/pending.ts';
import { convergesInMs, leftOf, type RequestBudget, type Speed } from '../core/status/convergence.ts';
import type { AffectedGroup, InstanceStatus, PipelineStatus } from '../core/status/instance-status.ts';
import { workAhead, type GroupNeed, type Intake } from '../core/status/work-ahead.ts';
import { closedBy } from '../core/target/breaker.ts';
import { isSatisfied } from '../core/target/snapshot.ts';
import { advices, type ShownBreaker } from './state/breaker.ts';
import type { Group, Partition } from './state/group.ts';
import type { Owners } from './state/owners.ts';
import { statsOf, type PartitionStats } from './stats.ts';

/** An answer must not hold up the rest. */
const AFFECTED_MAX = 10_000;

/** @param withAffected lists the groups whose changes wait for the target. */
export function statusOf(owners: Owners, { withAffected }: { readonly withAffected: boolean }): PipelineStatus {
  const { clock, api, breaker, lookUps, options } = owners;
  const stats = statsOf(owners);
  const now = clock.now().wall;
  const due = [...owners.partitions.groups()].flatMap((group) => dueOf(owners, group, now) ?? []);
  const intake = intakeOf(owners, unreadIn(stats.partitions));
  const needs = due.map(({ need }) => need);
  const ahead = workAhead(needs, { intake, membersMax: options.membersPerPatchMax, now });
  const requests = ahead.requests + lookUps.size;
  const budget = api.gate.budget();
  const isKnown =
    ahead.isSample && stats.partitions.every(({ phase, lag }) => phase !== 'restoring' && lag !== undefined);
  const { open } = breaker;
  return {
    now,
    partitions: [...owners.partitions].map((partition, i) => partitionStatus(partition, stats.partitions[i])),
    pending: stats.pending,
    parked: stats.parked,
    held: stats.held,
    dead: stats.dead,
    waiting: stats.waiting,
    next_wait_ends_at: stats.nextWaitEndsAt,
    in_flight: stats.inFlight,
    intake_paused: stats.isIntakePaused,
    budget: budgetJson(budget),
    requests_ahead: requests,
    converges_in_ms:
      open === null && isKnown ? Math.ceil(convergesInMs({ ...ahead, requests }, speedOf(owners), budget)) : null,
    breaker: open && breakerJson(open),
    affected: withAffected ? affectedJson(due) : null,
  };
}

const speedOf = ({ options, counts, intakeLimit, backlog }: Owners): Speed => ({
  slots: options.concurrency,
  requestMs: counts.requestMs.value,
  readPerSecond: intakeLimit.isPaused ? null : backlog.readPerSecond,
});

const unreadIn = (partitions: readonly PartitionStats[]): number =>
  partitions.reduce((sum, { lag = 0 }) => sum + lag, 0);

function partitionStatus({ number, ownership, offsets }: Partition, stats: PartitionStats | undefined) {
  const { phase = 'restoring', lag, oldestUnappliedAt, oldestHeldAt, oldestWaitingAt, refusal } = stats ?? {};
  return {
    partition: number,
    epoch: ownership.epoch,
    phase,
    next_offset: offsets.position === null ? null : String(offsets.position),
    ...(lag !== undefined && { unread: lag }),
    ...(oldestUnappliedAt !== undefined && { oldest_unapplied_at: oldestUnappliedAt }),
    ...(oldestHeldAt !== undefined && { oldest_held_at: oldestHeldAt }),
    ...(oldestWaitingAt !== undefined && { oldest_waiting_at: oldestWaitingAt }),
    ...(refusal !== undefined && { refusal }),
  };
}

function budgetJson(budget: RequestBudget): InstanceStatus['budget'] {
  const { window, closedForMs } = budget;
  return {
    allowed: window && window.allowed,
    used: window && window.used,
    left: leftOf(budget),
    resets_in_ms: window && Math.ceil(window.resetsInMs),
    closed_for_ms: Math.ceil(closedForMs),
  };
}

const breakerJson = ({
  reason,
  since,
  problem,
  failed,
  probes,
  nextProbeAt,
}: ShownBreaker): InstanceStatus['breaker'] => ({
  reason,
  since,
  problem,
  advice: advices[reason],
  closed_by: closedBy({ failed }),
  probes,
  next_probe_at: nextProbeAt,
});

/** What of one group could be sent, if the target could be worked with. */
interface DueGroup {
  readonly need: GroupNeed;
  readonly affected: AffectedGroup;
}

function dueOf(owners: Owners, group: Group, now: number): DueGroup | null {
  const snapshot = owners.snapshots.get(group);
  let [due, changes, fullStates, since, waitUntil] = [0, 0, 0, Number.POSITIVE_INFINITY, 0];
  for (const { pending } of group.members.values()) {
    if (pending === null || standing(pending, now) !== 'unapplied') continue;
    due += 1;
    since = Math.min(since, sinceOf(pending));
    waitUntil = Math.max(waitUntil, pending.notBefore);
    if (pending.op === 'state') fullStates += 1;
    else if (snapshot === null || pending.target === null || !isSatisfied(pending, snapshot)) changes += 1;
  }
  if (due === 0) return null;
  const need = { changes, fullStates, isUnknown: snapshot === null || group.doubt !== null, waitUntil };
  return { need, affected: { group: group.id, changes: due, since } };
}

function intakeOf({ counts, options, partitions }: Owners, unread: number): Intake {
  const finished = Object.values(counts.reports.byName).reduce((sum, count) => sum + count, 0);
  const pending = [...partitions].reduce((sum, partition) => sum + partition.counts.pending - partition.counts.held, 0);
  const patches = counts.requestTimes.write.view.count;
  return { pending, pendingMax: options.pendingIntentsMax, unread, finished, patches };
}

function affectedJson(due: readonly DueGroup[]): NonNullable<InstanceStatus['affected']> {
  const groups = due.map(({ affected }) => affected).toSorted((a, b) => a.since - b.since);
  return { groups: groups.slice(0, AFFECTED_MAX), left_out: Math.max(0, groups.length - AFFECTED_MAX) };
}
