import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReportRecord } from '../../src/core/report/report.ts';
import { eventReport, reportRecord } from '../../src/core/report/reporting.ts';
import { foldReport, type Operations, operationId, summarize, Summary } from '../../src/core/report/summary.ts';

const source = { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: 0 };
const names = { group: 'g', groupTarget: 'g' };
const blank = reportRecord(eventReport({ source, ...names, outcome: 'no_changes', reason: null, reportedAt: 0 }), 1);
const at = (ms: number) => new Date(ms).toISOString();
const aRecord = (parts: Partial<ReportRecord>): ReportRecord => ({ ...blank, ...parts });
const ended = (id: string, outcome: ReportRecord['outcome'], parts: Partial<ReportRecord> = {}) =>
  aRecord({ id, outcome, ...parts });
const scheduled = (id: string, attempt: number, parts: Partial<ReportRecord> = {}) =>
  aRecord({ id: `${id}#${attempt}`, attempt, final: false, outcome: 'retry_scheduled', ...parts });
const held = (id: string, parts: Partial<ReportRecord> = {}) =>
  aRecord({ id: `${id}#held`, final: false, outcome: 'held', ...parts });

test('counts each operation once, in the documented fields', () => {
  const records = [
    ended('t/0/10/m', 'applied'),
    ended('t/0/9/m', 'failed'),
    scheduled('t/0/11/m', 1),
    scheduled('t/0/10/m', 1),
    ended('t/0/12', 'no_changes'),
  ];
  const summary = summarize(records, 0);
  // What is gone is said where something is.
  expect(Object.keys(summary)).toEqual(Object.keys(Summary.shape).filter((key) => key !== 'gone'));
  expect(summary).toMatchObject({
    generated_at: '1970-01-01T00:00:00.000Z',
    total_operations: 4,
    success_count: 2,
    failure_count: 1,
    by_outcome: { failed: 1, applied: 1, retry_scheduled: 1, no_changes: 1 },
  });
  expect(summary.operations.map(({ id }) => id)).toEqual(['t/0/9/m', 't/0/10/m', 't/0/11/m#1', 't/0/12']);
  expect(Summary.parse(summary)).toEqual(summary);
});

test.each([
  ['success', ['applied', 'recovered', 'already_synced', 'superseded', 'no_changes']],
  ['failure', ['invalid', 'failed', 'permanent_failure']],
  ['neither', ['retry_scheduled', 'held']],
] as const)('%s: %j', (side, outcomes) => {
  for (const outcome of outcomes) {
    const summary = summarize([ended('t/0/1/m', outcome, { final: side !== 'neither' })], 0);
    expect([summary.success_count, summary.failure_count]).toEqual([
      side === 'success' ? 1 : 0,
      side === 'failure' ? 1 : 0,
    ]);
  }
});

test('a pause and its end are no operations, and counted by outcome alone', () => {
  const summary = summarize([ended('t/0/1/m', 'applied'), ended('r/0/7', 'paused'), ended('r/0/9', 'resumed')], 0);
  expect(summary).toMatchObject({
    total_operations: 1,
    success_count: 1,
    failure_count: 0,
    by_outcome: { applied: 1, paused: 1, resumed: 1 },
    operations: [{ id: 't/0/1/m' }],
  });
});

describe('of several records of one operation', () => {
  const winner = (...records: ReportRecord[]) => {
    const there = summarize(records, 0).operations;
    expect(summarize(records.toReversed(), 0).operations).toEqual(there);
    expect(there).toHaveLength(1);
    return there[0];
  };

  test('the higher epoch counts, whatever the clocks say (report-epoch)', () => {
    const stale = ended('t/0/1/m', 'permanent_failure', { epoch: 4, reported_at: at(9000) });
    const right = ended('t/0/1/m', 'applied', { epoch: 5, reported_at: at(1000) });
    expect(winner(stale, right)).toBe(right);
  });

  test('within an epoch the later one counts, so a woken dead intent replaces its failure', () => {
    const dead = ended('t/0/1/m', 'permanent_failure', { reported_at: at(1000) });
    const woken = ended('t/0/1/m', 'recovered', { reported_at: at(2000) });
    expect(winner(dead, woken)).toBe(woken);
  });

  test('a final one beats a non-final one of any epoch', () => {
    const final = ended('t/0/1/m', 'applied');
    expect(winner(final, scheduled('t/0/1/m', 3, { epoch: 9, reported_at: at(9000) }))).toBe(final);
  });

  test('what is held is one operation with its end, whatever that is', () => {
    for (const outcome of ['applied', 'superseded', 'failed'] as const) {
      const final = ended('t/0/1/m', outcome);
      expect(winner(held('t/0/1/m', { epoch: 9, reported_at: at(9000) }), final)).toBe(final);
    }
    // In one millisecond: whichever is read first.
    const both = winner(scheduled('t/0/1/m', 1), held('t/0/1/m', { attempt: 1 }));
    expect(both).toMatchObject({ outcome: 'held' });
    const again = held('t/0/1/m', { reported_at: at(2000) });
    expect(winner(scheduled('t/0/1/m', 1, { reported_at: at(1000) }), again)).toBe(again);
  });

  test('of the scheduled retries the newest stands', () => {
    expect(winner(scheduled('t/0/1/m', 1), scheduled('t/0/1/m', 2))?.attempt).toBe(2);
  });
});

test.each([
  ['t/0/1/m#2', true, 't/0/1/m#2'],
  ['t/0/1/m#2', false, 't/0/1/m'],
  ['t/0/1/m#2#1', false, 't/0/1/m#2'],
  ['t/0/1/m#held', false, 't/0/1/m'],
  ['t/0/1/m#held', true, 't/0/1/m#held'],
  ['t/0/1/m#x', false, 't/0/1/m#x'],
  ['t/0/1/m#2nd', false, 't/0/1/m#2nd'],
  ['t/0/1/m#held_by', false, 't/0/1/m#held_by'],
])('operation of %s, final %s: %s', (id, final, operation) => {
  expect(operationId({ id, final })).toBe(operation);
});

test('repetitions and order do not change the summary, and one record is kept per operation', () => {
  const record = fc
    .record({
      member: fc.constantFrom('a', 'b#1', 'c'),
      epoch: fc.nat(3),
      attempt: fc.nat(3),
      time: fc.nat(3),
      kind: fc.constantFrom('final', 'scheduled', 'held'),
    })
    .map(({ member, epoch, attempt, time, kind }) => {
      const parts = { epoch, attempt, reported_at: at(time) };
      if (kind === 'held') return held(`t/0/1/${member}`, parts);
      return kind === 'final'
        ? ended(`t/0/1/${member}`, 'applied', parts)
        : scheduled(`t/0/1/${member}`, attempt, parts);
    });
  fc.assert(
    fc.property(fc.array(record), fc.array(fc.nat()), (records, picks) => {
      const again = picks.flatMap((pick) => records.slice(pick, pick + 1));
      const shuffled = [...again, ...records.toReversed()];
      expect(summarize(shuffled, 0)).toEqual(summarize(records, 0));
      const operations: Operations = new Map();
      for (const each of records) foldReport(operations, each);
      expect(operations.size).toBeLessThanOrEqual(3);
    }),
  );
});
