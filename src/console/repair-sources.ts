/** What `rollcall resync` and `undo` open: what is compared, and the removal guard as the service has it. */
import { needsOfResync } from '../core/log/authorization.ts';
import type { ExitCode } from '../exit-codes.ts';
import { detachable, type CommandContext } from './command-context.ts';
import type { ComparedSources } from './drift-command.ts';
import type { PlanOptions } from './dry-run.ts';
import { withGroupSources } from './group-sources.ts';
import { refuseInShadow, WRITES_SOURCE } from './shadow.ts';

export interface RepairSources extends ComparedSources {
  /** The removal guard, as the service has it. */
  readonly guard: PlanOptions;
}

/** What `work` returns is the exit code. */
export async function withRepairSources(
  context: CommandContext,
  work: (sources: RepairSources) => Promise<ExitCode>,
): Promise<void> {
  const { signal, detach } = detachable(context.stop);
  await withGroupSources(
    { ...context, stop: signal },
    ['pipeline'],
    async (sources, config) => {
      refuseInShadow(config, WRITES_SOURCE);
      const { genesys, pipeline } = config;
      const { rateLimitPerMinute, publicApiUrl } = genesys;
      const guard = { ...pipeline, publicApiUrl, removedBefore: 0 };
      context.finish(await work({ ...sources, rateLimitPerMinute, onComparing: detach, guard }));
    },
    needsOfResync,
  );
}
