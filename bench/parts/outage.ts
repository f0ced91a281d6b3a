/** For 30 s of a minute a twentieth of the groups answer 503: what the others notice of it, beside the same minute without. */
import { ratio, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { pause } from '../../src/time.ts';
import type { Run } from '../world/run.ts';
import { context } from '../world/service.ts';
import { percentile } from '../world/percentile.ts';
import { drawStream, groupName, playStream, type Streamed } from '../world/stream.ts';
import { rollcall } from '../world/subject.ts';

const GROUPS = 200;
const FAILING = new Set(Array.from({ length: GROUPS / 20 }, (_, index) => groupName(index * 20)));
const [FAIL_FROM_MS, FAIL_MS] = [15_000, 30_000];

export const outage: Part = { name: 'outage', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const events = drawStream({ perSecond: 40, seconds: 60, groups: GROUPS });
  const kafka = await bench.kafka();
  // Five attempts can fail within the 30 s. Rollcall then gives the change up, and the memberships are wrong at the end.
  const subject = await rollcall({ RETRY_MAX_ATTEMPTS: '100' });
  const target = { limits: 'off', latencyMs: 20 } as const;
  const once = (disturb: (run: Run) => void) => () =>
    playStream(subject, { kafka, events, groups: GROUPS, target, partitions: 6, disturb });
  const pairs = await inPairs(
    bench,
    once((run) => void failGroups(run)),
    once(() => undefined),
  );
  const others = ({ latencies }: Streamed) => latencies.filter((_, index) => !FAILING.has(events[index]?.group ?? ''));
  const p99 = (run: Streamed) => percentile(others(run), 99);
  const name = (what: string) => `5 % of the groups answer 503 for 30 s: ${what}`;
  return [
    ratio(
      name('p99 of the others ÷ p99 without'),
      pairs.map(([a, b]) => p99(a) / p99(b)),
      { atMost: 1.1 },
    ),
    { name: name('p99 without'), values: pairs.map(([, b]) => p99(b)), unit: 'ms', digits: 0, goal: null },
  ];
}

async function failGroups({ sandbox }: Run): Promise<void> {
  await pause(context.clock, FAIL_FROM_MS);
  const rules = [...FAILING].map((group) =>
    sandbox.addRule({ match: { group }, fault: { kind: 'status', status: 503 } }),
  );
  await pause(context.clock, FAIL_MS);
  for (const rule of rules) sandbox.removeRule(rule);
}
