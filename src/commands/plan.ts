/** `rollcall plan FILE|-`: the requests that `apply` would send, and what each change would come to. Sends GETs only. */
import { Command } from 'commander';
import { DeferredText, namesFor, planJson, planText } from '../console/plan-text.ts';
import { PlanTotals } from '../console/plan-totals.ts';
import type { Config } from '../config/config.ts';
import { isChange, isUnread, type SourceEvent, type SourceFormat } from '../core/change/change.ts';
import { FoldedChanges } from '../console/folded-changes.ts';
import {
  chunks,
  foreseeRefused,
  preview,
  refusedBy,
  type GroupIntents,
  type GroupPlan,
  type Names,
  type Refused,
} from '../console/dry-run.ts';
import { shownName } from '../core/target/snapshot.ts';
import type { Snapshot } from '../core/target/snapshot.ts';
import type { HttpAnswer } from '../core/target/refusals.ts';
import { renamedGroup, unresolvedFailure } from '../core/ids/resolution.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { GroupApi, IdMap } from '../ports.ts';
import { FILE_SOURCE, fileEnvironment, readLines } from '../console/file-source.ts';
import { formatOption, openFormat, type FormatFlags, withFormat } from '../console/source-format.ts';
import { print, printPieces, showProgress, type CommandContext, unlessStopped } from '../console/command-context.ts';
import { getGroupWithRetries, openIdMap, targetExitCode, withTarget } from '../console/target.ts';
import { commandConfig, commandLog } from '../console/kafka-tools.ts';

export interface PlanFlags extends Pick<FormatFlags, 'format'> {
  readonly json?: true;
  readonly verbose?: true;
}

