/** What a run that was broken off leaves: changes nobody has reported yet, as reports that say so. */
import { type Intent, intentId, type SourceFormat, isChange } from '../core/change.ts';
import { intentsOf } from '../core/intents.ts';
import { positionText } from '../core/position.ts';
import type { ReportRecord } from '../core/report.ts';
import { retryReport } from '../core/reporting.ts';
import type { Operations } from '../core/summary.ts';
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

/** @param isMapped the source's ids are not the target's, and which ones they stand for is not known any more. */
export async function leftOver(
  { log, format, isMapped }: { readonly log: LogTools; readonly format: SourceFormat; readonly isMapped: boolean },
  reported: Operations,
  { clock }: Pick<Host, 'clock'>,
): Promise<readonly ReportRecord[]> {
  const { wall } = clock.now();
  const left: ReportRecord[] = [];
  const { signal } = new AbortController();
  const facts = { reason: UNTRIED, nextAttemptAt: wall, request: null, lag: { queue: null, apply: null } };
  const isTold = toldOf(reported);
  for await (const record of log.read(FILE_SOURCE.topic, { from: 'beginning', follow: false, signal })) {
    const events = format.decode(record, { partitionCount: 1 });
    for (const [i, event] of events.entries()) {
      if (!isChange(event)) continue;
      const index = events.length > 1 ? i : null;
      const { offset, timestamp } = record;
      const source = { ...FILE_SOURCE, offset, index, timestamp, eventId: event.eventId };
      for (const intent of intentsOf(event, source, wall).filter((each) => !isTold(each))) {
        const [named, groupTarget] = isMapped ? [{ ...intent, target: null }, null] : [intent, intent.group];
        left.push(retryReport(named, { ...facts, groupTarget, epoch: 0, reportedAt: wall }));
      }
    }
  }
  return left;
}

/** A full state is told of by what it came to, too. */
function toldOf(reported: Operations): (intent: Intent) => boolean {
  const events = new Set(
    [...reported.values()].map(({ source }) => `${source.topic}/${source.partition}/${source.offset}`),
  );
  return (intent) => (intent.op === 'state' ? events.has(positionText(intent.source)) : reported.has(intentId(intent)));
}
