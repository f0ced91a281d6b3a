/** What `rollcall ingest topic` and `rollcall ingest poll` are told. */
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import type { FormatName } from '../formats/reading/names.ts';
import { isLoopback } from './variable.ts';
import type { Values } from './variables.ts';

interface RekeyConfig {
  /** Of another cluster that the topic is in; null: it is in the same. */
  readonly connection: Pick<KafkaConnectionOptions, 'brokers' | 'ssl' | 'sasl'> | null;
  readonly from: string;
  readonly format: FormatName;
  readonly groupId: string;
  readonly reorderMs: number;
  readonly lateMs: number;
  readonly bufferMax: number;
}

interface PollConfig {
  readonly cursorTopic: string;
  readonly intervalMs: number;
  readonly pageSize: number;
  readonly start: 'full' | 'now';
  readonly timeoutMs: number;
}

interface ClientConfig {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

interface TokenConfig {
  readonly url: string;
  readonly token: string;
}

export interface PollParts {
  readonly rekey: RekeyConfig;
  readonly poll: PollConfig;
  readonly okta: TokenConfig;
  readonly entra: ClientConfig & { readonly tenantId: string; readonly loginUrl: string };
  readonly auth0: ClientConfig;
  readonly scim: TokenConfig;
}

export const pollParts: { readonly [K in keyof PollParts]: (values: Values) => PollParts[K] } = {
  rekey: (values) => ({
    connection: connectionOf(values),
    from: values.INGEST_FROM_TOPIC,
    format: values.INGEST_FROM_FORMAT,
    groupId: values.INGEST_GROUP_ID,
    reorderMs: values.INGEST_REORDER_MS,
    lateMs: values.INGEST_LATE_MS,
    bufferMax: values.INGEST_BUFFER_MAX,
  }),
  poll: (values) => ({
    cursorTopic: values.INGEST_CURSOR_TOPIC,
    intervalMs: values.INGEST_POLL_INTERVAL_MS,
    pageSize: values.INGEST_POLL_PAGE_SIZE,
    start: values.INGEST_POLL_START,
    timeoutMs: values.INGEST_POLL_TIMEOUT_MS,
  }),
  okta: (values) => ({ url: values.INGEST_OKTA_URL, token: values.INGEST_OKTA_API_TOKEN }),
  entra: (values) => ({
    url: values.INGEST_ENTRA_GRAPH_URL,
    loginUrl: values.INGEST_ENTRA_LOGIN_URL,
    tenantId: values.INGEST_ENTRA_TENANT_ID,
    clientId: values.INGEST_ENTRA_CLIENT_ID,
    clientSecret: values.INGEST_ENTRA_CLIENT_SECRET,
  }),
  auth0: (values) => ({
    url: values.INGEST_AUTH0_URL,
    clientId: values.INGEST_AUTH0_CLIENT_ID,
    clientSecret: values.INGEST_AUTH0_CLIENT_SECRET,
  }),
  scim: (values) => ({ url: values.INGEST_SCIM_URL, token: values.INGEST_SCIM_LIST_TOKEN }),
};

function connectionOf(values: Values): RekeyConfig['connection'] {
  const { INGEST_FROM_BROKERS: brokers, INGEST_FROM_SASL_MECHANISM: mechanism } = values;
  if (brokers === null) return null;
  const { INGEST_FROM_SASL_USERNAME: username, INGEST_FROM_SASL_PASSWORD: password } = values;
  return {
    brokers,
    ssl: isOnThisMachine(brokers) ? null : { caPem: null },
    sasl: mechanism === null ? null : { mechanism, username: username ?? '', password: password ?? '' },
  };
}

const isOnThisMachine = (brokers: readonly string[]): boolean =>
  brokers.every((broker) => isLoopback(broker.slice(0, broker.lastIndexOf(':'))));
