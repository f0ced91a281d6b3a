/** The admin server beside a service: `run`, and every `ingest` that does not end by itself. */
import type { ServiceStats } from '../admin/readiness.ts';
import { startAdmin, type AdminServer } from '../admin/server.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { Logger } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { lazily, type Live } from './live-config.ts';

interface Surroundings {
  readonly context: Pick<CommandContext, 'clock' | 'secrets'>;
  readonly logger: Logger;
}

/** null: ADMIN_PORT says that there is none. @throws ExitError where it cannot listen */
export async function serveAdmin(
  live: Live<'admin'>,
  stats: () => ServiceStats,
  { context, logger }: Surroundings,
): Promise<AdminServer | null> {
  if (live.current.admin.port === 0) return null;
  const admin = lazily(() => live.current.admin);
  try {
    const server = await startAdmin(admin, { stats, clock: context.clock, logger, secrets: context.secrets });
    logger.info({ url: server.url }, 'health and metrics are served');
    return server;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const remedy = 'set ADMIN_HOST and ADMIN_PORT to what is free, or ADMIN_PORT=0 for none';
    throw new ExitError(EXIT.configuration, `the admin server cannot listen (${why}); ${remedy}`, { cause });
  }
}
