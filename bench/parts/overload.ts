/**
 * 140 events a second for a minute, under a budget of 50 requests a second: how long an event takes to its PATCH. Ideal is a
 * program that knows all groups and loses no time: the group that has waited longest gets the next request, with all that it has.
 */
import { ratio, single, type Figure } from '../figure.ts';
import { modelInstance, offBy, OFF_BY_MAX, SETTINGS } from '../model/instance.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { percentile } from '../world/percentile.ts';
import { drawStream, playStream, type StreamEvent, type Streamed } from '../world/stream.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { BUDGET } from './budget.ts';

const GROUPS = 200;
const LATENCY_MS = 20;
const [PER_SECOND, SECONDS] = [140, 60];

export const overload: Part = { name: 'overload', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const events = drawStream({ perSecond: PER_SECOND, seconds: SECONDS, groups: GROUPS });
  const kafka = await bench.kafka();
  const target = { limits: BUDGET, latencyMs: LATENCY_MS };
  const once = (subject: Subject) => () =>
    playStream(subject, { kafka, events, groups: GROUPS, target, partitions: 6 });
  const pairs = await inPairs(bench, once(await rollcall()), once(await peer('batch')));
  const ideal = idealLatencies(events);
  const modelled = modelInstance(
    { eventsPerSecond: PER_SECOND, seconds: SECONDS, groups: GROUPS, skew: 1 },
    { allowed: BUDGET.allowed, windowS: BUDGET.windowSeconds, latencyS: LATENCY_MS / 1000 },
    { ...SETTINGS, membersPerGroup: (PER_SECOND * SECONDS) / GROUPS },
  );
  const each = (value: (run: Streamed, peerRun: Streamed) => number) => pairs.map(([a, b]) => value(a, b));
  const name = (what: string) => `overload, 140 events/s under 50 requests/s: ${what}`;
  const toIdeal = (run: Streamed, percent: number) => percentile(run.latencies, percent) / percentile(ideal, percent);
  return [
    ratio(
      name('p50 ÷ ideal'),
      each((a) => toIdeal(a, 50)),
      { atMost: 1.3 },
    ),
    ratio(
      name('p99 ÷ ideal'),
      each((a) => toIdeal(a, 99)),
      { atMost: 1.3 },
    ),
    ratio(
      name('p50 of batch ÷ ideal'),
      each((_, b) => toIdeal(b, 50)),
      null,
    ),
    ratio(
      name('p99 of batch ÷ ideal'),
      each((_, b) => toIdeal(b, 99)),
      null,
    ),
    ratio(
      name('p50, the model is off by'),
      each((a) => offBy(modelled.p50 * 1000, percentile(a.latencies, 50))),
      OFF_BY_MAX,
    ),
    ratio(
      name('p99, the model is off by'),
      each((a) => offBy(modelled.p99 * 1000, percentile(a.latencies, 99))),
      OFF_BY_MAX,
    ),
    ratio(
      name('requests, the model is off by'),
      each((a) => offBy(modelled.requests, a.requests)),
      OFF_BY_MAX,
    ),
    single(name('ideal p50'), percentile(ideal, 50), { unit: 'ms' }),
    single(name('ideal p99'), percentile(ideal, 99), { unit: 'ms' }),
    {
      name: name('429s'),
      values: each((a) => (100 * a.refused) / a.requests),
      unit: '%',
      digits: 1,
      goal: { atMost: 1 },
    },
    single(name('groups that batch left wrong'), Math.max(...each((_, b) => b.wrongGroups)), {}),
  ];
}

/** ms of each event, in their order; in steps of 1 ms. */
export function idealLatencies(events: readonly StreamEvent[]): readonly number[] {
  const latencies: number[] = events.map(() => Number.NaN);
  /** In the order in which they began to wait. */
  const waiting = new Map<string, number[]>();
  let permits = 0;
  let next = 0;
  for (let ms = 0; next < events.length || waiting.size > 0; ms += 1) {
    if (ms % (BUDGET.windowSeconds * 1000) === 0) permits = BUDGET.allowed;
    for (; (events[next]?.atMs ?? Infinity) <= ms; next += 1) {
      const { group } = events[next] as StreamEvent;
      waiting.set(group, [...(waiting.get(group) ?? []), next]);
    }
    for (const [group, indices] of waiting) {
      if (permits === 0) break;
      permits -= 1;
      waiting.delete(group);
      for (const index of indices) latencies[index] = ms - (events[index]?.atMs ?? 0);
    }
  }
  return latencies;
}
