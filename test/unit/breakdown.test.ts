import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CountedOperations,
  HOUR_MS,
  STANDINGS,
  type Breakdown,
  type BreakdownBy,
  type Figures,
} from '../../src/core/report/breakdown.ts';
import { CountingError, CountingInFile } from '../../src/adapters/record-index/counting.ts';
import { databaseClass } from '../../src/adapters/record-index/sqlite.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { eventReport, reportRecord } from '../../src/core/report/reporting.ts';
import { isAboutNoChange, summarize } from '../../src/core/report/summary.ts';
import { aRequest } from '../support/a-report.ts';

const source = { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: 0 };
const names = { group: 'g', groupTarget: 'g' };
const blank = reportRecord(eventReport({ source, ...names, outcome: 'no_changes', reason: null, reportedAt: 0 }), 1);
const at = (ms: number): string => new Date(ms).toISOString();
const aReason = (code: string): ReportRecord['reason'] => ({
  code,
  message: 'm',
  status: null,
  scim_type: null,
  advice: '',
});
const aRecord = (parts: Partial<ReportRecord>): ReportRecord => ({ ...blank, ...parts });
const applied = (id: string, parts: Partial<ReportRecord> = {}) => aRecord({ id, outcome: 'applied', ...parts });
const failed = (id: string, code: string, parts: Partial<ReportRecord> = {}) =>
  aRecord({ id, outcome: 'failed', reason: aReason(code), ...parts });
const parked = (id: string, attempt: number, parts: Partial<ReportRecord> = {}) =>
  aRecord({ id: `${id}#${attempt}`, attempt, final: false, outcome: 'retry_scheduled', ...parts });

const everything = (): boolean => true;

const InMemory = await databaseClass();

/** In memory and in a file, which have to say the same. */
interface Counting {
  readonly by?: BreakdownBy;
  readonly key?: string | null;
  readonly since?: number | null;
}

function counted(
  records: Iterable<ReportRecord>,
  { by = 'group', key = null, since = null }: Counting = {},
): Breakdown {
  const database = new InMemory(':memory:');
  const stores = [new CountedOperations(since), new CountedOperations(since, new CountingInFile(database))] as const;
  for (const record of records) {
    const [counts, inFile] = stores.map((store) => store.take({ record, key }));
    expect(inFile).toBe(counts);
  }
  const [inMemory, inFile] = stores.map((store) => store.breakdown(by, everything));
  database.close();
  expect(inFile).toEqual(inMemory);
  return inMemory as Breakdown;
}

describe('a row', () => {
  test('counts each change once, by how it stands now', () => {
    const { rows, total } = counted([
      parked('t/0/1/m', 1),
      applied('t/0/1/m'),
      parked('t/0/2/m', 1),
      aRecord({ id: 't/0/3/m#held', final: false, outcome: 'held', reason: aReason('group_percent') }),
      failed('t/0/4/m', 'group_missing'),
      aRecord({ id: 't/0/5/m', outcome: 'quarantined' }),
      aRecord({ id: 'r/0/1', outcome: 'paused' }),
      aRecord({ id: 'drift/t/0/1', outcome: 'drift' }),
    ]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ name: 'g', changes: 5, succeeded: 1, failed: 1, waiting: 1, held: 1, other: 1 });
    expect(rows[0]).toMatchObject(total);
  });

  test('of requests counts each PATCH once, also those of tries that failed', () => {
    const { rows } = counted([
      parked('t/0/1/m', 1, { request: aRequest('p1') }),
      parked('t/0/1/n', 1, { request: aRequest('p1') }),
      applied('t/0/1/m', { request: aRequest('p2'), conflicts: 2 }),
      applied('t/0/1/n', { request: aRequest('p3') }),
      applied('t/0/1/n', { request: aRequest('p3') }),
      // A GET.
      applied('t/0/2/m', { request: aRequest(null) }),
    ]);
    expect(rows[0]).toMatchObject({ changes: 3, requests: 3, conflicts: 2 });
  });

  test('has latencies by nearest rank, of what sent a request', () => {
    const records = Array.from({ length: 100 }, (_, i) => applied(`t/0/${i}/m`, { lag_ms: { queue: i, apply: 1 } }));
    const [row] = counted([...records, applied('t/1/1/m')]).rows;
    expect([row?.p50Ms, row?.p95Ms]).toEqual([50, 95]);
    expect(counted([applied('t/1/1/m')]).rows[0]).toMatchObject({ p50Ms: null, p95Ms: null });
  });

  test('of a group has the most frequent reason of what did not succeed', () => {
    const superseded = aRecord({ id: 't/0/9/m', outcome: 'superseded', reason: aReason('superseded') });
    const { rows } = counted([
      superseded,
      { ...superseded, id: 't/0/8/m' },
      failed('t/0/1/m', 'group_missing'),
      parked('t/0/2/m', 1, { reason: aReason('unavailable') }),
      failed('t/0/3/m', 'unavailable'),
    ]);
    expect(rows[0]?.topReason).toEqual({ code: 'unavailable', count: 2 });
  });

  test('names both ids of a group, by its key where a record holds none', () => {
    const ids = { source_group: 'sales', group: 'G1' };
    const lost = applied('t/0/3/m', { group: null, source_group: null });
    const { rows } = counted([failed('t/0/1/m', 'x', { ...ids, group: null }), applied('t/0/2/m', ids), lost], {
      key: 'sales',
    });
    expect(rows).toMatchObject([{ name: 'sales', target: 'G1', changes: 3 }]);
  });
});

