/** `rollcall resync`: repairs what `rollcall diff` calls drift, by events in the source topic. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import { detachable, endIfStopped, print, type CommandContext } from '../console/command-context.ts';
import { compareGroups, movedOn, type ComparedGroup } from '../console/drift.ts';
import {
  beginComparing,
  checkGroups,
  showCompared,
  withDriftOptions,
  type ComparedSources,
  type DriftFlags,
} from '../console/drift-command.ts';
import { DriftTotals, comparedText, namesText } from '../console/drift-text.ts';
import { preview, type GroupPlan, type PlanOptions } from '../console/dry-run.ts';
import { FILE_SOURCE } from '../console/file-source.ts';
import { FoldedChanges } from '../console/folded-changes.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { reasonIn } from '../console/pauses.ts';
import { Resync, type Plan, type Repairing } from '../console/resync.ts';
import type { ChangeEvent } from '../core/change/change.ts';
import type { SureResolution } from '../core/ids/resolution.ts';
import { needsOfResync } from '../core/log/authorization.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

export interface ResyncFlags extends DriftFlags {
  readonly removeForeign?: true;
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
    .option('--yes', 'write the events; without it they are only shown')
    .option('--author <name>', 'who repairs; stands in the event (default: USER of the environment)')
    .option('--reason <text>', `why; one line of up to ${REASON_LENGTH_MAX} characters, which stands in the event`)
    .addHelpText('after', examples)
    .action(async (flags: ResyncFlags) => {
      checkGroups(flags);
      const repairing = repairingOf(flags, context);
      const { signal, detach } = detachable(context.stop);
      await withGroupSources(
        { ...context, stop: signal },
        ['pipeline'],
        async (sources, { genesys: { rateLimitPerMinute, publicApiUrl }, pipeline }) => {
          const guard = { ...pipeline, publicApiUrl, removedBefore: 0 };
          const all = { ...sources, rateLimitPerMinute, onComparing: detach, guard };
          context.finish(await resyncGroups({ flags, repairing }, all, context));
        },
        needsOfResync,
      );
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
): Repairing => ({
  // Without --yes nothing is written.
  author: yes === true ? authorOf('resync', author, context) : '',
  reason: reason === undefined ? null : reasonIn('resync', reason),
  removesForeign: removeForeign === true,
});

export interface ResyncSources extends ComparedSources {
  /** The removal guard, as the service has it. */
  readonly guard: PlanOptions;
}

interface Asked {
  readonly flags: ResyncFlags;
  readonly repairing: Repairing;
}

export async function resyncGroups(
  { flags, repairing }: Asked,
  sources: ResyncSources,
  context: CommandContext,
): Promise<ExitCode> {
  // An event that no instance has read must not be replaced, wherever it is.
  const { comparing, groups } = await beginComparing({ ...flags, allPartitions: true }, sources, context);
  const resync = new Resync(repairing, { comparing, sources, context });
  const repairs = new Repairs(sources.guard, comparing.evidence);
  const totals = new DriftTotals();
  const end = showCompared(totals, groups.length, context);
  try {
    for await (const compared of compareGroups(groups, comparing)) {
      totals.take(compared);
      await print(context.stdout, comparedText(compared));
      const plan = resync.plan(compared);
      await print(context.stdout, repairs.planned(compared, plan));
      if (plan.planned?.kind !== 'repair' || flags.yes !== true || context.stop.aborted) continue;
      const written = await resync.write(compared, plan.planned.repair);
      await print(context.stdout, repairs.written(compared, written));
    }
  } finally {
    end();
  }
  for (const problem of comparing.evidence.problems) await print(context.stderr, `warning: ${visible(problem)}\n`);
  await print(context.stdout, `${totals.text(comparing.target.requestCount)}${repairs.text(flags.yes === true)}`);
  if (totals.groupCount < groups.length || (flags.yes === true && repairs.unwrittenCount > 0))
    endIfStopped(context, stoppedText(totals.groupCount, groups.length, repairs.unwrittenCount));
  return totals.isWhole && !repairs.isLeft ? EXIT.done : EXIT.someFailed;
}

const stoppedText = (count: number, all: number, unwritten: number): string =>
  `after ${count} of ${counted(all, 'group')}${unwritten === 0 ? '' : `, before ${counted(unwritten, 'repair')} ${unwritten === 1 ? 'was' : 'were'} written`}: ask again for the rest`;

/** Counts repairs, and says of each what it comes to. */
class Repairs {
  readonly #guard: PlanOptions;
  readonly #names: { memberTarget(name: string): string | null };
  #planned = 0;
  #writtenCount = 0;
  #triedCount = 0;
  #refusedCount = 0;
  #leftCount = 0;
  #differingCount = 0;
  #removedBefore = 0;
  #heldCount = 0;

