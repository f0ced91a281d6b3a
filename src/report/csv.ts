/** Report records as CSV (RFC 4180), safe to open in a spreadsheet. */
import type { ReportRecord } from '../core/report.ts';

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
  ['changed_at', ({ source }) => new Date(source.timestamp).toISOString()],
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

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = harmless(cell);
  return /[",\r\n]/.test(text) || text !== cell ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A spreadsheet takes such text for a formula (OWASP, "CSV Injection"); ids come from elsewhere. */
const harmless = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
