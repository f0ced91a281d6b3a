/** Each kind of sender at the webhook server: how it verifies the address, shows its secret, and what it hears. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type * as crypto from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { KindName } from '../../src/ingest/webhook/kind.ts';
import { adding, anEndpoint, rightHeaders, secrets } from '../support/webhook.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

const body = adding('g', 'm');
const signed = (secret: string, text: string, algorithm = 'sha256'): Record<string, string> => ({
  'x-keycloak-signature': createHmac(algorithm, secret).update(text).digest('hex'),
});

test.for([
  ['okta', 200],
  ['auth0', 200],
  ['keycloak', 200],
  ['entra', 202],
  ['scim', 202],
] as const)(
  '%s with its secret: the change is in Kafka, keyed by its group, when it hears %i',
  async ([kind, status]) => {
    const endpoint = await anEndpoint();
    const response = await endpoint.post(kind, adding('group-1', 'user-1', 'event-1'));
    expect(response.status).toBe(status);
    expect(await response.text()).toBe('');
    const value = { group_id: 'group-1', add_members: ['user-1'], remove_members: [], event_id: 'event-1' };
    expect(endpoint.written('source')).toMatchObject([{ key: 'group-1', value: JSON.stringify(value) }]);
  },
);

const wrong: readonly (readonly [kind: KindName, what: string, headers: Record<string, string>])[] = [
  ['okta', 'nothing', {}],
  ['okta', 'another secret', { authorization: 'okta-secret2' }],
  ['okta', 'the secret as a bearer token', { authorization: `Bearer ${secrets.okta}` }],
  ['auth0', 'nothing', {}],
  ['auth0', 'another token', { authorization: 'Bearer auth0-tokem' }],
  ['auth0', 'the beginning of the token', { authorization: 'Bearer auth0' }],
  ['auth0', 'the token without its scheme', { authorization: secrets.auth0 }],
  ['auth0', "another kind's token", { authorization: `Bearer ${secrets.scim}` }],
  ['scim', 'nothing', {}],
  ['scim', 'another token', { authorization: 'Bearer scim-tokem' }],
  ['keycloak', 'nothing', {}],
  ['keycloak', 'a signature that is none', { 'x-keycloak-signature': 'yes' }],
  ['keycloak', 'the signature of another body', signed(secrets.keycloak, `${body} `)],
  ['keycloak', 'the signature of another secret', signed('hush', body)],
  ['keycloak', 'a signature that is too weak', signed(secrets.keycloak, body, 'sha1')],
];

test.for(wrong)('webhook: %s with %s is refused, without a word about what was wrong', async ([kind, , headers]) => {
  const endpoint = await anEndpoint();
  const response = await endpoint.post(kind, body, { 'content-type': 'application/json', ...headers });
  expect(response.status).toBe(401);
  expect(await response.text()).toBe('{"error":"not authorized"}\n');
  expect(endpoint.sends()).toEqual([]);
});

test.for([
  ['no clientState', [{ group: 'g', add: ['m'] }]],
  ['another clientState', [{ clientState: 'entra-statf', group: 'g', add: ['m'] }]],
  ['a clientState that is no text', [{ clientState: ['entra-state'], group: 'g', add: ['m'] }]],
  [
    'one that is not ours among ours',
    [{ clientState: secrets.entra }, { clientState: 'x' }, { clientState: secrets.entra }],
  ],
  ['no notification at all', []],
  ['a list of something else', ['entra-state']],
] as const)('webhook: entra with %s is refused as a whole', async ([, value]) => {
  const endpoint = await anEndpoint();
  expect((await endpoint.post('entra', JSON.stringify({ value }))).status).toBe(401);
  expect((await endpoint.post('entra', 'not JSON')).status).toBe(401);
  expect(endpoint.sends()).toEqual([]);
});

test.for(['okta', 'auth0', 'keycloak', 'entra', 'scim'] as const)(
  'webhook: the secret of %s is compared in constant time, as digests of one length, and is in no line of the log',
  async (kind) => {
    const endpoint = await anEndpoint();
    vi.mocked(timingSafeEqual).mockClear();
    await endpoint.post(kind, body);
    await endpoint.post(kind, body.replace(secrets.entra, 'x'), {
      ...rightHeaders(kind, 'other'),
      authorization: 'Bearer x',
    });
    await endpoint.post(kind, '{', rightHeaders(kind, '{'));
    const lengths = vi.mocked(timingSafeEqual).mock.calls.map(([left, right]) => [left.byteLength, right.byteLength]);
    expect(lengths.length).toBeGreaterThanOrEqual(2);
    expect(new Set(lengths.map(String))).toEqual(new Set(['32,32']));
    expect(endpoint.lines.join('\n')).not.toContain(secrets[kind]);
  },
);

test('webhook: a signature of Keycloak counts in capitals too', async () => {
  const endpoint = await anEndpoint();
  const signature = rightHeaders('keycloak', body)['x-keycloak-signature']?.toUpperCase() ?? '';
  expect((await endpoint.post('keycloak', body, { 'x-keycloak-signature': signature })).status).toBe(200);
});

test("webhook: Okta's one-time verification gets its challenge back, and a wrong secret is reported immediately", async () => {
  const { server } = await anEndpoint();
  const ask = (headers: Record<string, string>): Promise<Response> => fetch(`${server.url}/okta`, { headers });
  const challenge = { 'x-okta-verification-challenge': 'Zm9v"<b>' };
  for (const authorization of [{}, { authorization: secrets.okta }]) {
    const response = await ask({ ...challenge, ...authorization });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ verification: 'Zm9v"<b>' });
  }
  expect((await ask({ ...challenge, authorization: 'other' })).status).toBe(401);
  expect((await ask({})).status).toBe(400);
});

test.for([
  [
    'Validation%3a+Testing+client+application+reachability+Request-Id%3a+1',
    'Validation: Testing client application reachability Request-Id: 1',
  ],
  ['a%20b%2Bc', 'a b+c'],
  ['%3Cscript%3Ealert(%22%26%22)%3C/script%3E', '&#60;script&#62;alert(&#34;&#38;&#34;)&#60;/script&#62;'],
  ['', ''],
] as const)("webhook: Graph's validation token %s comes back as plain text", async ([sent, expected]) => {
  const { server } = await anEndpoint();
  const response = await fetch(`${server.url}/entra?validationToken=${sent}`, { method: 'POST' });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await response.text()).toBe(expected);
});

test('webhook: a SCIM event that cannot be read is refused as RFC 8935 says, and is a dead letter all the same', async () => {
  const endpoint = await anEndpoint();
  const response = await endpoint.post('scim', '{"value":[{}]}');
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('content-language')).toBe('en');
  expect(await response.json()).toEqual({ err: 'invalid_request', description: '`group` is missing.' });
  expect(endpoint.written('dead-letter').map((letter) => letter.header('rollcall-error-code'))).toEqual(['no_group']);
});
