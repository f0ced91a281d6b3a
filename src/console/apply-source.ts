/** Where the changes of `apply` come from, a file of changes or a plan, and what follows from that. */
import type { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import type { Config } from '../config/config.ts';
import type { SourceFormat } from '../core/change/change.ts';
import { counted } from '../core/text/counted.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { GroupApi, Logger } from '../ports.ts';
import { unlessStopped, type CommandContext } from './command-context.ts';
import { fileEnvironment, fillSource, type AppliedFrom } from './file-source.ts';
import { commandConfig } from './kafka-tools.ts';
import { readPlanFile, settingsOf, type PlanGroup } from './plan-file.ts';
import { PlannedRequests } from './planned-requests.ts';
import { fillFromPlan, plannedFormat, plannedIds } from './planned-source.ts';
import { openFormat, withFormat, type FormatFlags } from './source-format.ts';
import { openIdMap, type OpenIdMap } from './id-map.ts';

type ApplyConfig = Config<'genesys' | 'pipeline' | 'ids'>;

export interface ApplySource {
  readonly from: AppliedFrom;
  readonly config: ApplyConfig;
  readonly format: SourceFormat;
  /** Lines of the planned file that hold no change, so that nothing reports them; of a file the run itself does. */
  readonly invalidCount: number;
  /** Once, after `open`. */
  fill(broker: MemoryBroker): Promise<void>;
  /** The target as the changes may reach it, and what their ids are there. */
  open(target: GroupApi, logger: Logger): Promise<OpenTarget>;
}

interface OpenTarget extends OpenIdMap {
  readonly api: GroupApi;
  /** Groups that have moved since the plan was made. */
  movedGroups(): readonly string[];
}

export interface SourceFlags extends Pick<FormatFlags, 'format'> {
  readonly approve?: readonly string[];
  readonly plan?: string;
}

/** @throws ExitError (usage) where neither is named, or both, or the plan cannot be used. */
export async function openSource(
  file: string | undefined,
  flags: SourceFlags,
  context: CommandContext,
): Promise<ApplySource> {
  const { plan } = flags;
  if (file !== undefined && plan === undefined) return openFile(file, flags, context);
  if (file === undefined && plan !== undefined) return openPlan(plan, flags, context);
  throw new ExitError(EXIT.usage, 'apply: name a file of changes, or a plan with --plan');
}

async function openFile(file: string, flags: SourceFlags, context: CommandContext): Promise<ApplySource> {
  const parts = ['genesys', 'pipeline', 'ids', 'format'] as const;
  const config = await commandConfig(context, parts, withFormat(fileEnvironment(context.environment), flags));
  return {
    from: 'file',
    config,
    format: await openFormat(config.format),
    invalidCount: 0,
    fill: (broker) => fillSource(broker, file, context),
    open: async (api, logger) => ({
      api,
      ...(await openIdMap(config, { context, api, logger })),
      movedGroups: () => [],
    }),
  };
}

/** A plan says itself what the id map said. */
async function openPlan(path: string, flags: SourceFlags, context: CommandContext): Promise<ApplySource> {
  if (flags.format !== undefined) throw new ExitError(EXIT.usage, 'apply: --format is of a file, not of a plan');
  const plan = await unlessStopped(context, readPlanFile(path, context));
  const { header } = plan;
  let groups: readonly PlanGroup[] = plan.groups;
  const { genesys, pipeline, ...others } = await commandConfig(context, ['genesys', 'pipeline', 'ids'], {
    ...fileEnvironment(context.environment),
    ID_MAP: undefined,
  });
  return {
    from: 'plan',
    config: { ...others, ...settingsOf(header, { genesys, pipeline }, path) },
    format: plannedFormat,
    invalidCount: header.invalid,
    fill: async (broker) => {
      fillFromPlan(broker, groups);
      // What is in the log, and requests that have landed, need no second place.
      groups = [];
    },
    open: async (target) => {
      const api = new PlannedRequests(target, groups, flags.approve ?? []);
      return { api, ids: plannedIds(groups), close: async () => undefined, movedGroups: () => api.movedGroups };
    },
  };
}

const MOVED_NAMED_MAX = 20;

/** @returns '' where none has moved. */
export function movedText(groups: readonly string[]): string {
  if (groups.length === 0) return '';
  const named = groups.slice(0, MOVED_NAMED_MAX).map((group) => `  ${group}\n`);
  const left = groups.length - named.length;
  const rest = left === 0 ? '' : `  … and ${left} more\n`;
  return `${counted(groups.length, 'group')} moved since the plan was made, and nothing more of them was sent; plan again:\n${named.join('')}${rest}`;
}

/** @returns '' where there is none. */
export const invalidText = (count: number): string =>
  count === 0
    ? ''
    : `${counted(count, 'record')} of the planned file ${count === 1 ? 'is' : 'are'} no valid change, and not in the plan; correct the file and plan again\n`;
