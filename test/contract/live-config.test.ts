/** Secrets and certificates that change while a service runs: looked at on its clock, taken when they rest, kept where broken. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { fixedToken } from '../../src/adapters/idp/idp.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { operatorKey } from '../../src/adapters/private-file.ts';
import { readText } from '../../src/console/kafka-tools.ts';
import { lazily, LiveConfig, liveKafka, liveReceiver } from '../../src/console/live-config.ts';
import { readConfig } from '../../src/config/config.ts';
import { sendersOf } from '../../src/ingest/webhook/senders.ts';
import { native } from '../../src/formats/native/native.ts';
import { aContext } from '../support/command-context.ts';
import { aLog, aSandbox, as, atEnd, get } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { anEndpoint } from '../support/webhook.ts';

const LOOK_MS = 5_000;
const KEPT = 'secrets or certificates have changed and cannot be used: the former ones are kept';
const TAKEN = 'secrets or certificates have changed and are used from now on';
const PARTS = ['kafka', 'genesys', 'operator', 'notify', 'admin', 'webhook'] as const;
const secretNames = [
  'KAFKA_SASL_PASSWORD',
  'GENESYS_CLIENT_SECRET',
  'OPERATOR_KEY',
  'NOTIFY_KEY',
  'ADMIN_TOKEN',
  'INGEST_OKTA_SECRET',
];
const run = promisify(execFile);

let folder: string;
let clock: ManualClock;
let live: LiveConfig<(typeof PARTS)[number]> | null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-live-'));
  clock = new ManualClock();
  live = null;
});
afterEach(async () => {
  live?.close();
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);
const secretOf = (name: string, version: number): string => `${name.toLowerCase()}-number-${version}`;

const addressOf = (version: number): string => `https://hooks.example.com/services/number-${version}-of-ours`;

async function aLiveConfig(more: Record<string, string> = {}) {
  for (const name of secretNames) await write(name, `${secretOf(name, 1)}\n`);
  await write('NOTIFY_URL', `${addressOf(1)}\n`);
  const environment = {
    KAFKA_BROKERS: 'broker.example.com:9093',
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'rollcall',
    GENESYS_CLIENT_ID: 'client',
    NOTIFY_URL_FILE: at('NOTIFY_URL'),
    ...Object.fromEntries(secretNames.map((name) => [`${name}_FILE`, at(name)])),
    ...more,
  };
  const context = aContext({ environment, clock });
  const logger = aLog();
  const config = new LiveConfig(readConfig(environment, PARTS, readText), PARTS, { context, logger });
  live = config;
  return { live: config, context, logger, messages: () => logger.lines.map(({ message }) => message) };
}

test('live files: a secret whose file has changed is used at the next request of each kind', async () => {
  const { live, context, messages } = await aLiveConfig();
  const [genesys, admin] = [lazily(() => live.current.genesys), lazily(() => live.current.admin)];
  const kafka = liveKafka(live);
  const key = operatorKey(() => live.current.operator.key ?? '');
  const [sender] = sendersOf(
    lazily(() => live.current.webhook.secrets),
    () => native,
  );
  const okta = (version: number) =>
    sender?.kind.authorize({
      method: 'POST',
      query: new URLSearchParams(),
      headers: { authorization: secretOf('INGEST_OKTA_SECRET', version) },
    });
  const signature = key.sign('text');
  expect(okta(1)).toBe(true);
  for (const name of secretNames) await write(name, `${secretOf(name, 2)}\n`);
  await write('NOTIFY_URL', addressOf(2));
  await clock.advance(2 * LOOK_MS);
  expect(messages()).toEqual([TAKEN]);
  expect(genesys.clientSecret).toBe(secretOf('GENESYS_CLIENT_SECRET', 2));
  expect(admin.token).toBe(secretOf('ADMIN_TOKEN', 2));
  expect(live.current.notify.key).toEqual(Buffer.from(secretOf('NOTIFY_KEY', 2)));
  expect(live.current.notify.url?.href).toBe(addressOf(2));
  expect(context.secrets.redact(addressOf(2))).toBe('https://hooks.example.com[redacted]');
  expect(kafka.sasl).toMatchObject({ username: 'rollcall', password: secretOf('KAFKA_SASL_PASSWORD', 2) });
  expect([okta(1), okta(2)]).toEqual([false, true]);
  expect(key.hasSigned('text', signature)).toBe(false);
  // The new ones are redacted, too.
  for (const name of secretNames) expect(context.secrets.redact(`<${secretOf(name, 2)}>`)).toBe('<[redacted]>');
});

test('live files: what is in use is redacted however many tokens come; what it has replaced, for a while', async () => {
  const { live, context } = await aLiveConfig();
  context.secrets.know(live.current.secrets);
  await write('GENESYS_CLIENT_SECRET', secretOf('GENESYS_CLIENT_SECRET', 2));
  await clock.advance(2 * LOOK_MS);
  // As a whole: what both have in common is part of the one that is in use.
  const redacted = (version: number): boolean =>
    context.secrets.redactWhole(`<${secretOf('GENESYS_CLIENT_SECRET', version)}>`) === '<[redacted]>';
  context.secrets.learn('access-token-of-the-minute');
  expect([redacted(1), redacted(2)]).toEqual([true, true]);
  for (let i = 0; i < 100; i += 1) context.secrets.learn(`access-token-of-the-minute-${i}`);
  expect([redacted(1), redacted(2)]).toEqual([false, true]);
});

test('live files: a change is taken only once it has rested for one look', async () => {
  const { live, messages } = await aLiveConfig();
  await write('ADMIN_TOKEN', 'half-of-the-new-token');
  await clock.advance(LOOK_MS);
  await write('ADMIN_TOKEN', 'the-whole-new-token-of-it');
  await clock.advance(LOOK_MS);
  expect(messages()).toEqual([]);
  await clock.advance(LOOK_MS);
  expect(live.current.admin.token).toBe('the-whole-new-token-of-it');
});

test.each([
  ['is too short', () => write('ADMIN_TOKEN', 'short'), /ADMIN_TOKEN must have at least 16 characters/],
  ['is empty', () => write('ADMIN_TOKEN', '\n'), /ADMIN_TOKEN_FILE names an empty file/],
  ['is gone', () => rm(at('ADMIN_TOKEN')), /ADMIN_TOKEN_FILE names a file that cannot be read \(ENOENT\)/],
] as const)(
  'live files: a file that %s changes nothing, and is logged once; once corrected, it is taken',
  async (_, damage, problem) => {
    const { live, logger, messages } = await aLiveConfig();
    await damage();
    await write('OPERATOR_KEY', secretOf('OPERATOR_KEY', 2));
    await clock.advance(6 * LOOK_MS);
    expect(messages()).toEqual([KEPT]);
    expect(logger.lines[0]?.fields).toMatchObject({ problem: expect.stringMatching(problem) });
    expect(live.current.admin.token).toBe(secretOf('ADMIN_TOKEN', 1));
    expect(live.current.operator.key).toBe(secretOf('OPERATOR_KEY', 1));
    await write('ADMIN_TOKEN', secretOf('ADMIN_TOKEN', 3));
    await clock.advance(2 * LOOK_MS);
    expect(live.current.admin.token).toBe(secretOf('ADMIN_TOKEN', 3));
    expect(live.current.operator.key).toBe(secretOf('OPERATOR_KEY', 2));
  },
);

test('live files: an address for notifications that is gone is refused, and the former one is kept', async () => {
  const { live, logger } = await aLiveConfig();
  const receiver = liveReceiver(live);
  await write('NOTIFY_URL', '');
  await write('NOTIFY_KEY', secretOf('NOTIFY_KEY', 2));
  await clock.advance(2 * LOOK_MS);
  const key = Buffer.from(secretOf('NOTIFY_KEY', 1));
  expect(receiver?.()).toEqual({ url: new URL(addressOf(1)), key });
  expect(JSON.stringify(logger.lines)).toContain(KEPT);
});

test('live files: the token of Genesys Cloud is asked for with the secret as it is then', async () => {
  const sandbox = await aSandbox({ clientSecret: 'the-new-secret' });
  const credentials = { clientSecret: 'the-old-secret' };
  const { url, clientId } = sandbox;
  const options = {
    clientId,
    apiUrl: url,
    loginUrl: url,
    requestTimeoutMs: 10_000,
    concurrency: 1,
    rateLimitPerMinute: null,
  };
  const api = createGroupApi(
    lazily(() => ({ ...options, ...credentials })),
    { isShadow: false, clock: systemClock, logger: aLog() },
  );
  atEnd(() => api.close());
  expect(as('no_token', await get(api)).code).toBe('invalid_client');
  credentials.clientSecret = 'the-new-secret';
  expect(await api.ensureToken()).toBeNull();
});

test('live files: a fixed token is shown as it is then, and asks for one more try only where it has changed', async () => {
  const access = { token: 'old' };
  const authorization = fixedToken('SSWS', access);
  expect(await authorization.header()).toBe('SSWS old');
  expect(await authorization.renew()).toBe(false);
  access.token = 'new';
  expect(await authorization.renew()).toBe(true);
  expect(await authorization.header()).toBe('SSWS new');
});

describe('the certificate of the webhook server', () => {
  async function aCertificate(name: string): Promise<{ readonly certPem: string; readonly keyPem: string }> {
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-days',
      '1',
      ...files,
    ]);
    return { certPem: await readFile(at(`${name}.crt`), 'utf8'), keyPem: await readFile(at(`${name}.key`), 'utf8') };
  }

  const nameShown = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });

  test('is shown to new connections once its files have changed; a key of another one changes nothing', async () => {
    const [first, second] = [await aCertificate('first'), await aCertificate('second')];
    await write('tls.crt', first.certPem);
    await write('tls.key', first.keyPem);
    const { server } = await anEndpoint({ options: { tls: first } });
    const { live, messages } = await aLiveConfig({
      INGEST_TLS_CERT_FILE: at('tls.crt'),
      INGEST_TLS_KEY_FILE: at('tls.key'),
    });
    live.onChange(({ webhook: { tls } }) => {
      if (tls !== null) server.replaceCertificate(tls);
    });
    await write('tls.crt', second.certPem);
    await clock.advance(3 * LOOK_MS);
    expect(messages()).toEqual([KEPT]);
    expect(await nameShown(server.url)).toBe('first');
    await write('tls.key', second.keyPem);
    await clock.advance(2 * LOOK_MS);
    expect(messages()).toEqual([KEPT, TAKEN]);
    expect(await nameShown(server.url)).toBe('second');
    await write('tls.crt', 'no certificate at all');
    await clock.advance(2 * LOOK_MS);
    expect(await nameShown(server.url)).toBe('second');
  });
});
