/** `rollcall report`: the report topic as a summary, as CSV or as a stream of records. */
import { Command, Option } from 'commander';
import { ReportRecord, type ReportOutcome } from '../core/report.ts';
import { readingTopic } from '../core/authorization.ts';
import { foldReport, summaryOf, type Operations } from '../core/summary.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { LogTools, TopicRecord } from '../ports.ts';
import { csvHeader, csvRow } from '../report/csv.ts';
import { concernsSelected, endedAsSelected, selectsReport, type ReportSelection } from '../report/selection.ts';
import { collect, instant } from './arguments.ts';
import { print, printJson, printCsv, type Host } from './host.ts';
import { withLogTools } from './kafka-tools.ts';

export interface ReportFlags {
  readonly format: 'json' | 'csv' | 'ndjson';
  readonly follow?: true;
  readonly group?: readonly string[];
  readonly member?: readonly string[];
  readonly outcome?: readonly string[];
  readonly since?: number;
}

export function reportCommand(host: Host): Command {
  return new Command('report')
    .summary('what became of each change: a summary, CSV, or the records as they come')
    .description(
      'Reads the report topic to its end. `json` and `csv` hold each change once, with the record that counts; `ndjson`, and everything with --follow, is the records as they were written.',
    )
    .addOption(new Option('--format <format>', 'what to print').choices(['json', 'csv', 'ndjson']).default('json'))
    .option('--follow', 'go on with what is written from now on, until Ctrl-C (csv, ndjson)')
    .option('--group <id>', 'only of this group; may be repeated, as the next two', collect)
    .option('--member <id>', 'only of this member', collect)
    .option('--outcome <outcome>', 'only with this outcome', collect)
    .option('--since <time>', 'only reported then or later, such as 2026-09-21T14:13:20Z', instant)
    .addHelpText('after', examples)
    .action(async (flags: ReportFlags) => {
      await withLogTools(
        host,
        [],
        async ({ topics }, tools) => {
          await printReport({ flags, topic: topics.report, tools, host });
        },
        ({ report }) => [readingTopic(report)],
      );
      host.finish(EXIT.done);
    });
}

const examples = `
Examples:
  $ rollcall report > summary.json
  $ rollcall report --format csv --outcome failed --outcome permanent_failure > failures.csv
  $ rollcall report --format ndjson --follow | jq -c 'select(.final)'`;

interface Reporting {
  readonly flags: ReportFlags;
  readonly topic: string;
  readonly tools: LogTools;
  readonly host: Pick<Host, 'stdout' | 'stderr' | 'clock' | 'stop'>;
}

export async function printReport(reporting: Reporting): Promise<void> {
  const { flags, topic, tools, host } = reporting;
  const selection = selectionOf(flags);
  const isFollowing = flags.follow === true;
  if (isFollowing && flags.format === 'json') {
    throw new ExitError(EXIT.usage, 'report: a summary needs an end; use --follow with --format ndjson or csv');
  }
  if ((await tools.describeTopic(topic)) === null) {
    throw new ExitError(EXIT.unavailable, `the topic ${topic} does not exist; run \`rollcall topics create\``);
  }
  const { unreadable, problems } =
    flags.format === 'ndjson' || isFollowing
      ? await printRecords(reporting, selection)
      : await printOperations(reporting, selection);
  if (unreadable > 0) await print(host.stderr, `warning: ${unreadable} records of ${topic} are no report records\n`);
  for (const problem of problems)
    await print(host.stderr, `warning: ${topic}: ${problem}; the reports in it are missing\n`);
}

/** What could not be read of the report topic. */
interface Unread {
  /** Records that are no report records. */
  unreadable: number;
  /** Of batches that cannot be unpacked. */
  readonly problems: string[];
}

const nothingUnread = (): Unread => ({ unreadable: 0, problems: [] });

/** null: it is none. */
function reportIn({ value, unreadable }: TopicRecord, unread: Unread): ReportRecord | null {
  const record = parseReport(value);
  if (unreadable !== undefined) unread.problems.push(unreadable.message);
  else if (record === null) unread.unreadable += 1;
  return record;
}

/** As they come. */
async function printRecords({ flags, topic, tools, host }: Reporting, selection: ReportSelection): Promise<Unread> {
  const isCsv = flags.format === 'csv';
  if (isCsv) await printCsv(host.stdout, csvHeader());
  const unread = nothingUnread();
  const options = { from: 'beginning', follow: flags.follow === true, signal: host.stop, unreadable: 'tell' } as const;
  for await (const each of tools.read(topic, options)) {
    const record = reportIn(each, unread);
    if (record !== null && selectsReport(selection, record)) {
      await (isCsv ? printCsv(host.stdout, csvRow(record)) : printJson(host.stdout, record));
    }
  }
  return unread;
}

/** Each once. */
async function printOperations({ flags, topic, tools, host }: Reporting, selection: ReportSelection): Promise<Unread> {
  const { operations, ...unread } = await readOperations(tools, topic, selection, host.stop);
  for (const [id, record] of operations) if (!endedAsSelected(selection, record)) operations.delete(id);
  const summary = summaryOf(operations, host.clock.now().wall);
  if (flags.format === 'json') await printJson(host.stdout, summary, 2);
  else {
    await printCsv(host.stdout, csvHeader());
    for (const record of summary.operations) await printCsv(host.stdout, csvRow(record));
  }
  return unread;
}

interface ReadOperations extends Unread {
  readonly operations: Operations;
}

const EVERYTHING: ReportSelection = { groups: null, members: null, outcomes: null, since: null };

/** The record that counts of each operation that concerns the selected groups and members. */
export async function readOperations(
  tools: LogTools,
  topic: string,
  selection: ReportSelection = EVERYTHING,
  signal: AbortSignal = new AbortController().signal,
): Promise<ReadOperations> {
  const operations: Operations = new Map();
  const unread = nothingUnread();
  for await (const each of tools.read(topic, { from: 'beginning', follow: false, signal, unreadable: 'tell' })) {
    const record = reportIn(each, unread);
    if (record !== null && concernsSelected(selection, record)) foldReport(operations, record);
  }
  return { operations, ...unread };
}

/** null: not a report record. */
export function parseReport(value: Uint8Array | null): ReportRecord | null {
  if (value === null) return null;
  try {
    return ReportRecord.parse(JSON.parse(Buffer.from(value).toString()));
  } catch {
    return null;
  }
}

function selectionOf({ group, member, outcome, since }: ReportFlags): ReportSelection {
  return {
    groups: group ?? null,
    members: member ?? null,
    outcomes: outcome?.map(knownOutcome) ?? null,
    since: since ?? null,
  };
}

function knownOutcome(name: string): ReportOutcome {
  const known = ReportRecord.shape.outcome.safeParse(name);
  if (known.success) return known.data;
  throw new ExitError(EXIT.usage, `report: --outcome is one of ${ReportRecord.shape.outcome.options.join(', ')}`);
}
