/** How Kafka is reached, and the consumer group of the service. */
import type { KafkaSasl } from '../adapters/kafka/options.ts';
import type { genesys } from './genesys.ts';
import { problem, type Problem } from './problem.ts';
import type { all } from './service.ts';
import {
  areLocal,
  brokerList,
  demanded,
  durationMs,
  file,
  flag,
  type Given,
  initially,
  oneOf,
  optional,
  part,
  type Read,
  type ReadFile,
  reloadedFile,
  secret,
  anyText,
} from './variable.ts';

const sasl = {
  mechanism: optional('KAFKA_SASL_MECHANISM', oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'), {
    example: 'scram-sha-512',
    about: '`plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`. Default: no authentication',
  }),
  username: optional('KAFKA_SASL_USERNAME', anyText, {
    example: 'rollcall',
    about: 'User, for all mechanisms but `oauthbearer`',
  }),
  password: secret(optional('KAFKA_SASL_PASSWORD', anyText, { example: 'change-me', about: 'Password of that user' })),
  tokenFile: reloadedFile(
    optional('KAFKA_SASL_OAUTHBEARER_TOKEN_FILE', anyText, {
      example: '/var/run/secrets/kafka-token',
      about: 'File with the token of `oauthbearer`, read again at each authentication',
    }),
  ),
};

const options = {
  brokers: demanded('KAFKA_BROKERS', brokerList, {
    example: 'broker-1.example.com:9093,broker-2.example.com:9093',
    about: 'Bootstrap brokers, comma-separated',
  }),
  clientId: initially('KAFKA_CLIENT_ID', 'rollcall', anyText, {
    about: 'Name of this client in the logs and quotas of the brokers',
  }),
  groupId: initially('KAFKA_GROUP_ID', 'rollcall', anyText, { about: 'Consumer group; the same for all instances' }),
  tls: optional('KAFKA_SSL', flag, {
    example: 'true',
    about: 'TLS to the brokers. Default: true, but false where all brokers are on this machine',
  }),
  caFile: file(
    optional('KAFKA_SSL_CA_FILE', anyText, {
      example: '/etc/rollcall/kafka-ca.pem',
      about: 'Certificate authority of the brokers, PEM. Default: those that Node trusts',
    }),
  ),
  sasl,
  sessionTimeoutMs: initially('KAFKA_SESSION_TIMEOUT_MS', '30000', durationMs(1000), {
    about:
      'Time without a heartbeat after which the brokers give the partitions of an instance to others. Must exceed `REQUEST_TIMEOUT_MS` + 2000 + 2 × `KAFKA_HEARTBEAT_INTERVAL_MS`',
  }),
  heartbeatIntervalMs: initially('KAFKA_HEARTBEAT_INTERVAL_MS', '1000', durationMs(100), {
    about: 'Time between two heartbeats',
  }),
  rebalanceTimeoutMs: initially('KAFKA_REBALANCE_TIMEOUT_MS', '60000', durationMs(1000), {
    about:
      'Time that the brokers wait for all instances to join. Must not be below `KAFKA_SESSION_TIMEOUT_MS` − `REQUEST_TIMEOUT_MS`; for `ingest topic` not below `KAFKA_SESSION_TIMEOUT_MS`',
  }),
};

type Values = Given<typeof options | typeof genesys.options | typeof all.options>;

export const kafka = part({
  title: 'Kafka',
  options,
  make: ({ tls, caFile, sasl: credentials, ...others }, readFile) => ({
    ...others,
    ssl: usesTls(tls, others.brokers) ? { caPem: caFile === null ? null : readFile(caFile) } : null,
    sasl: saslOf(credentials, readFile),
  }),
  rules: (values: Values) => [...saslRules(values), ...sessionRules(values), ...rebalanceRules(values)],
});

/** By default only between programs of one machine there is none. */
const usesTls = (chosen: boolean | null | undefined, brokers: readonly string[] = []): boolean =>
  chosen ?? !areLocal(brokers);

