import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';
import type { Part } from '../../src/config/variables.ts';

type Environment = Readonly<Record<string, string>>;

const noFile = (path: string): string => {
  throw Object.assign(new Error(path), { code: 'ENOENT' });
};
const read = <P extends Part>(environment: Environment, ...parts: readonly P[]) =>
  readConfig(environment, parts, noFile);

function problemsOf(environment: Environment, ...parts: readonly Part[]): readonly string[] {
  try {
    read(environment, ...parts);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

const from = { INGEST_FROM_TOPIC: 'keyless' };

test('the topic to be re-keyed needs a name; everything else has its default', () => {
  expect(problemsOf({}, 'rekey')).toEqual(['INGEST_FROM_TOPIC is missing']);
  expect(read(from, 'rekey').rekey).toEqual({
    connection: null,
    from: 'keyless',
    format: 'auto',
    groupId: 'rollcall-ingest',
    reorderMs: 5_000,
    lateMs: 3_600_000,
    bufferMax: 5_000,
  });
});

test('it must not read what it writes', () => {
  expect(problemsOf({ INGEST_FROM_TOPIC: 'idp.group-membership' }, 'topics', 'ingest', 'rekey')).toEqual([
    'INGEST_FROM_TOPIC must differ from SOURCE_TOPIC',
  ]);
  const environment = { INGEST_FROM_TOPIC: 'idp.group-membership', INGEST_TOPIC: 'other' };
  expect(problemsOf(environment, 'topics', 'ingest', 'rekey')).toEqual([]);
});

test('another cluster is spoken to with TLS, and with credentials of its own', () => {
  const { rekey, secrets } = read(
    {
      ...from,
      INGEST_FROM_BROKERS: 'example.servicebus.windows.net:9093',
      INGEST_FROM_SASL_MECHANISM: 'plain',
      INGEST_FROM_SASL_USERNAME: '$ConnectionString',
      INGEST_FROM_SASL_PASSWORD: 'hush',
    },
    'rekey',
  );
  expect(rekey.connection).toEqual({
    brokers: ['example.servicebus.windows.net:9093'],
    ssl: { caPem: null },
    sasl: { mechanism: 'plain', username: '$ConnectionString', password: 'hush' },
  });
  expect(secrets).toContain('hush');
});

test('ingest configuration: half of an access to another cluster is reported', () => {
  expect(problemsOf({ ...from, INGEST_FROM_SASL_MECHANISM: 'plain' }, 'rekey')).toEqual([
    'INGEST_FROM_BROKERS is missing, though credentials for it are given',
    'INGEST_FROM_SASL_USERNAME is missing for plain',
    'INGEST_FROM_SASL_PASSWORD is missing for plain',
  ]);
  expect(problemsOf({ ...from, INGEST_FROM_SASL_USERNAME: 'u' }, 'rekey')).toEqual([
    'INGEST_FROM_SASL_MECHANISM is missing, though credentials are given',
  ]);
});

test('a mapping needs its file', () => {
  expect(problemsOf({ ...from, INGEST_FROM_FORMAT: 'mapping' }, 'format', 'rekey')).toEqual([
    'MAPPING_FILE is missing for INGEST_FROM_FORMAT=mapping',
  ]);
});

test('each identity provider demands its own variables only', () => {
  expect(problemsOf({}, 'poll', 'okta')).toEqual(['INGEST_OKTA_URL is missing', 'INGEST_OKTA_API_TOKEN is missing']);
  expect(problemsOf({}, 'poll', 'scim')).toEqual(['INGEST_SCIM_URL is missing', 'INGEST_SCIM_LIST_TOKEN is missing']);
  expect(problemsOf({}, 'poll', 'entra')).toHaveLength(3);
  expect(problemsOf({}, 'poll', 'auth0')).toHaveLength(3);
});

test('a token goes over TLS only, except on this machine', () => {
  const okta = (url: string, more: Environment = {}) =>
    problemsOf({ INGEST_OKTA_URL: url, INGEST_OKTA_API_TOKEN: 't', ...more }, 'okta');
  expect(okta('http://example.okta.com')).toEqual([
    'INGEST_OKTA_URL must be https, except on this machine (ALLOW_INSECURE=true allows it)',
  ]);
  expect(okta('http://127.0.0.1:8080')).toEqual([]);
  expect(okta('http://example.okta.com', { ALLOW_INSECURE: 'true' })).toEqual([]);
});
