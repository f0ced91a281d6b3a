/** How many changes came to what, a row each: as a table for people, as CSV and as JSON. */
import {
  HOUR_MS,
  STANDINGS,
  type Breakdown,
  type BreakdownBy,
  type BreakdownRow,
  type Figures,
} from '../core/report/breakdown.ts';
import { timeText } from '../core/report/reporting.ts';
import type { MissingReports } from '../core/report/summary.ts';
import { durationText } from '../core/text/duration.ts';
import { jsonText, visible } from '../core/text/visible.ts';
import { csvLine, type Cell } from './report-text.ts';

/** Values of `--by`. */
export const ROWS_BY = ['group', 'reason', 'outcome', 'hour'] as const;
export type RowsBy = (typeof ROWS_BY)[number];

export const breakdownBy = (by: RowsBy): BreakdownBy => (by === 'hour' ? { spanMs: HOUR_MS } : by);

const NAMELESS: Readonly<Record<RowsBy, string>> = { group: '(no group)', reason: '(none)', outcome: '', hour: '' };

type Column = readonly [head: string, cell: (figures: Figures) => string];

const TEXT_COLUMNS: readonly Column[] = [
  ['changes', ({ changes }) => String(changes)],
  ...STANDINGS.map((standing): Column => [standing, (figures) => String(figures[standing])]),
  ['requests', ({ requests }) => String(requests)],
  ['per change', (figures) => perChangeText(requestsPerChange(figures))],
  ['conflicts', ({ conflicts }) => String(conflicts)],
  ['p50', ({ p50Ms }) => latencyText(p50Ms)],
  ['p95', ({ p95Ms }) => latencyText(p95Ms)],
];

/** A table, the total last. */
export function* breakdownText({ rows, total }: Breakdown, by: RowsBy): Generator<string> {
  // Without an id map both ids of a group are one.
  const hasTargets = rows.some(({ name, target }) => target !== null && target !== name);
  const columns = TEXT_COLUMNS.filter(([head]) => head !== 'other' || total.other > 0);
  const lineOf = (names: readonly [name: string, target: string], figures: Figures): readonly string[] => [
    ...(hasTargets ? names : names.slice(0, 1)),
    ...columns.map(([, cell]) => cell(figures)),
    topReasonText(figures),
  ];
  const lines = [
    [by, ...(hasTargets ? ['in Genesys Cloud'] : []), ...columns.map(([head]) => head), 'top reason'],
    ...rows.map((row) => lineOf([nameText(row, by), visible(row.target ?? '-')], row)),
    lineOf(['total', ''], total),
  ];
  const widths = lines[0]?.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, line[column]?.length ?? 0), 0),
  );
  const namesCount = hasTargets ? 2 : 1;
  for (const line of lines) {
    const cells = line.map((cell, column) => {
      const width = widths?.[column] ?? 0;
      return column >= namesCount && column < line.length - 1 ? cell.padStart(width) : cell.padEnd(width);
    });
    yield `${cells.join('  ').trimEnd()}\n`;
  }
}

function nameText({ name }: BreakdownRow, by: RowsBy): string {
  if (name === null) return NAMELESS[by];
  return by === 'hour' ? minuteText(name) : visible(name);
}

/** `2026-09-21T14:00Z`, of RFC 3339 in UTC. */
export const minuteText = (time: string): string => `${time.slice(0, 16)}Z`;

/** null: there is no change. */
export const requestsPerChange = ({ requests, changes }: Figures): number | null =>
  changes === 0 ? null : Math.round((1000 * requests) / changes) / 1000;

/** A small one with the third digit that it has. */
export const perChangeText = (value: number | null): string => value?.toFixed(value > 0 && value < 0.1 ? 3 : 2) ?? '-';

/** Short ones as `1.5 s`, since a whole second says little of them. */
export function latencyText(ms: number | null): string {
  if (ms === null) return '-';
  return ms >= 1_000 && ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms);
}

export const topReasonText = ({ topReason }: Figures): string =>
  topReason === null ? '' : `${visible(topReason.code)} (${topReason.count})`;

const NAME_FIELDS: Readonly<Record<RowsBy, string>> = {
  group: 'source_group',
  reason: 'reason_code',
  outcome: 'outcome',
  hour: 'hour',
};

type Field = readonly [name: string, value: (figures: Figures) => Cell];

const CSV_FIELDS: readonly Field[] = [
  ['changes', ({ changes }) => changes],
  ...STANDINGS.map((standing): Field => [standing, (figures) => figures[standing]]),
  ['requests', ({ requests }) => requests],
  ['requests_per_change', requestsPerChange],
  ['conflicts', ({ conflicts }) => conflicts],
  ['latency_p50_ms', ({ p50Ms }) => p50Ms],
  ['latency_p95_ms', ({ p95Ms }) => p95Ms],
  ['top_reason', ({ topReason }) => topReason?.code ?? null],
  ['top_reason_count', ({ topReason }) => topReason?.count ?? null],
];

/** Without a total, so that a column can be added up. */
export function* breakdownCsv({ rows }: Breakdown, by: RowsBy): Generator<string> {
  const hasTargets = by === 'group';
  yield csvLine([NAME_FIELDS[by], ...(hasTargets ? ['group'] : []), ...CSV_FIELDS.map(([name]) => name)]);
  for (const row of rows)
    yield csvLine([row.name, ...(hasTargets ? [row.target] : []), ...CSV_FIELDS.map(([, value]) => value(row))]);
}

/** Epoch ms; null: not limited. */
export interface ReportTimes {
  readonly madeAt: number;
  readonly since: number | null;
  readonly until: number | null;
}

interface AboutRows extends ReportTimes {
  readonly missing: readonly MissingReports[];
}

export function* breakdownJson({ rows, total }: Breakdown, by: RowsBy, about: AboutRows): Generator<string> {
  const nameOf = ({ name, target }: BreakdownRow): object => ({
    [NAME_FIELDS[by]]: name,
    ...(by === 'group' && { group: target }),
  });
  const json = {
    generated_at: timeText(about.madeAt),
    since: about.since === null ? null : timeText(about.since),
    until: about.until === null ? null : timeText(about.until),
    by,
    gone: about.missing,
    rows: rows.map((row) => ({ ...nameOf(row), ...figuresJson(row) })),
    total: figuresJson(total),
  };
  yield `${jsonText(json, 2)}\n`;
}

const figuresJson = (figures: Figures): object => ({
  changes: figures.changes,
  ...Object.fromEntries(STANDINGS.map((standing) => [standing, figures[standing]])),
  requests: figures.requests,
  requests_per_change: requestsPerChange(figures),
  conflicts: figures.conflicts,
  latency_ms: { p50: figures.p50Ms, p95: figures.p95Ms },
  top_reason: figures.topReason,
});