export function planCommand(context: CommandContext): Command {
  return new Command('plan')
    .summary('dry run: the exact requests for a file of changes, nothing is sent')
    .description('Reads changes as `apply` does, folds them per group, reads the groups and prints what would be sent.')
    .argument('<file>', 'NDJSON of change events; - for standard input')
    .option('--json', 'one line per group: {"group","etag","requests","noop","predicted"}')
    .option('--verbose', 'every group with its requests, not only those that fail and the largest')
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

The totals come first: groups, requests, how long \`apply\` would take, removals that the guard would hold; with --json they are on
standard error. Exits as \`apply\` would: 1 where some changes would fail, be held or have to wait. Whether a user exists is known
only once it is added.`;

export async function planFile(file: string, flags: PlanFlags, context: CommandContext): Promise<ExitCode> {
  const parts = ['genesys', 'pipeline', 'ids', 'format'] as const;
  const config = await commandConfig(context, parts, withFormat(fileEnvironment(context.environment), flags));
  const logger = commandLog(context, config);
  const totals = new PlanTotals();
  const changes = await unlessStopped(context, readChanges(file, await openFormat(config.format), { totals, context }));
  await withTarget({ context, genesys: config.genesys, logger }, (api) =>
    // GETs only, so that a signal ends it where it stands.
    unlessStopped(
      context,
      withIds(config, { context, api, logger }, (ids) =>
        planAll({ changes, totals, config, api, ids, flags }, context),
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

const NAMED_MAX = 20;

async function readChanges(
  file: string,
  format: SourceFormat,
  { totals, context }: { readonly totals: PlanTotals; readonly context: CommandContext },
): Promise<FoldedChanges> {
  const changes = new FoldedChanges(FILE_SOURCE);
  let [lineCount, invalidCount] = [0, 0];
  const endProgress = showProgress(context.stderr, context.clock, () => {
    return { settled: lineCount, total: lineCount, unit: 'lines', detail: `read, ${changes.groupCount} groups` };
  });
  try {
    for await (const { index, bytes } of readLines(file, context)) {
      lineCount = index + 1;
      const events = bytes === null ? [] : await eventsIn(bytes, format);
      for (const event of events.filter(isChange)) changes.take(event);
      const unread = events.filter(isUnread);
      for (const { code, message } of unread.slice(0, Math.max(0, NAMED_MAX - invalidCount)))
        await print(context.stderr, `line ${lineCount}: ${code}: ${visible(message)}\n`);
      invalidCount += unread.length;
    }
  } finally {
    endProgress();
  }
  if (invalidCount > NAMED_MAX)
    await print(context.stderr, `… and ${invalidCount - NAMED_MAX} more that are not valid\n`);
  totals.count('invalid', invalidCount);
  return changes;
}

async function eventsIn(bytes: Uint8Array, format: SourceFormat): Promise<readonly SourceEvent[]> {
  const record = { key: null, value: bytes, headers: [] };
  await format.prepare?.([record]);
  return format.decode(record, { partitionCount: 1 });
}

interface Planning {
  readonly changes: FoldedChanges;
  readonly totals: PlanTotals;
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
  readonly flags: PlanFlags;
}

/** Each group is read once, so what people read waits for the totals that stand before it. */
async function planAll(planning: Planning, context: CommandContext): Promise<void> {
  const { changes, totals, flags, config, api } = planning;
  const text = new DeferredText();
  const groupCount = changes.groupCount;
  const reads = new ReadTimes();
  let count = 0;
  const endProgress = showProgress(context.stderr, context.clock, () => {
    return { settled: count, total: groupCount, unit: 'groups', detail: 'read from Genesys Cloud' };
  });
  try {
    for await (const plan of plansOf(planning, reads, context)) {
      count += 1;
      totals.take(plan);
      if (flags.json === true) await printPieces(context.stdout, planJson(plan));
      else if (flags.verbose === true) await text.write(planText(plan));
    }
  } finally {
    endProgress();
  }
  const speed = { slots: config.genesys.concurrency, requestMs: reads.meanMs, readPerSecond: null };
  const said = totals.text(totals.takesMs(speed, api.gate.budget()));
  await print(flags.json === true ? context.stderr : context.stdout, said);
  if (flags.json === true) return;
  if (flags.verbose !== true) return print(context.stdout, totals.shortList());
  for await (const piece of text.read()) await print(context.stdout, piece);
}

/** How long the reads of this plan took, which its requests are taken to take as well. */
class ReadTimes {
  #count = 0;
  #sumMs = 0;

  note(answer: HttpAnswer): void {
    if (!('durationMs' in answer)) return;
    this.#count += 1;
    this.#sumMs += answer.durationMs;
  }

  /** null: nothing was answered. */
  get meanMs(): number | null {
    return this.#count === 0 ? null : this.#sumMs / this.#count;
  }
}

/** In the order of the groups' first changes, as many at a time as may be read at a time. */
async function* plansOf(planning: Planning, reads: ReadTimes, context: CommandContext): AsyncGenerator<GroupPlan> {
  const { concurrency, publicApiUrl } = planning.config.genesys;
  const { membersPerPatchMax, retry, guard } = planning.config.pipeline;
  let removedBefore = 0;
  for (const part of chunks(planning.changes.takeGroups(), concurrency)) {
    const groups = await Promise.all(
      part.map(async (wanted) => ({ wanted, seen: await look(wanted, { ...planning, reads }, context) })),
    );
    for (const { wanted, seen } of groups) {
      const plan =
        'failure' in seen
          ? foreseeRefused(wanted, seen, retry)
          : preview(wanted, seen.snapshot, seen.names, {
              publicApiUrl,
              membersPerPatchMax,
              guard,
              retry,
              removedBefore,
            });
      removedBefore += plan.removalCount;
      yield plan;
    }
  }
}

interface Seen {
  readonly names: Names;
  readonly snapshot: Snapshot;
}

async function look(
  wanted: GroupIntents,
  { api, ids, reads }: Pick<Planning, 'api' | 'ids'> & { readonly reads: ReadTimes },
  context: CommandContext,
): Promise<Seen | Refused> {
  const names = await namesFor(ids, wanted, context);
  if ('failure' in names) return names;
  const { answer, outcome } = await getGroupWithRetries(api, names.group, context);
  reads.note(answer);
  const named = { target: names.group, targetName: names.groupName ?? null };
  const renamed = renamedGroup(named, answer.kind === 'response' ? shownName(answer.body) : null);
  if (renamed !== null) return { failure: unresolvedFailure('group', { kind: 'renamed', ...renamed }), rule: 'slow' };
  switch (outcome.kind) {
    case 'applied':
      if (outcome.snapshot !== null) return { names, snapshot: outcome.snapshot };
      throw new ExitError(EXIT.unavailable, `plan: the answer for group ${wanted.group} holds no group`);
    case 'denied':
    case 'not_found':
    case 'rejected':
      return refusedBy(outcome);
    case 'not_started':
      throw new ExitError(EXIT.someFailed, 'plan: stopped before every group was read');
    case 'unchanged':
      throw new Error('304 to a GET without a condition');
    case 'conflict':
    case 'transient':
    case 'unauthorized':
    case 'rejected_member':
    case 'no_target':
    case 'too_large':
      throw new ExitError(
        targetExitCode(outcome.kind),
        `plan: ${visible(outcome.failure.message)}\n  ${outcome.failure.advice}`,
      );
  }
}
