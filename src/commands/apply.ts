/** `rollcall apply FILE|-`, or `--plan FILE`: changes through the same pipeline, on a log in this process. */
import type { Failure } from '../core/target/refusals.ts';
import { Command } from 'commander';
import { embed, leftOver, type Embedded } from '../console/embedded.ts';
import { adviceFor, FILE_TOPICS, heldAdvice, type AppliedFrom } from '../console/file-source.ts';
import { decideParts } from '../console/held-decisions.ts';
import { DECIDED_LENGTH_MIN, heldSets, wholeOf, type HeldSet } from '../console/held-sets.ts';
import { NO_EVENTS } from '../console/held-events.ts';
import { listText } from '../console/held-text.ts';
import {
  collect,
  print,
  printPieces,
  showProgress,
  stopped,
  type CommandContext,
  unlessStopped,
} from '../console/command-context.ts';
import { commandLog } from '../console/kafka-tools.ts';
import { readReport } from '../console/report-search.ts';
import type { RetryTopic } from '../console/retry-topic.ts';
import { refuseInShadow } from '../console/shadow.ts';
import { formatOption } from '../console/source-format.ts';
import { withTarget } from '../console/target.ts';
import { invalidText, movedText, openSource, type ApplySource, type SourceFlags } from '../console/apply-source.ts';
import { isId, type SourceFormat } from '../core/change/change.ts';
import { foldReport, summaryOf, type Operations, type Summary } from '../core/report/summary.ts';
import { tokenFailure } from '../core/target/outcome.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { GroupApi, LogTools } from '../ports.ts';
import { checkSummaryFile, summaryJson, summaryText, writeSummary } from '../console/report-text.ts';

export interface ApplyFlags extends SourceFlags {
  readonly json?: true;
  readonly report?: string;
}

export function applyCommand(context: CommandContext): Command {
  return new Command('apply')
    .summary('apply a file of changes, without Kafka')
    .description(
      'Applies change events, one JSON object a line, and prints what became of each. A change has the id apply/0/<line from 0>/<member>.',
    )
    .argument('[file]', 'NDJSON of change events; - for standard input')
    .option('--plan <file>', 'instead of a file of changes: exactly the requests that `plan --out` has written')
    .option('--json', 'the summary as JSON, alone on standard output')
    .option('--report <file>', 'also write the summary as JSON to this file, which only its owner may read (mode 0600)')
    .addOption(formatOption())
    .option(
      '--approve <digest>',
      'let exactly these removals pass, which a run before, or the plan, has held; may be repeated',
      collect,
    )
    .addHelpText('after', examples)
    .action(async (file: string | undefined, flags: ApplyFlags) => {
      context.finish(await applyFile(file, flags, context));
    });
}

const examples = `
Examples:
  $ rollcall plan changes.ndjson && rollcall apply changes.ndjson
  $ echo '{"group_id":"5b1e…","add_members":["8c2f…"],"remove_members":["77d0…"]}' | rollcall apply -
  $ rollcall apply --json changes.ndjson | jq .by_outcome
  $ rollcall apply --format native full-state.ndjson      # beside any SOURCE_FORMAT

  $ rollcall apply --approve 3f9a5c70e1d2 changes.ndjson
  $ rollcall plan --out plan.ndjson changes.ndjson && rollcall apply --plan plan.ndjson

With --plan nothing but the requests of the plan is sent, and nothing more of a group that has changed since: its changes fail as
\`version_moved\`. A plan that is damaged or cut, or is of another target, is refused (64).

Removals that the guard holds (GUARD_GROUP_PERCENT and the like) are listed with a digest for each group, and leave with
--approve only, with --plan those that the plan has listed; those of a deleted group or an empty full state always need it. Lines that are not valid are reported, the others land. Users and groups that do not exist are given up at the first failure;
SLOW_RETRY_SCHEDULE_MS=60000,300000 waits for them. Exits 1 where some changes failed, and 69 where the target has been
out of reach for 60 s (78 where it refuses the credentials); what is left is then listed as retry_scheduled, and the file can be applied
again; of a plan another one has to be made first.`;

