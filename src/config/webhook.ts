/** Configuration of `rollcall ingest webhook`. */
import { problem, type Problem } from './problem.ts';
import type { all } from './service.ts';
import {
  durationMs,
  file,
  GENERATED_SECRET,
  type Given,
  initially,
  isLoopback,
  optional,
  ownSecret,
  part,
  reloadedFile,
  anyText,
  wholeNumber,
} from './variable.ts';

const sender = <N extends string>(name: N, about: string) =>
  ownSecret(name, { about: `${about}; at least 16 characters` });

const options = {
  host: initially('INGEST_HOST', '127.0.0.1', anyText, {
    about: 'Address that `rollcall ingest webhook` listens on; beyond loopback TLS is needed',
  }),
  port: initially('INGEST_PORT', '8443', wholeNumber(0, 65_535), { about: 'Its port; 0: any free one' }),
  tls: {
    certFile: reloadedFile(
      optional('INGEST_TLS_CERT_FILE', anyText, {
        example: '/etc/rollcall/tls.crt',
        about: 'Certificate of the webhook server with its chain, PEM; with `INGEST_TLS_KEY_FILE` only',
      }),
    ),
    keyFile: reloadedFile(
      optional('INGEST_TLS_KEY_FILE', anyText, {
        example: '/etc/rollcall/tls.key',
        about: 'Private key of that certificate, PEM',
      }),
    ),
  },
  secrets: {
    okta: sender('INGEST_OKTA_SECRET', '`/okta`: value of the Authorization header of the event hook'),
    auth0: sender('INGEST_AUTH0_TOKEN', '`/auth0`: bearer token of the event stream'),
    keycloak: sender('INGEST_KEYCLOAK_SECRET', '`/keycloak`: shared secret of the HMAC-SHA256 in X-Keycloak-Signature'),
    entra: sender('INGEST_ENTRA_CLIENT_STATE', '`/entra`: clientState of the Graph subscription'),
    scim: sender('INGEST_SCIM_TOKEN', '`/scim`: bearer token of the transmitter of SCIM events (RFC 8935)'),
  },
  scimTokens: {
    keysFile: file(
      optional('INGEST_SCIM_KEYS_FILE', anyText, {
        example: '/etc/rollcall/scim-keys.json',
        about:
          '`/scim`: public keys that its tokens are signed with, JWKS. Default: none, so that only unsigned events are read',
      }),
    ),
    issuer: optional('INGEST_SCIM_ISSUER', anyText, {
      example: 'https://scim.example.com',
      about: '`/scim`: who must have issued the tokens (`iss`). Default: any that has such a key',
    }),
    audience: optional('INGEST_SCIM_AUDIENCE', anyText, {
      example: 'https://rollcall.example.com',
      about: '`/scim`: whom the tokens must be meant for (`aud`). Default: any',
    }),
  },
  bodyBytesMax: initially('INGEST_BODY_MAX_BYTES', '1000000', wholeNumber(1_024, 16_777_216), {
    about: 'The largest body that is taken; larger ones are answered 413',
  }),
  answerWithinMs: initially('INGEST_ANSWER_WITHIN_MS', '2500', durationMs(1), {
    about:
      'When Kafka has not acknowledged by then, the answer is 503 and the sender repeats. Okta and Entra wait 3 s: with them it must be below 3000',
  }),
  waitingMax: initially('INGEST_WAITING_MAX', '2000', wholeNumber(1, 100_000), {
    about: 'Requests that may wait for Kafka; beyond it 503 with Retry-After',
  }),
};

type Values = Given<typeof options | typeof all.options>;

export const webhook = part({
  title: 'Webhooks of identity providers',
  options,
  make: ({ tls: { certFile, keyFile }, scimTokens: { keysFile, ...claims }, ...others }, readFile) => ({
    ...others,
    tls: certFile === null || keyFile === null ? null : { certPem: readFile(certFile), keyPem: readFile(keyFile) },
    scimTokens: keysFile === null ? null : { keysFile, ...claims },
  }),
  rules: (values: Values) => [
    ...answerRules(values),
    ...senderRules(values),
    ...scimRules(values),
    ...tlsRules(values),
  ],
});

/** Okta (developer.okta.com/docs/concepts/event-hooks) and Microsoft Graph wait 3 s for an answer. */
const SENDER_PATIENCE_MS = 3_000;

function answerRules(values: Values): Problem[] {
  const { INGEST_ANSWER_WITHIN_MS: answerMs, INGEST_OKTA_SECRET: okta, INGEST_ENTRA_CLIENT_STATE: entra } = values;
  if (answerMs === undefined || answerMs < SENDER_PATIENCE_MS || (!okta && !entra)) return [];
  const text = `must be below ${SENDER_PATIENCE_MS}: Okta and Entra give up after that, and never see the answer`;
  return [problem('INGEST_ANSWER_WITHIN_MS', text, 2_500)];
}

const secretNames = [
  'INGEST_OKTA_SECRET',
  'INGEST_AUTH0_TOKEN',
  'INGEST_KEYCLOAK_SECRET',
  'INGEST_ENTRA_CLIENT_STATE',
  'INGEST_SCIM_TOKEN',
] as const;

/** A path without a secret would take membership changes from anybody, so there is none. */
function senderRules(values: Values): Problem[] {
  if (!secretNames.every((name) => values[name] === null)) return [];
  const [variable, ...others] = secretNames;
  const text = `is missing, and so are ${others.join(', ')}: without a secret no sender is let in`;
  return [problem(variable, text, GENERATED_SECRET)];
}

/** Without keys nothing is verified, so that neither would be. */
function scimRules(values: Values): Problem[] {
  const { INGEST_SCIM_KEYS_FILE: keys, INGEST_SCIM_ISSUER: issuer, INGEST_SCIM_AUDIENCE: audience } = values;
  if (keys !== null || (!issuer && !audience)) return [];
  const text = 'is missing, though the issuer or the audience of signed events is given';
  return [problem('INGEST_SCIM_KEYS_FILE', text, '/etc/rollcall/scim-keys.json')];
}

function tlsRules(values: Values): Problem[] {
  const { INGEST_TLS_CERT_FILE: certificate, INGEST_TLS_KEY_FILE: key, INGEST_HOST: host } = values;
  if (certificate && key === null)
    return [
      problem('INGEST_TLS_KEY_FILE', 'is missing, though INGEST_TLS_CERT_FILE is given', '/etc/rollcall/tls.key'),
    ];
  const example = '/etc/rollcall/tls.crt';
  if (key && certificate === null)
    return [problem('INGEST_TLS_CERT_FILE', 'is missing, though INGEST_TLS_KEY_FILE is given', example)];
  if (certificate !== null || host === undefined || isLoopback(host) || values.ALLOW_INSECURE !== false) return [];
  const text =
    'is missing, though INGEST_HOST can be reached from elsewhere: secrets would travel unencrypted (ALLOW_INSECURE=true allows it, for a proxy that ends TLS)';
  return [problem('INGEST_TLS_CERT_FILE', text, example)];
}