function saslOf({ mechanism, username, password, tokenFile }: Read<typeof sasl>, readFile: ReadFile): KafkaSasl | null {
  if (mechanism === null) return null;
  if (mechanism === 'oauthbearer') return { mechanism, token: async () => readFile(tokenFile ?? '').trim() };
  return { mechanism, username: username ?? '', password: password ?? '' };
}

function saslRules(values: Values): Problem[] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  const { KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: tokenFile, KAFKA_SSL: tls, KAFKA_BROKERS: brokers = [] } = values;
  const problems: Problem[] = [];
  if (mechanism === null && (username || password || tokenFile)) {
    problems.push(problem('KAFKA_SASL_MECHANISM', 'is missing, though credentials are given', 'scram-sha-512'));
  }
  if (mechanism === 'oauthbearer' && tokenFile === null) {
    problems.push(
      problem('KAFKA_SASL_OAUTHBEARER_TOKEN_FILE', 'is missing for oauthbearer', '/var/run/secrets/kafka-token'),
    );
  }
  if (mechanism && mechanism !== 'oauthbearer') {
    if (username === null) problems.push(problem('KAFKA_SASL_USERNAME', `is missing for ${mechanism}`, 'rollcall'));
    if (password === null) problems.push(problem('KAFKA_SASL_PASSWORD', `is missing for ${mechanism}`, 'change-me'));
  }
  if (mechanism && !usesTls(tls, brokers) && values.ALLOW_INSECURE === false && !areLocal(brokers)) {
    const text = 'must be true, or credentials leave this machine unencrypted (ALLOW_INSECURE=true allows it)';
    problems.push(problem('KAFKA_SSL', text, 'true'));
  }
  return problems;
}

/** Taken off the lease, and off the session time-out, for what happens between the check and the socket (protocol.md 4.3). */
export const LEASE_MARGIN_MS = 2000;

function sessionRules(values: Values): Problem[] {
  const { KAFKA_SESSION_TIMEOUT_MS: sessionMs, KAFKA_HEARTBEAT_INTERVAL_MS: heartbeatMs } = values;
  if (sessionMs === undefined || heartbeatMs === undefined) return [];
  const floorMs = (values.REQUEST_TIMEOUT_MS ?? 0) + LEASE_MARGIN_MS + 2 * heartbeatMs;
  if (sessionMs > floorMs) return [];
  const text = `must exceed REQUEST_TIMEOUT_MS + ${LEASE_MARGIN_MS} + 2 × KAFKA_HEARTBEAT_INTERVAL_MS = ${floorMs}, or no request could start`;
  return [problem('KAFKA_SESSION_TIMEOUT_MS', text, floorMs + 10_000)];
}

/**
 * The least rebalance time-out. The brokers give away the partitions of a member when its session is over, or when it has
 * not joined a rebalance in time, whichever comes first. A rebalance begins no earlier than the last heartbeat that
 * succeeded, from which the lease counts: so the lease, and the margin between its check and the socket, must end within
 * the rebalance time-out too.
 */
export const rebalanceFloorMs = (sessionMs: number, requestMs: number): number => sessionMs - requestMs;

function rebalanceRules(values: Values): Problem[] {
  const { KAFKA_SESSION_TIMEOUT_MS: sessionMs, KAFKA_REBALANCE_TIMEOUT_MS: rebalanceMs } = values;
  const { REQUEST_TIMEOUT_MS: requestMs } = values;
  if (sessionMs === undefined || rebalanceMs === undefined || requestMs === undefined) return [];
  const floorMs = rebalanceFloorMs(sessionMs, requestMs);
  if (rebalanceMs >= floorMs) return [];
  const text = `must not be below KAFKA_SESSION_TIMEOUT_MS − REQUEST_TIMEOUT_MS = ${floorMs}: the brokers would give the partitions of an instance that has not joined in time to others, while it still sends requests`;
  return [problem('KAFKA_REBALANCE_TIMEOUT_MS', text, sessionMs)];
}
