// HTTPS_PROXY, HTTP_PROXY and NO_PROXY: what goes through the proxy, and that its password is said nowhere.
import { EnvHttpProxyAgent } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectIdp, IdpHttp } from '../../src/adapters/idp/http.ts';
import { proxyFor } from '../../src/adapters/proxy.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { examine } from '../../src/commands/doctor.ts';
import type { Finding } from '../../src/console/doctor-checks.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { aContext } from '../support/command-context.ts';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

let sandbox: Sandbox;
let proxy: ConnectProxy;

beforeEach(async () => {
  sandbox = await startSandbox({ users: 'any' });
  proxy = await startConnectProxy(sandbox.url);
});

afterEach(async () => {
  await Promise.all([sandbox.stop(), proxy.close()]);
});

/** No such name exists: only the proxy knows where it leads. */
const outside = {
  GENESYS_API_URL: 'http://api.invalid',
  GENESYS_LOGIN_URL: 'http://login.invalid',
  ALLOW_INSECURE: 'true',
};

async function doctor(change: Record<string, string>) {
  const environment = { ...environmentOf(sandbox), KAFKA_BROKERS: '127.0.0.1:1', LOG_LEVEL: 'debug', ...change };
  const context = aContext({ environment });
  const code = await examine({ json: true }, context);
  const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
  const said = (check: Finding['check']): readonly Finding[] => findings.filter((finding) => finding.check === check);
  return { code, said, all: context.out() + context.err() };
}

describe.each(['HTTP_PROXY', 'http_proxy'])('%s', (name) => {
  test('serves login host and API, and doctor names it without its password', async () => {
    const { said, all } = await doctor({ ...outside, [name]: `http://jane:s3cr%40t-word@127.0.0.1:${proxy.port}` });
    expect(said('permission').map(({ status }) => status)).toEqual(['ok']);
    expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set(['login.invalid:80', 'api.invalid:80']));
    expect(proxy.tunnels[0]?.credentials).toBe(`Basic ${Buffer.from('jane:s3cr@t-word').toString('base64')}`);
    expect(said('configuration').map(({ message }) => message)).toContain(
      `Requests to http://login.invalid go through the proxy http://127.0.0.1:${proxy.port} of the environment.`,
    );
    expect(all).not.toMatch(/s3cr(%40|@)t-word/);
  });
});

test('proxy: this machine, and what NO_PROXY names, is reached without one', async () => {
  const url = `http://127.0.0.1:${proxy.port}`;
  expect((await doctor({ HTTP_PROXY: url, HTTPS_PROXY: url })).said('permission')[0]?.status).toBe('ok');
  expect(
    (await doctor({ ...outside, HTTP_PROXY: url, NO_PROXY: 'example.com, .invalid' })).said('token')[0]?.status,
  ).toBe('fail');
  expect(proxy.tunnels).toEqual([]);
});

test('proxy: a proxy that cannot be used is a problem of the configuration, whose text is not repeated', async () => {
  const { code, said, all } = await doctor({ HTTPS_PROXY: 'ftp://jane:s3cret-word@proxy.example.com' });
  expect(code).toBe(EXIT.configuration);
  expect(said('configuration')[0]?.message).toBe('HTTPS_PROXY must be an http or https URL');
  expect(all).not.toContain('s3cret-word');
});

test('proxy: a proxy that refuses is reported with the address that was requested', async () => {
  const refusing = await startConnectProxy(null);
  const { said } = await doctor({ ...outside, HTTP_PROXY: `127.0.0.1:${refusing.port}` });
  await refusing.close();
  expect(said('token')[0]?.message).toMatch(/login\.invalid.*407/);
});

test('proxy: requests to identity providers go through it', async () => {
  const settings = { httpProxy: `http://127.0.0.1:${proxy.port}`, httpsProxy: '', noProxy: '' };
  const silent = () => undefined;
  const logger = { debug: silent, info: silent, warn: silent, error: silent };
  const stop = new AbortController().signal;
  const world = {
    clock: systemClock,
    random: systemRandom,
    logger,
    stop,
    proxy: settings,
    secrets: new KnownSecrets([]),
  };
  const options = { baseUrl: 'http://idp.invalid', timeoutMs: 5_000, triesMax: 1, advice: '' };
  const authorization = { header: async () => 'Bearer x', renew: async () => false };
  const idp = new IdpHttp(options, connectIdp(world), authorization);
  expect((await idp.get('/sandbox/nothing')).status).toBe(404);
  expect(proxy.tunnels.map(({ to }) => to)).toEqual(['idp.invalid:80']);
});

describe('what is said of an address is what undici does', () => {
  test.each([
    ['http://a.invalid', '', true],
    ['http://a.invalid', '*', false],
    ['http://a.invalid', 'invalid', false],
    ['http://a.invalid', '.invalid', false],
    ['http://a.invalid', '*.invalid', false],
    ['http://a.invalid', 'A.INVALID', false],
    ['http://a.invalid:81', 'a.invalid:81', false],
    ['http://a.invalid:82', 'a.invalid:81', true],
    ['http://a.invalid', 'a.invalid:80 b', false],
    ['http://a.invalid', 'a.invalid:0', false],
    ['http://aa.invalid', 'a.invalid', true],
    ['http://a.invalid', 'x,y', true],
  ])('%s with NO_PROXY=%s', async (url, noProxy, isProxied) => {
    const settings = { httpProxy: `http://127.0.0.1:${proxy.port}`, httpsProxy: '', noProxy };
    expect(proxyFor(url, settings) !== null).toBe(isProxied);
    const agent = new EnvHttpProxyAgent(settings);
    await agent.request({ origin: url, method: 'GET', path: '/' }).catch(() => undefined);
    expect(proxy.tunnels.length > 0).toBe(isProxied);
    await agent.destroy();
  });

  test.each([
    'http://localhost:1',
    'http://127.0.0.1',
    'http://127.8.8.8:3',
    'https://[::1]:4',
    'http://app.localhost',
  ])('%s is this machine', (url) => {
    expect(proxyFor(url, { httpProxy: 'http://p', httpsProxy: 'http://p', noProxy: '' })).toBeNull();
  });
});
