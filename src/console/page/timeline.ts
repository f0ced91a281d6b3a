/** The time that a page shows, in spans of equal length: hours of a day or two, days of a month, more of more. */
import {
  AHEAD_MAX_MS,
  HOUR_MS,
  type BreakdownRow,
  type CountedOperations,
  type Selected,
} from '../../core/report/breakdown.ts';
import { timeText } from '../../core/report/reporting.ts';

export const SPANS_MAX = 100;
const DAY_MS = 24 * HOUR_MS;
const SPANS_MS = [HOUR_MS, DAY_MS, 7 * DAY_MS, 28 * DAY_MS, 364 * DAY_MS] as const;

/** So few, so long before all others, are of a clock that was not set. */
const BEHIND_MIN_MS = 364 * DAY_MS;
const BEHIND_SHARE_MAX = 0.01;

export interface Timeline {
  readonly spanMs: number;
  /** In order, without gaps; of more than SPANS_MAX the last. */
  readonly rows: readonly BreakdownRow[];
  /** Earlier ones, which are not shown; those in which nothing was reported included. */
  readonly leftOut: number;
  /** Changes at times that cannot be true, later than a day from now or long before the rest: they are in none of the spans. */
  readonly implausibleCount: number;
}

/** @param madeAt when it is asked for, epoch ms */
export function timelineOf(counted: CountedOperations, isSelected: Selected, madeAt: number): Timeline {
  const { rows: hours } = counted.breakdown({ spanMs: HOUR_MS }, isSelected);
  const plausible = plausibleOf(hours, madeAt);
  const [first, last] = [beginOf(plausible[0]), beginOf(plausible.at(-1))];
  const spanMs = SPANS_MS.find((each) => spanOf(last, each) - spanOf(first, each) < SPANS_MAX) ?? SPANS_MS[4];
  const { rows } = spanMs === HOUR_MS ? { rows: hours } : counted.breakdown({ spanMs }, isSelected);
  if (rows.length === 0) return { spanMs, rows, leftOut: 0, implausibleCount: 0 };
  const known = new Map(rows.map((row) => [beginOf(row), row]));
  const end = spanOf(last, spanMs);
  const begin = Math.max(spanOf(first, spanMs), end - SPANS_MAX + 1);
  const shown = Array.from({ length: end - begin + 1 }, (_, at) => {
    const time = (begin + at) * spanMs;
    return known.get(time) ?? { ...EMPTY, name: timeText(time) };
  });
  const isOutside = (row: BreakdownRow): boolean =>
    beginOf(row) > end * spanMs || beginOf(row) < spanOf(first, spanMs) * spanMs;
  return {
    spanMs,
    rows: shown,
    leftOut: begin - spanOf(first, spanMs),
    implausibleCount: changesOf(rows.filter(isOutside)),
  };
}

/** All of them where none is plausible. @param hours in order */
function plausibleOf(hours: readonly BreakdownRow[], madeAt: number): readonly BreakdownRow[] {
  const past = hours.filter((row) => beginOf(row) <= madeAt + AHEAD_MAX_MS);
  const few = changesOf(past) * BEHIND_SHARE_MAX;
  let [from, before] = [0, 0];
  for (const [at, row] of past.entries()) {
    before += row.changes;
    const next = past[at + 1];
    if (before > few || next === undefined) break;
    if (beginOf(next) - beginOf(row) >= BEHIND_MIN_MS) from = at + 1;
  }
  return past.length === 0 ? hours : past.slice(from);
}

const changesOf = (rows: readonly BreakdownRow[]): number => rows.reduce((sum, { changes }) => sum + changes, 0);

const beginOf = (row: BreakdownRow | undefined): number => Date.parse(row?.name ?? timeText(0));
const spanOf = (at: number, spanMs: number): number => Math.floor(at / spanMs);

const EMPTY: Omit<BreakdownRow, 'name'> = {
  target: null,
  changes: 0,
  succeeded: 0,
  failed: 0,
  waiting: 0,
  held: 0,
  other: 0,
  requests: 0,
  conflicts: 0,
  p50Ms: null,
  p95Ms: null,
  topReason: null,
};

const NAMES: ReadonlyMap<number, string> = new Map([
  [HOUR_MS, 'hour'],
  [DAY_MS, 'day'],
  [7 * DAY_MS, '7 days'],
  [28 * DAY_MS, '28 days'],
  [364 * DAY_MS, '364 days'],
]);

export const spanName = (spanMs: number): string => NAMES.get(spanMs) ?? '';

/** Of hours with the time. */
export const spanText = ({ name }: BreakdownRow, spanMs: number): string =>
  spanMs < DAY_MS ? (name ?? '').slice(0, 16).replace('T', ' ') : (name ?? '').slice(0, 10);
