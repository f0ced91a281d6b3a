/** A figure as a line of text. */
import { goalText, rangeText, valueText, verdictOf, type Figure } from '../figure.ts';

export function lineOf(figure: Figure): string {
  const columns = [verdictOf(figure).padEnd(6), figure.name.padEnd(86), valueText(figure).padStart(12)];
  return `${columns.join(' ')}  ${[rangeText(figure), goalText(figure)].filter((text) => text !== '').join('  ')}`.trimEnd();
}
