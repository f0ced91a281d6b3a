/** What the demo plays with: a Rollcall, by itself in this process or as a process of its own, and the log before it. */
import { readConfig } from '../../config/config.ts';
import { embed } from '../../console/embedded.ts';
import type { CommandContext } from '../../console/command-context.ts';
import { commandLog, readText } from '../../console/kafka-tools.ts';
import { withTarget } from '../../console/target.ts';
import { native } from '../../formats/native/native.ts';
import type { Topics } from '../../pipeline/state/options.ts';
import type { LogTools } from '../../ports.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { printEnvironment } from '../sandbox/server.ts';

export interface DemoService {
  readonly topics: Topics;
  /** To send events with and to read reports with. */
  readonly tools: LogTools;
  /** Said in the headline. */
  readonly about: string;
  /** Rejects when Rollcall ends before it is asked to. */
  readonly broken: Promise<never>;
  /** Lets Rollcall drain; resolves when it is gone. */
  stop(): Promise<void>;
}

export const DEMO_PARTITIONS = 6;

export const demoTopics = (prefix: string): Topics => ({
  source: `${prefix}.source`,
  retry: `${prefix}.retry`,
  deadLetter: `${prefix}.dead-letter`,
  report: `${prefix}.reports`,
});

/**
 * The whole configuration but Kafka's: nothing of the surroundings gets in, since they may name a real organisation.
 * Waits are short, so that what is tried again is seen to succeed.
 */
export function demoEnvironment(sandbox: Sandbox): Readonly<Record<string, string>> {
  const lines = printEnvironment(sandbox).trim().split('\n');
  const target = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
  return {
    ...Object.fromEntries(target),
    REQUEST_TIMEOUT_MS: '2000',
    LATE_APPLY_MS: '1500',
    RETRY_BASE_MS: '100',
    RETRY_CAP_MS: '1000',
    RETRY_MAX_ATTEMPTS: '10',
    SLOW_RETRY_SCHEDULE_MS: '',
    // The stream turns small groups over many times, which no guard would let pass.
    GUARD_GROUP_PERCENT: '100',
    GUARD_WINDOW_COUNT: '1000000',
    ADMIN_PORT: '0',
  };
}

/** Runs `work` beside a Rollcall on a log in this process. */
export async function withEmbedded<T>(
  context: CommandContext,
  sandbox: Sandbox,
  work: (service: DemoService) => Promise<T>,
): Promise<T> {
  const config = readConfig(demoEnvironment(sandbox), ['genesys', 'pipeline'], readText);
  const logger = commandLog(context, config);
  return withTarget({ context, genesys: config.genesys, logger }, async (api) => {
    const topics = demoTopics('demo');
    const { tools, pipeline } = embed(
      { context, config, api, ids: null, format: native, logger },
      topics,
      DEMO_PARTITIONS,
    );
    await pipeline.start();
    let isStopping = false;
    const broken = pipeline.ended.then((error) => {
      if (isStopping) return new Promise<never>(() => undefined);
      throw error ?? new Error('the pipeline ended by itself');
    });
    try {
      return await work({
        topics,
        tools,
        about: 'a log in this process',
        broken,
        stop: async () => {
          isStopping = true;
          await pipeline.drain();
        },
      });
    } finally {
      await tools.close();
    }
  });
}
