/**
 * `rollcall plan FILE|-`: the requests that `apply` would send, and what each change would come to. `--from-topic` and `--replay`: those
 * that the service would send of what it has not ended, or of what a replay wakes. Sends GETs only.
 */
import { Command } from 'commander';
import { RunningSha256 } from '../adapters/system.ts';
import type { Config } from '../config/config.ts';
import { needsOfStatus } from '../core/log/authorization.ts';
import { counted } from '../core/text/counted.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { GroupApi, IdMap } from '../ports.ts';
import { collect, instant, print, type CommandContext, unlessStopped } from '../console/command-context.ts';
import { fileEnvironment } from '../console/file-source.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { commandConfig, commandLog } from '../console/kafka-tools.ts';
import { writeNewFile } from '../console/new-file.ts';
import { PlanWriter, type PlanInput } from '../console/plan-file.ts';
import { printPlan, type PrintFlags } from '../console/plan-printing.ts';
import { PlanTotals } from '../console/plan-totals.ts';
import { readChanges, type PlannedChanges } from '../console/planning.ts';
import { filterOf, type ListFlags } from '../console/replays.ts';
import { formatOption, openFormat, type FormatFlags, withFormat } from '../console/source-format.ts';
import { openIdMap } from '../console/id-map.ts';
import { withTarget } from '../console/target.ts';
import { readTopics, type TopicSources } from '../console/read-topics.ts';
import type { TopicChanges } from '../console/topic-changes.ts';

export interface PlanFileFlags extends Pick<FormatFlags, 'format'>, PrintFlags {
  readonly out?: string;
}

export interface PlanTopicFlags extends PrintFlags, ListFlags {
  readonly fromTopic?: true;
  readonly since?: number;
  readonly replay?: true;
}

export interface PlanFlags extends PlanFileFlags, Omit<PlanTopicFlags, 'json'> {}

export function planCommand(context: CommandContext): Command {
  return new Command('plan')
    .summary('dry run: the exact requests for a file of changes, or for what waits in the topics; nothing is sent')
    .description(
      'Reads changes as `apply` does, or as the service does, folds them per group, reads the groups and prints what would be sent.',
    )
    .argument('[file]', 'NDJSON of change events; - for standard input')
    .option(
      '--from-topic',
      'what the service has not ended: records that are not committed, and what waits for another try',
    )
    .option('--since <time>', 'with --from-topic: as after a rewind to this time (RFC 3339)', instant)
    .option('--replay', 'what `rollcall replay now` with the same filters would send')
    .option(
      '--group <id>',
      'with --from-topic or --replay: only of this group, as the source names it, with --replay also as Genesys Cloud does; may be repeated, as may each below',
      collect,
    )
    .option('--member <id>', 'with --replay: only of this member, by either', collect)
    .option('--id <id>', 'with --replay: only the change with this id: topic/partition/offset/member', collect)
    .option('--reason <code>', 'with --replay: only with this reason, as `rollcall replay list` shows it', collect)
    .option('--json', 'one line per group: {"group","etag","requests","noop","predicted"}')
    .option('--verbose', 'every group with its requests, not only those that fail and the largest')
    .option(
      '--out <file>',
      'also write the plan of a file to this new file, for `apply --plan`; only its owner may read it (mode 0600)',
    )
    .addOption(formatOption())
    .addHelpText('after', examples)
    .action(async (file: string | undefined, flags: PlanFlags) => {
      checkFlags(file, flags);
      if (file !== undefined) context.finish(await planFile(file, flags, context));
      else await planOfTopics(flags, context);
    });
}

const examples = `
Examples:
  $ echo '{"group_id":"5b1e…","add_members":["8c2f…"]}' | rollcall plan -
  $ rollcall plan --json changes.ndjson | jq '.requests | length'
  $ rollcall plan --out plan.ndjson changes.ndjson && rollcall apply --plan plan.ndjson
  $ rollcall plan --from-topic                             # what \`rollcall run\` would send
  $ rollcall plan --from-topic --since 2026-09-21T00:00:00Z
  $ rollcall plan --replay --reason attempts_exhausted

The totals come first: groups, requests, how long it would take, removals that the guard would hold, and for a file the
digests by which \`apply --approve\` lets them pass; with --json they are on standard error. Exits as \`apply\` would: 1
where some changes would fail, be held or have to wait, or where a live record cannot be read as a whole. Whether a user
exists is known only once it is added.`;

/** @throws ExitError where the options contradict each other. */
export function checkFlags(file: string | undefined, flags: PlanFlags): void {
  const { fromTopic, replay, since, group, member, id, reason, out, format } = flags;
  const wrong = (why: string): ExitError => new ExitError(EXIT.usage, `plan: ${why}`);
  const ways = [file !== undefined, fromTopic === true, replay === true].filter(Boolean).length;
  if (ways !== 1)
    throw wrong('say what is planned: a file, - for standard input, --from-topic, or --replay; one of them');
  if (since !== undefined && fromTopic !== true) throw wrong('--since needs --from-topic');
  if (group !== undefined && file !== undefined) throw wrong('--group is of topics: it needs --from-topic or --replay');
  if ([member, id, reason].some((each) => each !== undefined) && replay !== true)
    throw wrong('--member, --id and --reason choose what would be woken: they need --replay');
  if (file !== undefined) return;
  if (out !== undefined)
    throw wrong(
      '--out is of a file: what is in the topics `rollcall run` sends itself, and `apply --plan` would send it a second time\n  Leave --out away; --verbose or --json shows each request.',
    );
  if (format !== undefined) throw wrong('--format is of a file: records of the topic are in SOURCE_FORMAT');
}

