/**
 * A backlog under a budget of 50 requests a second. The sandbox counts in fixed windows, as the target does, so that the first
 * window's requests cost no waiting: ideal is the time until the last window that must be used opens.
 */
import { ratio, single, type Figure } from '../figure.ts';
import { modelInstance, offBy, OFF_BY_MAX, SETTINGS } from '../model/instance.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { drain, type Drained } from '../world/drain.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

export const BUDGET = { allowed: 50, windowSeconds: 1 };
const LATENCY_MS = 20;
const LIMIT_SECONDS = 180;
const [EVENTS, GROUPS, MEMBERS_PER_GROUP] = [10_000, 500, 500];
/** All events at once, as a backlog is. */
const AT_ONCE_S = 0.001;

export const budget: Part = { name: 'budget', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: EVENTS, groups: GROUPS, membersPerGroup: MEMBERS_PER_GROUP });
  const kafka = await bench.kafka();
  const target = { limits: BUDGET, latencyMs: LATENCY_MS };
  const once = (subject: Subject) => () =>
    drain(subject, { kafka, workload, target, partitions: 6, limitSeconds: LIMIT_SECONDS });
  const pairs = await inPairs(bench, once(await rollcall()), once(await peer('batch')));
  const idealSeconds = (Math.ceil(workload.idealRequests / BUDGET.allowed) - 1) * BUDGET.windowSeconds;
  const modelled = modelInstance(
    { eventsPerSecond: EVENTS / AT_ONCE_S, seconds: AT_ONCE_S, groups: GROUPS, skew: 2 },
    { allowed: BUDGET.allowed, windowS: BUDGET.windowSeconds, latencyS: LATENCY_MS / 1000 },
    { ...SETTINGS, membersPerGroup: MEMBERS_PER_GROUP, isWarm: false },
  );
  const name = (what: string) => `backlog of 10,000 events on 500 groups, 50 requests/s: ${what}`;
  const each = (value: (run: Drained, peerRun: Drained) => number) => pairs.map(([a, b]) => value(a, b));
  const refused = { unit: '%', digits: 1 };
  return [
    ratio(
      name('time from the first request on ÷ ideal'),
      each((a) => working(a) / idealSeconds),
      { atMost: 1.05 },
    ),
    ratio(
      name('time ÷ batch'),
      each((a, b) => working(a) / working(b)),
      null,
    ),
    ratio(
      name('time, the model is off by'),
      each((a) => offBy(modelled.doneS, working(a))),
      OFF_BY_MAX,
    ),
    { ...refused, name: name('429s'), values: each((a) => (100 * a.refused) / a.requests), goal: { atMost: 1 } },
    { ...refused, name: name('429s of batch'), values: each((_, b) => (100 * b.refused) / b.requests), goal: null },
    single(name('groups that batch left wrong'), Math.max(...each((_, b) => b.wrongGroups)), {}),
  ];
}

const working = ({ seconds, startSeconds }: Drained): number => seconds - startSeconds;
