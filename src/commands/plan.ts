/** `rollcall plan FILE|-`: the requests that `apply` would send, and what each change would come to. Sends GETs only. */
import { Command } from 'commander';
import { RunningSha256 } from '../adapters/system.ts';
import type { Config } from '../config/config.ts';
import { counted } from '../core/text/counted.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { IdMap } from '../ports.ts';
import { fileEnvironment } from '../console/file-source.ts';
import { print, printPieces, showProgress, type CommandContext, unlessStopped } from '../console/command-context.ts';
import { shortestPrefixes } from '../console/held-sets.ts';
import { commandConfig, commandLog } from '../console/kafka-tools.ts';
import { DeferredText, planJson, planText } from '../console/plan-text.ts';
import { PlanWriter, type PlanInput } from '../console/plan-file.ts';
import { PlanTotals } from '../console/plan-totals.ts';
import { plansOf, readChanges, ReadTimes, type Planning } from '../console/planning.ts';
import { formatOption, openFormat, type FormatFlags, withFormat } from '../console/source-format.ts';
import { openIdMap, withTarget } from '../console/target.ts';

export interface PlanFlags extends Pick<FormatFlags, 'format'> {
  readonly json?: true;
  readonly verbose?: true;
  readonly out?: string;
}

export function planCommand(context: CommandContext): Command {
  return new Command('plan')
    .summary('dry run: the exact requests for a file of changes, nothing is sent')
    .description('Reads changes as `apply` does, folds them per group, reads the groups and prints what would be sent.')
    .argument('<file>', 'NDJSON of change events; - for standard input')
    .option('--json', 'one line per group: {"group","etag","requests","noop","predicted"}')
    .option('--verbose', 'every group with its requests, not only those that fail and the largest')
    .option(
      '--out <file>',
      'also write the plan to this new file, for `apply --plan`; only its owner may read it (mode 0600)',
    )
    .addOption(formatOption())
    .addHelpText('after', examples)
    .action(async (file: string, flags: PlanFlags) => {
      context.finish(await planFile(file, flags, context));
    });
}

const examples = `
Examples:
  $ echo '{"group_id":"5b1e…","add_members":["8c2f…"]}' | rollcall plan -
  $ rollcall plan --json changes.ndjson | jq '.requests | length'
  $ rollcall plan --out plan.ndjson changes.ndjson && rollcall apply --plan plan.ndjson

The totals come first: groups, requests, how long \`apply\` would take, removals that the guard would hold, and the digests by
which \`apply --approve\` lets them pass; with --json they are on standard error. Exits as \`apply\` would: 1 where some changes would fail, be held or have to wait. Whether a user exists is known
only once it is added.`;

export async function planFile(file: string, flags: PlanFlags, context: CommandContext): Promise<ExitCode> {
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
        planAll(
          { changes, totals, config, api, ids, flags, input: { file, hash, format: config.format.name } },
          context,
        ),
      ),
    ),
  );
  return totals.isAllDone ? EXIT.done : EXIT.someFailed;
}

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

interface PlanningAll extends Omit<Planning, 'reads'> {
  readonly totals: PlanTotals;
  readonly flags: PlanFlags;
  readonly input: { readonly file: string; readonly hash: RunningSha256; readonly format: string };
}

/** Each group is read once, so what people read waits for the totals that stand before it. */
async function planAll(planning: PlanningAll, context: CommandContext): Promise<void> {
  const { changes, totals, flags, config, api, input } = planning;
  const text = new DeferredText();
  const groupCount = changes.groupCount;
  const reads = new ReadTimes();
  const held = new Map<string, string>();
  let count = 0;
  const out = flags.out === undefined ? null : await PlanWriter.open(flags.out);
  const endProgress = showProgress(context.stderr, context.clock, () => {
    return { settled: count, total: groupCount, unit: 'groups', detail: 'read from Genesys Cloud' };
  });
  try {
    await out?.begin(config, inputOf(input, totals, context));
    for await (const planned of plansOf({ ...planning, reads, held: out === null ? 'digest' : 'requests' }, context)) {
      const { plan } = planned;
      count += 1;
      await out?.write(planned);
      totals.take(plan);
      if (plan.held !== null) held.set(plan.group, plan.held.digest);
      if (flags.json === true) await printPieces(context.stdout, planJson(plan));
      else if (flags.verbose === true) await text.write(planText(plan));
    }
    await out?.end();
  } finally {
    endProgress();
    await out?.close();
  }
  const speed = { slots: config.genesys.concurrency, requestMs: reads.meanMs, readPerSecond: null };
  const said = totals.text(totals.takesMs(speed, api.gate.budget()));
  await print(flags.json === true ? context.stderr : context.stdout, said + heldText(held));
  if (flags.json === true) return;
  if (flags.verbose !== true) return print(context.stdout, totals.shortList());
  for await (const piece of text.read()) await print(context.stdout, piece);
}

const HELD_NAMED_MAX = 20;

/** @param held group → digest. @returns '' where nothing is held. */
function heldText(held: ReadonlyMap<string, string>): string {
  if (held.size === 0) return '';
  const prefixes = shortestPrefixes([...held.values()]);
  const named = [...held].slice(0, HELD_NAMED_MAX);
  const lines = named.map(([group, digest]) => `  --approve ${prefixes.get(digest) ?? digest}  group ${group}\n`);
  const left = held.size - named.length;
  const rest = left === 0 ? '' : `  … and ${counted(left, 'more group')}: --out writes all digests, under "held"\n`;
  return lines.join('') + rest;
}

const inputOf = (
  { file, hash, format }: PlanningAll['input'],
  totals: PlanTotals,
  { clock }: CommandContext,
): PlanInput => ({
  format,
  input: { file, sha256: hash.digest },
  invalid: totals.countOf('invalid'),
  now: clock.now().wall,
});
