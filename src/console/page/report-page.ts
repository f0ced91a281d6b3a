/**
 * Room console/page: a page that shows reports: charts, and what failed or waits.
 * Not here: what is counted (core/report).
 *
 * One HTML file that needs nothing else: a policy in it forbids the browser to load anything, and to run another script than its own.
 */
import { STANDINGS, type Breakdown, type BreakdownRow, type Figures } from '../../core/report/breakdown.ts';
import type { OpenChange } from '../../core/report/open-changes.ts';
import { timeText } from '../../core/report/reporting.ts';
import { counted, countedLarge, numberText } from '../../core/text/counted.ts';
import {
  latencyText,
  perChangeText,
  requestsPerChange,
  topReasonText,
  type ReportTimes,
  type RowsBy,
} from '../breakdown-text.ts';
import { NOT_SENT } from '../shadow.ts';
import { lines, rowBar, stackedBars, type Chart } from './charts.ts';
import { html, Markup } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';
import { spanName, spanText, type Timeline } from './timeline.ts';

export const OPEN_CHANGES_MAX = 5_000;
const ROWS_MAX = 20;

export interface ReportPage {
  readonly topic: string;
  readonly times: ReportTimes;
  /** Sentences of what was asked for besides; empty: everything. */
  readonly criteria: string;
  /** Of reports of a shadow. */
  readonly isShadow: boolean;
  /** What could not be read. */
  readonly warnings: readonly string[];
  readonly groups: Breakdown;
  readonly reasons: Breakdown;
  readonly timeline: Timeline;
  readonly open: { readonly count: number; readonly changes: readonly OpenChange[] };
}

/** Their hashes are of all that stands between the tags. */
const STYLE_ELEMENT = new Markup(`<style>${STYLE}</style>`);
const SCRIPT_ELEMENT = new Markup(`<script>${SCRIPT}</script>`);

/** @param hash base64 of the SHA-256 of a text. */
export function* reportPage(page: ReportPage, hash: (text: string) => string): Generator<string> {
  const { total } = page.groups;
  const title = `Rollcall report: ${page.topic}, ${timesText(page)}, ${countsText(total)}`;
  const policy = `default-src 'none'; style-src 'sha256-${hash(STYLE)}'; script-src 'sha256-${hash(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
  yield html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}" />
        <meta name="referrer" content="no-referrer" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <header>
          <h1>Rollcall report: ${page.topic}</h1>
          <p>${timesText(page)}: ${countsText(total)}</p>
          <p class="faint">
            Times are UTC. Made at ${timeText(page.times.madeAt)}.${page.criteria === '' ? '' : ` ${page.criteria}`}
          </p>
          ${page.isShadow ? html`<p class="warning">${NOT_SENT}</p>` : ''}
          ${page.warnings.map((warning) => html`<p class="warning">Warning: ${warning}</p>`)}
        </header>
        <main>
     `.text;
  if (total.changes === 0) yield html`<p>Nothing found: no report record is about such a change.</p>`.text;
  else yield* sections(page);
  yield html`</main>${SCRIPT_ELEMENT}</body></html>`.text;
}

function* sections(page: ReportPage): Generator<string> {
  const { groups, reasons, timeline, open } = page;
  yield tiles(groups.total, page).text;
  if (timeline.implausibleCount > 0) yield implausibleNote(page).text;
  yield html`<div class="charts">${charts(timeline)}</div>
    ${timesTable(timeline)}`.text;
  yield reasonsTable(reasons).text;
  yield groupsTable(groups).text;
  yield* openTable(open);
}

function implausibleNote({ times: { since, until }, timeline: { implausibleCount } }: ReportPage): Markup {
  const period = since === null || until === null ? ', nor in the period of the heading' : '';
  return html`<p class="warning">
    Not in the charts, nor in the table of their numbers${period}: ${countedLarge(implausibleCount, 'change')} reported,
    or held since, later than a day from now, or a year before all others. All other numbers of this page include them.
  </p> `;
}

const countsText = ({ changes, failed, waiting, held }: Figures): string =>
  `${countedLarge(changes, 'change')}, ${numberText(failed)} failed, ${numberText(waiting)} waiting, ${numberText(held)} held`;

/** What was asked for, and where it was not limited what was found. */
function timesText({ times: { since, until }, timeline: { rows, spanMs } }: ReportPage): string {
  const [first, last] = [rows[0], rows.at(-1)];
  const found = first === undefined || last === undefined ? null : [spanText(first, spanMs), spanText(last, spanMs)];
  const begin = since === null ? (found?.[0] ?? 'the beginning') : wholeTime(since);
  const end = until === null ? (found?.[1] ?? 'the end') : `before ${wholeTime(until)}`;
  return begin === end ? begin : `${begin} to ${end}`;
}

