/** What the sub-commands of `rollcall ingest` share: topics that must be there, and the queue before Kafka. */
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { pause, unlessAborted } from '../adapters/time-limit.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { SendQueue } from '../ingest/send-queue.ts';
import type { LogTools, Logger } from '../ports.ts';
import type { Host } from './host.ts';

export interface IngestSurroundings {
  readonly host: Pick<Host, 'clock' | 'stop' | 'random'>;
  readonly log: Logger;
  readonly tools: LogTools;
}

/** For one who offers one thing after the other. */
export const openQueue = ({ host, log, tools }: IngestSurroundings): SendQueue =>
  new SendQueue({
    tools,
    log,
    clock: host.clock,
    offersMax: 16,
    bytesMax: 64 * 1024 * 1024,
    // What nobody has foreseen is tried again too: nothing is lost by that, and the log tells it.
    isPassing: (error) => {
      const { retriable, code } = explainKafkaError(error);
      return retriable || code === 'unexpected';
    },
  });

const RETRY_MS = 1_000;

/** Waits for brokers that cannot be reached; false: asked to stop meanwhile. @throws ExitError where a topic is missing. */
export async function topicsAreThere(topics: readonly string[], surroundings: IngestSurroundings): Promise<boolean> {
  const { host, log } = surroundings;
  while (!host.stop.aborted) {
    try {
      await refuseMissing(topics, surroundings.tools);
      return true;
    } catch (error) {
      const { retriable, message, advice } = explainKafkaError(error);
      if (error instanceof ExitError || !retriable) throw error;
      log.warn({ message, advice }, 'Kafka cannot be reached, trying again');
    }
    await unlessAborted(host.stop, pause(host.clock, RETRY_MS));
  }
  return false;
}

async function refuseMissing(topics: readonly string[], tools: LogTools): Promise<void> {
  const found = await Promise.all(topics.map((topic) => tools.describeTopic(topic)));
  const missing = topics.filter((_, index) => found[index] === null);
  if (missing.length === 0) return;
  const text = `Kafka has no topic ${missing.join(', ')}.\n  Run \`rollcall topics create\` for those of Rollcall, or name one that exists.`;
  throw new ExitError(EXIT.unavailable, text);
}
