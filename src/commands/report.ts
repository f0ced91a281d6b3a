/** `rollcall report`: the report topic as a summary, in rows, as CSV, as a page or as a stream of records. */
import { Command, Option } from 'commander';
import { readingTopic } from '../core/log/authorization.ts';
import { idKey } from '../core/change/change.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { foldReport, summaryOf, type MissingReports, type Operations } from '../core/report/summary.ts';
import type { RecordIndex } from '../adapters/record-index/record-index.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { LogTools } from '../ports.ts';
import { CountedOperations } from '../core/report/breakdown.ts';
import { counted } from '../core/text/counted.ts';
import {
  ROWS_BY,
  breakdownBy,
  breakdownCsv,
  breakdownJson,
  breakdownText,
  type ReportTimes,
  type RowsBy,
} from '../console/breakdown-text.ts';
import { missingReports, missingText } from '../console/missing-reports.ts';
import { oldestInTopic, type OldestReports, type ReportLog } from '../console/oldest-reports.ts';
import { writeReportPage } from '../console/page/page-file.ts';
import { indexOption, withRecordIndex } from '../console/indexing.ts';
import { oldestInIndex, reportIndex, reportIndexSources } from '../console/indexed-records.ts';
import { heldBeforeText, noteSearch, pageCriteriaText } from '../console/report-notes.ts';
import { csvHeader, csvRow, csvText, summaryJson, summaryText } from '../console/report-text.ts';
import { NOT_SENT } from '../console/shadow.ts';
import {
  SearchedReports,
  endedAsSelected,
  reportTopic,
  type ReportSelection,
  type ReportSource,
} from '../console/report-search.ts';
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
import { placesIn } from '../console/group-sources.ts';
import { existingTopic, withLogTools } from '../console/kafka-tools.ts';

export interface ReportFlags {
  /** Absent: `text` with `by`, else `json`. */
  readonly format?: 'text' | 'json' | 'csv' | 'ndjson';
  readonly by?: RowsBy;
  /** A file. */
  readonly html?: string;
  readonly follow?: true;
  readonly group?: readonly string[];
  readonly member?: readonly string[];
  readonly outcome?: readonly string[];
  /** Epoch ms. */
  readonly since?: number;
  /** Epoch ms; exclusive. */
  readonly until?: number;
  readonly allPartitions?: true;
  /** A directory. */
  readonly index?: string;
}

const formatOf = ({ format, by }: ReportFlags): NonNullable<ReportFlags['format']> =>
  format ?? (by === undefined ? 'json' : 'text');

