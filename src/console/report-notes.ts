/** What `rollcall report` says beside what it prints: what it was asked for, what could not be read, and what is gone. */
import { REPORT_OUTCOMES } from '../core/report/report.ts';
import { isKnownOutcome, type MissingReports } from '../core/report/summary.ts';
import { timeText } from '../core/report/reporting.ts';
import { countedLarge } from '../core/text/counted.ts';
import { durationText } from '../core/text/duration.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { print, type CommandContext } from './command-context.ts';
import { missingText } from './missing-reports.ts';
import { CLOCK_MARGIN_MS, type ReportSelection, type SearchedReports } from './report-search.ts';

interface Criteria {
  readonly group?: readonly string[];
  readonly member?: readonly string[];
  readonly outcome?: readonly string[];
  /** Epoch ms. */
  readonly since?: number;
  /** Epoch ms; exclusive. */
  readonly until?: number;
}

interface Noted {
  readonly flags: Criteria & { readonly follow?: true };
  readonly topic: string;
  /** Absent: the topic is read. */
  readonly index?: object;
  readonly context: Pick<CommandContext, 'stderr'>;
}

export interface Searched {
  readonly selection: ReportSelection;
  /** Of what was printed. */
  readonly count: number;
  readonly partitionCount: number;
  readonly missing: readonly MissingReports[];
}

/** What could not be read, what is gone, and where nothing was found. @throws ExitError (usage) where no record has the outcome that is asked for */
export async function noteSearch(
  { flags, topic, index, context }: Noted,
  searched: SearchedReports,
  found: Searched,
): Promise<void> {
  const { unreadableCount, problems, recordCount, outcomes } = searched;
  if (unreadableCount > 0)
    await print(context.stderr, `warning: ${unreadableCount} records of ${topic} are no report records\n`);
  for (const problem of problems)
    await print(context.stderr, `warning: ${topic}: ${visible(problem)}; the reports in it are missing\n`);
  const gone = missingText(found.missing);
  if (gone !== null) await print(context.stderr, `warning: ${gone}\n`);
  const held = heldBeforeText(searched.heldBeforeCount, found.selection);
  if (held !== null) await print(context.stderr, `${held}\n`);
  const misspelt = [...(found.selection.outcomes ?? [])].filter(
    (outcome) => !isKnownOutcome(outcome) && !outcomes.has(outcome),
  );
  if (misspelt.length > 0) {
    const known = `this version knows ${REPORT_OUTCOMES.join(', ')}`;
    const text = `report: no record has the outcome ${misspelt.map(visible).join(', ')}; ${known}`;
    throw new ExitError(EXIT.usage, text);
  }
  if (found.count > 0 || flags.follow === true) return;
  const where =
    index === undefined
      ? `${recordCount} records in ${searched.partitions.size} of ${found.partitionCount} partitions of ${topic} were`
      : `all of ${topic} that is in the index was`;
  const margin = index === undefined ? `, in what was written within ${MARGIN_TEXT} of that` : '';
  const older = gone === null ? '' : '; older ones are gone';
  await print(context.stderr, `nothing found: ${where} searched${criteriaText(flags, margin)}${older}\n`);
}

/** A sentence without its end; null: there are none. */
export const heldBeforeText = (count: number, { since }: Pick<ReportSelection, 'since'>): string | null =>
  count === 0 || since === null
    ? null
    : `left out: ${countedLarge(count, 'removal')}, held since before ${timeText(since)}; rollcall held list shows all that is held`;

const MARGIN_TEXT = durationText(CLOCK_MARGIN_MS);

/** @param margin how far around the times was read; empty: an index answers by the times themselves */
function criteriaText(asked: Criteria, margin: string): string {
  const { since, until } = asked;
  const criteria = [
    ...criteriaBesideTimes(asked),
    ...(since === undefined ? [] : [`time ${timeText(since)} or later`]),
    ...(until === undefined ? [] : [`time before ${timeText(until)}`]),
  ];
  const ids = asksForIds(asked) ? ` (${IDS_TEXT})` : '';
  const isTimed = since !== undefined || until !== undefined;
  return criteria.length === 0 ? '' : ` for ${criteria.join(', ')}${ids}${isTimed ? margin : ''}`;
}

/** Sentences; empty: nothing was asked for but times, which the page says elsewhere. */
export function pageCriteriaText(asked: Criteria): string {
  const criteria = criteriaBesideTimes(asked);
  const ids = asksForIds(asked) ? ` Groups and members are searched by ${IDS_TEXT}.` : '';
  return criteria.length === 0 ? '' : `Limited to ${criteria.join(', ')}.${ids}`;
}

const IDS_TEXT = 'ids of the identity provider and of Genesys Cloud';

const asksForIds = ({ group, member }: Criteria): boolean => group !== undefined || member !== undefined;

const criteriaBesideTimes = ({ group, member, outcome }: Criteria): readonly string[] => [
  ...(group === undefined ? [] : [`group ${group.map(visible).join(' or ')}`]),
  ...(member === undefined ? [] : [`member ${member.map(visible).join(' or ')}`]),
  ...(outcome === undefined ? [] : [`outcome ${outcome.map(visible).join(' or ')}`]),
];