  constructor(guard: PlanOptions, names: { memberTarget(name: string): string | null }) {
    this.#guard = guard;
    this.#names = names;
  }

  /** Something is not repaired. What an operator has refused is not to be. */
  get isLeft(): boolean {
    return this.#planned + this.#refusedCount + this.#differingCount - this.#writtenCount > 0;
  }

  /** Repairs that were not tried. */
  get unwrittenCount(): number {
    return this.#planned - this.#triedCount;
  }

  planned(compared: ComparedGroup, { planned, left }: Plan): string {
    const name = visible(compared.group);
    this.#leftCount += left.length;
    this.#differingCount += left.filter(({ isDrift }) => isDrift).length;
    const lines = left.map(({ member, target, why }) => `left  ${name}  ${namesText(member, target)}  ${why}\n`);
    return `${lines.join('')}${this.#plannedText(compared, planned)}`;
  }

  #plannedText(compared: ComparedGroup, planned: Plan['planned']): string {
    const name = visible(compared.group);
    if (planned === null) return '';
    if (planned.kind === 'refused') {
      this.#refusedCount += 1;
      return `refused  ${name}  ${visible(planned.why)}\n`;
    }
    this.#planned += 1;
    const plan = this.#preview(compared, planned.event);
    const held = plan?.predicted.filter(({ outcome }) => outcome === 'held') ?? [];
    this.#heldCount += held.length;
    this.#removedBefore += plan?.removalCount ?? 0;
    const guard = held.length === 0 ? '' : `; the guard holds ${held.length} (${visible(held[0]?.code ?? '')})`;
    return `resync  ${name}  ${whatText(planned.event)}${guard}\n`;
  }

  written(compared: ComparedGroup, written: Awaited<ReturnType<Resync['write']>>): string {
    const name = visible(compared.group);
    this.#triedCount += 1;
    switch (written.kind) {
      case 'written':
        this.#writtenCount += 1;
        return `written  ${name}  event ${written.eventId}${correctedText(written.corrections)}\n`;
      case 'moved':
        return `moved  ${name}  nothing is written: ${movedText(compared)}\n`;
      case 'failed':
        return [
          `failed  ${name}  ${visible(written.why)}\n`,
          ...written.owed.map((event) => `write  ${name}  ${event}\n`),
        ].join('');
    }
  }

  text(isWritten: boolean): string {
    const held = this.#heldCount === 0 ? '' : `, of which the guard holds ${counted(this.#heldCount, 'removal')}`;
    const refused = this.#refusedCount === 0 ? '' : `, ${this.#refusedCount} refused`;
    const left = this.#leftCount === 0 ? '' : `, ${counted(this.#leftCount, 'member')} left`;
    if (!isWritten)
      return `${counted(this.#planned, 'group')} to repair${held}${refused}${left}${this.#planned === 0 ? '' : '; --yes writes it'}\n`;
    return `${counted(this.#writtenCount, 'group')} repaired${held}${refused}${left}\n`;
  }

  /** null: the group was not read. */
  #preview(compared: ComparedGroup, event: ChangeEvent): GroupPlan | null {
    if (compared.status !== 'compared' || compared.snapshot === null || compared.target === null) return null;
    const changes = new FoldedChanges(FILE_SOURCE);
    changes.take(event, { offset: 0, index: null });
    const [wanted] = [...changes.takeGroups()];
    if (wanted === undefined) return null;
    const names = event.kind === 'state' ? event.members : [...event.add, ...event.remove];
    const members = new Map(names.map((name): [string, SureResolution] => [name, this.#resolved(name)]));
    const options = { ...this.#guard, removedBefore: this.#removedBefore };
    return preview(wanted, compared.snapshot, { group: compared.target, members }, options);
  }

  #resolved(name: string): SureResolution {
    const id = this.#names.memberTarget(name);
    return id === null ? { kind: 'unmapped' } : { kind: 'found', id, isActive: true };
  }
}

const whatText = (event: ChangeEvent): string =>
  event.kind === 'delta'
    ? `adds ${event.add.length}, removes ${event.remove.length}`
    : `full state of ${counted(event.members.length, 'member')}`;

const correctedText = (corrections: number): string =>
  corrections === 0 ? '' : `, after ${counted(corrections, 'correction')}: the source wrote meanwhile`;

function movedText(compared: ComparedGroup): string {
  const moved = movedOn(compared);
  return 'message' in moved ? moved.message : '';
}
