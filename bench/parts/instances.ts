/**
 * Two and four instances beside one, on the same backlog, with a budget of requests for each (the sandbox counts by token).
 *
 * Counted is the time from the first request of any instance until all groups are right. The instances start together, so that
 * their joins count, and so does the work of the instance that has the most of it. The first window of a budget costs no time.
 * The runs take about 40, 20 and 10 windows, so that it and the joins weigh little.
 */
import { ratio, type Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import { drain } from '../world/drain.ts';
import { rollcall } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

const BUDGET = { allowed: 75, windowSeconds: 1 };
/** The groups of this workload fall on them so evenly that each quarter of the partitions has a quarter of the requests, ± 5 %. */
const PARTITIONS = 12;

export const instances: Part = { name: 'instances', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: 30_000, groups: 1_500, membersPerGroup: 500 });
  const subject = await rollcall();
  const options = {
    kafka: await bench.kafka(),
    workload,
    target: { limits: BUDGET, latencyMs: 20 },
    partitions: PARTITIONS,
    limitSeconds: 180,
  };
  const once = (count: number) => async (): Promise<number> => {
    const { seconds, startSeconds } = await drain(subject, { ...options, instances: count });
    return seconds - startSeconds;
  };
  const results = await rounds(bench, [once(1), once(2), once(4)]);
  const secondsOf = (index: number) => results.map((times) => times[index] ?? Number.NaN);
  const speedUp = (index: number) => secondsOf(index).map((time, round) => (secondsOf(0)[round] ?? Number.NaN) / time);
  const seconds = (count: number, index: number) => ({
    name: `30,000 events on 1,500 groups, instances: ${count}`,
    values: secondsOf(index),
    unit: 's',
    digits: 1,
    goal: null,
  });
  return [
    ratio('2 instances ÷ 1, changes a second, a budget each', speedUp(1), { atLeast: 1.9 }),
    ratio('4 instances ÷ 1, changes a second, a budget each', speedUp(2), { atLeast: 3.6 }),
    ...[1, 2, 4].map(seconds),
  ];
}
