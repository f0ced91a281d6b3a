/** How Kafka is reached. */
import type { KafkaLogOptions, KafkaSasl } from '../adapters/kafka/options.ts';
import type { ReadFile } from './read-values.ts';
import { usesTls } from './rules.ts';
import type { Values } from './variables.ts';

export type KafkaConfig = Omit<KafkaLogOptions, 'topics'>;

export function kafkaPart(values: Values, readFile: ReadFile): KafkaConfig {
  const caFile = values.KAFKA_SSL_CA_FILE;
  return {
    brokers: values.KAFKA_BROKERS,
    clientId: values.KAFKA_CLIENT_ID,
    groupId: values.KAFKA_GROUP_ID,
    ssl: usesTls(values) ? { caPem: caFile === null ? null : readFile(caFile) } : null,
    sasl: saslOf(values, readFile),
    sessionTimeoutMs: values.KAFKA_SESSION_TIMEOUT_MS,
    heartbeatIntervalMs: values.KAFKA_HEARTBEAT_INTERVAL_MS,
    rebalanceTimeoutMs: values.KAFKA_REBALANCE_TIMEOUT_MS,
  };
}

function saslOf(values: Values, readFile: ReadFile): KafkaSasl | null {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  if (mechanism === null) return null;
  const tokenFile = values.KAFKA_SASL_OAUTHBEARER_TOKEN_FILE ?? '';
  if (mechanism === 'oauthbearer') return { mechanism, token: async () => readFile(tokenFile).trim() };
  return { mechanism, username: username ?? '', password: password ?? '' };
}
