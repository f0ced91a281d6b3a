/** What `rollcall resync` and `undo` open: what is compared, and the removal guard as the service has it. */
import { needsOfResync } from '../core/log/authorization.ts';
import type { ExitCode } from '../exit-codes.ts';
import { detachable, type CommandContext } from './command-context.ts';
import type { ComparedSources } from './drift-command.ts';
import type { PlanOptions } from './dry-run.ts';
import { withGroupSources } from './group-sources.ts';
import { configOf } from './kafka-tools.ts';
import { refuseInShadow, WRITES_SOURCE } from './shadow.ts';

export interface RepairSources extends ComparedSources {
  /** The removal guard, as the service has it. */
  readonly guard: PlanOptions;
}

/**
 * What `work` returns is the exit code. @param asked reads the flags: in a shadow nothing that they could say would help.
 * @throws ExitError in a shadow
 */
export async function withRepairSources<A>(
  context: CommandContext,
  asked: () => A,
  work: (asked: A, sources: RepairSources) => Promise<ExitCode>,
): Promise<void> {
  // Problems of the configuration are reported together below.
  const all = configOf(context, []);
  if (all !== null) refuseInShadow(all, WRITES_SOURCE);
  const checked = asked();
  const { signal, detach } = detachable(context.stop);
  await withGroupSources(
    { ...context, stop: signal },
    ['pipeline'],
    async (sources, config) => {
      const { genesys, pipeline } = config;
      const { rateLimitPerMinute, publicApiUrl } = genesys;
      const guard = { ...pipeline, publicApiUrl, removedBefore: 0 };
      context.finish(await work(checked, { ...sources, rateLimitPerMinute, onComparing: detach, guard }));
    },
    needsOfResync,
  );
}
