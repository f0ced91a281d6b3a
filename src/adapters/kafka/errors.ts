/**
 * What an error of kafkajs, of a socket or of TLS means for the operator; observed on real brokers (kafkajs.md 10.3).
 * Causes are looked for along `.cause`; each error is reduced to the properties that are looked at. Total: every value
 * gets an explanation. Last, the log line of a consumer that ended while another one is built.
 */
import { inspect } from 'node:util';
import { logLasting } from '../lasting-lines.ts';
import type { KafkaHost } from './options.ts';

export interface KafkaExplanation {
  readonly code: KafkaFault;
  readonly message: string;
  readonly advice: string;
  /** Trying again may help. */
  readonly retriable: boolean;
}

export type KafkaFault =
  | 'credentials_refused'
  | 'mechanism_refused'
  | 'sasl_not_expected'
  | 'token_unavailable'
  | 'certificate_untrusted'
  | 'certificate_name'
  | 'certificate_expired'
  | 'tls_mismatch'
  | 'tls_reset'
  | 'closed'
  | 'advertised_address'
  | 'refused'
  | 'unknown_host'
  | 'timeout'
  | 'not_authorized'
  | 'topic_missing'
  | 'topic_refused'
  | 'no_leader'
  | 'partition_counts'
  | 'group_in_use'
  | 'session_refused'
  | 'unreadable_batch'
  | 'other_history'
  | 'unavailable'
  | 'unexpected';

type Row = Pick<KafkaExplanation, 'code' | 'advice'> & {
  readonly when: (trait: ErrorFields) => boolean;
  readonly retriable?: true;
};

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const transientTypes = /^(UNKNOWN|UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|REBALANCE_IN_PROGRESS)$/;
const coordinatorTypes = /^(NOT_COORDINATOR_FOR_GROUP|GROUP_(LOAD_IN_PROGRESS|COORDINATOR_NOT_AVAILABLE))$/;
/** kafkajs drops the reason (kafkajs.md 1.7): a coordinator that moves, or one that may not be asked for. */
const coordinatorNotFound = 'KafkaJSGroupCoordinatorNotFound';

