/** Variables of the connection to the brokers, and of the consumer group. */
import { brokerList, demanded, durationMs, file, flag, initially, oneOf, optional, secret, text } from './variable.ts';

export const kafkaVariables = {
  KAFKA_BROKERS: demanded(brokerList, {
    part: 'kafka',
    example: 'broker-1.example.com:9093,broker-2.example.com:9093',
    about: 'Bootstrap brokers, comma-separated',
  }),
  KAFKA_CLIENT_ID: initially('rollcall', text, {
    part: 'kafka',
    about: 'Name of this client in the logs and quotas of the brokers',
  }),
  KAFKA_GROUP_ID: initially('rollcall', text, { part: 'kafka', about: 'Consumer group; the same for all instances' }),
  KAFKA_SSL: optional(flag, {
    part: 'kafka',
    example: 'true',
    about: 'TLS to the brokers. Default: true, but false where all brokers are on this machine',
  }),
  KAFKA_SSL_CA_FILE: file(
    optional(text, {
      part: 'kafka',
      example: '/etc/rollcall/kafka-ca.pem',
      about: 'Certificate authority of the brokers, PEM. Default: those that Node trusts',
    }),
  ),
  KAFKA_SASL_MECHANISM: optional(oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'), {
    part: 'kafka',
    example: 'scram-sha-512',
    about: '`plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`. Default: no authentication',
  }),
  KAFKA_SASL_USERNAME: optional(text, {
    part: 'kafka',
    example: 'rollcall',
    about: 'User, for all mechanisms but `oauthbearer`',
  }),
  KAFKA_SASL_PASSWORD: secret(optional(text, { part: 'kafka', example: 'change-me', about: 'Password of that user' })),
  KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: file(
    optional(text, {
      part: 'kafka',
      example: '/var/run/secrets/kafka-token',
      about: 'File with the token of `oauthbearer`, read again at each authentication',
    }),
  ),
  KAFKA_SESSION_TIMEOUT_MS: initially('30000', durationMs(1000), {
    part: 'kafka',
    about:
      'Time without a heartbeat after which the brokers give the partitions of an instance to others. Must exceed `REQUEST_TIMEOUT_MS` + 2000 + 2 × `KAFKA_HEARTBEAT_INTERVAL_MS`',
  }),
  KAFKA_HEARTBEAT_INTERVAL_MS: initially('1000', durationMs(100), {
    part: 'kafka',
    about: 'Time between two heartbeats',
  }),
  KAFKA_REBALANCE_TIMEOUT_MS: initially('60000', durationMs(1000), {
    part: 'kafka',
    about:
      'Time that the brokers wait for all instances to join. Must not be below `KAFKA_SESSION_TIMEOUT_MS` − `REQUEST_TIMEOUT_MS`; for `ingest topic` not below `KAFKA_SESSION_TIMEOUT_MS`',
  }),
};
