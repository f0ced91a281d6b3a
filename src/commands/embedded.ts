/** The service without Kafka: the same pipeline on a log in this process. */
import { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../adapters/memory-log/memory-log.ts';
import { pipelineOptions, type Config } from '../config.ts';
import { newTopics } from '../core/topics.ts';
import { native } from '../formats/native.ts';
import type { Topics } from '../pipeline/options.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import type { GroupApi, Logger, LogTools } from '../ports.ts';
import type { Host } from './host.ts';

export interface Embedded {
  readonly broker: MemoryBroker;
  /** Another client of the same log: the pipeline closes its own when it drains. */
  readonly tools: LogTools;
  readonly pipeline: Pipeline;
}

export interface EmbeddedParts {
  readonly host: Host;
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly logger: Logger;
}

/** Nothing runs until `pipeline.start()`. */
export function embed({ host, config, api, logger }: EmbeddedParts, topics: Topics, partitionCount: number): Embedded {
  const { clock, random } = host;
  const broker = new MemoryBroker(clock, random);
  const none = { source: null, retry: null, deadLetter: null, report: null };
  for (const topic of newTopics(topics, none, { partitionCount, replicationFactor: 1 })) {
    // Nobody else writes here, so that no record is too large.
    const settings = { ...topic.settings, 'max.message.bytes': String(Number.MAX_SAFE_INTEGER) };
    broker.createTopic({ ...topic, settings });
  }
  const connect = () => new MemoryLog(broker, { groupId: 'embedded', clientId: 'embedded', topics });
  const options = pipelineOptions({ ...config, topics, kafka: null }, `embedded-${random.uuid()}`);
  const pipeline = new Pipeline({ log: connect(), api, clock, random, logger, format: native }, options);
  return { broker, tools: connect(), pipeline };
}
