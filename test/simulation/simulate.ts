/**
 * Plays histories of the whole service in virtual time: `npm run simulate -- --seeds 100000 --from 1 --scenario handover`.
 * Exit code 1 where a promise is broken, or where some kind of fault never happened in 1,000 histories or more.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { neverFired } from './coverage.ts';
import type { Plan } from './history.ts';
import { play } from './history.ts';
import { inTurn, planOf, type Broken, type Tally } from './run.ts';
import type { Scenario } from './scenarios.ts';
import { scenarioNames } from './scenarios.ts';
import { shrink } from './shrink.ts';
import { narrate } from './narration.ts';
import { runInProcesses } from './processes.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    'rebalance-timeout': { type: 'string' },
    narrate: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const usage = `npm run simulate -- [--seeds 2000] [--from 1] [--scenario ${scenarioNames.join('|')}] [--rebalance-timeout MS] [--narrate]
  --rebalance-timeout   of the consumer group, in every history; the configuration refuses values below 12000 here
  --narrate   say what happens in the first seed, in words, instead of a run of many`;

/** Of the seeds that broke a promise: one cause often breaks many. */
const NAMED_MAX = 20;

/** Fewer may miss a rare fault. */
const COVERED_FROM = 1_000;

const rebalanceTimeoutMs = values['rebalance-timeout'];
const rebalance = rebalanceTimeoutMs === undefined ? {} : { rebalanceTimeoutMs: Number(rebalanceTimeoutMs) };
const scenario = values.scenario === undefined ? null : scenarioNames.find((name) => name === values.scenario);
const [from, seeds] = [Number(values.from), Number(values.seeds)];
if (values.help || scenario === undefined || !Number.isInteger(from) || !(seeds > 0)) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 64;
} else if (values.narrate) await narrateSeed(from, scenario ?? 'mixed');
else process.exitCode = await simulate(scenario);

async function simulate(only: Scenario | null): Promise<number> {
  const startedAt = performance.now();
  const processes = Math.min(availableParallelism(), seeds);
  const job = { from, to: from + seeds, scenario: only, stopsAtFirst: false, ...rebalance };
  const tally = await runInProcesses(job, processes, progressLine(startedAt));
  const seconds = (performance.now() - startedAt) / 1_000;
  const unseen = neverFired(tally.counts.counts, only === null ? inTurn : [only]);
  console.log(summaryOf(tally, { seconds, processes }));
  if (unseen.length > 0) console.log(`never happened: ${unseen.join(', ')}`);
  for (const each of tally.broken.slice(0, NAMED_MAX))
    console.log(`BROKEN seed ${each.seed} (${each.scenario}): ${each.message}`);
  const [first] = tally.broken;
  if (first !== undefined) await narrateSmallest(first);
  return tally.broken.length > 0 || (unseen.length > 0 && seeds >= COVERED_FROM) ? 1 : 0;
}

function progressLine(startedAt: number): (histories: number) => void {
  let saidAt = startedAt;
  return (histories) => {
    const now = performance.now();
    if (now - saidAt < 5_000) return;
    saidAt = now;
    const perSecond = (histories / (now - startedAt)) * 1_000;
    console.log(`${histories} of ${seeds} histories, ${perSecond.toFixed(0)}/s`);
  };
}

function summaryOf(tally: Tally, { seconds, processes }: { seconds: number; processes: number }): string {
  const { histories, steps, virtualMs, intents, requests, broken } = tally;
  const counts = [...tally.counts.counts].toSorted(([a], [b]) => a.localeCompare(b));
  return [
    ...counts.map(([what, count]) => `  ${what.padEnd(70)} ${count}`),
    `seeds ${from} to ${from + seeds - 1}: ${histories} histories in ${seconds.toFixed(0)} s in ${processes} processes ` +
      `(${(histories / seconds).toFixed(0)}/s), ${(virtualMs / 3_600_000).toFixed(0)} h of virtual time, ${steps} steps, ` +
      `${intents} intents, ${requests} requests`,
    `${broken.length} broke a promise`,
  ].join('\n');
}

async function narrateSmallest({ seed, scenario: own, invariant }: Broken): Promise<void> {
  const breaks = async (smaller: Plan): Promise<boolean> => (await play(smaller)).violation?.invariant === invariant;
  const plan = await shrink(planOf(rebalance, seed, own), breaks);
  console.log(narrate(plan, await play(plan, true)));
  console.log(`to keep it, write this with a sentence into test/simulation/regressions:\n${JSON.stringify(plan)}`);
}

async function narrateSeed(seed: number, own: Scenario): Promise<void> {
  const plan = planOf(rebalance, seed, own);
  console.log(narrate(plan, await play(plan, true)));
}
