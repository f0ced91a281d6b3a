/**
 * A report as text. Its summary as JSON comes in pieces: of millions of operations the whole would be longer than a string can
 * be. For people it has the counts, then what needs a person. Its records as CSV (RFC 4180) are safe to open in a spreadsheet; how
 * a value is read back: docs/reference.md, "Text from elsewhere".
 */
import { checkPrivateFile, writePrivateFile } from '../adapters/private-file.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { timeText } from '../core/report/reporting.ts';
import { isFailure, isKnownOutcome, type Summary } from '../core/report/summary.ts';
import { jsonText, visible, visibleCell } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { fileError } from './new-file.ts';
import { NOT_SENT } from './shadow.ts';

/** @param indent 0: one line. */
export function* summaryJson({ operations, ...counts }: Summary, indent: number): Generator<string> {
  const [line, step] = indent === 0 ? ['', ''] : ['\n', ' '.repeat(indent)];
  const head = jsonText(counts, indent).slice(0, -1).trimEnd();
  yield `${head},${line}${step}"operations":${indent === 0 ? '' : ' '}[`;
  for (const [at, record] of operations.entries()) {
    const text = jsonText(record, indent);
    const shifted = indent === 0 ? text : `${step}${step}${text.replaceAll('\n', `\n${step}${step}`)}`;
    yield `${at === 0 ? '' : ','}${line}${shifted}`;
  }
  yield `${operations.length === 0 ? '' : `${line}${step}`}]${line}}\n`;
}

/** Before the work. @throws ExitError where `writeSummary` could not write the file */
export async function checkSummaryFile(file: string): Promise<void> {
  try {
    await checkPrivateFile(file);
  } catch (cause) {
    throw fileError(whereOf(file), cause);
  }
}

/** Into a file that only its owner may read. @returns what ends the command (unavailable, since the file was checked); null: it is written */
export async function writeSummary(file: string, summary: Summary): Promise<ExitError | null> {
  try {
    await writePrivateFile(file, summaryJson(summary, 2));
    return null;
  } catch (cause) {
    return new ExitError(EXIT.unavailable, fileError(whereOf(file), cause).message, { cause });
  }
}

const whereOf = (file: string): string => `${file}: the report cannot be written`;

/** More would scroll the counts away; the rest is in the file or the report topic. */
const LISTED_MAX = 20;

export function summaryText({
  total_operations: total,
  by_outcome: byOutcome,
  operations,
  ...summary
}: Summary): string {
  const { success_count: done, failure_count: failed } = summary;
  const unknown = operations.filter(({ final, outcome }) => final && !isKnownOutcome(outcome)).length;
  const waiting = total - done - failed - unknown;
  const counts = Object.entries(byOutcome).map(([outcome, count]) => `  ${outcome.padEnd(18)} ${count}`);
  return [
    ...(operations.some(({ shadow }) => shadow === true) ? [NOT_SENT] : []),
    `${total} changes: ${done} done, ${failed} failed${ifAny(waiting, 'left')}${ifAny(unknown, 'ended in a way that only a newer version knows')}`,
    ...counts,
    ...listed('failed', operations.filter(isFailure)),
    ...listed(
      'left',
      operations.filter(({ final }) => !final),
    ),
    '',
  ].join('\n');
}

const ifAny = (count: number, what: string): string => (count === 0 ? '' : `, ${count} ${what}`);

function listed(title: string, records: readonly ReportRecord[]): string[] {
  if (records.length === 0) return [];
  const lines = records.slice(0, LISTED_MAX).map(lineOf);
  const more = records.length - lines.length;
  return [`${title}:`, ...lines, ...(more === 0 ? [] : [`  … and ${more} more`])];
}

function lineOf({ id, group, member, op, reason }: ReportRecord): string {
  const what = member === null ? id : `${op ?? ''} ${member} in group ${group ?? ''} (${id})`;
  return reason === null ? `  ${what}` : `  ${what}: ${reason.code}: ${visible(reason.message)} ${reason.advice}`;
}

export type Cell = string | number | boolean | null;

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
  ['shadow', ({ shadow }) => shadow ?? null],
  ['decision', ({ approval, refusal }) => (refusal ? 'refused' : approval ? 'approved' : null)],
  ['decided_by', (record) => decisionIn(record)?.author ?? null],
  ['decision_reason', (record) => decisionIn(record)?.reason ?? null],
];

/** What an operator has decided; null: nothing. A refusal is the later one. */
const decisionIn = ({ approval, refusal }: ReportRecord) => refusal ?? approval ?? null;

export const csvHeader = (): string => csvLine(COLUMNS.map(([name]) => name));

export const csvRow = (record: ReportRecord): string => csvLine(COLUMNS.map(([, cell]) => cell(record)));

/** Header and rows. */
export function* csvText(records: Iterable<ReportRecord>): Generator<string> {
  yield csvHeader();
  for (const record of records) yield csvRow(record);
}

export function csvLine(cells: readonly Cell[]): string {
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
