import { describe, expect, test } from 'vitest';
import { pipelineOptions, readConfig, secretsIn } from '../../src/config/config.ts';
import { ConfigError, misspelled } from '../../src/config/problem.ts';
import { knownNames, names, type Part, variables } from '../../src/config/variables.ts';

const everything = ['kafka', 'topics', 'format', 'genesys', 'pipeline', 'operator', 'admin'] as const;

const enough = {
  KAFKA_BROKERS: 'broker.example.com:9093',
  GENESYS_CLIENT_ID: 'client',
  GENESYS_CLIENT_SECRET: 'hush',
};

const noFiles = (path: string): string => {
  throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
};

const files =
  (contents: Record<string, string>) =>
  (path: string): string =>
    contents[path] ?? noFiles(path);

const read = (changes: Record<string, string | undefined> = {}, readFile = noFiles) =>
  readConfig({ ...enough, ...changes }, everything, readFile);

function problemsOf(changes: Record<string, string | undefined>, parts: readonly Part[] = everything): string[] {
  try {
    readConfig({ ...enough, ...changes }, parts, noFiles);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

test('given what cannot be guessed, then everything else has its documented default', () => {
  const config = read();
  expect(config.kafka).toEqual({
    brokers: ['broker.example.com:9093'],
    clientId: 'rollcall',
    groupId: 'rollcall',
    ssl: { caPem: null },
    sasl: null,
    sessionTimeoutMs: 30_000,
    heartbeatIntervalMs: 1000,
    rebalanceTimeoutMs: 60_000,
  });
  expect(config.topics).toEqual({
    source: 'idp.group-membership',
    retry: 'rollcall.retry',
    deadLetter: 'rollcall.dead-letter',
    report: 'rollcall.reports',
  });
  expect(config.genesys).toEqual({
    apiUrl: 'https://api.mypurecloud.com',
    loginUrl: 'https://login.mypurecloud.com',
    publicApiUrl: 'https://api.mypurecloud.com',
    clientId: 'client',
    clientSecret: 'hush',
    requestTimeoutMs: 10_000,
    concurrency: 20,
    rateLimitPerMinute: null,
  });
  expect(config.pipeline).toMatchObject({
    lingerMs: 20,
    maxWaitMs: 30_000,
    membersPerPatchMax: 50,
    conflictsMax: 3,
    retry: {
      baseMs: 1000,
      capMs: 30_000,
      attemptsMax: 5,
      slowScheduleMs: [60_000, 300_000, 1_800_000, 7_200_000, 21_600_000],
    },
    lateApplyMs: null,
    deadKeepMs: 604_800_000,
    deadKeepCount: 10_000,
    breakerFailures: 5,
    pendingIntentsMax: 200_000,
    drainTimeoutMs: 20_000,
  });
  expect(config.admin).toEqual({ host: '127.0.0.1', port: 8080, token: null });
  expect(config).toMatchObject({ logLevel: 'info', warnings: [] });
});

test('the whole configuration is frozen', () => {
  const config = read();
  expect([config, config.kafka, config.pipeline.retry].every((part) => Object.isFrozen(part))).toBe(true);
});

test('configuration: all problems are reported together, each with its variable and an example', () => {
  const environment = { KAFKA_BROKERS: 'nonsense', CONCURRENCY: '0', KAFKA_SSL: 'yes', GENESYS_CLIENT_SECRET: 'hush' };
  const attempt = () => readConfig(environment, everything, noFiles);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(
    [
      'KAFKA_BROKERS must be host:port, several separated by commas; example: KAFKA_BROKERS=broker-1.example.com:9093,broker-2.example.com:9093',
      'KAFKA_SSL must be true or false; example: KAFKA_SSL=true',
      'GENESYS_CLIENT_ID is missing; example: GENESYS_CLIENT_ID=6f0c1f0e-5b43-4a0e-9a4f-2f2b7d3f1f10',
      'CONCURRENCY must be a whole number from 1 to 1000; example: CONCURRENCY=20',
    ].join('\n'),
  );
});

test('parts that a command does not need are not demanded', () => {
  expect(readConfig({ KAFKA_BROKERS: 'localhost:9092' }, ['kafka', 'topics'], noFiles).kafka.clientId).toBe('rollcall');
  expect(() => readConfig({}, ['genesys', 'pipeline'], noFiles)).toThrow(
    /^GENESYS_CLIENT_ID .*\nGENESYS_CLIENT_SECRET .*$/,
  );
});

test.for([
  ['CONCURRENCY', '1.5'],
  ['CONCURRENCY', '-1'],
  ['CONCURRENCY', '1e2'],
  ['REQUEST_TIMEOUT_MS', '2147483648'],
  ['MAX_MEMBERS_PER_PATCH', '51'],
  ['MAX_MEMBERS_PER_PATCH', '0'],
  ['ADMIN_PORT', '65536'],
  ['SLOW_RETRY_SCHEDULE_MS', '60000,soon'],
  ['SLOW_RETRY_SCHEDULE_MS', '0'],
  ['LOG_LEVEL', 'loud'],
  ['SOURCE_FORMAT', 'scim'],
  ['SOURCE_TOPIC', 'a topic'],
  ['KAFKA_SASL_MECHANISM', 'gssapi'],
  ['RATE_LIMIT_PER_MINUTE', '0'],
  ['GENESYS_DOMAIN', 'example.com'],
  ['KAFKA_BROKERS', 'broker'],
] as const)('%s refuses %s', ([variable, value]) => {
  expect(problemsOf({ [variable]: value }).map((problem) => problem.split(' ')[0])).toEqual([variable]);
});

test('an empty variable counts as not set, an empty schedule as no retry', () => {
  const config = read({ CONCURRENCY: '', KAFKA_SSL_CA_FILE: '', SLOW_RETRY_SCHEDULE_MS: '' });
  expect(config.genesys.concurrency).toBe(20);
  expect(config.pipeline.retry.slowScheduleMs).toEqual([]);
});

test.for([
  ['localhost:9092,127.0.0.1:9093', undefined, null],
  ['localhost:9092,broker.example.com:9093', undefined, { caPem: null }],
  ['localhost:9092', 'true', { caPem: null }],
  ['broker.example.com:9092', 'false', null],
] as const)('TLS to %s with KAFKA_SSL=%s', ([KAFKA_BROKERS, KAFKA_SSL, ssl]) => {
  expect(read({ KAFKA_BROKERS, KAFKA_SSL }).kafka.ssl).toEqual(ssl);
});

test('the authority of the brokers is read from its file', () => {
  expect(read({ KAFKA_SSL_CA_FILE: '/ca.pem' }, files({ '/ca.pem': 'PEM' })).kafka.ssl).toEqual({ caPem: 'PEM' });
  expect(problemsOf({ KAFKA_SSL_CA_FILE: '/ca.pem' })).toEqual([
    'KAFKA_SSL_CA_FILE names a file that cannot be read (ENOENT)',
  ]);
});

test('secrets may come from files', () => {
  const paths = { GENESYS_CLIENT_SECRET: undefined, GENESYS_CLIENT_SECRET_FILE: '/s', ADMIN_TOKEN_FILE: '/t' };
  const config = read(paths, files({ '/s': 'from-file\n', '/t': 'token-of-16-char\n' }));
  expect(config.genesys.clientSecret).toBe('from-file');
  expect(config.admin.token).toBe('token-of-16-char');
  expect(config.secrets).toEqual(['from-file', 'token-of-16-char']);
});

test('the token of oauthbearer is a secret, as it stands in its file; a file that is gone meanwhile hides nothing', () => {
  const environment = { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: '/token' };
  expect(read(environment, files({ '/token': 'ey.the.token\n' })).secrets).toContain('ey.the.token');
  expect(read(environment, files({ '/token': '\n' })).secrets).not.toContain('');
  const once = ['ey.the.token'];
  const readOnce = (path: string): string => once.pop() ?? files({})(path);
  expect(secretsIn(environment, readOnce)).toEqual([]);
});

test('a secret and its file exclude each other; an empty file is none', () => {
  expect(problemsOf({ GENESYS_CLIENT_SECRET_FILE: '/s' })).toEqual([
    'GENESYS_CLIENT_SECRET and GENESYS_CLIENT_SECRET_FILE exclude each other',
  ]);
  expect(() => read({ ADMIN_TOKEN_FILE: '/t' }, files({ '/t': '\n' }))).toThrow('ADMIN_TOKEN_FILE names an empty file');
});

test.for([
  ['ENOENT', 'that is missing'],
  ['EACCES', 'that may not be read'],
  ['EISDIR', 'that is a folder'],
] as const)(
  'configuration: a file of a secret %s is reported by its variable alone, neither path nor content',
  ([code]) => {
    const readFile = (path: string): string => {
      throw Object.assign(new Error(`${code}: ${path}`), { code });
    };
    // A secret that was put where its file belongs is a secret all the same.
    const attempt = () => read({ ADMIN_TOKEN_FILE: 'p4ss-in-the-wrong-place' }, readFile);
    expect(attempt).toThrow(`ADMIN_TOKEN_FILE names a file that cannot be read (${code})`);
    expect(attempt).not.toThrow(/p4ss/);
  },
);

test.each(['ADMIN_TOKEN', 'OPERATOR_KEY'] as const)('%s, which we verify, has at least 16 characters', (name) => {
  expect(problemsOf({ [name]: 'f'.repeat(15) })).toEqual([
    `${name} must have at least 16 characters; \`openssl rand -hex 32\` makes one`,
  ]);
  expect(problemsOf({ [name]: 'f'.repeat(16) })).toEqual([]);
});

test('a secret of a vendor is as long as the vendor makes it', () => {
  expect(problemsOf({ GENESYS_CLIENT_SECRET: 'x' })).toEqual([]);
});

test('of a secret in a file the white space around it is left out', () => {
  expect(read({ ADMIN_TOKEN_FILE: '/t' }, files({ '/t': ' to ken of sixteen\r\n' })).admin.token).toBe(
    'to ken of sixteen',
  );
});

test('no example of a secret, as .env.example shows it, could be a real one', () => {
  const secrets = names.filter((name) => variables[name].kind === 'secret');
  expect(secrets.map((name) => variables[name].example)).toEqual(secrets.map(() => 'change-me'));
});

test('no problem shows the value of a secret', () => {
  const attempt = () => read({ GENESYS_CLIENT_SECRET_FILE: '/s', KAFKA_SASL_PASSWORD: 'p4ss', CONCURRENCY: 'p4ss' });
  expect(attempt).toThrow(ConfigError);
  expect(attempt).not.toThrow(/p4ss|hush/);
});

test.for([
  [
    { KAFKA_SASL_MECHANISM: 'plain' },
    ['KAFKA_SASL_USERNAME is missing for plain', 'KAFKA_SASL_PASSWORD is missing for plain'],
  ],
  [
    { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'u' },
    ['KAFKA_SASL_PASSWORD is missing for scram-sha-512'],
  ],
  [{ KAFKA_SASL_PASSWORD: 'p' }, ['KAFKA_SASL_MECHANISM is missing, though credentials are given']],
  [{ KAFKA_SASL_MECHANISM: 'oauthbearer' }, ['KAFKA_SASL_OAUTHBEARER_TOKEN_FILE is missing for oauthbearer']],
] as const)('authentication at the brokers: %j', ([changes, problems]) => {
  expect(problemsOf(changes)).toEqual(problems);
});

test('credentials for the brokers leave this machine encrypted only, unless that is allowed', () => {
  const clear = {
    KAFKA_SSL: 'false',
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: 'u',
    KAFKA_SASL_PASSWORD: 'p',
  };
  expect(problemsOf(clear)).toEqual([expect.stringMatching(/^KAFKA_SSL must be true/)]);
  expect(problemsOf({ ...clear, KAFKA_BROKERS: 'localhost:9092' })).toEqual([]);
  expect(read({ ...clear, ALLOW_INSECURE: 'true' }).kafka.sasl).toEqual({
    mechanism: 'plain',
    username: 'u',
    password: 'p',
  });
});

test('configuration: the token of oauthbearer is read again each time', async () => {
  let token = 'first\n';
  const changes = { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: '/token' };
  const { sasl } = read(changes, () => token).kafka;
  if (sasl?.mechanism !== 'oauthbearer') throw new Error('not oauthbearer');
  token = 'second\n';
  expect(await sasl.token()).toBe('second');
});

test('a session must outlast a request, the margin and two heartbeats', () => {
  const floor = { REQUEST_TIMEOUT_MS: '6000', KAFKA_HEARTBEAT_INTERVAL_MS: '1000' };
  expect(problemsOf({ ...floor, KAFKA_SESSION_TIMEOUT_MS: '10000' })).toEqual([
    expect.stringMatching(/^KAFKA_SESSION_TIMEOUT_MS must exceed .* = 10000/),
  ]);
  expect(problemsOf({ ...floor, KAFKA_SESSION_TIMEOUT_MS: '10001' })).toEqual([]);
});

test('a wait cannot be capped below its base', () => {
  expect(problemsOf({ RETRY_BASE_MS: '5000', RETRY_CAP_MS: '4999' })).toEqual([
    'RETRY_CAP_MS must not be below RETRY_BASE_MS',
  ]);
});

test('topics are four different ones', () => {
  expect(problemsOf({ RETRY_TOPIC: 'x', REPORT_TOPIC: 'x' })).toEqual(['REPORT_TOPIC must differ from RETRY_TOPIC']);
});

describe('a shadow', () => {
  test('has a consumer group and topics of its own, and reads the same source', () => {
    const { kafka, topics, isShadow } = read({ SHADOW: 'true', KAFKA_GROUP_ID: 'ours', REPORT_TOPIC: 'reports' });
    expect([isShadow, kafka.groupId]).toEqual([true, 'ours-shadow']);
    expect(topics).toEqual({
      source: 'idp.group-membership',
      retry: 'rollcall.retry.shadow',
      deadLetter: 'rollcall.dead-letter.shadow',
      report: 'reports.shadow',
    });
  });

  test('is none by default', () => {
    const { kafka, topics, isShadow } = read({});
    expect([isShadow, kafka.groupId, topics.retry]).toEqual([false, 'rollcall', 'rollcall.retry']);
  });

  test('may not read what it writes, and its names have to be names', () => {
    const source = { SOURCE_TOPIC: 'rollcall.retry.shadow' };
    expect(problemsOf(source)).toEqual([]);
    expect(problemsOf({ ...source, SHADOW: 'true' })).toEqual(['RETRY_TOPIC must differ from SOURCE_TOPIC']);
    const long = { DEAD_LETTER_TOPIC: 'd'.repeat(243), SOURCE_TOPIC: 's'.repeat(249) };
    expect(problemsOf(long)).toEqual([]);
    expect(problemsOf({ ...long, SHADOW: 'true' })).toEqual([
      'DEAD_LETTER_TOPIC is too long for a shadow, which appends .shadow',
    ]);
  });

  test('shares no topic with the real service, also where a name of that one ends as its own', () => {
    const names = { RETRY_TOPIC: 'waits', REPORT_TOPIC: 'waits.shadow', DEAD_LETTER_TOPIC: 'ends' };
    expect(problemsOf(names)).toEqual([]);
    expect(problemsOf({ ...names, SHADOW: 'true' })).toEqual([
      'RETRY_TOPIC must not be REPORT_TOPIC without .shadow: the shadow would share that topic with the real service',
    ]);
  });

  test.each([
    ['ids', { ID_MAP: 'topic:rollcall.reports.shadow' }, 'ID_MAP must not name the topic of REPORT_TOPIC'],
    ['ingest', { INGEST_TOPIC: 'rollcall.retry.shadow' }, 'INGEST_TOPIC must differ from RETRY_TOPIC'],
    ['rekey', { INGEST_FROM_TOPIC: 'rollcall.dead-letter.shadow' }, 'INGEST_FROM_TOPIC must differ from DEAD_LETTER'],
    ['rekey', { INGEST_GROUP_ID: 'rollcall-shadow' }, 'INGEST_GROUP_ID must differ from KAFKA_GROUP_ID'],
  ] as const)('the rules of %s judge its own names: %j', (part, given, problem) => {
    const parts: Part[] = ['kafka', 'topics', 'ingest', part];
    const environment = { INGEST_FROM_TOPIC: 'from', ...given };
    expect(problemsOf(environment, parts)).toEqual([]);
    expect(problemsOf({ ...environment, SHADOW: 'true' }, parts)).toEqual([expect.stringContaining(problem)]);
  });

  test('compares nothing beside the pipeline', () => {
    const parts: Part[] = ['drift'];
    expect(problemsOf({ DRIFT_EVERY_MS: '60000' }, parts)).toEqual([]);
    expect(problemsOf({ DRIFT_EVERY_MS: '60000', SHADOW: 'true' }, parts)).toEqual([
      expect.stringContaining('DRIFT_EVERY_MS must be 0 in a shadow'),
    ]);
  });
});

test('API and login host are overridden together, or credentials go astray', () => {
  expect(problemsOf({ GENESYS_API_URL: 'https://proxy.example.com' })).toEqual([
    'GENESYS_LOGIN_URL is missing, though GENESYS_API_URL is given',
  ]);
  expect(problemsOf({ GENESYS_LOGIN_URL: 'https://proxy.example.com' })).toEqual([
    'GENESYS_API_URL is missing, though GENESYS_LOGIN_URL is given',
  ]);
});

const urls = (url: string) => ({ GENESYS_API_URL: url, GENESYS_LOGIN_URL: url });

test('plain http does not leave this machine, unless that is allowed', () => {
  expect(problemsOf(urls('http://sandbox:8090'))).toHaveLength(2);
  expect(problemsOf(urls('http://127.0.0.1.example.com'))).toHaveLength(2);
  expect(problemsOf(urls('http://127.0.0.1:8090'))).toEqual([]);
  expect(problemsOf(urls('http://[::1]:8090'))).toEqual([]);
  expect(problemsOf({ ...urls('http://sandbox:8090'), ALLOW_INSECURE: 'true' })).toEqual([]);
});

test('a base URL has no slash at its end, and nothing but host and path', () => {
  expect(read(urls('https://proxy.example.com/genesys/')).genesys.apiUrl).toBe('https://proxy.example.com/genesys');
  const behindGateway = { ...urls('https://proxy.example.com/genesys'), GENESYS_DOMAIN: 'mypurecloud.de' };
  expect(read(behindGateway).genesys.publicApiUrl).toBe('https://api.mypurecloud.de');
  for (const url of ['https://u:p@example.com', 'https://example.com?a=b', 'ftp://example.com', 'example.com']) {
    expect(problemsOf(urls(url))).toHaveLength(2);
  }
});

test('each region has its own login host', () => {
  expect(read({ GENESYS_DOMAIN: 'euw2.pure.cloud' }).genesys).toMatchObject({
    apiUrl: 'https://api.euw2.pure.cloud',
    loginUrl: 'https://login.euw2.pure.cloud',
  });
});

test('an admin server that others can reach needs a token', () => {
  expect(problemsOf({ ADMIN_HOST: '0.0.0.0' })).toEqual([expect.stringMatching(/^ADMIN_TOKEN is missing/)]);
  expect(problemsOf({ ADMIN_HOST: '0.0.0.0', ADMIN_PORT: '0' })).toEqual([]);
  expect(problemsOf({ ADMIN_HOST: '0.0.0.0', ADMIN_TOKEN: 't'.repeat(16) })).toEqual([]);
});

test.for(['0.0.0.0', '::', '::ffff:127.0.0.1', '0', 'localhost.example.com', '127.0.0.1.example.com', 'rollcall'])(
  'an admin server at %s can be reached by others',
  (host) => {
    expect(problemsOf({ ADMIN_HOST: host })).toEqual([expect.stringMatching(/^ADMIN_TOKEN is missing/)]);
  },
);

test('a name that is nearly a variable is warned of', () => {
  expect(read({ KAFKA_BROKER: 'x', CONCURENCY: '3', KAFKA_VERSIONS: '4.2.0', HOME: '/' }).warnings).toEqual([
    'KAFKA_BROKER is not a variable of Rollcall; KAFKA_BROKERS is',
    'CONCURENCY is not a variable of Rollcall; CONCURRENCY is',
  ]);
});

test('configuration: the options of the pipeline follow from several parts', () => {
  const config = read({ KAFKA_SESSION_TIMEOUT_MS: '45000', REQUEST_TIMEOUT_MS: '8000' });
  expect(pipelineOptions(config, 'rollcall-1')).toMatchObject({
    owner: 'rollcall-1',
    leaseMs: 35_000,
    lateApplyMs: 16_000,
    concurrency: 20,
    requestsPerPiece: 4,
  });
  const withoutKafka = { leaseMs: Infinity, requestsPerPiece: Infinity };
  expect(pipelineOptions({ ...config, kafka: null }, 'rollcall-1')).toMatchObject(withoutKafka);
  expect(pipelineOptions(read({ LATE_APPLY_MS: '5' }), 'rollcall-1').lateApplyMs).toBe(5);
});

describe('a name that is not known', () => {
  const warned = (...present: readonly string[]) => misspelled(present, knownNames);

  test.each([
    ['KAFKA_BROKER', 'KAFKA_BROKERS'],
    ['GENESYS_CLIENT_SECRETS', 'GENESYS_CLIENT_SECRET'],
    ['GENESYS_CLIENT_SECRET_FIL', 'GENESYS_CLIENT_SECRET_FILE'],
    ['ROLLCALL_SOURCE_TOPIC', 'SOURCE_TOPIC'],
    ['kafka_brokers', 'KAFKA_BROKERS'],
    ['KAFKA-GROUP-ID', 'KAFKA_GROUP_ID'],
  ])('%s is reported to be %s', (name, meant) => {
    expect(warned(name)).toEqual([`${name} is not a variable of Rollcall; ${meant} is`]);
  });

  test.each(['GENESYS_REGION', 'ROLLCALL_THREADS', 'INGEST_OKTA_PASSWORD'])('%s begins as ours do', (name) => {
    expect(warned(name)).toEqual([`${name} is not a variable of Rollcall`]);
  });

  test('of another program is left alone', () => {
    expect(warned('PATH', 'KAFKA_OPTS', 'KAFKA_HEAP_OPTS', 'HTTPS_PROXY', 'no_proxy', 'npm_config_cache')).toEqual([]);
  });

  test('stands beside the problems, since it may be what is missing', () => {
    const read = () => readConfig({ KAFKA_BROKER: 'a:1' }, ['kafka'], String);
    expect(read).toThrow(/KAFKA_BROKERS is missing.*\n.*KAFKA_BROKER is not a variable of Rollcall; KAFKA_BROKERS is/);
  });
});
