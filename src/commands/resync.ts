/** `rollcall resync`: repairs what `rollcall diff` calls drift, by events in the source topic. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import { endIfStopped, print, printPieces, type CommandContext } from '../console/command-context.ts';
import { compareGroups, type ComparedGroup } from '../console/drift.ts';
import {
  beginComparing,
  checkGroups,
  showCompared,
  withDriftOptions,
  type DriftFlags,
} from '../console/drift-command.ts';
import { comparedJson, DriftTotals, comparedText, namesText } from '../console/drift-text.ts';
import { reasonIn } from '../console/pauses.ts';
import { plannedJson, PlannedEvents, writtenJson, writtenText, type PlannedEvent } from '../console/planned-events.ts';
import { withRepairSources, type RepairSources } from '../console/repair-sources.ts';
import { planRepair, type Repairing, type RepairPlan } from '../console/resync.ts';
import { SourceWriter, type Writing, type WrittenRepair } from '../console/source-writer.ts';
import type { Left, RefusedRepair } from '../core/drift/repair.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import type { Speaker } from '../core/text/named-commands.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

export interface ResyncFlags extends DriftFlags {
  readonly removeForeign?: true;
  readonly json?: true;
  readonly yes?: true;
  readonly author?: string;
  readonly reason?: string;
}

export function resyncCommand(context: CommandContext): Command {
  return withDriftOptions(new Command('resync'))
    .summary('repair what differs: shows the plan, and writes it to the source topic with --yes')
    .description(
      'Compares as `diff` does. What is missing, extra or undone becomes an event in the source topic, so that order holds and the removal guard applies. What is pending is on its way, and what is foreign stays.',
    )
    .option('--remove-foreign', 'members whom neither the source nor a report has ever named leave as well')
    .option('--json', 'one line per group: as `diff --json`, with {…,"left","repair","written"}')
    .option('--yes', 'write the events; without it they are only shown')
    .option('--author <name>', 'who repairs; stands in the event (default: USER of the environment)')
    .option('--reason <text>', `why; one line of up to ${REASON_LENGTH_MAX} characters, which stands in the event`)
    .addHelpText('after', examples)
    .action(async (flags: ResyncFlags) => {
      const asked = (): Asked => {
        checkGroups(flags);
        return { flags, repairing: repairingOf(flags, context) };
      };
      await withRepairSources(context, asked, (checked, sources) => resyncGroups(checked, sources, context));
    });
}

const examples = `
Examples:
  $ rollcall resync --group 5b1e…                     # shows what would be written
  $ rollcall resync --group 5b1e… --yes --author jane@example.com --reason INC-7
  $ rollcall resync --all --from states.ndjson --remove-foreign

Exits 0 where nothing is left to repair, or all of it is written, and 1 where something is: without --yes, after a signal, or where
a member is left, or a group has moved, is refused, has failed or could not be compared. What the guard holds waits for
\`rollcall held\`.`;

/** @throws ExitError where they are no name, or no reason. */
export const repairingOf = (
  { author, reason, removeForeign, yes }: ResyncFlags,
  context: Pick<CommandContext, 'environment'>,
): Repairing & Writing => ({
  command: 'resync',
  // Without --yes nothing is written.
  author: yes === true ? authorOf('resync', author, context) : '',
  reason: reason === undefined ? null : reasonIn('resync', reason),
  removesForeign: removeForeign === true,
});

interface Asked {
  readonly flags: ResyncFlags;
  readonly repairing: Repairing & Writing;
}

