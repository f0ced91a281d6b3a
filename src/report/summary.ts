/**
 * Room report: the report topic → summary, CSV, NDJSON.
 * Not here: what a record means (core/report), reading the topic (console).
 *
 * The summary of a report. As JSON it comes in pieces: of millions of operations the whole would be longer than a
 * string can be. For people it has the counts, then what needs a person.
 */
import type { ReportRecord } from '../core/report/report.ts';
import { isFailure, isKnownOutcome, type Summary } from '../core/report/summary.ts';
import { jsonText, visible } from '../core/text/visible.ts';

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
