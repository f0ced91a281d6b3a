/** Variables of `rollcall ingest topic`. */
import { formatNames } from '../formats/names.ts';
import {
  brokerList,
  demanded,
  durationMs,
  initially,
  oneOf,
  optional,
  secret,
  text,
  topicName,
  wholeNumber,
} from './variable.ts';

export const rekeyVariables = {
  INGEST_FROM_TOPIC: demanded(topicName, {
    part: 'rekey',
    example: 'insights-logs-auditlogs',
    about: 'Topic that `rollcall ingest topic` reads; its records need not be keyed by group',
  }),
  INGEST_FROM_FORMAT: initially('auto', oneOf(...formatNames), {
    part: 'rekey',
    about: 'Format of its records, as in `SOURCE_FORMAT`',
  }),
  INGEST_FROM_BROKERS: optional(brokerList, {
    part: 'rekey',
    example: 'example.servicebus.windows.net:9093',
    about:
      'Brokers of that topic, where it is in another cluster (Event Hubs); with TLS, but for this machine. Default: `KAFKA_BROKERS`',
  }),
  INGEST_FROM_SASL_MECHANISM: optional(oneOf('plain', 'scram-sha-256', 'scram-sha-512'), {
    part: 'rekey',
    example: 'plain',
    about: 'Authentication at those brokers. Default: none',
  }),
  INGEST_FROM_SASL_USERNAME: optional(text, {
    part: 'rekey',
    example: '$ConnectionString',
    about: 'User there; at Event Hubs it is `$ConnectionString`',
  }),
  INGEST_FROM_SASL_PASSWORD: secret(
    optional(text, {
      part: 'rekey',
      example: 'change-me',
      about: 'Password of that user; at Event Hubs the connection string',
    }),
  ),
  INGEST_GROUP_ID: initially('rollcall-ingest', text, {
    part: 'rekey',
    about: 'Consumer group that reads it; one instance reads, the others stand by. Must differ from `KAFKA_GROUP_ID`',
  }),
  INGEST_REORDER_MS: initially('5000', durationMs(0), {
    part: 'rekey',
    about: 'How long an event waits for earlier ones of partitions that have nothing more to read',
  }),
  INGEST_LATE_MS: initially('3600000', durationMs(0), {
    part: 'rekey',
    about:
      'How far a new start looks back, to tell changes that come late from newer ones; not below `INGEST_REORDER_MS`',
  }),
  INGEST_BUFFER_MAX: initially('5000', wholeNumber(1, 1_000_000), {
    part: 'rekey',
    about: 'Events in hand per partition, beyond which it is read no further (or 32 MiB of their records)',
  }),
};
