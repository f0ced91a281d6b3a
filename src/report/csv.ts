/** Report records as CSV (RFC 4180), safe to open in a spreadsheet; how a value is read back: docs/reference.md, "Text from elsewhere". */
import type { ReportRecord } from '../core/report/report.ts';
import { timeText } from '../core/report/reporting.ts';
import { visibleCell } from '../core/text/visible.ts';

type Cell = string | number | boolean | null;

const COLUMNS: readonly (readonly [name: string, cell: (record: ReportRecord) => Cell])[] = [
  ['id', ({ id }) => id],
  ['final', ({ final }) => final],
  ['group', ({ group }) => group],
  ['member', ({ member }) => member],
  ['op', ({ op }) => op],
  ['outcome', ({ outcome }) => outcome],
  ['reason_code', ({ reason }) => reason?.code ?? null],
  ['reason_message', ({ reason }) => reason?.message ?? null],
  ['advice', ({ reason }) => reason?.advice ?? null],
  ['status', ({ request, reason }) => request?.status ?? reason?.status ?? null],
  ['attempt', ({ attempt }) => attempt],
  ['conflicts', ({ conflicts }) => conflicts],
  ['event_id', ({ source }) => source.event_id],
  ['changed_at', ({ source }) => timeText(source.timestamp)],
  ['superseded_by', ({ superseded_by: by }) => by],
  ['next_attempt_at', ({ next_attempt_at: at }) => at],
  ['correlation_id', ({ request }) => request?.correlation_id ?? null],
  ['reported_at', ({ reported_at: at }) => at],
];

export const csvHeader = (): string => csvLine(COLUMNS.map(([name]) => name));

export const csvRow = (record: ReportRecord): string => csvLine(COLUMNS.map(([, cell]) => cell(record)));

function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`;
}

/** Every cell is quoted: what splits a line elsewhere (`;`, tab) then stands inside of quotes, too. */
function cellText(cell: Cell): string {
  const text = typeof cell === 'string' ? visibleCell(harmless(cell)) : String(cell ?? '');
  return `"${text.replaceAll('"', '""')}"`;
}

/**
 * Where a cell begins, also for a program that splits at `;`, tabs or line breaks: in front of what a spreadsheet takes for
 * a formula (OWASP, "CSV Injection"; full-width and small forms as well), also behind invisible characters, and in
 * front of a `'`, so that exactly one `'` at each such place is ours.
 */
const DANGER = /(?<=^|[;\t\r\n])(?=[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫'\t\r])/gu;

/** Ids and messages come from elsewhere. */
const harmless = (text: string): string => text.replaceAll(DANGER, "'");
