/** Variables of `rollcall ingest webhook`, and the topic that every `rollcall ingest` writes to. */
import {
  durationMs,
  file,
  initially,
  optional,
  ownSecret,
  text,
  topicName,
  wholeNumber,
  type Variable,
} from './variable.ts';

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
