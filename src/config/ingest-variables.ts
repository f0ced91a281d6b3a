/** Variables of `rollcall ingest poll`, and of the identity providers that it asks. */
import { formatNames } from '../formats/reading/names.ts';
import {
  baseUrl,
  brokerList,
  demanded,
  durationMs,
  file,
  initially,
  oneOf,
  optional,
  ownSecret,
  secret,
  text,
  topicName,
  type Variable,
  wholeNumber,
} from './variable.ts';

const poll = {
  INGEST_CURSOR_TOPIC: initially('rollcall.ingest-cursors', topicName, {
    part: 'poll',
    about: 'Compacted topic that remembers how far an identity provider was read; made where it is missing',
  }),
  INGEST_POLL_INTERVAL_MS: initially('30000', durationMs(100), {
    part: 'poll',
    about: 'Pause between two polls',
  }),
  INGEST_POLL_PAGE_SIZE: initially('200', wholeNumber(1, 1000), {
    part: 'poll',
    about: 'Entries asked for in one request, as far as the identity provider permits',
  }),
  INGEST_POLL_START: initially('full', oneOf('full', 'now'), {
    part: 'poll',
    about: 'First poll of a source: `full` = every group as a full state first, `now` = only what changes from now on',
  }),
  INGEST_POLL_TIMEOUT_MS: initially('30000', durationMs(100), {
    part: 'poll',
    about: 'Time limit of one request to the identity provider, its body included',
  }),
};

const okta = {
  INGEST_OKTA_URL: demanded(baseUrl, {
    part: 'okta',
    example: 'https://example.okta.com',
    about: '`poll okta`: address of the organisation',
  }),
  INGEST_OKTA_API_TOKEN: secret(
    demanded(text, {
      part: 'okta',
      example: 'change-me',
      about: '`poll okta`: API token (SSWS) of a read-only administrator',
    }),
  ),
};

const entra = {
  INGEST_ENTRA_TENANT_ID: demanded(text, {
    part: 'entra',
    example: '4f95594c-a630-4b9d-b5c1-cc628e2b07e5',
    about: '`poll entra`: directory (tenant) id',
  }),
  INGEST_ENTRA_CLIENT_ID: demanded(text, {
    part: 'entra',
    example: '6f0c1f0e-5b43-4a0e-9a4f-2f2b7d3f1f10',
    about: '`poll entra`: application (client) id, with the application permission GroupMember.Read.All',
  }),
  INGEST_ENTRA_CLIENT_SECRET: secret(
    demanded(text, { part: 'entra', example: 'change-me', about: '`poll entra`: secret of that application' }),
  ),
  INGEST_ENTRA_GRAPH_URL: initially('https://graph.microsoft.com', baseUrl, {
    part: 'entra',
    about: '`poll entra`: Microsoft Graph; national clouds have their own',
  }),
  INGEST_ENTRA_LOGIN_URL: initially('https://login.microsoftonline.com', baseUrl, {
    part: 'entra',
    about: '`poll entra`: where tokens come from',
  }),
};

const auth0 = {
  INGEST_AUTH0_URL: demanded(baseUrl, {
    part: 'auth0',
    example: 'https://example.eu.auth0.com',
    about: '`poll auth0`: address of the tenant',
  }),
  INGEST_AUTH0_CLIENT_ID: demanded(text, {
    part: 'auth0',
    example: 'mN8qYb1l0oN2',
    about: '`poll auth0`: machine-to-machine application with read:events, read:groups and read:group_members',
  }),
  INGEST_AUTH0_CLIENT_SECRET: secret(
    demanded(text, { part: 'auth0', example: 'change-me', about: '`poll auth0`: secret of that application' }),
  ),
};

const scim = {
  INGEST_SCIM_URL: demanded(baseUrl, {
    part: 'scim',
    example: 'https://idp.example.com/scim/v2',
    about: '`poll scim`: base address, to which /Groups is added',
  }),
  INGEST_SCIM_LIST_TOKEN: secret(
    demanded(text, { part: 'scim', example: 'change-me', about: '`poll scim`: bearer token' }),
  ),
};

export const pollVariables = { ...poll, ...okta, ...entra, ...auth0, ...scim };

/* Variables of `rollcall ingest topic`. */

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

/* Variables of `rollcall ingest webhook`, and the topic that every `rollcall ingest` writes to. */

export const ingestVariables = {
  INGEST_TOPIC: optional(topicName, {
    part: 'ingest',
    example: 'idp.group-membership',
    about: 'Where `rollcall ingest` writes native records. Default: `SOURCE_TOPIC`',
  }),
};

const sender = (about: string): Variable<string | null> =>
  ownSecret({ part: 'webhook', about: `${about}; at least 16 characters` });

export const webhookVariables = {
  INGEST_HOST: initially('127.0.0.1', text, {
    part: 'webhook',
    about: 'Address that `rollcall ingest webhook` listens on; beyond loopback TLS is needed',
  }),
  INGEST_PORT: initially('8443', wholeNumber(0, 65_535), { part: 'webhook', about: 'Its port; 0: any free one' }),
  INGEST_TLS_CERT_FILE: file(
    optional(text, {
      part: 'webhook',
      example: '/etc/rollcall/tls.crt',
      about: 'Certificate of the webhook server with its chain, PEM; with `INGEST_TLS_KEY_FILE` only',
    }),
  ),
  INGEST_TLS_KEY_FILE: file(
    optional(text, {
      part: 'webhook',
      example: '/etc/rollcall/tls.key',
      about: 'Private key of that certificate, PEM',
    }),
  ),
  INGEST_OKTA_SECRET: sender('`/okta`: value of the Authorization header of the event hook'),
  INGEST_AUTH0_TOKEN: sender('`/auth0`: bearer token of the event stream'),
  INGEST_KEYCLOAK_SECRET: sender('`/keycloak`: shared secret of the HMAC-SHA256 in X-Keycloak-Signature'),
  INGEST_ENTRA_CLIENT_STATE: sender('`/entra`: clientState of the Graph subscription'),
  INGEST_SCIM_TOKEN: sender('`/scim`: bearer token of the transmitter of SCIM events (RFC 8935)'),
  INGEST_SCIM_KEYS_FILE: file(
    optional(text, {
      part: 'webhook',
      example: '/etc/rollcall/scim-keys.json',
      about:
        '`/scim`: public keys that its tokens are signed with, JWKS. Default: none, so that only unsigned events are read',
    }),
  ),
  INGEST_SCIM_ISSUER: optional(text, {
    part: 'webhook',
    example: 'https://scim.example.com',
    about: '`/scim`: who must have issued the tokens (`iss`). Default: any that has such a key',
  }),
  INGEST_SCIM_AUDIENCE: optional(text, {
    part: 'webhook',
    example: 'https://rollcall.example.com',
    about: '`/scim`: whom the tokens must be meant for (`aud`). Default: any',
  }),
  INGEST_BODY_MAX_BYTES: initially('1000000', wholeNumber(1_024, 16_777_216), {
    part: 'webhook',
    about: 'The largest body that is taken; larger ones are answered 413',
  }),
  INGEST_ANSWER_WITHIN_MS: initially('2500', durationMs(1), {
    part: 'webhook',
    about:
      'When Kafka has not acknowledged by then, the answer is 503 and the sender repeats. Okta and Entra wait 3 s: with them it must be below 3000',
  }),
  INGEST_WAITING_MAX: initially('2000', wholeNumber(1, 100_000), {
    part: 'webhook',
    about: 'Requests that may wait for Kafka; beyond it 503 with Retry-After',
  }),
};
