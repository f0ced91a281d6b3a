/** The service on a log in this process, in front of a sandbox, with the settings of the demo. */
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { embed, type Embedded } from '../../src/console/embedded.ts';
import { native } from '../../src/formats/native/native.ts';
import type { CommandContext } from '../../src/console/command-context.ts';
import { commandLog, readText } from '../../src/console/kafka-tools.ts';
import { withTarget } from '../../src/console/target.ts';
import { readConfig } from '../../src/config/config.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import { DEMO_PARTITIONS, demoEnvironment, demoTopics } from '../../src/lab/demo/service.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';

export const context: CommandContext = {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  random: systemRandom,
  secrets: new KnownSecrets([]),
  stop: new AbortController().signal,
  self: [process.execPath],
  finish: () => undefined,
};

export interface BenchService extends Embedded {
  readonly concurrency: number;
  readonly sourceTopic: string;
}

/** `work` starts the pipeline, so that a backlog can be there before; it is drained afterwards. */
export async function withService<T>(sandbox: Sandbox, work: (service: BenchService) => Promise<T>): Promise<T> {
  const config = readConfig(demoEnvironment(sandbox), ['genesys', 'pipeline'], readText);
  const logger = commandLog(context, config);
  return withTarget({ context, config, logger }, async (api) => {
    const topics = demoTopics('bench');
    const embedded = embed({ context, config, api, ids: null, format: native, logger }, topics, DEMO_PARTITIONS);
    try {
      return await work({ ...embedded, concurrency: config.genesys.concurrency, sourceTopic: topics.source });
    } finally {
      await embedded.pipeline.drain();
      await embedded.tools.close();
    }
  });
}

/** Requests to the API so far; those refused with 429 count too. */
export function requestCount({ stats }: Sandbox): number {
  const counts = Object.values(stats.requests).flatMap((byStatus) => Object.values(byStatus));
  return counts.reduce((sum, count) => sum + count, 0);
}
