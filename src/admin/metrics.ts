/**
 * Statistics → Prometheus text. The pipeline keeps the totals, so every scrape fills a registry of its own: no series
 * of a partition that has gone stays behind. The figures of the process have one registry that stays: memory, CPU,
 * event loop, garbage collection, and which build it is.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type HistogramConfiguration } from 'prom-client';
import type { DriftFigures } from '../core/drift/findings.ts';
import type { BreakerReason } from '../core/target/breaker.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import { packageVersion } from '../version.ts';
import { isHealth, type ServiceStats } from './readiness.ts';

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** @param now epoch ms. */
export function metricsText(stats: ServiceStats, now: number): Promise<string> {
  const registry = new Registry();
  const isReady = Number(stats?.ready ?? false);
  new Gauge({ name: 'rollcall_ready', help: READY_HELP, registers: [registry] }).set(isReady);
  if (stats !== null && !isHealth(stats)) pipelineMetrics(registry, stats, now);
  return registry.metrics();
}

const READY_HELP = 'Whether the service can do its work; where it cannot, /readyz says why';

function pipelineMetrics(registry: Registry, stats: PipelineStats, now: number): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: number): void => new Gauge({ name, help, registers }).set(value);
  const counter = (name: string, help: string, total: number): void =>
    new Counter({ name, help, registers }).inc(total);
  const byLabel = (name: string, help: string, label: string, totals: Readonly<Record<string, number>>): void => {
    const labelled = new Counter({ name, help: `${help}, by ${label}`, labelNames: [label], registers });
    for (const [value, total] of Object.entries(totals)) labelled.inc({ [label]: value }, total);
  };

  gauge(
    'rollcall_shadow',
    'Whether it runs as a shadow, which sends nothing that changes a group',
    Number(stats.isShadow),
  );
  const lag = lagOf(stats);
  if (lag !== null) gauge('rollcall_lag', 'Source records not read yet; no series: not known', lag);
  gauge(
    'rollcall_intake_paused',
    'Whether no source records are read, since MAX_PENDING_INTENTS changes are pending',
    Number(stats.isIntakePaused),
  );
  gauge('rollcall_pending', 'Changes neither final nor given up', stats.pending);
  gauge('rollcall_parked', 'Changes that wait in the retry topic', stats.parked);
  gauge('rollcall_held', 'Removals that wait for an operator', stats.held);
  gauge('rollcall_waiting', 'Changes that wait by SLOW_RETRY_SCHEDULE_MS', stats.waiting);
  gauge('rollcall_dead', 'Changes given up that can still be replayed', stats.dead);
  gauge('rollcall_paused_partitions', 'Partitions that operators have paused', stats.paused.partitions.length);
  gauge('rollcall_paused_groups', 'Groups that operators have paused by name', stats.paused.groupCount);
  gauge('rollcall_paused_changes', 'Pending changes that wait for an operator to resume', stats.paused.changes);
  gauge('rollcall_in_flight', 'Requests under way', stats.inFlight);
  gauge(
    'rollcall_possible_losses',
    'Times that offsets were gone before they were read, or a retry partition was empty',
    stats.possibleLosses,
  );
  counter('rollcall_conflicts_total', 'Version conflicts', stats.conflicts);
  counter('rollcall_throttled_seconds_total', 'Time waited for the rate gate', stats.gateWaitedMs / 1000);
  counter('rollcall_tombstones_skipped_total', 'Source records without a value', stats.skipped['tombstone'] ?? 0);
  counter('rollcall_requests_outside_lease_total', 'Requests that ended outside their lease', stats.outsideLease);
  counter(
    'rollcall_keys_in_two_partitions_total',
    'Source records whose key was last read from another partition',
    stats.strayKeys,
  );
  byLabel('rollcall_requests_total', 'Requests to the target', 'outcome', stats.requests);
  byLabel(
    'rollcall_operator_requests_refused_total',
    'Requests of operators that were not taken up',
    'reason',
    stats.refusedRequests,
  );
  byLabel('rollcall_reports_total', 'Final reports', 'outcome', stats.reports);
  byLabel('rollcall_skipped_total', 'Events that concern no membership', 'reason', stats.skipped);
  if (stats.notifications !== null) {
    const { waiting, ...results } = stats.notifications;
    byLabel('rollcall_notifications_total', 'Requests to NOTIFY_URL', 'result', results);
    gauge('rollcall_notifications_waiting', 'Messages to NOTIFY_URL that are not delivered', waiting);
  }
  for (const age of ages) oldestSeconds(registry, stats, { ...age, now });
  unsettledSeconds(registry, stats, now);
  breakerOpen(registry, stats);
  if (stats.drift !== undefined) driftMetrics(registry, stats.drift);
  latencies(registry, stats);
}

/** Of all partitions; null: not known of each of them, or none is owned. */
function lagOf({ partitions }: PipelineStats): number | null {
  const first = partitions.length === 0 ? null : 0;
  return partitions.reduce<number | null>(
    (sum, { lag }) => (sum === null || lag === undefined ? null : sum + lag),
    first,
  );
}

