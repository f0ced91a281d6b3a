/** `rollcall diff`: what differs between what the identity provider wants and what Genesys Cloud has. It changes nothing. */
import { Command } from 'commander';
import { detachable, endIfStopped, print, printPieces, type CommandContext } from '../console/command-context.ts';
import { compareGroups, type ComparedGroup } from '../console/drift.ts';
import {
  beginWith,
  checkGroups,
  showCompared,
  wantedFile,
  withDriftOptions,
  type ComparedSources,
  type DriftFlags,
} from '../console/drift-command.ts';
import { openCompared, type Compared, type ComparedFile, type WantedFile } from '../console/drift-file.ts';
import { DriftTotals, comparedJson, comparedText } from '../console/drift-text.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { idKey } from '../core/change/change.ts';
import { needsOfExplain } from '../core/log/authorization.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';

export interface DiffFlags extends DriftFlags {
  readonly json?: true;
  readonly out?: string;
  readonly resume?: true;
}

export function diffCommand(context: CommandContext): Command {
  return withDriftOptions(new Command('diff'))
    .summary('what differs between what the identity provider wants and what Genesys Cloud has')
    .description(
      'Folds the source topic, reads each group once, and says of each difference by reports and records whether it is on its way, was undone by others, or was never done. It changes nothing.',
    )
    .option(
      '--json',
      'one line per group: {"group","status","version","missing","extra","undone","pending","foreign",…}',
    )
    .option('--out <file>', 'also write these lines to a new file, which only its owner may read (mode 0600)')
    .option('--resume', 'go on with the file of --out: groups that it has compared are left out')
    .option(
      '--all-partitions',
      'read the source and the reports as a whole, wherever the groups are known to have been',
    )
    .addHelpText('after', examples)
    .action(async (flags: DiffFlags) => {
      checkFlags(flags);
      const { signal, detach } = detachable(context.stop);
      await withGroupSources(
        { ...context, stop: signal },
        [],
        async (sources, { kafka, genesys: { rateLimitPerMinute, apiUrl } }) => {
          const compared = { consumerGroup: kafka.groupId, targetOrigin: new URL(apiUrl).origin };
          const all = { ...sources, rateLimitPerMinute, onComparing: detach, ...compared };
          context.finish(await diffGroups(flags, all, context));
        },
        needsOfExplain,
      );
    });
}

const examples = `
Examples:
  $ rollcall diff --group 5b1e…
  $ rollcall diff --all --out drift.ndjson            # a signal ends it after the group in hand
  $ rollcall diff --all --out drift.ndjson --resume
  $ rollcall diff --all --from states.ndjson --json | jq -c 'select(.missing + .extra + .undone != [])'

Exits 0 where no group differs, and 1 where one does or could not be compared. What is pending or foreign, or was refused by an
operator, is no drift.
\`rollcall resync\` repairs what differs.`;

/** @throws ExitError where the options contradict each other. */
export function checkFlags(flags: DiffFlags): void {
  checkGroups(flags);
  if (flags.resume === true && flags.out === undefined)
    throw new ExitError(EXIT.usage, '--resume needs the file: --out <file>');
}

export interface DiffSources extends ComparedSources {
  readonly consumerGroup: string;
  /** Of its API. */
  readonly targetOrigin: string;
}

export async function diffGroups(flags: DiffFlags, sources: DiffSources, context: CommandContext): Promise<ExitCode> {
  const from = await wantedFile(flags, context);
  const compared: Compared = {
    source_topic: sources.topics.source,
    consumer_group: sources.consumerGroup,
    target: sources.targetOrigin,
    from_sha256: from?.sha256 ?? null,
    started_at: timeText(context.clock.now().wall),
  };
  const file = flags.out === undefined ? null : await openCompared(flags.out, flags.resume === true, compared);
  try {
    return await diffInto(file, { flags, sources, context, from });
  } finally {
    await file?.close();
  }
}

interface Diffing {
  readonly flags: DiffFlags;
  readonly sources: ComparedSources;
  readonly context: CommandContext;
  readonly from: WantedFile | null;
}

async function diffInto(file: ComparedFile | null, { from, ...diffing }: Diffing): Promise<ExitCode> {
  const { flags, context } = diffing;
  const { comparing, groups: all } = await beginWith(from, diffing);
  const { evidence, target } = comparing;
  const known = new Set(all);
  const totals = new DriftTotals();
  const former = new Set<string>();
  for (const line of file?.former ?? []) {
    const group = idKey(line.group);
    if (line.status !== 'compared' || !known.has(group)) continue;
    former.add(group);
    totals.takeLine(line);
  }
  if (former.size > 0)
    await print(
      context.stderr,
      `${counted(former.size, 'group')} of ${flags.out} ${former.size === 1 ? 'is' : 'are'} compared already, and left out\n`,
    );
  const groups = all.filter((group) => !former.has(group));
  const end = showCompared(totals, all.length, context);
  try {
    for await (const compared of compareGroups(groups, comparing)) {
      totals.take(compared);
      await write(compared, file, { isJson: flags.json === true, context });
    }
  } finally {
    end();
  }
  for (const problem of evidence.problems) await print(context.stderr, `warning: ${visible(problem)}\n`);
  if (totals.groupCount < all.length) endIfStopped(context, stoppedText(totals.groupCount, all.length, flags.out));
  await print(flags.json === true ? context.stderr : context.stdout, totals.text(target.requestCount));
  return totals.isInStep ? EXIT.done : EXIT.someFailed;
}

const stoppedText = (count: number, all: number, out: string | undefined): string =>
  `after ${count} of ${counted(all, 'group')}${out === undefined ? '' : `, which ${out} has: go on by --resume`}`;

async function write(
  compared: ComparedGroup,
  file: ComparedFile | null,
  { isJson, context }: { readonly isJson: boolean; readonly context: CommandContext },
): Promise<void> {
  const json = comparedJson(compared);
  await file?.append(json);
  if (isJson) await printPieces(context.stdout, [json]);
  else await print(context.stdout, comparedText(compared, context.stdout));
}
