/** Charts as inline SVG, stretched to the room there is; their labels are HTML around them, so that they stay readable. */
import { html, NOTHING, type Markup } from './markup.ts';

/** Colours: classes of style.ts. */
type Colour = 'succeeded' | 'failed' | 'waiting' | 'held' | 'other' | 'second';

export interface Series {
  readonly name: string;
  readonly colour: Colour;
  /** One for each time; null: none. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  /** For who cannot see it: what it shows, in a sentence. */
  readonly description: string;
  /** Names of the times, of the same number as the values of each series. */
  readonly times: readonly string[];
  readonly series: readonly Series[];
  readonly valueText: (value: number) => string;
  /** Of the scale: 0, its top and the middle. Absent: as a value. */
  readonly scaleText?: (value: number) => string;
  /** Half of the top is a whole number, too. */
  readonly isWhole?: true;
}

const HEIGHT = 100;

/** Bars; the values of one time stand on each other. */
export function stackedBars(chart: Chart, size: 'wide' | 'narrow'): Markup {
  const { times, series, valueText } = chart;
  const sums = times.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const top = topOf(chart, Math.max(0, ...sums));
  const max = Math.max(1e-9, top);
  const bars = times.flatMap((time, at) => {
    let y = HEIGHT;
    return series.flatMap(({ name, colour, values }) => {
      const value = values[at] ?? 0;
      if (value === 0) return [];
      const height = (value / max) * HEIGHT;
      y -= height;
      const place = html`x="${rounded(at + 0.08)}" y="${rounded(y)}" width="0.84" height="${rounded(height)}"`;
      const title = `${time}: ${valueText(value)} ${name}`;
      return [html`<rect class="${colour}" ${place}><title>${title}</title></rect>`];
    });
  });
  return figure(chart, { top, size, drawn: bars });
}

/** Lines, with a gap where a value is missing. */
export function lines(chart: Chart): Markup {
  const values = chart.series.flatMap((each) => each.values.flatMap((value) => value ?? []));
  const max = Math.max(0, ...values);
  const y = (value: number): number => rounded(HEIGHT - (value / Math.max(1e-9, max)) * HEIGHT);
  const drawn = chart.series.flatMap(({ name, colour, values: ofSeries }) => [
    ...runsOf(ofSeries).map((run) => html`<polyline class="${colour}" points="${pointsText(run, y)}" />`),
    ...ofSeries.flatMap((value, at) => {
      if (value === null) return [];
      const title = `${chart.times[at] ?? ''}: ${chart.valueText(value)} ${name}`;
      const top = Math.max(0, y(value) - 8);
      return [html`<rect class="over" x="${at}" y="${top}" width="1" height="16"><title>${title}</title></rect>`];
    }),
  ]);
  return figure(chart, { top: max, size: 'narrow', drawn });
}

const topOf = ({ isWhole }: Chart, max: number): number => (isWhole === true ? max + (max % 2) : max);

type Point = readonly [at: number, value: number];

function runsOf(values: readonly (number | null)[]): readonly (readonly Point[])[] {
  const runs: Point[][] = [[]];
  for (const [at, value] of values.entries())
    if (value === null) runs.push([]);
    else runs.at(-1)?.push([at, value]);
  return runs.filter((run) => run.length > 0);
}

/** A point alone is a short line. */
function pointsText(run: readonly Point[], y: (value: number) => number): string {
  const [[at, value] = [0, 0]] = run;
  const points: readonly Point[] =
    run.length === 1
      ? [
          [at - 0.3, value],
          [at + 0.3, value],
        ]
      : run;
  return points.map(([x, each]) => `${rounded(x + 0.5)},${y(each)}`).join(' ');
}

interface Drawing {
  /** Of the scale. */
  readonly top: number;
  readonly size: 'wide' | 'narrow';
  readonly drawn: readonly Markup[];
}

function figure(chart: Chart, { top, size, drawn }: Drawing): Markup {
  const { title, description, times, series, valueText, scaleText = valueText } = chart;
  const shown = series.filter(({ values }) => values.some((value) => value !== null && value > 0));
  const middle = times.length > 2 ? html`<span>${times[Math.floor((times.length - 1) / 2)] ?? ''}</span>` : NOTHING;
  const last = times.length > 1 ? html`<span>${times.at(-1) ?? ''}</span>` : NOTHING;
  const names = shown.map(({ name, colour }) => html`<li>${swatch(colour)}${name}</li>`);
  const scale = [top, top / 2, 0].map((value) => html`<span>${scaleText(value)}</span>`);
  const levels = [0.5, 50].map((y) => html`<line class="grid" x1="0" x2="${times.length}" y1="${y}" y2="${y}" />`);
  const box = html`viewBox="0 0 ${Math.max(1, times.length)} ${HEIGHT}" preserveAspectRatio="none"`;
  return html`<figure class="${size}">
    <h2>${title}</h2>
    <div class="plot">
      <div class="scale" aria-hidden="true">${scale}</div>
      <svg role="img" aria-label="${description}" ${box}>${levels}${drawn}</svg>
      <div class="times" aria-hidden="true"><span>${times[0] ?? ''}</span>${middle}${last}</div>
    </div>
    <ul class="legend">
      ${names}
    </ul>
  </figure> `;
}

const swatch = (colour: Colour): Markup =>
  html`<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${colour}" width="10" height="10" rx="2" /></svg>`;

/** A bar within a row of a table, whose numbers stand beside it; its parts stand behind each other. @param parts shares, of 1 at most in all */
export function rowBar(parts: readonly (readonly [share: number, colour: Colour])[]): Markup {
  let x = 0;
  const drawn = parts.flatMap(([share, colour]) => {
    if (share === 0) return [];
    const part = html`<rect class="${colour}" x="${rounded(x * 100)}" width="${rounded(share * 100)}" height="10" />`;
    x += share;
    return [part];
  });
  return html`<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${drawn}</svg>`;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
