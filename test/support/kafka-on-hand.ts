/**
 * Which brokers the tests may use: those of `KAFKA_BROKERS`, else one of each version that is started here (Java, Maven).
 * Where there is neither, the Kafka tests are skipped with one line on stderr; with CI=true that is a failure.
 */
import type { Broker, BrokerHost } from '../../src/lab/kafka-broker/start.ts';
import { startBroker } from '../../src/lab/kafka-broker/start.ts';
import { KafkaSetupError, fetchKafka, kafkaCacheDirectory } from '../../src/lab/kafka-broker/fetch.ts';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';

const kafkaVersions: readonly KafkaVersion[] = ['4.2.0', '3.9.1'];

export interface SharedBroker {
  /** A version, or `KAFKA_BROKERS`. */
  readonly name: string;
  readonly brokers: string[];
}

interface KafkaOnHand {
  /** For every test; no test stops, kills or restarts them. */
  readonly shared: SharedBroker[];
  /** What a test can start a broker of its own of. */
  readonly startable: KafkaVersion[];
}

declare module 'vitest' {
  interface ProvidedContext {
    kafka: KafkaOnHand;
  }
}

export const testHost: BrokerHost = {
  cacheDirectory: kafkaCacheDirectory(process.env),
  logger: { info: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`) },
  timer: {
    schedule: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  },
};

interface Found extends KafkaOnHand {
  stop(): Promise<void>;
}

/** @param environment `KAFKA_BROKERS` (comma-separated), `KAFKA_VERSIONS` (all by default), `CI`. */
export async function findKafka(environment: NodeJS.ProcessEnv, host: BrokerHost): Promise<Found> {
  const addresses = list(environment.KAFKA_BROKERS);
  const named: SharedBroker[] = addresses.length === 0 ? [] : [{ name: 'KAFKA_BROKERS', brokers: addresses }];
  const wanted = list(environment.KAFKA_VERSIONS);
  const versions = kafkaVersions.filter((version) => wanted.length === 0 || wanted.includes(version));
  try {
    // One after the other: two Mavens would fill one local repository.
    for (const version of versions) await fetchKafka(version, host);
    const started = named.length > 0 ? [] : await startAll(versions, host);
    const shared = started.map(({ version, broker }) => ({ name: version, brokers: [...broker.brokers] }));
    return {
      shared: [...named, ...shared],
      startable: versions,
      stop: async () => {
        await Promise.all(started.map(({ broker }) => broker.stop()));
      },
    };
  } catch (error) {
    if (!(error instanceof KafkaSetupError)) throw error;
    if (environment.CI === 'true' && named.length === 0) throw error;
    process.stderr.write(
      `SKIPPED: ${named.length > 0 ? 'tests that start Kafka' : 'ALL KAFKA TESTS'}: ${error.message}\n`,
    );
    return { shared: named, startable: [], stop: async () => undefined };
  }
}

interface Started {
  readonly version: KafkaVersion;
  readonly broker: Broker;
}

async function startAll(versions: readonly KafkaVersion[], host: BrokerHost): Promise<readonly Started[]> {
  const attempts = versions.map(async (version) => ({ version, broker: await startBroker({ version }, host) }));
  const results = await Promise.allSettled(attempts);
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map(({ broker }) => broker.stop()));
  throw failed.reason;
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
