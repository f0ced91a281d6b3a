/** How one source record of a stream was accounted for, by the reports and dead letters that it ended in. */
import {
  intentId,
  offsetText,
  type Delta,
  type FullState,
  type Hint,
  type Invalid,
} from '../../src/core/change/change.ts';
import { intentsOf } from '../../src/core/change/pending.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { Operations } from '../../src/core/report/summary.ts';
import { native } from '../../src/formats/native/native.ts';
import type { LogRecord } from '../../src/ports.ts';
import { demand } from './kind.ts';
import { GROUP } from './valid-retry-records.ts';

/** `letters`: of invalid records, by the offset that they name. */
export function accountOf(
  record: LogRecord,
  reports: Operations,
  letters: ReadonlyMap<string | null, LogRecord>,
): string {
  const [event] = native.decode(record, { partitionCount: 1 });
  const { offset } = record;
  const source = { topic: 'source', partition: 0, offset, index: null, eventId: null, timestamp: 1 };
  const position = `source/0/${offsetText(source)}`;
  switch (event.kind) {
    case 'skip':
      return 'source record: skipped';
    case 'invalid':
    case 'hint':
      return accountOfLetter(event, position, { record, reports, letters });
    case 'delta':
      return accountOfDelta(event, position, intentsOf(event, source, 1).map(intentId), reports);
    case 'state':
      return accountOfState(event, position, reports);
  }
}

interface Found {
  readonly record: LogRecord;
  readonly reports: Operations;
  readonly letters: ReadonlyMap<string | null, LogRecord>;
}

function accountOfLetter({ code }: Invalid | Hint, position: string, { record, reports, letters }: Found): string {
  const report = reports.get(position);
  // A live record that is forged well may say what this record never said: then that is reported, under the same id.
  const isForged = report?.source_group === GROUP;
  demand(report?.outcome === 'invalid' || isForged, `${position} is reported as invalid`);
  const letter = letters.get(String(record.offset));
  demand(letter !== undefined, `${position} has a dead letter`);
  demand(
    Buffer.from(letter.value ?? []).equals(record.value ?? Buffer.alloc(0)),
    `${position}: the letter has the bytes`,
  );
  return `source record: dead letter, ${code}`;
}

function accountOfDelta({ kind }: Delta, position: string, members: readonly string[], reports: Operations): string {
  const ids = members.length === 0 ? [position] : members;
  const outcomes = ids.map((id) => ended(id, reports.get(id)).outcome);
  return `source record: ${kind}, ${outcomes[0]}${ids.length > 1 ? ', …' : ''}`;
}

/** Whom it was about follows from the group as it was, so any of its members may be reported, or the record as a whole. */
function accountOfState({ deleted }: FullState, position: string, reports: Operations): string {
  const own = [...reports].filter(([id]) => id === position || id.startsWith(`${position}/`));
  demand(own.length > 0, `${position} is reported, or a member of it`);
  const outcomes = own.map(([id, report]) => ended(id, report).outcome);
  return `source record: ${deleted ? 'deleted group' : 'full state'}, ${outcomes[0]}${own.length > 1 ? ', …' : ''}`;
}

/** Final, or a removal that waits for an operator. */
function ended(id: string, report: ReportRecord | undefined): ReportRecord {
  demand(report !== undefined, `${id} has a report`);
  demand(report.final || (report.outcome === 'held' && report.op === 'remove'), `${id} has its final report`);
  return report;
}