test('a group keeps its id of Genesys Cloud where later records hold none, and has the latest of several', () => {
  const of = (group: string | null, ms: number) => ({ source_group: 'sales', group, reported_at: at(ms) });
  const records = [
    applied('t/0/1/m', of('G9', 1)),
    applied('t/0/2/m', of('G1', 2)),
    failed('t/0/3/m', 'x', of(null, 3)),
  ];
  for (const order of [records, records.toReversed()])
    expect(counted(order).rows).toMatchObject([{ name: 'sales', target: 'G1', changes: 3 }]);
});

test('rows come by failures, then changes; of time in order', () => {
  const of = (group: string) => ({ group, source_group: group });
  const records = [
    applied('t/0/1/m', of('quiet')),
    applied('t/0/2/m', { ...of('busy'), reported_at: at(2 * HOUR_MS) }),
    applied('t/0/3/m', { ...of('busy'), reported_at: at(HOUR_MS + 1) }),
    failed('t/0/4/m', 'group_missing', { ...of('sick'), reported_at: at(2 * HOUR_MS + 1) }),
  ];
  const namesBy = (by: BreakdownBy) => counted(records, { by }).rows.map(({ name }) => name);
  expect(namesBy('group')).toEqual(['sick', 'busy', 'quiet']);
  expect(namesBy('outcome')).toEqual(['failed', 'applied']);
  expect(namesBy('reason')).toEqual(['group_missing', null]);
  expect(namesBy({ spanMs: HOUR_MS })).toEqual([
    '1970-01-01T00:00:00.000Z',
    '1970-01-01T01:00:00.000Z',
    '1970-01-01T02:00:00.000Z',
  ]);
});

test('a PATCH counts in the hour of its first report, a change in that of the record that counts', () => {
  const { rows, total } = counted(
    [
      parked('t/0/1/m', 1, { request: aRequest('p1'), reported_at: at(0) }),
      applied('t/0/1/m', { request: aRequest('p2'), reported_at: at(HOUR_MS) }),
    ],
    { by: { spanMs: HOUR_MS } },
  );
  expect(rows.map(({ changes, requests }) => [changes, requests])).toEqual([
    [0, 1],
    [1, 1],
  ]);
  expect(total).toMatchObject({ changes: 1, requests: 2 });
});

test('a PATCH that no record since then names is not counted', () => {
  const records = [
    parked('t/0/1/m', 1, { request: aRequest('p1'), reported_at: at(0) }),
    applied('t/0/1/m', { request: aRequest('p2'), reported_at: at(HOUR_MS) }),
  ];
  expect(counted(records, { since: HOUR_MS }).total.requests).toBe(1);
});

test('only what is selected is counted, with its requests', () => {
  const operations = new CountedOperations(null);
  for (const record of [
    applied('t/0/1/m', { request: aRequest('p1') }),
    parked('t/0/2/m', 1, { request: aRequest('p2') }),
    failed('t/0/2/m', 'x', { request: aRequest('p3') }),
  ])
    operations.take({ record, key: null });
  const { total } = operations.breakdown('group', ({ outcome }) => outcome === 'failed');
  expect(total).toMatchObject({ changes: 1, failed: 1, succeeded: 0, requests: 2 });
});

