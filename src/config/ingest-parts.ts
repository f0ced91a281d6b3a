/** What `rollcall ingest topic` and `rollcall ingest poll` are told. */
import type { Values } from './variables.ts';

export interface RekeyConfig {
  readonly from: string;
  readonly format: string;
  readonly groupId: string;
  readonly reorderMs: number;
  readonly lateMs: number;
  readonly bufferMax: number;
}

export interface PollConfig {
  readonly cursorTopic: string;
  readonly intervalMs: number;
  readonly pageSize: number;
  readonly start: 'full' | 'now';
  readonly timeoutMs: number;
}

export interface ClientConfig {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface TokenConfig {
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
