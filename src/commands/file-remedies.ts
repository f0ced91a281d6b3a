/** Remedies that work where the changes come from a file: there is no topic to look into, and the file can be applied again. */
import { thenApply } from '../core/remedies.ts';
import type { ReportRecord } from '../core/report.ts';
import { operationId } from '../core/summary.ts';

/** The record, with the advice that an operator of `apply` can follow. */
export const inFile = (record: ReportRecord): ReportRecord =>
  record.reason === null
    ? record
    : { ...record, reason: { ...record.reason, advice: adviceOf(record, record.reason.advice) } };

function adviceOf(record: ReportRecord, advice: string): string {
  switch (record.outcome) {
    case 'held':
      return 'Run the same command with --approve and the digest that stands under "held" to let it pass.';
    case 'invalid':
      return 'Correct the line of the file and apply it again; what has landed is left as it is.';
    default:
      return thenApply(advice, operationId(record));
  }
}