describe('any records', () => {
  const few = (prefix: string) => fc.constantFrom(...[1, 2, 3].map((i) => `${prefix}${i}`));
  const anyRecord = fc
    .record({
      operation: fc.integer({ min: 1, max: 6 }),
      outcome: fc.constantFrom('applied', 'failed', 'retry_scheduled', 'held', 'superseded', 'quarantined', 'paused'),
      attempt: fc.integer({ min: 0, max: 2 }),
      ms: fc.integer({ min: 0, max: 3 }).map((hours) => hours * HOUR_MS),
      patch: fc.option(few('p')),
      code: fc.option(few('code')),
      target: fc.option(few('G')),
      queue: fc.option(fc.integer({ min: 0, max: 9 })),
    })
    .map(({ operation, outcome, attempt, ms, patch, code, target, queue }): ReportRecord => {
      const waits = outcome === 'retry_scheduled' ? `#${attempt}` : outcome === 'held' ? '#held' : '';
      return aRecord({
        id: `t/0/${operation}/${outcome === 'paused' ? 'p' : 'm'}${waits}`,
        final: waits === '',
        outcome,
        attempt,
        group: target,
        source_group: `g${operation % 3}`,
        reported_at: at(ms),
        request: patch === null ? null : aRequest(`${operation % 3}-${patch}`),
        reason: code === null ? null : aReason(code),
        lag_ms: { queue, apply: queue },
      });
    });
  /** No two that are equal in all that decides which of them counts. */
  const anyRecords = fc.uniqueArray(anyRecord, {
    selector: ({ id, reported_at, attempt }) => JSON.stringify([id, reported_at, attempt]),
    maxLength: 30,
  });
  const anyBy = fc.constantFrom<BreakdownBy>('group', 'reason', 'outcome', { spanMs: HOUR_MS });

  test('give the same in any order, however often each is repeated', () => {
    const inTwoOrders = anyRecords.chain((records) => {
      const twice = [...records, ...records];
      const shuffled = fc.shuffledSubarray(twice, { minLength: twice.length });
      return fc.tuple(fc.constant(records), shuffled);
    });
    fc.assert(
      fc.property(inTwoOrders, anyBy, ([records, shuffled], by) => {
        expect(counted(shuffled, { by })).toEqual(counted(records, { by }));
      }),
    );
  });

  test('have totals that are the sums of the rows, and what the summary counts', () => {
    fc.assert(
      fc.property(anyRecords, anyBy, (records, by) => {
        const { rows, total } = counted(records, { by });
        const sum = (figure: (row: Figures) => number): number => rows.reduce((all, row) => all + figure(row), 0);
        for (const name of ['changes', 'conflicts', ...STANDINGS] as const)
          expect([name, sum((row) => row[name])]).toEqual([name, total[name]]);
        const sharesNone = typeof by === 'object' || by === 'group';
        if (sharesNone) expect(sum(({ requests }) => requests)).toBe(total.requests);
        else expect(sum(({ requests }) => requests)).toBeGreaterThanOrEqual(total.requests);
        const changes = records.filter((record) => !isAboutNoChange(record));
        expect(total.requests).toBe(new Set(changes.flatMap(({ request }) => request?.patch_id ?? [])).size);
        const summary = summarize(changes, 0);
        expect([total.changes, total.succeeded, total.failed]).toEqual([
          summary.total_operations,
          summary.success_count,
          summary.failure_count,
        ]);
      }),
    );
  });
});

test('what is held stands in the hour since which it is, however often it is reported again', () => {
  const held = (epoch: number, hour: number) =>
    aRecord({
      id: 'a#held',
      final: false,
      outcome: 'held',
      epoch,
      held_since: at(HOUR_MS),
      reported_at: at(hour * HOUR_MS),
    });
  const { rows } = counted([held(1, 1), held(3, 9), held(5, 20)], { by: { spanMs: HOUR_MS } });
  expect(rows).toMatchObject([{ name: at(HOUR_MS), held: 1 }]);
});

test('a full temporary disk is an error of the count', () => {
  const database = new InMemory(':memory:');
  const counts = new CountedOperations(null, new CountingInFile(database));
  database.exec('PRAGMA temp.max_page_count = 20');
  const count = (): void => {
    for (let i = 0; i < 10_000; i += 1) counts.take({ record: applied(`s/0/${i}/m`), key: null });
  };
  expect(count).toThrow(CountingError);
  expect(count).toThrow(/full/);
  database.close();
});
