/** What a run that was broken off leaves: changes nobody has reported yet, as reports that say so. */
import { intentId, intentsOf } from '../core/change.ts';
import { retryReport, type ReportRecord } from '../core/report.ts';
import type { Operations } from '../core/summary.ts';
import { native } from '../formats/native.ts';
import type { LogTools } from '../ports.ts';
import { FILE_SOURCE } from './file-source.ts';
import type { Host } from './host.ts';

const UNTRIED = {
  code: 'not_attempted',
  message: 'The run ended before this change was tried.',
  status: null,
  scimType: null,
  advice: 'Apply the file again; what has landed already is left as it is.',
};

export async function leftOver(
  log: LogTools,
  reported: Operations,
  { clock }: Pick<Host, 'clock'>,
): Promise<readonly ReportRecord[]> {
  const { wall } = clock.now();
  const left: ReportRecord[] = [];
  const { signal } = new AbortController();
  for await (const record of log.read(FILE_SOURCE.topic, { from: 'beginning', follow: false, signal })) {
    const decoded = native(record, { partitionCount: 1 });
    if (decoded.kind !== 'change') continue;
    const { offset, timestamp } = record;
    const source = { ...FILE_SOURCE, offset, timestamp, eventId: decoded.event.eventId };
    const untold = intentsOf(decoded.event, source, wall).filter((intent) => !reported.has(intentId(intent)));
    const facts = { reason: UNTRIED, nextAttemptAt: wall, request: null, lag: { queue: null, apply: null } };
    for (const intent of untold) left.push(retryReport(intent, { ...facts, epoch: 0, reportedAt: wall }));
  }
  return left;
}
