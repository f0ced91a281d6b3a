/** Configuration of `rollcall ingest topic`. */
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import { formatNames } from '../formats/registry.ts';
import type { format } from './format.ts';
import type { kafka } from './kafka.ts';
import { problem, type Problem } from './problem.ts';
import { inputRule, type TopicValues } from './service.ts';
import {
  areLocal,
  brokerList,
  demanded,
  durationMs,
  type Given,
  initially,
  oneOf,
  optional,
  part,
  type Read,
  secret,
  anyText,
  topicName,
  wholeNumber,
} from './variable.ts';

const connection = {
  brokers: optional('INGEST_FROM_BROKERS', brokerList, {
    example: 'example.servicebus.windows.net:9093',
    about:
      'Brokers of that topic, where it is in another cluster (Event Hubs); with TLS, but for this machine. Default: `KAFKA_BROKERS`',
  }),
  mechanism: optional('INGEST_FROM_SASL_MECHANISM', oneOf('plain', 'scram-sha-256', 'scram-sha-512'), {
    example: 'plain',
    about: 'Authentication at those brokers. Default: none',
  }),
  username: optional('INGEST_FROM_SASL_USERNAME', anyText, {
    example: '$ConnectionString',
    about: 'User there; at Event Hubs it is `$ConnectionString`',
  }),
  password: secret(
    optional('INGEST_FROM_SASL_PASSWORD', anyText, {
      example: 'change-me',
      about: 'Password of that user; at Event Hubs the connection string',
    }),
  ),
};

const options = {
  from: demanded('INGEST_FROM_TOPIC', topicName, {
    example: 'insights-logs-auditlogs',
    about: 'Topic that `rollcall ingest topic` reads; its records need not be keyed by group',
  }),
  format: initially('INGEST_FROM_FORMAT', 'auto', oneOf(...formatNames), {
    about: 'Format of its records, as in `SOURCE_FORMAT`',
  }),
  connection,
  groupId: initially('INGEST_GROUP_ID', 'rollcall-ingest', anyText, {
    about: 'Consumer group that reads it; one instance reads, the others stand by. Must differ from `KAFKA_GROUP_ID`',
  }),
  reorderMs: initially('INGEST_REORDER_MS', '5000', durationMs(0), {
    about: 'How long an event waits for earlier ones of partitions that have nothing more to read',
  }),
  lateMs: initially('INGEST_LATE_MS', '3600000', durationMs(0), {
    about:
      'How far a new start looks back, to tell changes that come late from newer ones; not below `INGEST_REORDER_MS`',
  }),
  bufferMax: initially('INGEST_BUFFER_MAX', '5000', wholeNumber(1, 1_000_000), {
    about: 'Events in hand per partition, beyond which it is read no further (or 32 MiB of their records)',
  }),
};

type Values = Given<typeof options | typeof kafka.options | typeof format.options> & TopicValues;

export const rekey = part({
  title: 'Topics that are not keyed by group',
  options,
  make: (read) => ({ ...read, connection: connectionOf(read.connection) }),
  rules: (values: Values) => [
    ...relayRules(values),
    ...reorderRules(values),
    ...inputRule(values.INGEST_FROM_TOPIC, values, ['INGEST_FROM_TOPIC', 'insights-logs-auditlogs']),
    ...groupRules(values),
    ...fromRules(values),
  ],
});

/** Of another cluster that the topic is in; null: it is in the same. */
function connectionOf({
  brokers,
  mechanism,
  username,
  password,
}: Read<typeof connection>): Pick<KafkaConnectionOptions, 'brokers' | 'ssl' | 'sasl'> | null {
  if (brokers === null) return null;
  return {
    brokers,
    ssl: areLocal(brokers) ? null : { caPem: null },
    sasl: mechanism === null ? null : { mechanism, username: username ?? '', password: password ?? '' },
  };
}

/** `ingest topic` begins sends in the first half of a session, and they are to be over before another instance begins. */
function relayRules(values: Values): Problem[] {
  const { KAFKA_SESSION_TIMEOUT_MS: sessionMs, KAFKA_REBALANCE_TIMEOUT_MS: rebalanceMs } = values;
  if (sessionMs === undefined || rebalanceMs === undefined || values.INGEST_GROUP_ID === undefined) return [];
  if (rebalanceMs >= sessionMs) return [];
  const text = `must not be below KAFKA_SESSION_TIMEOUT_MS = ${sessionMs} for ingest topic: another instance would take over while this one still writes`;
  return [problem('KAFKA_REBALANCE_TIMEOUT_MS', text, sessionMs)];
}

function reorderRules({ INGEST_REORDER_MS: reorderMs, INGEST_LATE_MS: lateMs }: Values): Problem[] {
  if (reorderMs === undefined || lateMs === undefined || lateMs >= reorderMs) return [];
  const text = `must not be below INGEST_REORDER_MS = ${reorderMs}: after a start a change that comes late could not be distinguished from a newer one`;
  return [problem('INGEST_LATE_MS', text, Math.max(3_600_000, reorderMs))];
}

/** Members that read other topics than the rest of their group make Kafka refuse the group, or stand still with a part of it. */
function groupRules(values: Values): Problem[] {
  const { INGEST_GROUP_ID: group, KAFKA_GROUP_ID: own, INGEST_FROM_BROKERS: elsewhere } = values;
  if (group === undefined || group !== own || elsewhere !== null) return [];
  const text = 'must differ from KAFKA_GROUP_ID: a consumer group has members of one kind';
  return [problem('INGEST_GROUP_ID', text, 'rollcall-ingest')];
}

/** Where the topic that is read comes from, and how it is read. */
function fromRules(values: Values): Problem[] {
  const { INGEST_FROM_FORMAT: name, MAPPING_FILE: mapping, INGEST_FROM_BROKERS: brokers } = values;
  const { INGEST_FROM_SASL_MECHANISM: mechanism, INGEST_FROM_SASL_USERNAME: user } = values;
  const problems: Problem[] = [];
  const missing = (variable: string, why: string, example: string) =>
    problems.push(problem(variable, `is missing${why}`, example));
  if (name === 'mapping' && mapping === null)
    missing('MAPPING_FILE', ' for INGEST_FROM_FORMAT=mapping', '/etc/rollcall/mapping.json');
  if (mechanism && brokers === null)
    missing('INGEST_FROM_BROKERS', ', though credentials for it are given', 'example.servicebus.windows.net:9093');
  if (mechanism && user === null) missing('INGEST_FROM_SASL_USERNAME', ` for ${mechanism}`, '$ConnectionString');
  if (mechanism && values.INGEST_FROM_SASL_PASSWORD === null)
    missing('INGEST_FROM_SASL_PASSWORD', ` for ${mechanism}`, 'change-me');
  if (user && mechanism === null) missing('INGEST_FROM_SASL_MECHANISM', ', though credentials are given', 'plain');
  return problems;
}
