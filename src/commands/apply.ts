/** `rollcall apply FILE|-`: a file of changes through the same pipeline, on a log in this process. */
import { Command } from 'commander';
import { writePrivateFile } from '../adapters/private-file.ts';
import type { SourceFormat } from '../core/change.ts';
import { tokenFailure, type Failure } from '../core/outcome.ts';
import { foldReport, summaryOf, type Summary } from '../core/summary.ts';
import { jsonText } from '../core/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { GroupApi } from '../ports.ts';
import { summaryText } from '../report/summary-text.ts';
import { embed, type Embedded } from './embedded.ts';
import { fileEnvironment, FILE_TOPICS, fillSource } from './file-source.ts';
import { print, printJson, stopped, type Host } from './host.ts';
import { openFormat } from './format.ts';
import { openIdMap } from './id-map.ts';
import { commandConfig, commandLog } from './kafka-tools.ts';
import { leftOver } from './left-over.ts';
import { showProgress } from './progress.ts';
import { readOperations } from './report.ts';
import { withTarget } from './target.ts';

export interface ApplyFlags {
  readonly json?: true;
  readonly report?: string;
}

export function applyCommand(host: Host): Command {
  return new Command('apply')
    .summary('apply a file of changes, without Kafka')
    .description(
      'Applies change events, one JSON object a line, and prints what became of each. A change has the id apply/0/<line from 0>/<member>.',
    )
    .argument('<file>', 'NDJSON of change events; - for standard input')
    .option('--json', 'the summary as JSON, alone on standard output')
    .option('--report <file>', 'also write the summary as JSON to this file, which only its owner may read (mode 0600)')
    .addHelpText('after', examples)
    .action(async (file: string, flags: ApplyFlags) => {
      host.finish(await applyFile(file, flags, host));
    });
}

const examples = `
Examples:
  $ rollcall plan changes.ndjson && rollcall apply changes.ndjson
  $ echo '{"group_id":"5b1e…","add_members":["8c2f…"],"remove_members":["77d0…"]}' | rollcall apply -
  $ rollcall apply --json changes.ndjson | jq .by_outcome

Lines that are not valid are reported, the others land. Users and groups that are not there are given up at once;
SLOW_RETRY_SCHEDULE_MS=60000,300000 waits for them. Exits 1 where some changes failed, and 69 where the target has been
out of reach for 60 s (78 where it refuses the credentials); what is left is then listed as retry_scheduled, and the file can be applied again.`;

export async function applyFile(file: string, flags: ApplyFlags, host: Host): Promise<ExitCode> {
  const parts = ['genesys', 'pipeline', 'ids', 'format'] as const;
  const config = await commandConfig(host, parts, fileEnvironment(host.environment));
  const logger = commandLog(host, config);
  const format = await openFormat(config.format);
  const { end, summary } = await withTarget({ host, genesys: config.genesys, logger }, async (api) => {
    const { ids, close } = await openIdMap(config, { host, api, logger });
    const embedded = embed({ host, config, api, ids, format, logger }, FILE_TOPICS, 1);
    try {
      await fillSource(embedded.broker, file, host);
      return await applyAll({ embedded, api, format, isMapped: ids !== null }, host);
    } finally {
      await close();
    }
  });
  if (flags.report !== undefined) await writeSummary(flags.report, summary);
  await (flags.json === true ? printJson(host.stdout, summary) : print(host.stdout, summaryText(summary)));
  if (end.kind === 'unavailable') {
    await print(host.stderr, host.secrets.redact(`rollcall: the target cannot be used: ${end.reason}\n`));
    return end.code;
  }
  const isAllDone = end.kind === 'rest' && summary.success_count === summary.total_operations;
  return isAllDone ? EXIT.done : EXIT.someFailed;
}

interface Applying {
  readonly embedded: Embedded;
  readonly api: GroupApi;
  readonly format: SourceFormat;
  readonly isMapped: boolean;
}

type End =
  | { readonly kind: 'rest' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly code: ExitCode };

async function applyAll(applying: Applying, host: Host): Promise<{ end: End; summary: Summary }> {
  const { tools } = applying.embedded;
  const end = await runToRest(applying, host);
  const { operations } = await readOperations(tools, FILE_TOPICS.report);
  const { format, isMapped } = applying;
  for (const record of await leftOver({ log: tools, format, isMapped }, operations, host))
    foldReport(operations, record);
  await tools.close();
  return { end, summary: summaryOf(operations, host.clock.now().wall) };
}

async function runToRest({ embedded, api }: Applying, host: Host): Promise<End> {
  const refusal = await api.renewToken();
  if (refusal?.refused === true)
    return { kind: 'unavailable', reason: reasonOf(tokenFailure(refusal)), code: EXIT.configuration };
  const { pipeline, broker } = embedded;
  const total = Number(broker.topic(FILE_TOPICS.source).partition(0).end);
  await pipeline.start();
  const endProgress = showProgress(host.stderr, host.clock, () => progressOf(pipeline, total));
  const watch = watchBreaker(pipeline, host);
  try {
    return await Promise.race([
      pipeline.whenAtRest().then((): End => ({ kind: 'rest' })),
      stopped(host.stop).then((): End => ({ kind: 'stopped' })),
      pipeline.ended.then((error): End => {
        throw error ?? new Error('the pipeline ended by itself');
      }),
      watch.opened,
    ]);
  } finally {
    watch.end();
    endProgress();
    await pipeline.drain();
  }
}

const reasonOf = ({ code, message, advice }: Failure): string => `${message} (${code})\n  ${advice}`;

const BREAKER_LIMIT_MS = 60_000;
const BREAKER_CHECK_MS = 500;

const BREAKER_REASONS = {
  target: 'it has been down for 60 s',
  auth: 'it has refused the token for 60 s; check GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET',
  permission: 'it has denied every request for 60 s; the OAuth client needs directory:group:edit',
} as const;

interface BreakerWatch {
  readonly opened: Promise<End>;
  readonly end: () => void;
}

/** Nobody waits beside a file for a target that stays down. */
function watchBreaker(pipeline: Pipeline, { clock }: Pick<Host, 'clock'>): BreakerWatch {
  let cancel = (): void => undefined;
  const opened = new Promise<End>((resolve) => {
    const check = (): void => {
      const { breaker } = pipeline.stats();
      if (breaker !== null && clock.now().wall - breaker.since >= BREAKER_LIMIT_MS) {
        const code = breaker.reason === 'auth' ? EXIT.configuration : EXIT.unavailable;
        resolve({ kind: 'unavailable', reason: `${BREAKER_REASONS[breaker.reason]}\n  ${breaker.problem}`, code });
      } else cancel = clock.schedule(BREAKER_CHECK_MS, check);
    };
    check();
  });
  return { opened, end: () => cancel() };
}

function progressOf(pipeline: Pipeline, lines: number) {
  const { reports, pending, parked } = pipeline.stats();
  const settled = Object.values(reports).reduce((sum, count) => sum + count, 0);
  return { settled, total: settled + pending, detail: `${parked} parked, of ${lines} lines` };
}

export async function writeSummary(file: string, summary: Summary): Promise<void> {
  try {
    await writePrivateFile(file, `${jsonText(summary, 2)}\n`);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new ExitError(EXIT.usage, `${file}: the report cannot be written${why}`, { cause });
  }
}
