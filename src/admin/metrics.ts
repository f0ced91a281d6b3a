/**
 * Statistics → Prometheus text. The pipeline keeps the totals, so every scrape fills a registry of its own: no series
 * of a partition that has gone stays behind.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { BreakerReason } from '../core/breaker.ts';
import type { PipelineStats } from '../pipeline/stats.ts';

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** @param now epoch ms. */
export function metricsText(stats: PipelineStats, now: number): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: number): void => new Gauge({ name, help, registers }).set(value);
  const counter = (name: string, help: string, total: number): void =>
    new Counter({ name, help, registers }).inc(total);

  gauge(
    'rollcall_ready',
    'Whether all partitions are restored, the lease holds, settling goes on and every change fits its live record',
    Number(stats.ready),
  );
  gauge('rollcall_lag', 'Source records not read yet', sum(stats.partitions.map(({ lag }) => lag)));
  gauge('rollcall_pending', 'Changes neither final nor given up', stats.pending);
  gauge('rollcall_parked', 'Changes that wait in the retry topic', stats.parked);
  gauge('rollcall_intake_paused', '1 while no more is read, since too much is pending', Number(stats.isIntakePaused));
  gauge('rollcall_held', 'Removals that wait for an operator', stats.held);
  gauge('rollcall_dead', 'Changes given up that can still be replayed', stats.dead);
  gauge('rollcall_in_flight', 'Requests under way', stats.inFlight);
  gauge('rollcall_possible_losses', 'Partitions whose committed offset retention has passed', stats.possibleLosses);
  counter('rollcall_conflicts_total', 'Version conflicts', stats.conflicts);
  counter('rollcall_throttled_seconds_total', 'Time waited for the rate gate', stats.throttledMs / 1000);
  counter('rollcall_tombstones_skipped_total', 'Source records without a value', stats.skipped['tombstone'] ?? 0);
  counter('rollcall_requests_outside_lease_total', 'Requests that ended outside their lease', stats.outsideLease);
  counter(
    'rollcall_keys_in_two_partitions_total',
    'Source records whose key was last read from another partition',
    stats.strayKeys,
  );
  byLabel(registry, 'rollcall_requests_total', { help: 'Requests to the target', label: 'outcome' }, stats.requests);
  byLabel(
    registry,
    'rollcall_operator_requests_refused_total',
    { help: 'Requests of operators that were not taken up', label: 'reason' },
    stats.refusedRequests,
  );
  byLabel(registry, 'rollcall_reports_total', { help: 'Final reports', label: 'outcome' }, stats.reports);
  byLabel(
    registry,
    'rollcall_skipped_total',
    { help: 'Events that concern no membership', label: 'reason' },
    stats.skipped,
  );
  oldestUnapplied(registry, stats, now);
  unsettledSeconds(registry, stats, now);
  breakerOpen(registry, stats);
  return registry.metrics();
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function byLabel(
  registry: Registry,
  name: string,
  { help, label }: { readonly help: string; readonly label: string },
  totals: Readonly<Record<string, number>>,
): void {
  const counter = new Counter({ name, help: `${help}, by ${label}`, labelNames: [label], registers: [registry] });
  for (const [value, total] of Object.entries(totals)) counter.inc({ [label]: value }, total);
}

function oldestUnapplied(registry: Registry, { partitions }: PipelineStats, now: number): void {
  const gauge = new Gauge({
    name: 'rollcall_oldest_unapplied_seconds',
    help: 'Age of the oldest change that is not final, by partition; 0: none',
    labelNames: ['partition'],
    registers: [registry],
  });
  for (const { partition, oldestUnappliedAt } of partitions) {
    const ageMs = oldestUnappliedAt === null ? 0 : Math.max(0, now - oldestUnappliedAt);
    gauge.set({ partition }, ageMs / 1000);
  }
}

function unsettledSeconds(registry: Registry, { unsettled }: PipelineStats, now: number): void {
  const gauge = new Gauge({
    name: 'rollcall_unsettled_seconds',
    help: 'How long a topic has not taken what is to be written or committed, by topic; no series: it does',
    labelNames: ['topic'],
    registers: [registry],
  });
  const sinceOf = new Map<string, number>();
  for (const { topic, since } of unsettled) sinceOf.set(topic, Math.min(since, sinceOf.get(topic) ?? since));
  for (const [topic, since] of sinceOf) gauge.set({ topic }, Math.max(0, now - since) / 1000);
}

const breakerReasons: readonly BreakerReason[] = ['target', 'auth', 'permission'];

function breakerOpen(registry: Registry, { breaker }: PipelineStats): void {
  const gauge = new Gauge({
    name: 'rollcall_breaker_open',
    help: 'Whether nothing is sent to the target, by reason',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of breakerReasons) gauge.set({ reason }, Number(breaker?.reason === reason));
}
