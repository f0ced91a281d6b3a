/** `rollcall report`: the report topic as a summary, as CSV or as a stream of records. */
import { Command, Option } from 'commander';
import { readingTopic } from '../core/log/authorization.ts';
import { idKey } from '../core/change/change.ts';
import { REPORT_OUTCOMES } from '../core/report/report.ts';
import { foldReport, isKnownOutcome, summaryOf, type Operations } from '../core/report/summary.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { LogTools } from '../ports.ts';
import { csvHeader, csvRow, csvText, summaryJson } from '../console/report-text.ts';
import { SearchedReports, endedAsSelected, type ReportSelection } from '../console/report-search.ts';
import {
  collect,
  endIfStopped,
  instant,
  print,
  printJson,
  printPieces,
  showProgress,
  type CommandContext,
} from '../console/command-context.ts';
import { existingTopic, withLogTools } from '../console/kafka-tools.ts';

export interface ReportFlags {
  readonly format: 'json' | 'csv' | 'ndjson';
  readonly follow?: true;
  readonly group?: readonly string[];
  readonly member?: readonly string[];
  readonly outcome?: readonly string[];
  readonly since?: number;
  readonly allPartitions?: true;
}

export function reportCommand(context: CommandContext): Command {
  return new Command('report')
    .summary('what became of each change: a summary, CSV, or the records as they come')
    .description(
      'Reads the report topic to its end. `json` and `csv` hold each change once, with the record that counts; `ndjson`, and everything with --follow, is the records as they were written.',
    )
    .addOption(new Option('--format <format>', 'what to print').choices(['json', 'csv', 'ndjson']).default('json'))
    .option('--follow', 'go on with what is written from now on, until Ctrl-C (csv, ndjson)')
    .option('--group <id>', 'only of this group; may be repeated, as the next two', collect)
    .option('--member <id>', 'only of this member', collect)
    .option('--outcome <outcome>', 'only with this outcome, also one that a newer version writes', collect)
    .option('--since <time>', 'only reported then or later, such as 2026-09-21T14:13:20Z', instant)
    .option('--all-partitions', 'with --group: where partitions were added to the topic, or ids are mapped since')
    .addHelpText('after', examples)
    .action(async (flags: ReportFlags) => {
      const reporting = withLogTools(
        context,
        [],
        async ({ topics }, tools) => {
          await printReport({ flags, topic: topics.report, tools, context });
        },
        ({ topics: { report } }) => [readingTopic(report)],
      );
      await reporting.catch((error: unknown) => {
        // Nothing else ends it.
        if (flags.follow !== true || !context.stop.aborted) throw error;
      });
      context.finish(EXIT.done);
    });
}

const examples = `
Examples:
  $ rollcall report > summary.json
  $ rollcall report --format csv --outcome failed --outcome permanent_failure > failures.csv
  $ rollcall report --group 5b1e… --since 2026-09-21T14:13:20Z
  $ rollcall report --format ndjson --follow | jq -c 'select(.final)'

Ids of groups and members are those of the identity provider or of Genesys Cloud. --since begins at the offsets of that
time, and --group reads the partition of its key; the others too where that holds nothing of the group.`;

interface Reporting {
  readonly flags: ReportFlags;
  readonly topic: string;
  readonly tools: LogTools;
  readonly context: Pick<CommandContext, 'stdout' | 'stderr' | 'clock' | 'stop'>;
}

export async function printReport(reporting: Reporting): Promise<void> {
  const { flags, topic, tools, context } = reporting;
  const selection = selectionOf(flags);
  const follow = flags.follow === true;
  if (follow && flags.format === 'json') {
    throw new ExitError(EXIT.usage, 'report: a summary needs an end; use --follow with --format ndjson or csv');
  }
  const { partitionCount } = await existingTopic(topic, { tools, context });
  const allPartitions = flags.allPartitions === true;
  const searched = new SearchedReports({ tools, topic, partitionCount, selection, follow, allPartitions, context });
  const printing = flags.format === 'ndjson' || follow ? printRecords : printOperations;
  const endProgress = showReading(reporting, searched);
  const count = await printing(reporting, searched, selection).finally(endProgress);
  if (!follow) endIfStopped(context, `before the end of ${topic}`);
  await tellSearch(reporting, searched, { selection, count, partitionCount });
}