export async function applyFile(
  file: string | undefined,
  flags: ApplyFlags,
  context: CommandContext,
): Promise<ExitCode> {
  checkDigests(flags.approve ?? []);
  if (flags.report !== undefined) await checkSummaryFile(flags.report);
  const source = await openSource(file, flags, context);
  const { config, format } = source;
  refuseInShadow(config, 'sends changes to Genesys Cloud');
  const logger = commandLog(context, config);
  const { end, summary, held, moved } = await withTarget({ context, config, logger }, async (target) => {
    const { api, ids, close, movedGroups } = await source.open(target, logger);
    try {
      const embedded = embed({ context, config, api, ids, format, logger }, FILE_TOPICS, 1);
      await readSource(embedded, source, context);
      const { approve = [] } = flags;
      const applying = { embedded, api, format, isMapped: ids !== null, approve, from: source.from };
      return { ...(await applyAll(applying, context)), moved: movedGroups() };
    } finally {
      await close();
    }
  });
  const unwritten = flags.report === undefined ? null : await writeSummary(flags.report, summary);
  // The requests are sent: where the file cannot be written, this is all that shows what was done.
  await (flags.json === true
    ? printPieces(context.stdout, summaryJson(summary, 0))
    : print(context.stdout, summaryText(summary)));
  await print(flags.json === true ? context.stderr : context.stdout, leftHeldText(held, source.from));
  await print(context.stderr, movedText(moved) + invalidText(source.invalidCount));
  if (end.kind === 'unavailable') {
    const problems = [`the target cannot be used: ${end.reason}`, ...(unwritten === null ? [] : [unwritten.message])];
    for (const problem of problems) await print(context.stderr, context.secrets.redact(`rollcall: ${problem}\n`));
    return end.code;
  }
  if (unwritten !== null) throw unwritten;
  const isAllDone =
    end.kind === 'rest' && summary.success_count === summary.total_operations && source.invalidCount === 0;
  return isAllDone ? EXIT.done : EXIT.someFailed;
}

interface Applying {
  readonly embedded: Embedded;
  readonly api: GroupApi;
  readonly format: SourceFormat;
  readonly isMapped: boolean;
  /** Digests. */
  readonly approve: readonly string[];
  readonly from: AppliedFrom;
}

type End =
  | { readonly kind: 'rest' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly code: ExitCode };

interface Applied {
  readonly end: End;
  readonly summary: Summary;
  readonly held: readonly HeldSet[];
}

/** Nothing has been sent yet, so that a signal ends it where it stands. */
async function readSource({ broker }: Embedded, from: ApplySource, context: CommandContext): Promise<void> {
  const source = broker.topic(FILE_TOPICS.source).partition(0);
  const endProgress = showProgress(context.stderr, context.clock, () => ({
    settled: Number(source.end),
    total: Number(source.end),
    unit: 'lines',
    detail: 'read',
  }));
  await unlessStopped(context, from.fill(broker)).finally(endProgress);
}

async function applyAll(applying: Applying, context: CommandContext): Promise<Applied> {
  const { tools } = applying.embedded;
  const end = await runToRest(applying, context);
  const operations = await readOperations(tools);
  const { format, isMapped, from } = applying;
  for (const record of await leftOver({ log: tools, format, isMapped, from }, operations, context))
    foldReport(operations, record);
  // Also of a run that was asked to stop.
  const held = await heldSets(retryOf(applying, { ...context, stop: new AbortController().signal }));
  await tools.close();
  for (const [id, record] of operations) operations.set(id, adviceFor(from, record));
  return { end, summary: summaryOf(operations, context.clock.now().wall), held };
}

