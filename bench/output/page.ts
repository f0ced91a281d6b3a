/** The figures as one self-contained page: a row each, with its values on a scale that ends at twice the goal. */
import { goalText, medianOf, rangeText, valueText, verdictOf, type Figure, type Measured } from '../figure.ts';
import type { Machine } from './machine.ts';

export interface Result {
  readonly machine: Machine;
  readonly command: string;
  readonly measured: readonly Measured[];
}

export const pageOf = ({ machine, command, measured }: Result): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rollcall: measured</title>
<style>${STYLE}</style>
<h1>Rollcall: measured</h1>
<p>${escaped(
  `Rollcall ${machine.rollcall} (${machine.commit ?? 'no commit'}), Node.js ${machine.node}, ${machine.cores} cores (${machine.processor}), ${machine.memoryGib} GiB, ${machine.at}`,
)}</p>
<p><code>${escaped(command)}</code></p>
<p>Median, and the range of the pairs of runs. The dot is the median, the bar the range, the line the goal.</p>
${measured.map(sectionOf).join('\n')}
</html>
`;

const sectionOf = ({ part, figures, skipped }: Measured): string => `<h2>${escaped(part)}</h2>
<table>
<tr><th>figure</th><th>median</th><th>range</th><th>goal</th><th></th><th></th></tr>
${figures.map(rowOf).join('\n')}
</table>
${skipped.map(({ what, why }) => `<p>Skipped: ${escaped(`${what}: ${why}`)}</p>`).join('\n')}`;

function rowOf(figure: Figure): string {
  const verdict = verdictOf(figure);
  const texts = [figure.name, valueText(figure), rangeText(figure), goalText(figure)].map(escaped);
  return `<tr class="${verdict}">${texts.map((text) => `<td>${text}</td>`).join('')}<td>${chartOf(figure)}</td><td>${verdict}</td></tr>`;
}

const WIDTH = 240;
const HEIGHT = 16;

function chartOf({ values, goal }: Figure): string {
  const bound = goal === null ? null : 'atMost' in goal ? goal.atMost : goal.atLeast;
  const end = Math.max(...values, 2 * (bound ?? 0)) || 1;
  const x = (value: number): string => ((Math.max(0, value) / end) * (WIDTH - 8) + 4).toFixed(1);
  const [low, high, middle] = [Math.min(...values), Math.max(...values), medianOf(values)].map(x);
  const line = bound === null ? '' : `<line class="goal" x1="${x(bound)}" x2="${x(bound)}" y1="0" y2="${HEIGHT}"/>`;
  return `<svg width="${WIDTH}" height="${HEIGHT}" role="img">${line}<line class="range" x1="${low}" x2="${high}" y1="8" y2="8"/><circle cx="${middle}" cy="8" r="4"/></svg>`;
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; }
td, th { padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8884; vertical-align: middle; }
td:nth-child(2), td:nth-child(3), td:nth-child(4) { white-space: nowrap; font-variant-numeric: tabular-nums; }
circle { fill: #888; } .ok circle { fill: #2a9d4a; } .missed circle { fill: #d43c2f; }
.missed td:last-child { font-weight: bold; }
.range { stroke: #8888; stroke-width: 4; } .goal { stroke: currentColor; stroke-width: 1; stroke-dasharray: 2 2; }
`;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