export async function resyncGroups(
  { flags, repairing }: Asked,
  sources: RepairSources,
  context: CommandContext,
): Promise<ExitCode> {
  // An event that no instance has read must not be replaced, wherever it is.
  const { comparing, groups } = await beginComparing({ ...flags, allPartitions: true }, sources, context);
  const writer = new SourceWriter(repairing, { comparing, sources, context });
  const isWriting = flags.yes === true;
  const planning = { writer, guard: sources.guard, names: comparing.evidence, isWriting, stop: context.stop };
  const repairs = new Repairs(new PlannedEvents({ command: 'resync', ...planning }));
  const totals = new DriftTotals();
  const end = showCompared(totals, groups.length, context);
  try {
    for await (const compared of compareGroups(groups, comparing)) {
      totals.take(compared);
      const { repair, left } = planRepair(compared, repairing, comparing);
      const planned = repairs.take(compared, { repair, left });
      if (flags.json !== true) await print(context.stdout, repairs.text({ compared, left, planned }, context.stdout));
      const written =
        repair === null || repair.kind === 'refused' ? null : await repairs.events.write(compared, repair);
      if (flags.json !== true) await print(context.stdout, writtenText(compared.group, written));
      else await printPieces(context.stdout, [repairJson({ compared, left, planned }, written)]);
    }
  } finally {
    end();
  }
  for (const problem of comparing.evidence.problems) await print(context.stderr, `warning: ${visible(problem)}\n`);
  await print(
    flags.json === true ? context.stderr : context.stdout,
    `${totals.text(comparing.target.requestCount)}${repairs.totalsText(isWriting)}`,
  );
  if (totals.groupCount < groups.length || (isWriting && repairs.events.untriedCount > 0))
    endIfStopped(context, repairs.events.stoppedText(totals.groupCount, groups.length));
  return totals.isWhole && !repairs.isLeft ? EXIT.done : EXIT.someFailed;
}

/** Of one group. */
interface PlannedRepair {
  readonly compared: ComparedGroup;
  readonly left: readonly Left[];
  /** null: nothing is to be repaired. */
  readonly planned: PlannedEvent | RefusedRepair | null;
}

const repairJson = ({ compared, left, planned }: PlannedRepair, written: WrittenRepair | null): string =>
  comparedJson(compared, {
    left: left.map(({ member, target, why }) => ({ member, target, why })),
    repair: plannedJson(planned),
    written: writtenJson(written),
  });

/** Counts repairs, and says of each what it comes to. */
class Repairs {
  readonly events: PlannedEvents;
  #refusedCount = 0;
  #leftCount = 0;
  #differingCount = 0;

  constructor(events: PlannedEvents) {
    this.events = events;
  }

  /** Something is not repaired. What an operator has refused is not to be. */
  get isLeft(): boolean {
    return this.events.unwrittenCount + this.#refusedCount + this.#differingCount > 0;
  }

  take(compared: ComparedGroup, { repair, left }: RepairPlan): PlannedRepair['planned'] {
    this.#leftCount += left.length;
    this.#differingCount += left.filter(({ isDrift }) => isDrift).length;
    if (repair === null) return null;
    if (repair.kind === 'refused') {
      this.#refusedCount += 1;
      return repair;
    }
    const { group, target } = compared;
    const snapshot = compared.status === 'compared' ? compared.snapshot : null;
    return this.events.planned({ group, target, snapshot }, repair);
  }

  text({ compared, left, planned }: PlannedRepair, speaker: Speaker): string {
    const name = visible(compared.group);
    const lines = left.map(({ member, target, why }) => `left  ${name}  ${namesText(member, target)}  ${why}\n`);
    return `${comparedText(compared, speaker)}${lines.join('')}${this.#plannedText(compared.group, planned)}`;
  }

  #plannedText(group: string, planned: PlannedRepair['planned']): string {
    if (planned === null) return '';
    return 'why' in planned
      ? `refused  ${visible(group)}  ${visible(planned.why)}\n`
      : this.events.plannedText(group, planned);
  }

  totalsText(isWritten: boolean): string {
    const { count, writtenCount, heldText } = this.events;
    const refused = this.#refusedCount === 0 ? '' : `, ${this.#refusedCount} refused`;
    const left = this.#leftCount === 0 ? '' : `, ${counted(this.#leftCount, 'member')} left`;
    if (isWritten) return `${counted(writtenCount, 'group')} repaired${heldText}${refused}${left}\n`;
    return `${counted(count, 'group')} to repair${heldText}${refused}${left}${count === 0 ? '' : '; --yes writes it'}\n`;
  }
}