/** The first match wins. */
const rows: readonly Row[] = [
  {
    when: ({ name }) => name === 'AdvertisedAddressError',
    code: 'advertised_address',
    advice:
      'KAFKA_BROKERS is right, but the broker advertises an address that cannot be reached from here: correct its ' +
      'advertised.listeners, or make that address reachable.',
    retriable: true,
  },
  {
    when: ({ name }) => name === 'TokenError',
    code: 'token_unavailable',
    advice: 'There is no token to show to Kafka: check that KAFKA_SASL_OAUTHBEARER_TOKEN_FILE exists and can be read.',
    retriable: true,
  },
  {
    when: ({ code }) => code === '33',
    code: 'mechanism_refused',
    advice: 'The broker does not offer this mechanism: set KAFKA_SASL_MECHANISM to one of its sasl.enabled.mechanisms.',
  },
  {
    when: ({ code }) => code === '34',
    code: 'sasl_not_expected',
    advice: 'This listener does not use SASL: unset KAFKA_SASL_MECHANISM, or name the port of a listener that does.',
  },
  {
    when: ({ name }) => name === 'KafkaJSSASLAuthenticationError',
    code: 'credentials_refused',
    advice: 'Kafka refuses the credentials: check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM.',
  },
  {
    when: ({ name }) => name === 'TokenRefusedError',
    code: 'credentials_refused',
    advice:
      'Kafka refuses the token: check that KAFKA_SASL_OAUTHBEARER_TOKEN_FILE holds one that has not expired and that the ' +
      'brokers accept (issuer, audience, scope).',
  },
  {
    when: ({ code }) => untrusted.has(code),
    code: 'certificate_untrusted',
    advice: "The broker's certificate was signed by an unknown authority: name its CA in KAFKA_SSL_CA_FILE.",
  },
  {
    when: ({ code }) => code === 'ERR_TLS_CERT_ALTNAME_INVALID',
    code: 'certificate_name',
    advice: 'The name in KAFKA_BROKERS (or in advertised.listeners) is not in the certificate: use one that is.',
  },
  {
    when: ({ code }) => /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code),
    code: 'certificate_expired',
    advice: "The broker's certificate is not valid now: renew it, or correct the clock of this machine.",
  },
  {
    when: ({ code }) => code.startsWith('ERR_SSL_'),
    code: 'tls_mismatch',
    advice:
      'The port did not answer with TLS: is it the plaintext port? Then set KAFKA_SSL=false or name the TLS port.',
  },
  {
    when: ({ code, message }) => code === 'ECONNRESET' && message.includes('before secure TLS connection'),
    code: 'tls_reset',
    advice: 'Reset during the TLS handshake: if it persists, is this the plaintext port (KAFKA_SSL=false)?',
    retriable: true,
  },
  {
    when: ({ type }) => type.endsWith('AUTHORIZATION_FAILED'),
    code: 'not_authorized',
    advice: 'Kafka knows the user but does not permit this: `rollcall doctor` names what is missing, with its remedy.',
  },
  {
    when: ({ type }) => type === 'UNKNOWN_TOPIC_OR_PARTITION',
    code: 'topic_missing',
    advice:
      'Create what is missing with `rollcall topics create`, or correct its name (SOURCE_TOPIC, INGEST_FROM_TOPIC and the like).',
  },
  {
    when: ({ type }) => type === 'LEADER_NOT_AVAILABLE',
    code: 'no_leader',
    advice:
      'No broker that holds an in-sync replica of the partition runs: start one of them; waiting work resumes by itself.',
    retriable: true,
  },
  {
    when: ({ name }) => name === 'PartitionCountError',
    code: 'partition_counts',
    advice: 'Source and retry topic need the same number of partitions; `rollcall doctor` explains how to get there.',
  },
  {
    when: ({ type }) => type === 'INCONSISTENT_GROUP_PROTOCOL',
    code: 'group_in_use',
    advice: 'Another program uses this consumer group: give Rollcall a KAFKA_GROUP_ID of its own.',
  },
  {
    when: ({ type }) => type === 'INVALID_SESSION_TIMEOUT',
    code: 'session_refused',
    advice: 'Set KAFKA_SESSION_TIMEOUT_MS within group.min and group.max.session.timeout.ms of the brokers.',
  },
  {
    when: ({ code }) => code === 'ECONNREFUSED',
    code: 'refused',
    advice:
      'Nothing listens there: check that the broker runs, and KAFKA_BROKERS, or its advertised.listeners if they name ' +
      'the address.',
    retriable: true,
  },
  {
    when: ({ code }) => code === 'ENOTFOUND' || code === 'EAI_AGAIN',
    code: 'unknown_host',
    advice: 'The host name is not known here: check KAFKA_BROKERS and advertised.listeners.',
    retriable: true,
  },
  {
    when: ({ name, code, message }) =>
      name === 'KafkaJSRequestTimeoutError' || code === 'ETIMEDOUT' || message === 'Connection timeout',
    code: 'timeout',
    advice:
      'The broker does not answer: check the network between here and KAFKA_BROKERS, and that the broker is healthy.',
    retriable: true,
  },
  {
    when: ({ name }) => name === 'KafkaJSConnectionClosedError',
    code: 'closed',
    advice:
      'The broker closes the connection. If this happens immediately: plaintext on a TLS port (set KAFKA_SSL=true), or no ' +
      'SASL on a listener that asks for it (set KAFKA_SASL_MECHANISM).',
    retriable: true,
  },
  {
    when: ({ type }) => coordinatorTypes.test(type),
    code: 'unavailable',
    advice:
      'The coordinator of the consumer group starts or moves: try again. Where it lasts: check that the brokers with the partitions of __consumer_offsets run.',
    retriable: true,
  },
  {
    when: ({ name }) => name === coordinatorNotFound,
    code: 'unavailable',
    advice:
      'While brokers change this passes by itself. Where it lasts, the user may not Describe the group: `rollcall doctor` tells.',
    retriable: true,
  },
  {
    // A plain error of kafkajs, where the first exchange on a connection failed and it continues.
    when: ({ message }) => message === 'Broker not connected',
    code: 'unavailable',
    advice:
      'A broker takes connections and does not answer on them. While it starts this passes by itself. Where it lasts: check ' +
      'that the broker is healthy, and that KAFKA_BROKERS names ports of Kafka.',
    retriable: true,
  },
  {
    // What kafkajs marks itself passes too: a leader that moves, a rebalance without end (whose type it drops).
    when: ({ name, type, message, retriable }) =>
      retriable === 'true' ||
      // kafkajs answers a question about metadata with null where no broker of its pool is connected.
      /^Cannot (read properties of null \(reading 'topicMetadata'\)|destructure property 'brokers')/.test(message) ||
      /^KafkaJS(ConnectionError|BrokerNotFound|LockTimeout|NoBrokerAvailableError|(Topic)?MetadataNotLoaded|StaleTopicMetadataAssignment)$/.test(
        name,
      ) ||
      transientTypes.test(type),
    code: 'unavailable',
    advice:
      'Brokers or the group are changing (rebalance, election); this passes by itself when the cluster is healthy.',
    retriable: true,
  },
];

