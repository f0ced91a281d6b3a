/** Plays seeds one after the other in this process, and sums up. */
import type { History, Plan } from './history.ts';
import { drawPlan, play } from './history.ts';
import { Counter } from './engine/counter.ts';
import type { Scenario } from './scenarios.ts';
import { scenarioNames } from './scenarios.ts';

export interface Job {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** null: all, one after the other by the seed. */
  readonly scenario: Scenario | null;
  /** Of every history, in place of what it draws; also values that the configuration refuses. */
  readonly rebalanceTimeoutMs?: number;
  /** Stop at the first history that breaks a promise. */
  readonly stopsAtFirst: boolean;
}

export interface Broken {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly invariant: string;
  readonly message: string;
}

export interface Tally {
  histories: number;
  steps: number;
  virtualMs: number;
  requests: number;
  intents: number;
  readonly counts: Counter;
  readonly broken: Broken[];
}

export const newTally = (): Tally => ({
  histories: 0,
  steps: 0,
  virtualMs: 0,
  requests: 0,
  intents: 0,
  counts: new Counter(),
  broken: [],
});

/** Scenarios that came later are asked for by their names, so that a seed keeps its history. */
const askedFor: ReadonlySet<Scenario> = new Set(['readAgain', 'compared']);

export const inTurn: readonly Scenario[] = scenarioNames.filter((name) => !askedFor.has(name));

export const scenarioOf = (seed: number, scenario: Scenario | null): Scenario =>
  scenario ?? inTurn[seed % inTurn.length] ?? 'mixed';

/** How many histories go on side by side: each leaves the event loop to the others at each of its steps. */
const AT_ONCE = 16;

export async function runSeeds(job: Job, onProgress: (tally: Tally) => void): Promise<Tally> {
  const tally = newTally();
  let seed = job.from;
  const work = async (): Promise<void> => {
    while (seed < job.to && !(job.stopsAtFirst && tally.broken.length > 0)) {
      const own = seed;
      seed += job.step;
      const scenario = scenarioOf(own, job.scenario);
      add(tally, { seed: own, scenario }, await playSafely(planOf(job, own, scenario)));
      onProgress(tally);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tally;
}

export function planOf(
  { rebalanceTimeoutMs }: Pick<Job, 'rebalanceTimeoutMs'>,
  seed: number,
  scenario: Scenario,
): Plan {
  const plan = drawPlan(seed, scenario);
  return rebalanceTimeoutMs === undefined ? plan : { ...plan, settings: { ...plan.settings, rebalanceTimeoutMs } };
}

/** What the simulator itself throws is a finding too: no input and no order of events may make anything throw. */
async function playSafely(plan: Plan): Promise<History> {
  try {
    return await play(plan);
  } catch (error) {
    throw new Error(`seed ${plan.seed} cannot be played`, { cause: error });
  }
}

function add(tally: Tally, { seed, scenario }: { seed: number; scenario: Scenario }, history: History): void {
  tally.histories += 1;
  tally.steps += history.steps;
  tally.virtualMs += history.virtualMs;
  tally.requests += history.requests;
  tally.intents += history.intents;
  tally.counts.addAll(history.counts);
  tally.counts.count(`scenario: ${scenario}`);
  const { violation } = history;
  if (violation !== null)
    tally.broken.push({ seed, scenario, invariant: violation.invariant, message: violation.message });
}
