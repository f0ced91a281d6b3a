/** Reads reports, and writes their page to a new file, which only its owner may read. */
import type { AppendedFile } from '../../adapters/private-file.ts';
import { sha256 } from '../../adapters/system.ts';
import type { CountedOperations, Selected } from '../../core/report/breakdown.ts';
import { OpenChanges } from '../../core/report/open-changes.ts';
import { counted as countedText } from '../../core/text/counted.ts';
import { endIfStopped, type CommandContext } from '../command-context.ts';
import { writeNewFile } from '../new-file.ts';
import type { SearchedReports } from '../report-search.ts';
import { OPEN_CHANGES_MAX, reportPage, type ReportPage } from './report-page.ts';
import { timelineOf } from './timeline.ts';

export interface PageRequest {
  readonly path: string;
  readonly about: Pick<ReportPage, 'topic' | 'times' | 'criteria'>;
  readonly searched: SearchedReports;
  /** Of nothing yet. */
  readonly counted: CountedOperations;
  readonly isSelected: Selected;
  /** Sentences, once all is read. */
  readonly warnings: () => Promise<readonly string[]>;
  readonly context: Pick<CommandContext, 'stop'>;
}

/** How many changes it shows. @throws ExitError where the file is there already, cannot be written, or the reading is stopped. */
export const writeReportPage = (request: PageRequest): Promise<number> =>
  writeNewFile({ option: 'report --html', path: request.path }, request.context, (file) => writePage(request, file));

async function writePage(
  { about, searched, counted, isSelected, warnings, context }: PageRequest,
  file: Pick<AppendedFile, 'append'>,
): Promise<number> {
  const open = new OpenChanges(isSelected);
  let isShadow = false;
  for await (const report of searched.read()) {
    isShadow ||= report.record.shadow === true;
    if (counted.take(report)) open.note(report.record, report.key);
  }
  endIfStopped(context, `before the end of ${about.topic}`);
  const groups = counted.breakdown('group', isSelected);
  const page = {
    ...about,
    isShadow,
    warnings: [...(await warnings()), ...warningsOf(searched)],
    groups,
    reasons: counted.breakdown('reason', isSelected),
    timeline: timelineOf(counted, isSelected, about.times.madeAt),
    open: open.newest(OPEN_CHANGES_MAX),
  };
  for (const piece of reportPage(page, sha256Base64)) await file.append(piece);
  return groups.total.changes;
}

const sha256Base64 = (text: string): string => Buffer.from(sha256(text), 'hex').toString('base64');

const warningsOf = ({ unreadableCount, problems }: SearchedReports): readonly string[] => [
  ...(unreadableCount === 0
    ? []
    : [`${countedText(unreadableCount, 'record')} of the topic could not be read as reports.`]),
  ...problems.map((problem) => `${problem}; the reports in it are missing.`),
];
