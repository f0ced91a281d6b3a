/** What `rollcall diff`, `resync` and `undo` share: which groups, by whose word, how fast, and how far that is. */
import type { Command } from 'commander';
import { idKey } from '../core/change/change.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { GroupApi } from '../ports.ts';
import { collect, showProgress, wholeNumber, type CommandContext } from './command-context.ts';
import { GroupReader, type Comparing } from './drift.ts';
import { DriftEvidence, type DriftSources } from './drift-evidence.ts';
import { readWanted, type WantedFile } from './drift-file.ts';
import type { DriftTotals } from './drift-text.ts';
import { demandOneGroup } from './meant-ids.ts';
import { RequestPace } from './request-pace.ts';

export interface DriftFlags {
  readonly group?: readonly string[];
  readonly all?: true;
  readonly from?: string;
  readonly rate?: number;
  /** Read the source and the reports as a whole, wherever the groups are known to have been. */
  readonly allPartitions?: true;
}

export const withDriftOptions = (command: Command): Command =>
  withRate(
    command
      .option('--group <id>', 'of the identity provider or of Genesys Cloud; may be repeated', collect)
      .option('--all', 'every group that the source, the reports or the file name')
      .option('--from <file>', 'full states that say who is wanted, instead of the source topic; - for standard input'),
  );

export const withRate = (command: Command): Command =>
  command.option(
    '--rate <n>',
    'requests a minute to Genesys Cloud (default: a quarter of RATE_LIMIT_PER_MINUTE, or of what it allows)',
    wholeNumber(1, 100_000),
  );

export interface ComparedSources extends DriftSources {
  readonly api: Pick<GroupApi, 'gate' | 'getGroup'>;
  readonly rateLimitPerMinute: number | null;
  /** The topics are read: from now on a signal ends the command after the group in hand. */
  readonly onComparing: () => void;
}

/** @throws ExitError where the options contradict each other. */
export function checkGroups({ group = [], all }: DriftFlags): void {
  if (group.length > 0 === (all === true)) throw new ExitError(EXIT.usage, 'name groups with --group, or say --all');
}

/** null: the source says who is wanted. */
export const wantedFile = async (flags: DriftFlags, context: CommandContext): Promise<WantedFile | null> =>
  flags.from === undefined ? null : await readWanted(flags.from, context);

export const beginComparing = async (
  flags: DriftFlags,
  sources: ComparedSources,
  context: CommandContext,
): Promise<BegunComparing> => await beginWith(await wantedFile(flags, context), { flags, sources, context });

interface BegunComparing {
  readonly comparing: Comparing;
  readonly groups: readonly string[];
}

interface Beginning {
  readonly flags: DriftFlags;
  readonly sources: ComparedSources;
  readonly context: CommandContext;
}

/**
 * Reads the topics. @returns the groups by `idKey`, as the source names them.
 * @throws ExitError where the id map says that an id is of several groups.
 */
export async function beginWith(
  from: WantedFile | null,
  { flags, sources, context }: Beginning,
): Promise<BegunComparing> {
  for (const group of flags.group ?? []) demandOneGroup(group, sources.ids);
  const scope = { groups: flags.group ?? from?.spellings ?? null, allPartitions: flags.allPartitions === true };
  const evidence = new DriftEvidence(sources, scope);
  await evidence.refresh();
  sources.onComparing();
  const asked = flags.group?.flatMap((group) => evidence.sourcesOf(group)) ?? from?.spellings.map(idKey);
  return {
    comparing: { evidence, target: groupReader(flags, sources, context), wanted: from?.wanted ?? null, context },
    groups: [...new Set(asked ?? evidence.groups)],
  };
}

/** At the pace that is asked for. */
export function groupReader(
  { rate }: Pick<DriftFlags, 'rate'>,
  { api, rateLimitPerMinute }: ComparedSources,
  context: CommandContext,
): GroupReader {
  const limits = { ratePerMinute: rateLimitPerMinute, wished: rate ?? null };
  return new GroupReader(api, new RequestPace(api.gate, limits, context.clock), context);
}

/** The returned function ends it. */
export const showCompared = (
  totals: DriftTotals,
  groupCount: number,
  { stderr, clock }: Pick<CommandContext, 'stderr' | 'clock'>,
): (() => void) =>
  showProgress(stderr, clock, () => ({
    settled: totals.groupCount,
    total: groupCount,
    unit: 'groups',
    detail: `compared, ${totals.differingCount} differ`,
  }));
