/**
 * Statistics → ready or not, and why. A possible loss is named but does not make the instance unready: a restart would
 * not help.
 */
import { withNamedCommands } from '../core/text/named-commands.ts';
import type { PartitionStats, PipelineStats } from '../pipeline/stats.ts';
import type { Clock } from '../ports.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Empty when ready. */
  readonly reasons: readonly string[];
  /** Why nothing is sent to the target although the instance is ready; null: nothing holds it back. */
  readonly breaker: { readonly reason: string; readonly since: string } | null;
  /** Times that offsets were gone before they were read, or that a retry partition was found empty or recreated. */
  readonly possible_losses: number;
  /** Of a shadow: nothing that changes a group is sent; absent: it is. */
  readonly shadow?: true;
}

/** Of a service without a pipeline. */
export type ServiceHealth = Pick<Readiness, 'ready' | 'reasons'>;

/** What a service says of itself; null: it has not come so far as to have statistics. */
export type ServiceStats = PipelineStats | ServiceHealth | null;

export const isHealth = (stats: PipelineStats | ServiceHealth): stats is ServiceHealth => 'reasons' in stats;

/** The statistics of a pipeline with reasons from outside it why it is not ready. */
export function withObstacles(stats: PipelineStats, obstacles: readonly string[]): PipelineStats {
  const all = [...(stats.obstacles ?? []), ...obstacles];
  return { ...stats, ready: stats.ready && all.length === 0, obstacles: all };
}

/** What `/readyz` shows. */
export function readyPage(stats: ServiceStats): Readiness | ServiceHealth {
  return stats !== null && isHealth(stats) ? { ready: stats.ready, reasons: stats.reasons } : readiness(stats);
}

/** @param stats null: the log has not been reached yet. */
export function readiness(stats: PipelineStats | null): Readiness {
  if (stats === null) {
    return { ready: false, reasons: ['the brokers have not been reached yet'], breaker: null, possible_losses: 0 };
  }
  const { ready, breaker, possibleLosses, isShadow } = stats;
  return {
    ready,
    reasons: ready ? [] : reasonsOf(stats).map((reason) => withNamedCommands(stats, reason)),
    breaker: breaker === null ? null : { reason: breaker.reason, since: new Date(breaker.since).toISOString() },
    possible_losses: possibleLosses,
    ...(isShadow && { shadow: true as const }),
  };
}

function reasonsOf({ partitions, unsettled, unrecordable, obstacles = [] }: PipelineStats): string[] {
  const stuck = [...obstacles, ...unsettled.filter(({ isLasting }) => isLasting).map(stuckReason)];
  if (partitions.length === 0) return stuck.length > 0 ? stuck : ['the consumer group has not been joined yet'];
  const reasons = [
    ...stuck,
    ...inPhase(partitions, 'restoring', 'what is parked is being restored'),
    ...inPhase(partitions, 'catching_up', 'the source is being caught up with'),
    ...inPhase(
      partitions.filter(({ isForRetry }) => isForRetry !== true),
      'refused',
      'the source topic was recreated, truncated or renamed',
    ),
    ...partitions.flatMap(({ partition, refusal }) =>
      refusal === undefined ? [] : [`partition ${partition} is refused: ${refusal}`],
    ),
    ...unrecorded(unrecordable),
  ];
  return reasons.length > 0 ? reasons : ['a rebalance is under way, or the last heartbeat is too old (no lease)'];
}

type Stuck = PipelineStats['unsettled'][number];

const acts: Readonly<Record<Stuck['act'], string>> = {
  write: 'cannot be written to',
  commit: 'cannot be committed to',
  read: 'cannot be read',
};

const stuckReason = ({ topic, act, error, since }: Stuck): string =>
  `the topic ${topic} ${acts[act]} since ${new Date(since).toISOString()}: ${error}`;

function inPhase(partitions: readonly PartitionStats[], phase: PartitionStats['phase'], meaning: string): string[] {
  const numbers = partitions.filter((one) => one.phase === phase).map(({ partition }) => partition);
  return numbers.length === 0 ? [] : [`${meaning}: partitions ${numbers.join(', ')}`];
}

/** Of thousands a few are enough to find the cause. */
const NAMED_MAX = 5;

function unrecorded(groups: readonly string[]): string[] {
  if (groups.length === 0) return [];
  const named = groups.slice(0, NAMED_MAX).join(', ');
  const more = groups.length > NAMED_MAX ? ` and ${groups.length - NAMED_MAX} more` : '';
  return [
    `the retry topic does not take what has to be recorded of the groups ${named}${more}: raise max.message.bytes of the retry topic`,
  ];
}

/**
 * A value that anybody may ask for, and that takes its time to work out: a former one is given while that would take too much.
 * At most a twentieth of the time goes into working it out.
 */
const REST_RATIO = 19;

export class Sparing<T> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #workOut: () => T;
  #last: { readonly value: T; readonly until: number } | null = null;

  constructor(clock: Pick<Clock, 'now'>, workOut: () => T) {
    this.#clock = clock;
    this.#workOut = workOut;
  }

  /** @throws what the work throws, each time */
  value(): T {
    const begun = this.#now();
    if (this.#last !== null && begun < this.#last.until) return this.#last.value;
    const value = this.#workOut();
    const end = this.#now();
    this.#last = { value, until: end + (end - begun) * REST_RATIO };
    return value;
  }

  #now(): number {
    return this.#clock.now().monotonic;
  }
}
