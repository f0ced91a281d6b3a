/** What the sub-commands of `rollcall ingest` share: what is opened for them, topics that must be there, and the queue before Kafka. */
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import type { ServiceHealth } from '../admin/readiness.ts';
import type { Part } from '../config/variables.ts';
import { topicFindings, type TopicFinding, type TopicNames } from '../core/log/topics.ts';
import { SendQueue } from '../ingest/send-queue.ts';
import type { LogTools, Logger } from '../ports.ts';
import { pause, unlessAborted } from '../time.ts';
import type { KafkaAccess } from './access.ts';
import type { CommandContext } from './command-context.ts';
import { judgeTopics, kafkaExit, noteUnreachable, serviceConfig } from './kafka-tools.ts';
import { LiveConfig, liveKafka, serveAdmin } from './live-config.ts';
import { refuseInShadow, WRITES_SOURCE } from './shadow.ts';

/** The work of one `rollcall ingest`: what it needs is opened before it, and closed after it. `isProbed`: it has an admin server. */
export async function withIngest<P extends Part>(
  context: CommandContext,
  { parts, isProbed }: { readonly parts: readonly (P | 'kafka' | 'admin')[]; readonly isProbed: boolean },
  work: (live: LiveConfig<P | 'kafka' | 'admin'>, opened: OpenIngest) => Promise<void>,
): Promise<void> {
  const { config, logger } = serviceConfig(context, parts);
  refuseInShadow(config, WRITES_SOURCE);
  const live = new LiveConfig(config, parts, { context, logger });
  const readiness = new IngestReadiness();
  const admin = isProbed ? await serveAdmin(live, { stats: () => readiness.health }, { context, logger }) : null;
  const tools = createLogTools(liveKafka(live), { clock: context.clock, logger });
  try {
    await work(live, { context, logger, tools, readiness });
  } catch (error) {
    throw kafkaExit(error);
  } finally {
    live.close();
    await tools.close();
    await admin?.close();
  }
}

interface OpenIngest extends IngestDependencies {
  readonly context: CommandContext;
  readonly tools: KafkaLogTools;
}

export interface IngestDependencies {
  readonly context: Pick<CommandContext, 'clock' | 'stop' | 'random'>;
  readonly logger: Logger;
  readonly tools: LogTools;
  readonly readiness: IngestReadiness;
  /** What Kafka permits, and what stands behind its errors; absent: the log is another. */
  readonly kafka?: KafkaAccess;
}

/** What `/readyz` of an ingest shows: what it waits for before it begins, then what its parts say. */
export class IngestReadiness {
  #checks: readonly Check[] = [() => 'the topics have not been looked at yet'];

  get health(): ServiceHealth {
    const reasons = this.#checks.flatMap((check) => check() ?? []);
    return { ready: reasons.length === 0, reasons };
  }

  waits(reason: string): void {
    this.#checks = [() => reason];
  }

  /** It works, as long as no part has a reason why it does not. */
  begins(...checks: readonly Check[]): void {
    this.#checks = checks;
  }
}

/** The reason why a part does not work at present; null: it does. */
type Check = () => string | null;

/** Of all records that wait. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** @param offersMax for a caller that offers one thing after the other any number. */
export const openQueue = ({ context, logger, tools }: IngestDependencies, offersMax = 16): SendQueue =>
  new SendQueue({
    tools,
    logger,
    clock: context.clock,
    offersMax,
    bytesMax: QUEUE_BYTES_MAX,
    // An unexpected error is tried again too: nothing is lost by that, and the log shows it.
    isPassing: (error) => {
      const { retriable, code } = explainKafkaError(error);
      return retriable || code === 'unexpected';
    },
  });

const RETRY_MS = 1_000;

/** The topics that every `rollcall ingest` writes to. */
export interface WrittenTopics {
  readonly topics: TopicNames;
  readonly ingest: { readonly topic: string | null };
}

/** Waits for brokers that cannot be reached; false: asked to stop meanwhile. @throws ExitError as `run` would, for the same findings */
export async function topicsAreRight(config: WrittenTopics, dependencies: IngestDependencies): Promise<boolean> {
  const { context, logger, kafka } = dependencies;
  while (!context.stop.aborted) {
    try {
      await kafka?.demand();
      judgeTopics(await writtenFindings(config, dependencies.tools), logger);
      return true;
    } catch (error) {
      const why = await noteUnreachable(error, {
        clock: context.clock,
        logger,
        ...(kafka && { diagnosed: kafka.diagnosed }),
      });
      dependencies.readiness.waits(`Kafka cannot be reached: ${why}`);
    }
    await unlessAborted(context.stop, pause(context.clock, RETRY_MS));
  }
  return false;
}

async function writtenFindings({ topics, ingest }: WrittenTopics, tools: LogTools): Promise<readonly TopicFinding[]> {
  const names = { ...topics, source: ingest.topic ?? topics.source };
  const [source, deadLetter] = await Promise.all([
    tools.describeTopic(names.source),
    tools.describeTopic(names.deadLetter),
  ]);
  return topicFindings(names, { source, deadLetter });
}
