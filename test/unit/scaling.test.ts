import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { modelInstance } from '../../bench/model/instance.ts';
import { withTables } from '../../bench/model/scaling.ts';

test('the tables of docs/scaling.md are those of the model', () => {
  const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8');
  expect(withTables(page)).toBe(page);
});

const target = { allowed: 50, windowS: 1, latencyS: 0.02 };

test('model: below the budget an event waits only until it is read, and for the request before it', () => {
  const { p50, p99, requests } = modelInstance({ eventsPerSecond: 5, seconds: 100, groups: 50, skew: 1 }, target);
  expect(p50).toBeCloseTo(0.01);
  expect(p99).toBeLessThan(0.04);
  expect(requests).toBeLessThanOrEqual(5 * 100 * 1.3);
});

test('model: above the budget a group waits until all that wait have had their turn', () => {
  // Each of 200 groups has so many events that it always waits: 200 ÷ 50 s from turn to turn.
  const { p99 } = modelInstance({ eventsPerSecond: 2_000, seconds: 60, groups: 200, skew: 1 }, target);
  expect(p99).toBeGreaterThan(3.5);
  expect(p99).toBeLessThan(5.5);
});

test('model: a group that is not known takes one request more', () => {
  const load = { eventsPerSecond: 1, seconds: 1_000, groups: 10, skew: 1 };
  const settings = { concurrency: 20, membersPerPatch: 50, readingS: 0.01, knownGroups: Infinity };
  const warm = modelInstance(load, target, { ...settings, isWarm: true });
  const cold = modelInstance(load, target, { ...settings, isWarm: false });
  expect(cold.requests - warm.requests).toBe(10);
});
