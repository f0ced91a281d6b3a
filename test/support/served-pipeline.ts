/** The admin server of a running instance, before a pipeline on a manual clock. */
import { startAdmin } from '../../src/admin/server.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { atEnd } from './genesys.ts';

export const INSTANCE_TOKEN = 'a token of an instance';

/** Answers its URL. */
export async function servedPipeline(pipeline: Pipeline): Promise<string> {
  const server = await startAdmin(
    { host: '127.0.0.1', port: 0, token: INSTANCE_TOKEN },
    {
      stats: () => pipeline.stats(),
      explain: (group, member) => pipeline.pendingOf(group, member),
      status: (asked, stats) => pipeline.status(asked, stats),
      clock: { now: () => ({ wall: 0, monotonic: 0 }) },
      logger: { error: () => undefined },
      secrets: new KnownSecrets([]),
    },
  );
  atEnd(() => server.close());
  return server.url;
}
