/** What was measured: each value of one run, or of one pair of runs, and what the median of them is to be. */

export interface Figure {
  readonly name: string;
  /** At least one. */
  readonly values: readonly number[];
  /** `×`: of a ratio of two things measured in turn. */
  readonly unit: string;
  readonly digits: number;
  /** null: for information. */
  readonly goal: Goal | null;
}

export interface Measured {
  readonly part: string;
  readonly figures: readonly Figure[];
  readonly skipped: readonly Skipped[];
}

/** A part or a peer that this machine lacks something for. */
export interface Skipped {
  readonly what: string;
  readonly why: string;
}

export type Goal = { readonly atMost: number } | { readonly atLeast: number };
export type Verdict = 'ok' | 'missed' | 'info';

/** One value. */
export const single = (
  name: string,
  value: number,
  { unit = '', digits = 0, atMost = null }: { unit?: string; digits?: number; atMost?: number | null },
): Figure => ({ name, values: [value], unit, digits, goal: atMost === null ? null : { atMost } });

export const ratio = (name: string, values: readonly number[], goal: Goal | null): Figure => ({
  name,
  values,
  unit: '×',
  digits: 2,
  goal,
});

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function verdictOf({ values, goal }: Figure): Verdict {
  if (goal === null) return 'info';
  const median = medianOf(values);
  const isMet = 'atMost' in goal ? median <= goal.atMost : median >= goal.atLeast;
  return isMet ? 'ok' : 'missed';
}

export function goalText({ goal, digits }: Figure): string {
  if (goal === null) return '';
  return 'atMost' in goal ? `≤ ${format(goal.atMost, digits)}` : `≥ ${format(goal.atLeast, digits)}`;
}

export function valueText({ values, unit, digits }: Figure): string {
  return [format(medianOf(values), digits), unit].filter((part) => part !== '').join(' ');
}

/** Empty where there is one value. */
export function rangeText({ values, digits }: Figure): string {
  if (values.length === 1) return '';
  return `${format(Math.min(...values), digits)}–${format(Math.max(...values), digits)} of ${values.length}`;
}

const format = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
