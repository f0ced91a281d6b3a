/** Two and four instances beside one, with a budget of 50 requests a second for each. */
import { ratio, type Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import { drain } from '../world/drain.ts';
import { rollcall } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';
import { BUDGET } from './budget.ts';

/** So many that the instances get the same share of the groups, nearly. */
const PARTITIONS = 24;

export const instances: Part = { name: 'instances', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: 10_000, groups: 500, membersPerGroup: 500 });
  const kafka = await bench.kafka();
  const subject = await rollcall();
  const target = { limits: BUDGET, latencyMs: 20 };
  const once = (count: number) => () =>
    drain(subject, { kafka, workload, target, partitions: PARTITIONS, limitSeconds: 180, instances: count });
  const results = await rounds(bench, [once(1), once(2), once(4)]);
  const working = results.map((round) => round.map(({ seconds, startSeconds }) => seconds - startSeconds));
  const speedUp = (index: number) => working.map((times) => (times[0] ?? Number.NaN) / (times[index] ?? Number.NaN));
  return [
    ratio('2 instances ÷ 1, changes a second, a budget each', speedUp(1), { atLeast: 1.9 }),
    ratio('4 instances ÷ 1, changes a second, a budget each', speedUp(2), { atLeast: 3.6 }),
  ];
}
