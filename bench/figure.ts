/** One number that was measured, and what it must not exceed. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly digits: number;
  /** null: for information. */
  readonly bound: number | null;
}

export const isOver = ({ value, bound }: Figure): boolean => bound !== null && !(value <= bound);

export function lineOf(figure: Figure): string {
  const { name, value, unit, digits, bound } = figure;
  const verdict = bound === null ? 'info' : isOver(figure) ? 'OVER' : 'ok';
  const text = [format(value, digits), unit].join(' ').trim();
  const limit = bound === null ? '' : `(at most ${format(bound, digits)})`;
  return `${verdict.padEnd(5)} ${name.padEnd(72)} ${text} ${limit}`.trimEnd();
}

const format = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
