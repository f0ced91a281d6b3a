/** A figure as a line of text, and what could not be measured. */
import { goalText, rangeText, valueText, verdictOf, type Figure, type Skipped } from '../figure.ts';

export function lineOf(figure: Figure): string {
  const columns = [verdictOf(figure).padEnd(6), figure.name.padEnd(86), valueText(figure).padStart(12)];
  return `${columns.join(' ')}  ${[rangeText(figure), goalText(figure)].filter((text) => text !== '').join('  ')}`.trimEnd();
}

export const skipLineOf = ({ what, why }: Skipped): string => `${'skip'.padEnd(6)} ${what}: ${why}`;
