import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { recordBytes } from '../../bench/model/assignment-record.ts';
import { modelInstance, SETTINGS } from '../../bench/model/instance.ts';
import { withTables } from '../../bench/model/scaling.ts';
import { readConfig } from '../../src/config/config.ts';

test('the tables of docs/scaling.md are those of the model', { timeout: 120_000 }, () => {
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
  const { p99 } = modelInstance({ eventsPerSecond: 1_000, seconds: 60, groups: 200, skew: 1 }, target);
  expect(p99).toBeGreaterThan(3.5);
  expect(p99).toBeLessThan(5.5);
});

test('model: a group that is not known takes one request more', () => {
  const load = { eventsPerSecond: 1, seconds: 1_000, groups: 10, skew: 1 };
  const warm = modelInstance(load, target);
  const cold = modelInstance(load, target, { ...SETTINGS, isWarm: false });
  expect(cold.requests - warm.requests).toBe(10);
});

test('model: an instance knows as many members as the pipeline keeps', () => {
  const { pipeline } = readConfig({}, ['pipeline'], () => '');
  expect(SETTINGS.knownMembersMax).toBe(pipeline.snapshotMembersMax);
  expect(SETTINGS.membersPerPatch).toBe(pipeline.membersPerPatchMax);
});

test('model: groups are known as far as there is room for their members', () => {
  const load = { eventsPerSecond: 1, seconds: 10_000, groups: 1_000, skew: 1 };
  const { requestsPerEvent } = modelInstance(load, target, { ...SETTINGS, membersPerGroup: 399 });
  // Half of the groups are known: half of the events take a GET, too.
  expect(requestsPerEvent).toBeGreaterThan(1.45);
  expect(requestsPerEvent).toBeLessThan(1.55);
});

const unlimited = { allowed: Infinity, windowS: 1, latencyS: 0.1 };

test('model: a group sends all that it has at the beginning of its turn before it takes what has come since', () => {
  const { p50, requestsPerEvent } = modelInstance(
    { eventsPerSecond: 450, seconds: 600, groups: 1, skew: 1 },
    unlimited,
  );
  // 45 events come in each request of 50, so that turns of several requests lead to turns of as many.
  expect(p50).toBeGreaterThan(0.2);
  expect(450 * requestsPerEvent).toBeCloseTo(10, 0);
});

test('model: requests for each event do not count what is sent after the last event', () => {
  const { requests, requestsPerEvent } = modelInstance(
    { eventsPerSecond: 1_000, seconds: 10, groups: 1, skew: 1 },
    unlimited,
  );
  expect(requests).toBeGreaterThan(150);
  expect(requestsPerEvent).toBeCloseTo(1 / 50);
});

test('the record of a consumer group is as long as a broker writes it', () => {
  const topics = ['bench-1.source', 'bench-1.retry'] as const;
  const names = { groupId: 'bench-1', clientId: 'rollcall', topics, clientHost: '/127.0.0.1' };
  // Kafka 4.2.0 wrote a key of 11 bytes and a value of 707, in which one member claimed 24 partitions, and the other none.
  const claims = ['[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23]', '[]'];
  const evenClaims = ['[0,1,2,3,4,5,6,7,8,9,10,11]', '[12,13,14,15,16,17,18,19,20,21,22,23]'];
  const value = 707 - claims.join('').length + evenClaims.join('').length;
  const batch = 77;
  expect(recordBytes(2, 12, names)).toBe(batch + 11 + value);
});