/** Records on the terminal show by themselves how far it is. */
function showReading({ flags, context }: Reporting, searched: SearchedReports): () => void {
  const isShownAnyway = flags.format === 'ndjson' && context.stdout.isTTY === true;
  if (flags.follow === true || isShownAnyway) return () => undefined;
  return showProgress(context.stderr, context.clock, () => {
    const { passed, total } = searched.progress;
    const where = `partition ${[...searched.partitions].join(', ')}`;
    return { settled: passed, total, unit: 'records', detail: searched.partitions.size > 8 ? 'read' : where };
  });
}

interface Searched {
  readonly selection: ReportSelection;
  /** Of what was printed. */
  readonly count: number;
  readonly partitionCount: number;
}

/** What could not be read, and where nothing was found. */
async function tellSearch(
  { flags, topic, context }: Reporting,
  searched: SearchedReports,
  found: Searched,
): Promise<void> {
  const { unreadableCount, problems, recordCount, outcomes } = searched;
  if (unreadableCount > 0)
    await print(context.stderr, `warning: ${unreadableCount} records of ${topic} are no report records\n`);
  for (const problem of problems)
    await print(context.stderr, `warning: ${topic}: ${problem}; the reports in it are missing\n`);
  const misspelt = [...(found.selection.outcomes ?? [])].filter(
    (outcome) => !isKnownOutcome(outcome) && !outcomes.has(outcome),
  );
  if (misspelt.length > 0) {
    const known = `this version knows ${REPORT_OUTCOMES.join(', ')}`;
    const text = `report: no record has the outcome ${misspelt.join(', ')}; ${known}`;
    throw new ExitError(EXIT.usage, text);
  }
  if (found.count > 0 || flags.follow === true) return;
  const where = `${recordCount} records in ${searched.partitions.size} of ${found.partitionCount} partitions of ${topic}`;
  await print(context.stderr, `nothing found: ${where} were searched${criteriaText(flags)}\n`);
}

function criteriaText({ group, member, outcome, since }: ReportFlags): string {
  const criteria = [
    ...(group === undefined ? [] : [`group ${group.join(' or ')}`]),
    ...(member === undefined ? [] : [`member ${member.join(' or ')}`]),
    ...(outcome === undefined ? [] : [`outcome ${outcome.join(' or ')}`]),
    ...(since === undefined ? [] : [`reported at ${new Date(since).toISOString()} or later`]),
  ];
  const hasIds = group !== undefined || member !== undefined;
  const ids = hasIds ? ' (ids of the identity provider and of Genesys Cloud)' : '';
  return criteria.length === 0 ? '' : ` for ${criteria.join(', ')}${ids}`;
}

type Printing = (reporting: Reporting, searched: SearchedReports, selection: ReportSelection) => Promise<number>;

/** As they come. */
const printRecords: Printing = async ({ flags, context }, searched, selection) => {
  const isCsv = flags.format === 'csv';
  if (isCsv) await printPieces(context.stdout, [csvHeader()]);
  let count = 0;
  for await (const { record, json } of searched.read()) {
    if (!endedAsSelected(selection, record)) continue;
    count += 1;
    await (isCsv ? printPieces(context.stdout, [csvRow(record)]) : printJson(context.stdout, json));
  }
  return count;
};

/** Each once. */
const printOperations: Printing = async ({ flags, topic, context }, searched, selection) => {
  const operations: Operations = new Map();
  for await (const { record } of searched.read()) foldReport(operations, record);
  endIfStopped(context, `before the end of ${topic}`);
  for (const [id, record] of operations) if (!endedAsSelected(selection, record)) operations.delete(id);
  const summary = summaryOf(operations, context.clock.now().wall);
  await printPieces(context.stdout, flags.format === 'json' ? summaryJson(summary, 2) : csvText(summary.operations));
  return operations.size;
};

function selectionOf({ group, member, outcome, since }: ReportFlags): ReportSelection {
  return {
    groups: group === undefined ? null : new Set(group.map(idKey)),
    members: member === undefined ? null : new Set(member.map(idKey)),
    outcomes: outcome === undefined ? null : new Set(outcome),
    since: since ?? null,
  };
}