export const planFile = (file: string, flags: PlanFileFlags, context: CommandContext): Promise<ExitCode> =>
  flags.out === undefined
    ? planInto(null, { file, flags }, context)
    : writeNewFile({ option: 'plan --out', path: flags.out }, context, (out) =>
        planInto(new PlanWriter(out), { file, flags }, context),
      );

async function planInto(
  out: PlanWriter | null,
  { file, flags }: { readonly file: string; readonly flags: PlanFileFlags },
  context: CommandContext,
): Promise<ExitCode> {
  const parts = ['genesys', 'pipeline', 'ids', 'format'] as const;
  const config = await commandConfig(context, parts, withFormat(fileEnvironment(context.environment), flags));
  const logger = commandLog(context, config);
  const totals = new PlanTotals();
  const hash = new RunningSha256();
  const changes = await unlessStopped(
    context,
    readChanges(file, await openFormat(config.format), { totals, context, hash }),
  );
  await withTarget({ context, config, logger }, (api) =>
    // GETs only, so that a signal ends it where it stands.
    unlessStopped(
      context,
      withIds(config, { context, api, logger }, (ids) =>
        printFile(
          { changes, totals, config, api, ids, flags, out, input: { file, hash, format: config.format.name } },
          context,
        ),
      ),
    ),
  );
  return exitCodeOf(totals);
}

const exitCodeOf = (totals: PlanTotals): ExitCode => (totals.isAllDone ? EXIT.done : EXIT.someFailed);

async function withIds(
  config: Config<'ids'>,
  dependencies: Parameters<typeof openIdMap>[1],
  work: (ids: IdMap | null) => Promise<void>,
): Promise<void> {
  const { ids, close } = await openIdMap(config, dependencies);
  try {
    await work(ids);
  } finally {
    await close();
  }
}

interface FilePlan {
  readonly changes: PlannedChanges;
  readonly totals: PlanTotals;
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
  readonly flags: PlanFileFlags;
  readonly out: PlanWriter | null;
  readonly input: { readonly file: string; readonly hash: RunningSha256; readonly format: string };
}

async function printFile({ input, ...planning }: FilePlan, context: CommandContext): Promise<void> {
  const { config, totals, out } = planning;
  await out?.begin(config, inputOf(input, totals, context));
  const held = out === null ? ('digest' as const) : ('requests' as const);
  await printPlan({ ...planning, held, remarks: () => '' }, context);
}

const inputOf = (
  { file, hash, format }: FilePlan['input'],
  totals: PlanTotals,
  { clock }: CommandContext,
): PlanInput => ({
  format,
  input: { file, sha256: hash.digest },
  invalid: totals.countOf('invalid'),
  now: clock.now().wall,
});

async function planOfTopics(flags: PlanTopicFlags, context: CommandContext): Promise<void> {
  await withGroupSources(
    context,
    ['pipeline'],
    async ({ tools, ...sources }, config) => {
      const [{ groupId: consumerGroup }, { source }] = [config.kafka, config.topics];
      const places = {
        committed: () => tools.committedIn(consumerGroup, source),
        offsetsSince: (timestamp: number) => tools.offsetsSince(source, timestamp),
      };
      const pendingMax = config.pipeline.pendingIntentsMax;
      const topics = { ...sources, ...places, tools, consumerGroup, pendingMax, config };
      context.finish(await planTopics(flags, topics, context));
    },
    needsOfStatus,
  );
}

export interface PlanTopicSources extends TopicSources {
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
}

/** @throws ExitError where it cannot be said what would be sent, and where it was asked to stop. */
export const planTopics = (
  flags: PlanTopicFlags,
  sources: PlanTopicSources,
  context: CommandContext,
): Promise<ExitCode> =>
  // GETs only, so that a signal ends it where it stands.
  unlessStopped(context, printTopics(flags, sources, context));

async function printTopics(
  flags: PlanTopicFlags,
  sources: PlanTopicSources,
  context: CommandContext,
): Promise<ExitCode> {
  const totals = new PlanTotals('topic');
  const isReplay = flags.replay === true;
  const wish = {
    since: flags.since ?? null,
    replay: isReplay ? filterOf(flags) : null,
    ...(flags.group !== undefined && { groups: flags.group }),
  };
  const changes = await readTopics(wish, sources, { totals, context });
  if (isReplay && changes.heldCount > 0)
    await print(
      context.stderr,
      `${counted(changes.heldCount, 'removal')} held: a replay does not wake them, see \`rollcall held\`\n`,
    );
  const tries = { which: isReplay ? ('now' as const) : ('all' as const), now: context.clock.now().wall };
  const { api, ids, config } = sources;
  const remarks = (): string => (isReplay ? leftText(totals) : givenUpText(changes));
  await printPlan({ changes, totals, config, api, ids, flags, tries, out: null, remarks }, context);
  if (changes.problem !== '') await print(context.stderr, `warning: ${changes.problem}\n`);
  return changes.unreadableCount > 0 ? EXIT.someFailed : exitCodeOf(totals);
}

function leftText({ leftCount }: PlanTotals): string {
  if (leftCount === 0) return '';
  return `${counted(leftCount, 'change')} of the same groups held, or before the next try: this replay wakes none of them.\n`;
}

function givenUpText({ givenUpCount }: TopicChanges): string {
  if (givenUpCount === 0) return '';
  const what = `${counted(givenUpCount, 'change')} given up before`;
  return `${what}: \`rollcall plan --replay\` says what waking would send.\n`;
}
