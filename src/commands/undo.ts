/** `rollcall undo`: takes back what was applied within some time, by events in the source topic. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import {
  collect,
  endIfStopped,
  instant,
  print,
  printPieces,
  showProgress,
  type CommandContext,
} from '../console/command-context.ts';
import { withRate } from '../console/drift-command.ts';
import { reasonIn } from '../console/pauses.ts';
import { PlannedEvents, writtenText } from '../console/planned-events.ts';
import { withRepairSources, type RepairSources } from '../console/repair-sources.ts';
import { SourceWriter, type Writing } from '../console/source-writer.ts';
import { Undoing, type UndoScope } from '../console/undo.ts';
import { undoJson, UndoTotals, nothingText } from '../console/undo-text.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import { timeText } from '../core/report/reporting.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';

export interface UndoFlags {
  readonly since: number;
  readonly until: number;
  readonly group?: readonly string[];
  readonly author?: string;
  readonly reportsKept?: true;
  readonly rate?: number;
  readonly json?: true;
  readonly yes?: true;
  readonly by?: string;
  readonly reason?: string;
}

export function undoCommand(context: CommandContext): Command {
  const command = new Command('undo')
    .summary(
      'take back what was applied within some time: shows the plan, and writes it to the source topic with --yes',
    )
    .description(
      'Reads in the reports what Rollcall has changed from one time until another. What nothing has changed since then becomes its opposite: an event for each group in the source topic, so that order holds and the removal guard applies.',
    )
    .requiredOption('--since <time>', 'applied then or later, such as 2026-09-21T22:00:00Z', instant)
    .requiredOption('--until <time>', 'and before that, such as 2026-09-22T06:00:00Z', instant)
    .option('--group <id>', 'only this one, of the identity provider or of Genesys Cloud; may be repeated', collect)
    .option('--author <name>', 'only what an event of this actor has brought, or who has approved it')
    .option(
      '--reports-kept',
      'you confirm that since --since the retention of the report topic was not raised and none of its records were deleted by hand; its present settings then decide',
    )
    .option(
      '--json',
      'one line per group: {"group","group_target","status","undone","left","repair","written","error"}',
    )
    .option('--yes', 'write the events; without it they are only shown')
    .option('--by <name>', 'who undoes it; stands in the event (default: USER of the environment)')
    .option('--reason <text>', `why; one line of up to ${REASON_LENGTH_MAX} characters, which stands in the event`);
  return withRate(command)
    .addHelpText('after', examples)
    .action(async (flags: UndoFlags) => {
      const asked = (): Asked => ({ flags, scope: scopeOf(flags, context), writing: writingOf(flags, context) });
      await withRepairSources(context, asked, (checked, sources) => undoChanges(checked, sources, context));
    });
}

const examples = `
Examples:
  $ rollcall undo --since 2026-09-21T22:00:00Z --until 2026-09-22T06:00:00Z        # shows what would be written
  $ rollcall undo --since 2026-09-21T22:00:00Z --until 2026-09-22T06:00:00Z --group 5b1e…
  $ rollcall undo --since 2026-09-21T22:00:00Z --until 2026-09-22T06:00:00Z --author hr-sync@example.com --yes --by jane@example.com

Left is whom an event has named since, and where Genesys Cloud does not show the change any more. It stands until the identity
provider writes its state again: correct it there as well. An undo can be undone: by the time of its own reports.
Exits 0 where nothing is to be undone, or all of it is written, and 1 where something is: without --yes, after a signal, or where a
group is refused, has moved or could not be read, or a member is left for want of evidence. What the guard holds waits for
\`rollcall held\`.`;

/** @throws ExitError where the times are in the wrong order, or not over yet: what is still applied would be undone in part. */
export function scopeOf(
  { since, until, group, author, reportsKept }: UndoFlags,
  { clock }: Pick<CommandContext, 'clock'>,
): UndoScope {
  if (since >= until) throw new ExitError(EXIT.usage, 'undo: --until is to be later than --since');
  const now = clock.now().wall;
  if (until > now) throw new ExitError(EXIT.usage, `undo: --until is to be over: it is ${timeText(now)}`);
  return { since, until, groups: group ?? null, author: author ?? null, areReportsKept: reportsKept === true };
}

/** @throws ExitError where they are no name, or no reason. */
export const writingOf = ({ by, reason, yes }: UndoFlags, context: Pick<CommandContext, 'environment'>): Writing => ({
  command: 'undo',
  // Without --yes nothing is written.
  author: yes === true ? authorOf('undo', by, context, '--by') : '',
  reason: reason === undefined ? null : reasonIn('undo', reason),
});

interface Asked {
  readonly flags: UndoFlags;
  readonly scope: UndoScope;
  readonly writing: Writing;
}

export async function undoChanges(
  { flags, scope, writing }: Asked,
  sources: RepairSources,
  context: CommandContext,
): Promise<ExitCode> {
  const undoing = await Undoing.begin(scope, flags, sources, context);
  const { comparing, applied } = undoing;
  const writer = new SourceWriter(writing, { comparing, sources, context });
  const isWriting = flags.yes === true;
  const planning = { writer, guard: sources.guard, names: comparing.evidence, isWriting, stop: context.stop };
  const events = new PlannedEvents({ command: 'undo', ...planning });
  const totals = new UndoTotals(events);
  const all = undoing.groups.length;
  const end = showProgress(context.stderr, context.clock, () => ({
    settled: totals.groupCount,
    total: all,
    unit: 'groups',
    detail: `read, ${totals.undoneCount} to undo`,
  }));
  try {
    for await (const found of undoing.plans()) {
      const planned = totals.take(found);
      if (flags.json !== true) await print(context.stdout, totals.groupText(found, planned));
      const repair = found.status === 'planned' ? found.undo.repair : null;
      const written = repair?.kind === 'delta' ? await events.write(found, repair) : null;
      if (flags.json !== true) await print(context.stdout, writtenText(found.group, written));
      else await printPieces(context.stdout, [undoJson(found, planned, written)]);
    }
  } finally {
    end();
  }
  if (totals.groupCount === all && totals.memberCount === 0 && !totals.isLeft)
    await print(context.stderr, nothingText(scope, applied));
  const { problems } = undoing;
  for (const problem of problems) await print(context.stderr, `warning: ${visible(problem)}\n`);
  const said = flags.json === true ? context.stderr : context.stdout;
  await print(said, totals.text(isWriting, applied.groups.length, comparing.target.requestCount));
  if (totals.groupCount < all || (isWriting && events.untriedCount > 0))
    endIfStopped(context, events.stoppedText(totals.groupCount, all));
  return problems.length === 0 && !totals.isLeft ? EXIT.done : EXIT.someFailed;
}
