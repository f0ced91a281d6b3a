/** What the demo plays with: a Rollcall, by itself in this process or as a process of its own, and the log before it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createLogTools } from '../../adapters/kafka/tools.ts';
import { readConfig } from '../../config/config.ts';
import type { CommandContext } from '../../console/command-context.ts';
import { embed } from '../../console/embedded.ts';
import { commandLog, createTopics, creatingTools, kafkaExit, readText } from '../../console/kafka-tools.ts';
import { withTarget } from '../../console/target.ts';
import { EXIT, ExitError } from '../../exit-codes.ts';
import { native } from '../../formats/native/native.ts';
import type { Topics } from '../../pipeline/state/options.ts';
import type { LogTools } from '../../ports.ts';
import { within } from '../../time.ts';
import { KafkaSetupError, kafkaCacheDirectory } from '../kafka-broker/fetch.ts';
import { Guard } from '../kafka-broker/java-process.ts';
import { startBroker, type Broker } from '../kafka-broker/start.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { environmentOf } from '../sandbox/server.ts';

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
 * The whole configuration but Kafka's: nothing of the environment gets in, since it may name a real organisation.
 * Waits are short, so that what is tried again is seen to succeed.
 */
export function demoEnvironment(sandbox: Sandbox): Readonly<Record<string, string>> {
  return {
    ...environmentOf(sandbox),
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
  return withTarget({ context, config, logger }, async (api) => {
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

/** Through real Kafka: a broker of its own unless KAFKA_BROKERS names some, and `rollcall run` as a child process. */
export async function withKafka<T>(
  context: CommandContext,
  sandbox: Sandbox,
  work: (service: DemoService) => Promise<T>,
): Promise<T> {
  const broker = context.environment['KAFKA_BROKERS'] ? null : await ownBroker(context);
  try {
    return await withRun(runEnvironment(context, sandbox, broker), context, work);
  } catch (error) {
    throw kafkaExit(error);
  } finally {
    await broker?.stop();
  }
}

async function ownBroker(context: CommandContext): Promise<Broker> {
  const logger = { info: (_: object, message: string) => void context.stderr.write(`${message}\n`) };
  const cacheDirectory = kafkaCacheDirectory({ ...context.environment });
  try {
    logger.info({}, 'starting Apache Kafka 4.2.0 …');
    return await startBroker({ version: '4.2.0' }, { cacheDirectory, logger, timer: context.clock });
  } catch (error) {
    if (!(error instanceof KafkaSetupError)) throw error;
    throw new ExitError(EXIT.unavailable, `${error.message}\nWithout Kafka: rollcall demo`, { cause: error });
  }
}

/** Of the environment only how to reach Kafka, and what a process needs. */
function runEnvironment(context: CommandContext, sandbox: Sandbox, broker: Broker | null): Record<string, string> {
  const kept = Object.entries(context.environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && /^(KAFKA_\w+|PATH|HOME|NODE_\w+|SYSTEMROOT|TMPDIR|LOG_LEVEL)$/.test(entry[0]),
  );
  const name = `rollcall-demo-${context.random.uuid().slice(0, 8)}`;
  const { source, retry, deadLetter, report } = demoTopics(name);
  return {
    ...Object.fromEntries(kept),
    ...demoEnvironment(sandbox),
    ...(broker !== null && { KAFKA_BROKERS: broker.brokers.join(',') }),
    KAFKA_GROUP_ID: name,
    SOURCE_TOPIC: source,
    RETRY_TOPIC: retry,
    DEAD_LETTER_TOPIC: deadLetter,
    REPORT_TOPIC: report,
  };
}

async function withRun<T>(
  environment: Record<string, string>,
  context: CommandContext,
  work: (service: DemoService) => Promise<T>,
): Promise<T> {
  const config = readConfig(environment, ['kafka', 'topics'], readText);
  const tools = createLogTools(config.kafka, { clock: context.clock, logger: commandLog(context, config) });
  try {
    await createTopics(config.topics, creatingTools(tools, config.kafka), {
      partitionCount: DEMO_PARTITIONS,
      replicationFactor: -1,
    });
    const run = new RunProcess(environment, context);
    try {
      return await work({
        topics: config.topics,
        tools,
        about: `Kafka at ${config.kafka.brokers.join(', ')}, topic ${config.topics.source}; \`rollcall run\` is process ${run.pid}`,
        broken: run.broken,
        stop: () => run.stop(),
      });
    } finally {
      await run.stop();
    }
  } finally {
    await tools.close();
  }
}

const STOP_LIMIT_MS = 30_000;
const TAIL_LINES = 20;

/** `rollcall run`, which dies with this process. */
class RunProcess {
  /** Rejects when it ends before `stop`. */
  readonly broken: Promise<never>;
  readonly #child: ChildProcess;
  readonly #context: CommandContext;
  readonly #guard = new Guard(undefined);
  readonly #tail: string[] = [];
  readonly #exited: Promise<number | null>;
  #isStopping = false;

  constructor(environment: Record<string, string>, context: CommandContext) {
    const [program, ...args] = context.self;
    // A session of its own: Ctrl-C on the terminal is for the demo, which asks this process to drain.
    const child = spawn(program, [...args, 'run'], {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    });
    this.#child = child;
    this.#context = context;
    this.#guard.watch(child.pid);
    this.#exited = new Promise((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    this.broken = this.#exited.then((code) => {
      if (this.#isStopping) return new Promise<never>(() => undefined);
      throw new ExitError(
        EXIT.internal,
        `\`rollcall run\` ended with ${code}. The end of its log:\n${this.#tail.join('\n')}`,
      );
    });
    // Shown while the demo plays, and not once it is over.
    this.broken.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    if ((await within(this.#context.clock, STOP_LIMIT_MS, this.#exited)) === 'timed_out') this.#child.kill('SIGKILL');
    this.#guard.release();
  }
}
