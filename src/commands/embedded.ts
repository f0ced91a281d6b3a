/** The service without Kafka: the same pipeline on a log in this process. */
import { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../adapters/memory-log/memory-log.ts';
import { pipelineOptions, type Config } from '../config.ts';
import { sha256 } from '../adapters/system.ts';
import type { SourceFormat } from '../core/change.ts';
import { newTopics } from '../core/topics.ts';
import type { Topics } from '../pipeline/options.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import type { GroupApi, IdMap, Logger, LogTools } from '../ports.ts';
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
  readonly ids: IdMap | null;
  readonly format: SourceFormat;
  readonly logger: Logger;
}

/** Nothing runs until `pipeline.start()`. */
export function embed({ host, config, ...ports }: EmbeddedParts, topics: Topics, partitionCount: number): Embedded {
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
  const pipeline = new Pipeline({ ...ports, log: connect(), clock, random, sha256 }, options);
  return { broker, tools: connect(), pipeline };
}
