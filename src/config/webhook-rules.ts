/** Rules between the variables of `rollcall ingest`. */
import type { Problem } from './problem.ts';
import { GENERATED_SECRET, isLoopback } from './variable.ts';
import type { Values } from './variables.ts';

export function webhookRules(values: Partial<Values>): Problem[] {
  return [...topicRules(values), ...senderRules(values), ...scimRules(values), ...tlsRules(values)];
}

const OWN_TOPICS = ['RETRY_TOPIC', 'DEAD_LETTER_TOPIC', 'REPORT_TOPIC'] as const;

function topicRules({ INGEST_TOPIC: topic, ...values }: Partial<Values>): Problem[] {
  if (!topic) return [];
  const twin = OWN_TOPICS.find((name) => values[name] === topic);
  const example = 'idp.group-membership';
  return twin === undefined ? [] : [{ variable: 'INGEST_TOPIC', problem: `must differ from ${twin}`, example }];
}

const SECRETS = [
  'INGEST_OKTA_SECRET',
  'INGEST_AUTH0_TOKEN',
  'INGEST_KEYCLOAK_SECRET',
  'INGEST_ENTRA_CLIENT_STATE',
  'INGEST_SCIM_TOKEN',
] as const;

/** A path without a secret would take membership changes from anybody, so there is none. */
function senderRules(values: Partial<Values>): Problem[] {
  if (!SECRETS.every((name) => values[name] === null)) return [];
  const [variable, ...others] = SECRETS;
  const text = `is missing, and so are ${others.join(', ')}: without a secret nobody may send anything`;
  return [{ variable, problem: text, example: GENERATED_SECRET }];
}

/** Without keys nothing is verified, so that neither would be. */
function scimRules({
  INGEST_SCIM_KEYS_FILE: keys,
  INGEST_SCIM_ISSUER,
  INGEST_SCIM_AUDIENCE,
}: Partial<Values>): Problem[] {
  if (keys !== null || (!INGEST_SCIM_ISSUER && !INGEST_SCIM_AUDIENCE)) return [];
  const problem = 'is missing, though the issuer or the audience of signed events is given';
  return [{ variable: 'INGEST_SCIM_KEYS_FILE', problem, example: '/etc/rollcall/scim-keys.json' }];
}

function tlsRules(values: Partial<Values>): Problem[] {
  const { INGEST_TLS_CERT_FILE: certificate, INGEST_TLS_KEY_FILE: key, INGEST_HOST: host } = values;
  if (certificate && key === null) {
    const problem = 'is missing, though INGEST_TLS_CERT_FILE is given';
    return [{ variable: 'INGEST_TLS_KEY_FILE', problem, example: '/etc/rollcall/tls.key' }];
  }
  const example = '/etc/rollcall/tls.crt';
  if (key && certificate === null) {
    const problem = 'is missing, though INGEST_TLS_KEY_FILE is given';
    return [{ variable: 'INGEST_TLS_CERT_FILE', problem, example }];
  }
  if (certificate !== null || host === undefined || isLoopback(host) || values.ALLOW_INSECURE !== false) return [];
  const problem =
    'is missing, though INGEST_HOST can be reached from elsewhere: secrets would travel unencrypted (ALLOW_INSECURE=true allows it, for a proxy that ends TLS)';
  return [{ variable: 'INGEST_TLS_CERT_FILE', problem, example }];
}
