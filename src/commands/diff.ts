/** `rollcall diff`: what differs between what the identity provider wants and what Genesys Cloud has. It changes nothing. */
import { Command } from 'commander';
import {
  collect,
  detachable,
  endIfStopped,
  print,
  printPieces,
  showProgress,
  wholeNumber,
  type CommandContext,
} from '../console/command-context.ts';
import { GroupReader, compareGroups, type ComparedGroup } from '../console/drift.ts';
import { DriftEvidence, type DriftSources } from '../console/drift-evidence.ts';
import { openCompared, readWanted, type ComparedFile } from '../console/drift-file.ts';
import { DriftTotals, comparedJson, comparedText } from '../console/drift-text.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { RequestPace } from '../console/request-pace.ts';
import { idKey } from '../core/change/change.ts';
import { needsOfExplain } from '../core/log/authorization.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { GroupApi } from '../ports.ts';

export interface DiffFlags {
  readonly group?: readonly string[];
  readonly all?: true;
  readonly from?: string;
  readonly json?: true;
  readonly out?: string;
  readonly resume?: true;
  readonly rate?: number;
}

export function diffCommand(context: CommandContext): Command {
  return new Command('diff')
    .summary('what differs between what the identity provider wants and what Genesys Cloud has')
    .description(
      'Folds the source topic, reads each group once, and says of each difference by reports and records whether it is on its way, was undone by others, or was never done. It changes nothing.',
    )
    .option('--group <id>', 'of the identity provider or of Genesys Cloud; may be repeated', collect)
    .option('--all', 'every group that the source, the reports or the file name')
    .option('--from <file>', 'full states that say who is wanted, instead of the source topic; - for standard input')
    .option(
      '--json',
      'one line per group: {"group","status","version","missing","extra","undone","pending","foreign",…}',
    )
    .option('--out <file>', 'also write these lines to a new file, which only its owner may read (mode 0600)')
    .option('--resume', 'go on with the file of --out: groups that it has compared are left out')
    .option(
      '--rate <n>',
      'requests a minute to Genesys Cloud (default: a quarter of RATE_LIMIT_PER_MINUTE, or of what it allows)',
      wholeNumber(1, 100_000),
    )
    .addHelpText('after', examples)
    .action(async (flags: DiffFlags) => {
      checkFlags(flags);
      const { signal, detach } = detachable(context.stop);
      await withGroupSources(
        { ...context, stop: signal },
        [],
        async (sources, { genesys: { rateLimitPerMinute } }) => {
          context.finish(await diffGroups(flags, { ...sources, rateLimitPerMinute, onComparing: detach }, context));
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

Exits 0 where no group differs, and 1 where one does or could not be compared. What is pending or foreign is no drift.`;

export interface DiffSources extends DriftSources {
  readonly api: Pick<GroupApi, 'gate' | 'getGroup'>;
  readonly rateLimitPerMinute: number | null;
  /** The topics are read: from now on a signal ends the command after the group in hand. */
  readonly onComparing: () => void;
}

/** @throws ExitError where the options contradict each other. */
export function checkFlags({ group = [], all, out, resume }: DiffFlags): void {
  if (group.length > 0 === (all === true)) throw new ExitError(EXIT.usage, 'name groups with --group, or say --all');
  if (resume === true && out === undefined) throw new ExitError(EXIT.usage, '--resume needs the file: --out <file>');
}

export async function diffGroups(flags: DiffFlags, sources: DiffSources, context: CommandContext): Promise<ExitCode> {
  const file = flags.out === undefined ? null : await openCompared(flags.out, flags.resume === true);
  try {
    return await diffInto(file, { flags, sources, context });
  } finally {
    await file?.close();
  }
}

interface Diffing {
  readonly flags: DiffFlags;
  readonly sources: DiffSources;
  readonly context: CommandContext;
}

async function diffInto(file: ComparedFile | null, { flags, sources, context }: Diffing): Promise<ExitCode> {
  const from = flags.from === undefined ? null : await readWanted(flags.from, context);
  const evidence = new DriftEvidence(sources, flags.group ?? from?.spellings ?? null);
  await evidence.refresh();
  sources.onComparing();
  const { api, rateLimitPerMinute } = sources;
  const limits = { ratePerMinute: rateLimitPerMinute, wished: flags.rate ?? null };
  const target = new GroupReader(api, new RequestPace(api.gate, limits, context.clock), context);
  const asked = flags.group?.flatMap((group) => evidence.sourcesOf(group)) ?? from?.spellings.map(idKey);
  const all = [...new Set(asked ?? evidence.groups)];
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
  const end = showProgress(context.stderr, context.clock, () => ({
    settled: totals.groupCount,
    total: all.length,
    unit: 'groups',
    detail: `compared, ${totals.differingCount} differ`,
  }));
  try {
    const comparing = { evidence, target, wanted: from?.wanted ?? null, context };
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
  else await print(context.stdout, comparedText(compared));
}
