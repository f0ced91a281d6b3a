/**
 * One group at 100 ms a request, without a limit: at 200 events a second, with which it keeps up, and at 1,000, with which it does
 * not. How long an event takes to its PATCH, and how far the model is off, which gets the same events.
 */
import { ratio, type Figure } from '../figure.ts';
import { arrivals, modelInstance, offBy, OFF_BY_MAX, SETTINGS } from '../model/instance.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import { percentile } from '../world/percentile.ts';
import { groupName, playStream, type Streamed } from '../world/stream.ts';
import { rollcall } from '../world/subject.ts';

/** So short that the group stays small: each PATCH is answered with all its members. */
const LOADS = [
  { eventsPerSecond: 200, seconds: 10, groups: 1, skew: 1 },
  { eventsPerSecond: 1_000, seconds: 3, groups: 1, skew: 1 },
];
type Load = (typeof LOADS)[number];
const LATENCY_MS = 100;
const UNLIMITED = { allowed: Number.POSITIVE_INFINITY, windowS: 1, latencyS: LATENCY_MS / 1000 };

export const hotGroup: Part = { name: 'hot-group', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const subject = await rollcall();
  const kafka = await bench.kafka();
  const target = { limits: 'off', latencyMs: LATENCY_MS } as const;
  const once = (load: Load) => () =>
    playStream(subject, { kafka, events: eventsOf(load), groups: load.groups, target, partitions: 6 });
  const results = await rounds(bench, LOADS.map(once));
  return LOADS.flatMap((load, index) =>
    figuresOf(
      load,
      results.map((round) => round[index] as Streamed),
    ),
  );
}

const eventsOf = (load: Load) =>
  [...arrivals(load)].map(({ at, group }, index) => ({
    atMs: at * 1000,
    group: groupName(group),
    member: `user-${index + 1}`,
  }));

function figuresOf(load: Load, runs: readonly Streamed[]): readonly Figure[] {
  const perSecond = load.eventsPerSecond;
  const settings = { ...SETTINGS, membersPerGroup: perSecond * load.seconds };
  const modelled = modelInstance(load, UNLIMITED, settings);
  const name = (what: string) => `${perSecond.toLocaleString('en')} events/s of one group, 100 ms a request: ${what}`;
  const wait = (percent: number) => runs.map(({ latencies }) => percentile(latencies, percent));
  const off = (what: string, modelledValue: number, measured: readonly number[]): Figure =>
    ratio(
      name(`${what}, the model is off by`),
      measured.map((value) => offBy(modelledValue, value)),
      OFF_BY_MAX,
    );
  const ms = { unit: 'ms', digits: 0, goal: null };
  return [
    { ...ms, name: name('p50'), values: wait(50) },
    { ...ms, name: name('p99'), values: wait(99) },
    off('p50', modelled.p50 * 1000, wait(50)),
    off('p99', modelled.p99 * 1000, wait(99)),
    off(
      'requests',
      modelled.requests,
      runs.map(({ requests }) => requests),
    ),
  ];
}