const retryOf = ({ embedded: { tools } }: Applying, context: CommandContext): RetryTopic => ({
  topic: FILE_TOPICS.retry,
  tools,
  context,
});

/** The record that counts of each operation. */
async function readOperations(tools: LogTools): Promise<Operations> {
  const operations: Operations = new Map();
  const { signal } = new AbortController();
  for await (const { value } of tools.read(FILE_TOPICS.report, { from: 'beginning', follow: false, signal })) {
    const report = readReport(value);
    if (report !== null) foldReport(operations, report.record);
  }
  return operations;
}

async function runToRest(applying: Applying, context: CommandContext): Promise<End> {
  const { embedded, api, approve } = applying;
  const refusal = await api.ensureToken();
  if (refusal?.refused === true)
    return { kind: 'unavailable', reason: reasonOf(tokenFailure(refusal)), code: EXIT.configuration };
  const { pipeline, broker } = embedded;
  const total = Number(broker.topic(FILE_TOPICS.source).partition(0).end);
  await pipeline.start();
  const endProgress = showProgress(context.stderr, context.clock, () => progressOf(pipeline, total));
  const watch = watchBreaker(pipeline, context);
  const work = async (): Promise<End> => {
    await pipeline.whenAtRest();
    await approveHeld(retryOf(applying, context), approve, context.environment['USER'] ?? '');
    await pipeline.whenAtRest();
    return { kind: 'rest' };
  };
  try {
    return await Promise.race([
      work(),
      stopped(context.stop).then((): End => ({ kind: 'stopped' })),
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

/** A command with a file does not wait for a target that stays down. */
function watchBreaker(pipeline: Pipeline, { clock }: Pick<CommandContext, 'clock'>): BreakerWatch {
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

/*
 * What the guard holds in `apply`. The retry topic ends with the process, so that nothing can be approved later: the same
 * command is run again with the digests of what may pass. Positions are lines of the file, so they are the same then. After `apply --plan` another
 * plan is made first: the groups that it has changed are not those of the plan any more.
 */

/** @throws ExitError where one is no digest. */
function checkDigests(digests: readonly string[]): void {
  const bad = digests.find((digest) => !/^[0-9a-f]{12,64}$/i.test(digest));
  if (bad === undefined) return;
  const what = `${DECIDED_LENGTH_MIN} to 64 hexadecimal digits, as apply prints them`;
  throw new ExitError(EXIT.usage, `apply: --approve ${bad}: ${what}`);
}

/** Lets exactly these sets pass, once all that will be held is held. */
async function approveHeld(retry: RetryTopic, digests: readonly string[], user: string): Promise<void> {
  if (digests.length === 0) return;
  const sets = await heldSets(retry);
  const approved: HeldSet[] = [];
  for (const digest of digests) {
    const found = sets.filter((set) => set.digest.startsWith(digest.toLowerCase()));
    const [only] = found;
    if (only !== undefined && found.length === 1) approved.push(only);
    else await print(retry.context.stderr, `--approve ${digest}: ${found.length === 0 ? NONE : SEVERAL}\n`);
  }
  const decision = { kind: 'approve', author: isId(user) ? user : 'apply', reason: null } as const;
  await decideParts(retry, approved.map(wholeOf), decision, async () => undefined);
}

const NONE = 'nothing is held under it; the file or the group has changed, or it is done already';
const SEVERAL = 'several digests begin so; give more digits';

/** @returns '' where nothing is held. */
function leftHeldText(sets: readonly HeldSet[], from: AppliedFrom): string {
  if (sets.length === 0) return '';
  const flags = sets.map(({ prefix }) => `--approve ${prefix}`).join(' ');
  return [
    `held by the removal guard, so that none of these was removed:\n`,
    ...Array.from(listText(sets, NO_EVENTS), (text) => text.replaceAll(/^(?=.)/gm, '  ')),
    `${heldAdvice(from, flags)}\n`,
  ].join('');
}
