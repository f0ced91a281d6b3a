/** The admin server of a running instance, before a pipeline on a manual clock. */
import type { Instance } from '../../src/adapters/admin-client.ts';
import { startAdmin } from '../../src/admin/server.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { atEnd } from './genesys.ts';

const INSTANCE_TOKEN = 'a token of an instance';
const SERVICE: Instance['service'] = { consumer_group: 'rollcall', source_topic: 'source' };

/** As the commands of its service ask it. */
export const askedAt = (url: string): Instance => ({ url, token: INSTANCE_TOKEN, isShadow: false, service: SERVICE });

/** Answers its URL. @param other of another service */
export async function servedPipeline(pipeline: Pipeline, other: Partial<Instance['service']> = {}): Promise<string> {
  const server = await startAdmin(
    { host: '127.0.0.1', port: 0, token: INSTANCE_TOKEN },
    {
      stats: () => pipeline.stats(),
      service: { ...SERVICE, ...other },
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