export function explainKafkaError(error: unknown): KafkaExplanation {
  if (error instanceof KafkaFailure) {
    const { code, reason, advice } = error;
    return { code, message: reason, advice, retriable: false };
  }
  const chain = chainOf(error);
  const message = messageOf(error);
  for (const { when, code, advice, retriable } of rows) {
    if (chain.some((link) => when(fieldsOf(link)))) return { code, message, advice, retriable: retriable ?? false };
  }
  return {
    code: 'unexpected',
    message,
    advice: 'This is not expected; please report it with the log.',
    retriable: false,
  };
}

/** The coordinator of a consumer group cannot be found, or does not serve the group yet. */
export const isOfCoordinator = (error: unknown): boolean =>
  chainOf(error)
    .map(fieldsOf)
    .some(({ name, type }) => name === coordinatorNotFound || coordinatorTypes.test(type));

/** One error of the chain. */
export interface ErrorFields {
  readonly name: string;
  /** Of Node, OpenSSL or the protocol: `ECONNREFUSED`, `33`. */
  readonly code: string;
  /** Of the protocol: `UNKNOWN_TOPIC_OR_PARTITION`. */
  readonly type: string;
  readonly message: string;
  readonly retriable: string;
}

/** The error, its causes, and what it aggregates. */
export function chainOf(error: unknown): readonly unknown[] {
  const found = new Set<unknown>();
  const visit = (link: unknown): void => {
    if (typeof link !== 'object' || link === null || found.has(link)) return;
    found.add(link);
    visit((link as { cause?: unknown }).cause);
    const { errors } = link as { errors?: unknown };
    if (Array.isArray(errors)) errors.forEach(visit);
  };
  visit(error);
  return [...found];
}

export function fieldsOf(link: unknown): ErrorFields {
  return {
    name: propertyOf(link, 'name'),
    code: propertyOf(link, 'code'),
    type: propertyOf(link, 'type'),
    message: propertyOf(link, 'message'),
    retriable: propertyOf(link, 'retriable'),
  };
}

function propertyOf(link: unknown, name: string): string {
  const value = (link as Record<string, unknown>)[name];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}

/** Ends the log: waiting cannot help. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure';
  readonly code: KafkaFault;
  readonly advice: string;
  /** The message without the advice. */
  readonly reason: string;

  constructor({ code, message, advice }: Omit<KafkaExplanation, 'retriable'>, options?: ErrorOptions) {
    super(`${message}. ${advice}`, options);
    this.code = code;
    this.advice = advice;
    this.reason = message;
  }
}

export function logConsumeFailure(
  host: KafkaHost,
  { code, message, advice }: Pick<KafkaExplanation, 'code' | 'message' | 'advice'>,
): void {
  const fields = { code, error: message, advice };
  logLasting(host, {
    level: 'warn',
    cause: `${code} ${message}`,
    fields,
    message: 'Kafka cannot be consumed, trying again',
  });
}

export function logRebuild(host: KafkaHost, reason: string): void {
  const message = 'the consumer cannot go on and is built again';
  logLasting(host, { level: 'error', cause: reason, fields: { reason }, message });
}
