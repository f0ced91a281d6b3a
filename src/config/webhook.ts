/** What `rollcall ingest webhook` is told, from its variables. */
import type { KindName, WebhookConfig } from '../ingest/webhook/options.ts';
import type { ReadFile } from './read-values.ts';
import type { Values } from './variables.ts';

export function webhookPart(values: Values, readFile: ReadFile): WebhookConfig {
  return {
    host: values.INGEST_HOST,
    port: values.INGEST_PORT,
    tls: tlsOf(values, readFile),
    secrets: secretsOf(values),
    scimTokens: scimTokensOf(values),
    bodyBytesMax: values.INGEST_BODY_MAX_BYTES,
    answerWithinMs: values.INGEST_ANSWER_WITHIN_MS,
    waitingMax: values.INGEST_WAITING_MAX,
  };
}

const secretsOf = (values: Values): Readonly<Record<KindName, string | null>> => ({
  okta: values.INGEST_OKTA_SECRET,
  auth0: values.INGEST_AUTH0_TOKEN,
  keycloak: values.INGEST_KEYCLOAK_SECRET,
  entra: values.INGEST_ENTRA_CLIENT_STATE,
  scim: values.INGEST_SCIM_TOKEN,
});

function tlsOf(values: Values, readFile: ReadFile): WebhookConfig['tls'] {
  const { INGEST_TLS_CERT_FILE: certificate, INGEST_TLS_KEY_FILE: key } = values;
  return certificate === null || key === null ? null : { certPem: readFile(certificate), keyPem: readFile(key) };
}

function scimTokensOf(values: Values): WebhookConfig['scimTokens'] {
  const { INGEST_SCIM_KEYS_FILE: keysFile, INGEST_SCIM_ISSUER: issuer, INGEST_SCIM_AUDIENCE: audience } = values;
  return keysFile === null ? null : { keysFile, issuer, audience };
}
