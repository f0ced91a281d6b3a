import { expect, test } from 'vitest';
import { accountLines, failures, type Account } from '../chaos/account.ts';
import { promises } from '../oracle/violation.ts';

const good: Account = {
  seed: 1,
  durationMs: 1_000,
  isCutShort: false,
  faults: [
    ['kill', 2],
    ['freeze', 1],
  ],
  events: 10,
  repeatedBatches: 0,
  intents: 12,
  invalid: 1,
  requests: { PATCH: { 200: 5, 503: 2 }, GET: { 200: 1 } },
  dangerous: 0,
  finalReports: 13,
  repeatedReports: 1,
  retryReports: 2,
  deadLetters: 1,
  outsideLease: 0,
  partitionsLost: 3,
  recoveryMs: [9_000, 1_000, 2_000],
  restMs: 500,
  passersWatched: 1,
  staleEffects: [],
  failures: [],
  violations: [],
};

test('a run in which everything happened and nothing was broken is good', () => {
  expect(failures(good)).toEqual([]);
  expect(accountLines(good)).toContain('requests: PATCH 7, GET 1; 0 ended outside their lease');
  expect(accountLines(good)).toContain('recovery, under further faults: median 2.0 s, max 9.0 s, 3 measured');
  expect(accountLines(good).at(-1)).toBe('verdict: 0 lost, 0 stale, 0 wiped, 0 not accounted for truly');
});

test.each<[string, Partial<Account>, string]>([
  ['a fault that never happened', { faults: [['freeze', 0]] }, 'never happened: freeze'],
  ['a run that was cut short', { isCutShort: true }, 'the time was up before everything had happened'],
  ['requests that could wipe', { dangerous: 1 }, '1 requests could have wiped a group'],
  ['an effect of something older', { staleEffects: ['x came back'] }, 'x came back'],
  ['an instance that ended', { failures: ['it ended'] }, 'it ended'],
  ['a broken promise', { violations: [{ promise: promises.kept, detail: 'a is gone' }] }, 'nothing is lost: a is gone'],
])('%s makes a run fail', (_, changes, failure) => {
  const account = { ...good, ...changes };
  expect(failures(account)).toEqual([failure]);
  expect(accountLines(account).at(-1)).toBe(`FAIL  ${failure}`);
});