const ages = [
  {
    name: 'rollcall_oldest_unapplied_seconds',
    about: 'the oldest change that could be applied and is not, unread ones included, paused ones left out',
    at: 'oldestUnappliedAt',
  },
  {
    name: 'rollcall_oldest_held_seconds',
    about: 'the oldest removal that waits for an operator',
    at: 'oldestHeldAt',
  },
  {
    name: 'rollcall_oldest_waiting_seconds',
    about: 'the oldest change that waits by SLOW_RETRY_SCHEDULE_MS',
    at: 'oldestWaitingAt',
  },
] as const;

function oldestSeconds(
  registry: Registry,
  { partitions }: PipelineStats,
  { name, about, at, now }: (typeof ages)[number] & { readonly now: number },
): void {
  const help = `Age of the source record of ${about}, by partition; 0: none; no series: not known`;
  const gauge = new Gauge({ name, help, labelNames: ['partition'], registers: [registry] });
  for (const { partition, [at]: since } of partitions) {
    if (since !== undefined) gauge.set({ partition }, since === null ? 0 : Math.max(0, now - since) / 1000);
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

function driftMetrics(registry: Registry, { found, passes, requests, groupsLeft, lastFinishedAt }: DriftFigures): void {
  const registers = [registry];
  const counted = { name: 'rollcall_drift_passes_total', help: 'Comparisons of all groups with the target, by result' };
  const counter = new Counter({ ...counted, labelNames: ['result'], registers });
  for (const [result, count] of Object.entries(passes)) counter.inc({ result }, count);
  const asked = { name: 'rollcall_drift_requests_total', help: 'Requests to the target for these comparisons' };
  new Counter({ ...asked, registers }).inc(requests);
  const left = { name: 'rollcall_drift_groups_left', help: 'Groups that the present comparison has not come to' };
  new Gauge({ ...left, registers }).set(groupsLeft);
  if (found === null || lastFinishedAt === null) return;
  const members = { name: 'rollcall_drift_members', help: 'Members that differ from what the source wants, by kind' };
  const gauge = new Gauge({ ...members, labelNames: ['kind'], registers });
  for (const [kind, count] of Object.entries(found.members)) gauge.set({ kind }, count);
  const groups = { name: 'rollcall_drift_groups', help: 'Groups with members that differ' };
  new Gauge({ ...groups, registers }).set(found.groups);
  const last = { name: 'rollcall_drift_last_pass_timestamp_seconds', help: 'When the last comparison has ended' };
  new Gauge({ ...last, registers }).set(lastFinishedAt / 1000);
}

type Durations = PipelineStats['queueTimes'];

function latencies(registry: Registry, { queueTimes, applyTimes, requestTimes }: PipelineStats): void {
  const histogram = (name: string, help: string, series: readonly Series[], labelNames: readonly string[] = []): void =>
    void new StoredHistogram({ name, help, labelNames, registers: [registry] }, series);
  histogram(
    'rollcall_queue_seconds',
    'Time from when a change was read to its first request, once for each final report',
    [{ labels: {}, durations: queueTimes }],
  );
  histogram(
    'rollcall_apply_seconds',
    'Time from the first request of a change to its end, once for each final report',
    [{ labels: {}, durations: applyTimes }],
  );
  const requests = Object.entries(requestTimes).map(([request, durations]) => ({ labels: { request }, durations }));
  histogram('rollcall_request_seconds', 'Time until requests to the target were answered or had failed', requests, [
    'request',
  ]);
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly durations: Durations;
}

/** Shows what the pipeline has counted: prom-client's own histograms count what they observe themselves. */
class StoredHistogram extends Histogram {
  readonly #head: { readonly name: string; readonly help: string };
  readonly #series: readonly Series[];

  constructor(configuration: HistogramConfiguration<string>, series: readonly Series[]) {
    super(configuration);
    this.#head = configuration;
    this.#series = series;
  }

  /** A registry prints this, and `get()` is made of it (prom-client 15.1.3, lib/histogram.js); its types leave it out. */
  async getForPromString() {
    const { name, help } = this.#head;
    return {
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: this.#series.flatMap((each) => samplesOf(name, each)),
    };
  }
}

/** Cumulative buckets in seconds, the last one without an upper bound, their sum and their count. */
function samplesOf(name: string, { labels: sharedLabels, durations: { bounds, counts, sum, count } }: Series) {
  const buckets = [...bounds.map((bound) => bound / 1000), '+Inf'].map((le, i) => ({
    metricName: `${name}_bucket`,
    labels: { le },
    sharedLabels,
    value: counts[i] ?? count,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum / 1000 },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
  ];
}

let registry: Registry | null = null;

export function processMetrics(): Promise<string> {
  registry ??= newRegistry();
  return registry.metrics();
}

function newRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const labels = { version: packageVersion(), node: process.versions.node };
  const name = 'rollcall_build_info';
  const help = 'The version of Rollcall and of Node.js; always 1';
  new Gauge({ name, help, labelNames: Object.keys(labels), registers: [register] }).set(labels, 1);
  return register;
}