const wholeTime = (at: number): string => timeText(at).replace('.000Z', 'Z');

function tiles(total: Figures, { isShadow }: Pick<ReportPage, 'isShadow'>): Markup {
  const facts: readonly (readonly [string, string])[] = [
    ['changes', numberText(total.changes)],
    ...STANDINGS.filter((standing) => standing !== 'other' || total.other > 0).map(
      (standing) => [standing, numberText(total[standing])] as const,
    ),
    [isShadow ? 'requests, not sent' : 'requests (PATCH)', numberText(total.requests)],
    ['requests per change', perChangeText(requestsPerChange(total))],
    ['version conflicts', numberText(total.conflicts)],
    ['latency, half within', latencyText(total.p50Ms)],
    ['latency, 95 % within', latencyText(total.p95Ms)],
  ];
  return html`<dl class="tiles">
    ${facts.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl> `;
}

function charts({ rows, spanMs }: Timeline): readonly Markup[] {
  const times = rows.map((row) => spanText(row, spanMs));
  const per = `per ${spanName(spanMs)}`;
  const series = (
    name: string,
    colour: Chart['series'][number]['colour'],
    value: (row: BreakdownRow) => number | null,
  ) => ({ name, colour, values: rows.map(value) }) as const;
  const most = Math.max(...rows.map(({ p95Ms }) => p95Ms ?? 0));
  return [
    stackedBars(
      {
        title: `Changes ${per}, by how they stand`,
        description: `Changes ${per}: ${STANDINGS.map((standing) => `${rows.reduce((sum, row) => sum + row[standing], 0)} ${standing}`).join(', ')}. The numbers are in the table below the charts.`,
        times,
        series: STANDINGS.map((standing) => series(standing, standing, (row) => row[standing])),
        valueText: numberText,
        isWhole: true,
      },
      'wide',
    ),
    stackedBars(
      {
        title: `Requests per change, ${per}`,
        description: `Requests per change ${per}. The numbers are in the table below the charts.`,
        times,
        series: [series('requests per change', 'second', requestsPerChange)],
        valueText: perChangeText,
        scaleText: shareText,
      },
      'narrow',
    ),
    lines({
      title: `Latency, ${per}`,
      description: `How long half and 95 % of the changes took ${per}, at most ${latencyText(most)}. The numbers are in the table below the charts.`,
      times,
      series: [
        series('half within (p50)', 'succeeded', ({ p50Ms }) => p50Ms),
        series('95 % within (p95)', 'failed', ({ p95Ms }) => p95Ms),
      ],
      valueText: latencyText,
    }),
  ];
}

/** With the digits that tell half of a small value from all of it. */
const shareText = (value: number): string => String(Number(value.toPrecision(3)));

interface Column<T> {
  readonly head: string;
  readonly kind: '' | 'number' | 'words' | 'bar';
  readonly cell: (row: T) => string | Markup;
}

const number = <T>(head: string, cell: (row: T) => string): Column<T> => ({ head, kind: 'number', cell });
const text = <T>(head: string, cell: (row: T) => string): Column<T> => ({ head, kind: '', cell });

