/**
 * What an instance says of itself (`rollcall status`): its figures, what is still to be done, and how long that takes. Plain data,
 * computed at each call: a pass over what is pending.
 */
import { sinceOf, standing } from '../core/change/pending.ts';
import { convergesInMs, leftOf, type RequestBudget, type WorkAhead } from '../core/status/convergence.ts';
import type { AffectedGroup, InstanceStatus, PipelineStatus } from '../core/status/instance-status.ts';
import { closedBy } from '../core/target/breaker.ts';
import { isSatisfied } from '../core/target/snapshot.ts';
import { advices, type ShownBreaker } from './state/breaker.ts';
import type { Group, Partition } from './state/group.ts';
import { isPaused, type Owners } from './state/owners.ts';
import { statsOf, type PartitionStats, type PausedStats } from './stats.ts';

/** An answer must not hold up the rest. */
const AFFECTED_MAX = 10_000;

/** @param withAffected lists the groups whose changes wait for the target. */
export function statusOf(owners: Owners, { withAffected }: { readonly withAffected: boolean }): PipelineStatus {
  const { clock, api, breaker, counts, options, backlog, intakeLimit, partitions } = owners;
  const stats = statsOf(owners);
  const budget = api.gate.budget();
  const needs = new Needs(owners, unreadIn(stats.partitions));
  const { open } = breaker;
  const speed = {
    slots: options.concurrency,
    requestMs: counts.requestMs.value,
    readPerSecond: intakeLimit.isPaused ? null : backlog.readPerSecond,
  };
  return {
    now: clock.now().wall,
    partitions: [...partitions].map((partition, i) => partitionStatus(partition, stats.partitions[i])),
    pending: stats.pending,
    parked: stats.parked,
    held: stats.held,
    dead: stats.dead,
    waiting: needs.waiting.count,
    next_wait_ends_at: needs.waiting.nextAt,
    in_flight: stats.inFlight,
    paused: pausedJson(stats.paused),
    intake_paused: stats.isIntakePaused,
    budget: budgetJson(budget),
    requests_ahead: needs.ahead.requests,
    converges_in_ms: open === null ? Math.ceil(convergesInMs(needs.ahead, speed, budget)) : null,
    breaker: open && breakerJson(open),
    affected: withAffected ? needs.affected(AFFECTED_MAX) : null,
  };
}

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

const pausedJson = ({ groupCount, ...paused }: PausedStats): PipelineStatus['paused'] => ({
  partitions: [...paused.partitions],
  groups: [...paused.groups],
  group_count: groupCount,
  changes: paused.changes,
});

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

/** What is to be done, group by group, and what waits besides. */
class Needs {
  readonly #owners: Owners;
  readonly #now: number;
  readonly #affected: AffectedGroup[] = [];
  #waiting: { count: number; nextAt: number | null } = { count: 0, nextAt: null };
  #changes = 0;
  #patches = 0;
  #requests = 0;
  #longestRun = 0;
  #waitUntil = 0;
  readonly ahead: WorkAhead;

  /** @param unread source records. */
  constructor(owners: Owners, unread: number) {
    this.#owners = owners;
    this.#now = owners.clock.now().wall;
    const pending = [...owners.partitions].reduce(
      (sum, { counts, pausedCount }) => sum + counts.pending - counts.held - pausedCount,
      0,
    );
    // What is read soon falls to the groups that are known, as far as it is let in.
    const readSoon = Math.max(0, Math.min(unread, owners.options.pendingIntentsMax - pending));
    const growth = pending === 0 ? 1 : 1 + readSoon / pending;
    // What is paused will not be applied, however long that takes.
    for (const group of owners.partitions.groups()) if (!isPaused(group)) this.#add(group, growth);
    // The rest comes as thick as what is there then.
    const readLater = pending === 0 ? unread : unread - readSoon;
    const patchesPerRecord = this.#changes === 0 ? 1 : this.#patches / (this.#changes * growth);
    this.ahead = {
      requests: this.#requests + owners.lookUps.size + Math.ceil(readLater * patchesPerRecord),
      longestRun: this.#longestRun,
      waitMs: Math.max(0, this.#waitUntil - this.#now),
      unread,
    };
  }

  /** Changes that wait by the slow schedule, and until when the first of them does. */
  get waiting(): { readonly count: number; readonly nextAt: number | null } {
    return this.#waiting;
  }

  affected(max: number): InstanceStatus['affected'] {
    const groups = this.#affected.toSorted((a, b) => a.since - b.since);
    return { groups: groups.slice(0, max), left_out: Math.max(0, groups.length - max) };
  }

  #add(group: Group, growth: number): void {
    const snapshot = this.#owners.snapshots.get(group);
    const { membersPerPatchMax } = this.#owners.options;
    let [due, toSend, fullStates, since] = [0, 0, 0, Number.POSITIVE_INFINITY];
    for (const { pending } of group.members.values()) {
      if (pending === null) continue;
      const kind = standing(pending, this.#now);
      if (kind === 'waiting') this.#noteWait(pending.notBefore);
      if (kind !== 'unapplied') continue;
      due += 1;
      since = Math.min(since, sinceOf(pending));
      this.#waitUntil = Math.max(this.#waitUntil, pending.notBefore);
      if (pending.op === 'state') fullStates += 1;
      else if (snapshot === null || pending.target === null || !isSatisfied(pending, snapshot)) toSend += 1;
    }
    if (due === 0) return;
    this.#affected.push({ group: group.id, changes: due, since });
    // What a full state changes is not known before the group is read: one PATCH.
    const patches = Math.ceil((toSend * growth) / membersPerPatchMax) + fullStates;
    const reads = patches > 0 && (snapshot === null || group.doubt !== null) ? 1 : 0;
    this.#changes += toSend + fullStates;
    this.#patches += patches;
    this.#requests += patches + reads;
    this.#longestRun = Math.max(this.#longestRun, patches + reads);
  }

  #noteWait(until: number): void {
    const { count, nextAt } = this.#waiting;
    this.#waiting = { count: count + 1, nextAt: Math.min(until, nextAt ?? until) };
  }
}
