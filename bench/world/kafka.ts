/** A real broker for a benchmark, and topics of its own for each run. */
import { explainKafkaError } from '../../src/adapters/kafka/errors.ts';
import { createLogTools, type KafkaLogTools } from '../../src/adapters/kafka/tools.ts';
import { readConfig } from '../../src/config/config.ts';
import { commandLog, createTopics, readText } from '../../src/console/kafka-tools.ts';
import type { TopicNames } from '../../src/core/log/topics.ts';
import { kafkaCacheDirectory } from '../../src/lab/kafka-broker/fetch.ts';
import { startBroker, type Broker } from '../../src/lab/kafka-broker/start.ts';
import { context } from './service.ts';
import type { Environment } from './measured-process.ts';

/** The settings that say which brokers, topics and consumer group. */
export type KafkaEnvironment = Environment & { readonly SOURCE_TOPIC: string; readonly KAFKA_GROUP_ID: string };

export class BenchKafka {
  readonly #broker: Broker;
  readonly #tools: KafkaLogTools;
  #runs = 0;

  /** @throws KafkaSetupError where there is no Kafka. */
  static async start(): Promise<BenchKafka> {
    const logger = { info: (_: object, message: string) => void process.stderr.write(`${message}\n`) };
    const host = { cacheDirectory: kafkaCacheDirectory(process.env), logger, timer: context.clock };
    return new BenchKafka(await startBroker({ version: '4.2.0', jvmFlags: [] }, host));
  }

  /** Use `start`. */
  constructor(broker: Broker) {
    this.#broker = broker;
    const config = readConfig({ KAFKA_BROKERS: this.brokers }, ['kafka'], readText);
    this.#tools = createLogTools(config.kafka, { clock: context.clock, logger: commandLog(context, config) });
  }

  get brokers(): string {
    return this.#broker.brokers.join(',');
  }

  get tools(): KafkaLogTools {
    return this.#tools;
  }

  /** New topics, and a consumer group that has read nothing. */
  async newTopics(partitions: number): Promise<KafkaEnvironment> {
    this.#runs += 1;
    const name = `bench-${this.#runs}`;
    const environment = {
      KAFKA_BROKERS: this.brokers,
      KAFKA_GROUP_ID: name,
      SOURCE_TOPIC: `${name}.source`,
      RETRY_TOPIC: `${name}.retry`,
      DEAD_LETTER_TOPIC: `${name}.dead-letter`,
      REPORT_TOPIC: `${name}.reports`,
    };
    const topics: TopicNames = readConfig(environment, ['topics'], readText).topics;
    await createTopics(topics, this.#tools, { partitionCount: partitions, replicationFactor: -1 });
    return environment;
  }

  /** Records of the source that the consumer group has committed, in all partitions; 0 where Kafka cannot say just now. */
  async committed({ SOURCE_TOPIC, KAFKA_GROUP_ID }: KafkaEnvironment): Promise<number> {
    try {
      const offsets = await this.#tools.committedOffsets(KAFKA_GROUP_ID, SOURCE_TOPIC);
      return [...offsets.values()].reduce((sum, offset) => sum + Number(offset), 0);
    } catch (error) {
      if (explainKafkaError(error).retriable) return 0;
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#tools.close();
    await this.#broker.stop();
  }
}
