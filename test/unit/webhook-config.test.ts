import { expect, test } from 'vitest';
import { readConfig, secretsIn } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';

type Environment = Readonly<Record<string, string>>;

const files: Environment = { '/tls.crt': 'CERTIFICATE', '/tls.key': 'KEY', '/okta': 'from-a-file-of-its-own\n' };
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
  return text;
};

const read = (environment: Environment) =>
  readConfig({ INGEST_OKTA_SECRET: 'hush-hush-hush-hush', ...environment }, ['topics', 'ingest', 'webhook'], readFile);

function problemsOf(environment: Environment): readonly string[] {
  try {
    read(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

test('given one secret, then everything else has its default, and only that kind of sender is served', () => {
  const { webhook, ingest, secrets } = read({});
  expect(webhook).toEqual({
    host: '127.0.0.1',
    port: 8443,
    tls: null,
    secrets: { okta: 'hush-hush-hush-hush', auth0: null, keycloak: null, entra: null, scim: null },
    scimTokens: null,
    bodyBytesMax: 1_000_000,
    answerWithinMs: 2_500,
    waitingMax: 2_000,
  });
  expect(ingest).toEqual({ topic: null });
  expect(secrets).toEqual(['hush-hush-hush-hush']);
});

test('secrets may be files, and certificates are read', () => {
  const { webhook } = read({
    INGEST_OKTA_SECRET: '',
    INGEST_OKTA_SECRET_FILE: '/okta',
    INGEST_TLS_CERT_FILE: '/tls.crt',
    INGEST_TLS_KEY_FILE: '/tls.key',
    INGEST_HOST: '0.0.0.0',
  });
  expect(webhook.secrets.okta).toBe('from-a-file-of-its-own');
  expect(webhook.tls).toEqual({ certPem: 'CERTIFICATE', keyPem: 'KEY' });
});

test.for<readonly [what: string, environment: Environment, problem: RegExp]>([
  ['no secret at all', { INGEST_OKTA_SECRET: '' }, /^INGEST_OKTA_SECRET is missing, and so are INGEST_AUTH0_TOKEN/],
  ['a certificate without its key', { INGEST_TLS_CERT_FILE: '/tls.crt' }, /^INGEST_TLS_KEY_FILE is missing/],
  [
    'a key without its certificate',
    { INGEST_TLS_KEY_FILE: '/tls.key' },
    /^INGEST_TLS_CERT_FILE is missing, though INGEST_TLS_KEY/,
  ],
  ['plain http beyond loopback', { INGEST_HOST: '0.0.0.0' }, /^INGEST_TLS_CERT_FILE is missing, though INGEST_HOST/],
  [
    'an issuer of tokens without keys',
    { INGEST_SCIM_ISSUER: 'https://x' },
    /^INGEST_SCIM_KEYS_FILE is missing, though/,
  ],
  ['the retry topic', { INGEST_TOPIC: 'rollcall.retry' }, /^INGEST_TOPIC must differ from RETRY_TOPIC/],
  [
    'a certificate that is not there',
    { INGEST_TLS_CERT_FILE: '/none', INGEST_TLS_KEY_FILE: '/tls.key' },
    /cannot be read/,
  ],
])('given %s, then that is a problem', ([, environment, problem]) => {
  expect(problemsOf(environment)).toEqual([expect.stringMatching(problem)]);
});

test('given plain http beyond loopback and ALLOW_INSECURE, or the source topic as the ingest topic, then that is allowed', () => {
  expect(problemsOf({ INGEST_HOST: '0.0.0.0', ALLOW_INSECURE: 'true' })).toEqual([]);
  expect(problemsOf({ INGEST_TOPIC: 'idp.group-membership' })).toEqual([]);
});

test('every secret of a sender is one that logs and errors must not show', () => {
  const environment = {
    INGEST_OKTA_SECRET: 'a1-a1-a1-a1-a1-a1',
    INGEST_AUTH0_TOKEN: 'b2-b2-b2-b2-b2-b2',
    INGEST_KEYCLOAK_SECRET: 'c3-c3-c3-c3-c3-c3',
    INGEST_ENTRA_CLIENT_STATE: 'd4-d4-d4-d4-d4-d4',
    INGEST_SCIM_TOKEN: 'e5-e5-e5-e5-e5-e5',
  };
  expect(secretsIn(environment, readFile).toSorted()).toEqual(Object.values(environment));
});
