import { describe, expect, test } from 'vitest';
import {
  breakdownBy,
  breakdownCsv,
  breakdownJson,
  breakdownText,
  type RowsBy,
} from '../../src/console/breakdown-text.ts';
import { CountedOperations } from '../../src/core/report/breakdown.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { aReport, aRequest } from '../support/a-report.ts';

const reason = (code: string): ReportRecord['reason'] => ({
  code,
  message: 'm',
  status: null,
  scim_type: null,
  advice: '',
});
const sales = { source_group: 'sales', group: 'G1', reported_at: '2026-09-21T14:01:00.000Z' };
const records: readonly ReportRecord[] = [
  aReport(1n, 'a', { ...sales, request: aRequest('p1'), lag_ms: { queue: 1_000, apply: 500 } }),
  aReport(2n, 'b', { ...sales, request: aRequest('p2'), lag_ms: { queue: 100_000, apply: 500 }, conflicts: 1 }),
  aReport(3n, 'c', { ...sales, outcome: 'failed', reason: reason('member_missing') }),
  aReport(4n, 'd', {
    source_group: 'ops',
    group: null,
    outcome: 'failed',
    reason: reason('group_missing'),
    reported_at: '2026-09-21T13:59:59.999Z',
  }),
];

function breakdownOf(by: RowsBy, some = records) {
  const counted = new CountedOperations(null);
  for (const record of some) counted.take({ record, key: null });
  return counted.breakdown(breakdownBy(by), () => true);
}

const textBy = (by: RowsBy, some = records): string => [...breakdownText(breakdownOf(by, some), by)].join('');
const csvBy = (by: RowsBy, some = records): string => [...breakdownCsv(breakdownOf(by, some), by)].join('');

describe('as a table', () => {
  test('by group names both ids', () => {
    expect(textBy('group')).toBe(`\
group  in Genesys Cloud  changes  succeeded  failed  waiting  held  requests  per change  conflicts    p50         p95  top reason
sales  G1                      3          2       1        0     0         2        0.67          1  1.5 s  1 min 41 s  member_missing (1)
ops    -                       1          0       1        0     0         0        0.00          0      -           -  group_missing (1)
total                          4          2       2        0     0         2        0.50          1  1.5 s  1 min 41 s  group_missing (1)
`);
  });

  test('without an id map both ids are one', () => {
    expect(textBy('group', [aReport(1n, 'a', { source_group: 'g', group: 'g' })])).toMatch(/^group {2}changes {2}/);
  });

  test('by hour is in order, in UTC', () => {
    const names = textBy('hour')
      .split('\n')
      .map((line) => line.split('  ')[0]);
    expect(names).toEqual(['hour', '2026-09-21T13:00Z', '2026-09-21T14:00Z', 'total', '']);
  });

  test('counts apart what only a newer version knows, where there is some', () => {
    expect(textBy('outcome')).not.toContain('other');
    expect(textBy('outcome', [aReport(1n, 'a', { outcome: 'quarantined' })])).toContain('held  other  requests');
  });

  test('forges no line and no order of characters', () => {
    const text = textBy('group', [aReport(1n, 'a', { source_group: 'a\nb\u202ec', group: 'x\ny' })]);
    expect(text.split('\n')).toHaveLength(4);
    expect(text).toContain(String.raw`a\u{a}b\u{202e}c`);
  });
});

describe('as CSV', () => {
  test('has a header and rows whose columns can be added up', () => {
    expect(csvBy('group')).toBe(
      [
        '"source_group","group","changes","succeeded","failed","waiting","held","other","requests","requests_per_change","conflicts","latency_p50_ms","latency_p95_ms","top_reason","top_reason_count"',
        '"sales","G1","3","2","1","0","0","0","2","0.667","1","1500","100500","member_missing","1"',
        '"ops","","1","0","1","0","0","0","0","0","0","","","group_missing","1"',
        '',
      ].join('\r\n'),
    );
    expect(csvBy('reason')).toMatch(/^"reason_code","changes"/);
    expect(csvBy('hour')).toContain('"2026-09-21T13:00:00.000Z","1"');
  });

  test('no id is a formula', () => {
    expect(csvBy('group', [aReport(1n, 'a', { source_group: '=1+1', group: '@x' })])).toContain('"\'=1+1","\'@x"');
  });
});

test('as JSON has rows and a total', () => {
  const times = { madeAt: 0, since: null, until: 1_000, missing: [] };
  const json: unknown = JSON.parse([...breakdownJson(breakdownOf('group'), 'group', times)].join(''));
  expect(json).toMatchObject({
    generated_at: '1970-01-01T00:00:00.000Z',
    since: null,
    until: '1970-01-01T00:00:01.000Z',
    by: 'group',
    gone: [],
    rows: [
      { source_group: 'sales', group: 'G1', changes: 3, requests_per_change: 0.667 },
      {
        source_group: 'ops',
        group: null,
        latency_ms: { p50: null, p95: null },
        top_reason: { code: 'group_missing', count: 1 },
      },
    ],
    total: { changes: 4, succeeded: 2, failed: 2, requests: 2, requests_per_change: 0.5 },
  });
});