export function reportCommand(context: CommandContext): Command {
  return new Command('report')
    .summary('what became of each change: a summary, rows, CSV, a page, or the records as they come')
    .description(
      'Reads the report topic: all of it, or what --since, --until and --group select. `text`, `json` and `csv` hold each change once, with the record that counts; `ndjson`, and everything with --follow, is the records as they were written.',
    )
    .addOption(
      new Option('--format <format>', 'what to print (default: json, with --by text)').choices([
        'text',
        'json',
        'csv',
        'ndjson',
      ]),
    )
    .addOption(
      new Option(
        '--by <what>',
        'a row for each group, reason, outcome or hour (UTC): how many changes failed, and what they cost (text, csv, json)',
      ).choices(ROWS_BY),
    )
    .option('--html <file>', 'write one page with charts and what failed or waits to a new file; it loads nothing')
    .option('--follow', 'go on with what is written from now on, until Ctrl-C (csv, ndjson)')
    .option('--group <id>', 'only of this group; may be repeated, as the next two', collect)
    .option('--member <id>', 'only of this member', collect)
    .option('--outcome <outcome>', 'only with this outcome, also one that a newer version writes', collect)
    .option(
      '--since <time>',
      'only what was reported then or later, such as 2026-09-21T14:13:20Z; of what is held, held since then or later',
      instant,
    )
    .option(
      '--until <time>',
      'as of then: without what was reported then or later; of what is held, held since then or later',
      instant,
    )
    .option('--all-partitions', 'with --group: where partitions were added to the topic, or ids are mapped since')
    .addOption(indexOption())
    .addHelpText('after', examples)
    .action(async (flags: ReportFlags) => {
      const { index: directory } = flags;
      const reporting = withLogTools(
        context,
        [],
        async (config, tools) => {
          checkFlags(flags);
          const topic = config.topics.report;
          const { bounds } = placesIn(tools, config);
          const printing = { flags, topic, tools, bounds, context };
          if (directory === undefined) return printReport(printing);
          const sources = await reportIndexSources(config, { tools, context });
          await withRecordIndex(directory, sources, (index) => printReport({ ...printing, index }));
        },
        ({ topics }) => [
          readingTopic(topics.report),
          ...(directory === undefined ? [] : [readingTopic(topics.source)]),
        ],
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
  $ rollcall report --by group --since 2026-09-01T00:00:00Z --until 2026-10-01T00:00:00Z
  $ rollcall report --html september.html --since 2026-09-01T00:00:00Z --until 2026-10-01T00:00:00Z
  $ rollcall report --group 5b1e… --since 2026-09-21T14:13:20Z
  $ rollcall report --format ndjson --follow | jq -c 'select(.final)'

Ids of groups and members are those of the identity provider or of Genesys Cloud. --since begins at the offsets of that
time, --until ends at those of that time, and --group reads the partition of its key; the others too where that holds
nothing of the group.`;

interface Reporting extends Pick<ReportLog, 'topic' | 'bounds'> {
  readonly flags: ReportFlags;
  readonly tools: LogTools;
  /** Brought up to date; absent: the topic is read. */
  readonly index?: RecordIndex;
  readonly context: Pick<CommandContext, 'stdout' | 'stderr' | 'clock' | 'stop'>;
}

export async function printReport(reporting: Reporting): Promise<void> {
  const { flags, topic, tools, index, context } = reporting;
  checkFlags(flags);
  const selection = selectionOf(flags);
  const follow = flags.follow === true;
  const { partitionCount } = await existingTopic(topic, { tools, context });
  const allPartitions = flags.allPartitions === true;
  const source: ReportSource =
    index === undefined
      ? reportTopic({ tools, topic, selection, follow, context })
      : reportIndex({ index, stop: context.stop }, selection);
  const searched = new SearchedReports({ source, partitionCount, selection, follow, allPartitions, context });
  const endProgress = showReading(reporting, searched);
  const { since } = selection;
  let found: Promise<readonly MissingReports[]> | null = null;
  // Read once, so that all that shows it shows the same.
  const missing = (): Promise<readonly MissingReports[]> =>
    (found ??= missingReports(oldestOf(reporting), { topic, partitions: [...searched.partitions], since }));
  const count = await printingOf(flags)(reporting, searched, { selection, missing }).finally(endProgress);
  await noteSearch(reporting, searched, { selection, count, partitionCount, missing: follow ? [] : await missing() });
}

const oldestOf = ({ topic, tools, bounds, index, context }: Reporting): OldestReports =>
  index === undefined ? oldestInTopic({ topic, tools, bounds, context }) : oldestInIndex(index, context);

/** @throws ExitError (usage) where they contradict each other. */
function checkFlags(flags: ReportFlags): void {
  const { by, html, since, until, index } = flags;
  const follow = flags.follow === true;
  const format = formatOf(flags);
  const problems: readonly (readonly [isThere: boolean, text: string])[] = [
    [
      follow && by === undefined && html === undefined && (format === 'json' || format === 'text'),
      'a summary needs an end; use --follow with --format ndjson or csv',
    ],
    [follow && by !== undefined, 'rows need an end; use --by without --follow'],
    [follow && html !== undefined, 'a page needs an end; use --html without --follow'],
    [follow && index !== undefined, 'an index is up to date when it is asked; use --index without --follow'],
    [follow && until !== undefined, '--follow goes on without an end; use --until without it'],
    [by !== undefined && format === 'ndjson', '--by has rows, and ndjson is records; use --format text, csv or json'],
    [
      html !== undefined && (by !== undefined || flags.format !== undefined),
      '--html holds all that it shows; use it without --by and --format',
    ],
    [
      since !== undefined && until !== undefined && until <= since,
      '--until is not later than --since, so that nothing lies between them',
    ],
  ];
  const problem = problems.find(([isThere]) => isThere);
  if (problem !== undefined) throw new ExitError(EXIT.usage, `report: ${problem[1]}`);
}

function printingOf(flags: ReportFlags): Printing {
  if (flags.html !== undefined) return writePage;
  if (flags.by !== undefined) return printBreakdown;
  return flags.format === 'ndjson' || flags.follow === true ? printRecords : printOperations;
}

/** Records on the terminal show by themselves how far it is. */
function showReading({ flags, index, context }: Reporting, searched: SearchedReports): () => void {
  const isShownAnyway = flags.format === 'ndjson' && context.stdout.isTTY === true;
  if (flags.follow === true || isShownAnyway || index !== undefined) return () => undefined;
  return showProgress(context.stderr, context.clock, () => {
    const { passed, total } = searched.progress;
    const where = `partition ${[...searched.partitions].join(', ')}`;
    return { settled: passed, total, unit: 'records', detail: searched.partitions.size > 8 ? 'read' : where };
  });
}

interface Asked {
  readonly selection: ReportSelection;
  /** Of the partitions that were read, once they are. */
  readonly missing: () => Promise<readonly MissingReports[]>;
}

type Printing = (reporting: Reporting, searched: SearchedReports, asked: Asked) => Promise<number>;

/** As they come. */
const printRecords: Printing = async ({ flags, topic, context }, searched, { selection }) => {
  const isCsv = flags.format === 'csv';
  if (isCsv) await printPieces(context.stdout, [csvHeader()]);
  let count = 0;
  for await (const { record, json } of searched.read()) {
    if (!endedAsSelected(selection, record)) continue;
    count += 1;
    await (isCsv ? printPieces(context.stdout, [csvRow(record)]) : printJson(context.stdout, json));
  }
  if (flags.follow !== true) endIfStopped(context, `before the end of ${topic}`);
  return count;
};

/** Each once. */
const printOperations: Printing = async ({ flags, topic, context }, searched, { selection, missing }) => {
  const operations: Operations = new Map();
  for await (const { record } of searched.read()) foldReport(operations, record);
  endIfStopped(context, `before the end of ${topic}`);
  for (const [id, record] of operations) if (!endedAsSelected(selection, record)) operations.delete(id);
  const summary = summaryOf(operations, context.clock.now().wall, await missing());
  const format = formatOf(flags);
  if (format === 'text') await print(context.stdout, summaryText(summary));
  else await printPieces(context.stdout, format === 'csv' ? csvText(summary.operations) : summaryJson(summary, 2));
  const others = operations.size - summary.operations.length;
  if (format === 'csv' && others > 0) await print(context.stderr, noRowsText(others));
  return operations.size;
};

/** With an index what is counted is in a file, else in memory. */
const countedOf = ({ index }: Reporting, { since }: ReportSelection): CountedOperations =>
  new CountedOperations(since, index?.counting());

const noRowsText = (count: number): string =>
  `${counted(count, 'record')} about no change (paused, resumed, drift): no rows; --format ndjson lists them\n`;

/** In rows. */
const printBreakdown: Printing = async (reporting, searched, { selection, missing }) => {
  const { flags, topic, context } = reporting;
  const { by = 'group' } = flags;
  const operations = countedOf(reporting, selection);
  let isShadow = false;
  for await (const report of searched.read()) {
    operations.take(report);
    isShadow ||= report.record.shadow === true;
  }
  endIfStopped(context, `before the end of ${topic}`);
  const breakdown = operations.breakdown(breakdownBy(by), isSelectedBy(selection));
  const format = formatOf(flags);
  if (format === 'csv') await printPieces(context.stdout, breakdownCsv(breakdown, by));
  else if (format === 'json')
    await printPieces(
      context.stdout,
      breakdownJson(breakdown, by, { ...timesOf(flags, context), missing: await missing() }),
    );
  else {
    if (isShadow) await print(context.stdout, `${NOT_SENT}\n`);
    for (const line of breakdownText(breakdown, by)) await print(context.stdout, line);
  }
  return breakdown.total.changes;
};

const writePage: Printing = async (reporting, searched, { selection, missing }) => {
  const { flags, topic, context } = reporting;
  const { html: path = '' } = flags;
  const about = { topic, times: timesOf(flags, context), criteria: pageCriteriaText(flags) };
  const operations = countedOf(reporting, selection);
  const warnings = async (): Promise<readonly string[]> =>
    [missingText(await missing()), heldBeforeText(searched.heldBeforeCount, selection)].flatMap((text) =>
      text === null ? [] : [`${text}.`],
    );
  const page = { path, about, searched, counted: operations, warnings, context };
  const count = await writeReportPage({ ...page, isSelected: isSelectedBy(selection) });
  await print(context.stderr, `written to ${path}\n`);
  return count;
};

const isSelectedBy =
  (selection: ReportSelection) =>
  (record: Pick<ReportRecord, 'outcome' | 'reported_at' | 'held_since'>): boolean =>
    endedAsSelected(selection, record);

const timesOf = ({ since, until }: ReportFlags, { clock }: Pick<CommandContext, 'clock'>): ReportTimes => ({
  madeAt: clock.now().wall,
  since: since ?? null,
  until: until ?? null,
});

function selectionOf({ group, member, outcome, since, until }: ReportFlags): ReportSelection {
  return {
    groups: group === undefined ? null : new Set(group.map(idKey)),
    members: member === undefined ? null : new Set(member.map(idKey)),
    outcomes: outcome === undefined ? null : new Set(outcome),
    since: since ?? null,
    ...(until !== undefined && { until }),
  };
}
