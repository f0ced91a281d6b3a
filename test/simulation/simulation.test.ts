/** Histories of the whole service in virtual time, always the same; fresh ones: `npm run simulate`, `npm run nightly`. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { neverFired } from './coverage.ts';
import type { Plan } from './history.ts';
import { drawPlan, play } from './history.ts';
import { runInProcesses } from './processes.ts';
import { scenarioOf } from './run.ts';
import { shrink } from './shrink.ts';
import { narrate } from './narration.ts';

/** As many as `npm run simulate`, which asks besides whether every kind of fault has happened. */
const SEEDS = 2_000;

test(`no history breaks a promise: seeds 1 to ${SEEDS}`, async () => {
  const job = { from: 1, to: 1 + SEEDS, scenario: null, stopsAtFirst: false };
  const tally = await runInProcesses(job, 2, () => undefined);
  expect(tally.broken).toEqual([]);
  expect(tally.histories).toBe(SEEDS);
}, 600_000);

test('no history breaks a promise in which the source is read again: seeds 1 to 40', async () => {
  const job = { from: 1, to: 41, scenario: 'readAgain', stopsAtFirst: false } as const;
  const tally = await runInProcesses(job, 2, () => undefined);
  expect(tally.broken).toEqual([]);
  expect(neverFired(tally.counts.counts, ['readAgain'])).toEqual([]);
}, 600_000);

test('no history breaks a promise in which groups are compared beside the changes: seeds 1 to 100', async () => {
  const job = { from: 1, to: 101, scenario: 'compared', stopsAtFirst: false } as const;
  const tally = await runInProcesses(job, 2, () => undefined);
  expect(tally.broken).toEqual([]);
  const { counts } = tally.counts;
  expect(['missing', 'extra', 'undone'].filter((kind) => !counts.has(`compared: ${kind}`))).toEqual([]);
}, 600_000);

test('one seed is one history, whatever else goes on', async () => {
  const drawn = [1, 2, 3, 4, 5].map((seed) => drawPlan(seed, scenarioOf(seed, null)));
  const plans = [...drawn, drawPlan(1, 'compared')];
  const alone: string[] = [];
  for (const plan of plans) alone.push(narrate(plan, await play(plan, true)));
  const together = await Promise.all(plans.map(async (plan) => narrate(plan, await play(plan, true))));
  expect(together).toEqual(alone);
  expect(new Set(alone).size).toBe(plans.length);
});

const folder = new URL('regressions/', import.meta.url);

interface Regression {
  readonly sentence: string;
  readonly plan: Plan;
}

test('what was found once is not found again', async () => {
  for (const name of readdirSync(folder)) {
    const { sentence, plan } = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Regression;
    const { violation, intents } = await play(plan);
    expect(violation?.message, `${name}: ${sentence}`).toBeUndefined();
    expect(intents, name).toBeGreaterThan(0);
  }
});

test('a history that breaks a promise is made small', async () => {
  // given 40 events, of which one needs another that comes long before it
  const { settings } = drawPlan(1, 'calm');
  const change = { kind: 'change', group: 0, remove: [] } as const;
  const events = Array.from({ length: 40 }, (_, i) => ({ ...change, add: [i], at: i * 1_000 }));
  const adds = (plan: Plan): readonly number[] =>
    plan.events.flatMap((event) => (event.kind === 'change' ? event.add : []));
  const breaks = async (plan: Plan): Promise<boolean> => adds(plan).includes(3) && adds(plan).includes(31);
  // when, then
  expect(adds(await shrink({ seed: 1, settings, events }, breaks))).toEqual([3, 31]);
  await expect(shrink({ seed: 1, settings, events: [] }, breaks)).rejects.toThrow(/breaks no promise/);
});