function table<T>(rows: readonly T[], columns: readonly Column<T>[], caption: string): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      ${headOf(columns)}
      <tbody>
        ${rows.map((row) => rowOf(row, columns))}
      </tbody>
    </table>
  </div> `;
}

const headOf = <T>(columns: readonly Column<T>[]): Markup =>
  html`<thead>
    <tr>
      ${columns.map(({ head, kind }) => html`<th scope="col" class="${kind}">${head}</th>`)}
    </tr>
  </thead>`;

const rowOf = <T>(row: T, columns: readonly Column<T>[]): Markup =>
  html`<tr>
    ${columns.map(({ kind, cell }) => html`<td class="${kind}">${cell(row)}</td>`)}
  </tr> `;

const FIGURES: readonly Column<Figures>[] = [
  number('changes', ({ changes }) => numberText(changes)),
  ...STANDINGS.map((standing) => number<Figures>(standing, (figures) => numberText(figures[standing]))),
  number('requests', ({ requests }) => numberText(requests)),
  number('per change', (figures) => perChangeText(requestsPerChange(figures))),
  number('conflicts', ({ conflicts }) => numberText(conflicts)),
  number('p50', ({ p50Ms }) => latencyText(p50Ms)),
  number('p95', ({ p95Ms }) => latencyText(p95Ms)),
];

function timesTable({ rows, spanMs, leftOut }: Timeline): Markup {
  const name = spanName(spanMs);
  const columns = [text<BreakdownRow>(`${name}, from (UTC)`, (row) => spanText(row, spanMs)), ...FIGURES];
  const left = leftOut === 0 ? '' : `; the ${numberText(leftOut)} before are left out`;
  const caption = `What was reported ${per(name)}${left}; a request stands where it was first reported`;
  return html`<section>
    <details>
      <summary>The numbers of the charts</summary>
      ${table(rows, columns, caption)}
    </details>
  </section> `;
}

const per = (name: string): string => `per ${name}`;

/** In the order and the colours of the first chart. */
const OPEN = ['failed', 'waiting', 'held'] as const;

function reasonsTable({ rows }: Breakdown): Markup {
  const openOf = (row: Figures): number => OPEN.reduce((sum, standing) => sum + row[standing], 0);
  const all = rows.filter((row) => openOf(row) > 0).toSorted((left, right) => openOf(right) - openOf(left));
  const [first] = all;
  const most = first === undefined ? 1 : openOf(first);
  const columns: readonly Column<BreakdownRow>[] = [
    text('reason', ({ name }) => name ?? '(none)'),
    { head: '', kind: 'bar', cell: (row) => rowBar(OPEN.map((each) => [row[each] / most, each])) },
    ...FIGURES.slice(2, 5).filter(({ head }) => head !== 'other'),
  ];
  return listed('Top reasons', all, { columns, by: 'reason', none: 'Nothing has failed, waits or is held.' });
}

function groupsTable({ rows }: Breakdown): Markup {
  const all = rows.filter(({ failed }) => failed > 0);
  const most = all[0]?.failed ?? 1;
  const columns: readonly Column<BreakdownRow>[] = [
    text('group', ({ name }) => name ?? '(no group)'),
    text('in Genesys Cloud', ({ target }) => target ?? '-'),
    { head: '', kind: 'bar', cell: ({ failed }) => rowBar([[failed / most, 'failed']]) },
    number('failed', ({ failed }) => numberText(failed)),
    number('of changes', ({ changes }) => numberText(changes)),
    text('top reason', topReasonText),
  ];
  return listed('Groups with failures', all, { columns, by: 'group', none: 'No group has a change that failed.' });
}

interface Listing<T> {
  readonly columns: readonly Column<T>[];
  readonly by: RowsBy;
  readonly none: string;
}

/** @param all those with the most come first. */
function listed<T>(title: string, all: readonly T[], { columns, by, none }: Listing<T>): Markup {
  if (all.length === 0)
    return html`<section>
      <h2>${title}</h2>
      <p>${none}</p>
    </section>`;
  const shown = all.slice(0, ROWS_MAX);
  const left = all.length - shown.length;
  const caption =
    left === 0
      ? counted(all.length, by)
      : `The first ${shown.length} of ${countedLarge(all.length, by)}; ${numberText(left)} are left out: rollcall report --by ${by} lists all`;
  return html`<section>
    <h2>${title}</h2>
    ${table(shown, columns, caption)}
  </section> `;
}

const OPEN_COLUMNS: readonly Column<OpenChange>[] = [
  text('since', ({ since }) => since),
  text('outcome', ({ outcome }) => outcome),
  text('group', ({ sourceGroup, group }) => bothIds(sourceGroup, group)),
  text('member', ({ sourceMember, member }) => bothIds(sourceMember, member)),
  text('change', ({ op }) => op ?? '-'),
  text('reason', ({ reason }) => reason?.code ?? '-'),
  { head: 'why, and what to do', kind: 'words', cell: ({ reason }) => whyText(reason) },
  number('failed tries', ({ attempt }) => String(attempt)),
  text('next try', ({ nextAttemptAt }) => nextAttemptAt ?? '-'),
  text('id', ({ id }) => id),
  text('correlation id', ({ correlationId }) => correlationId ?? '-'),
];

const bothIds = (source: string | null, target: string | null): string => {
  const ids = [...new Set([source, target].filter((id) => id !== null))];
  return ids.length === 0 ? '-' : ids.join(' → ');
};

const whyText = (reason: OpenChange['reason']): string =>
  reason === null ? '-' : [reason.message, reason.advice].filter((each) => each !== '').join(' ');

function* openTable({ count, changes }: ReportPage['open']): Generator<string> {
  yield html`<section><h2>What failed, waits or is held</h2>`.text;
  if (changes.length === 0) return yield html`<p>Nothing.</p></section>`.text;
  const left = count - changes.length;
  const caption = `${countedLarge(count, 'change')}, the newest first${left === 0 ? '' : `; only the newest ${numberText(changes.length)} are shown, ${numberText(left)} are left out`}`;
  yield html`
    <div class="search" id="search" hidden>
      <label>Search <input type="search" /></label><span role="status" class="faint"></span>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label="What failed, waits or is held">
      <table data-searched="search">
        <caption>
          ${caption}
        </caption>
        ${headOf(OPEN_COLUMNS)}
        <tbody>
  `.text;
  for (const change of changes) yield rowOf(change, OPEN_COLUMNS).text;
  yield html`</tbody></table></div></section>
`.text;
}
