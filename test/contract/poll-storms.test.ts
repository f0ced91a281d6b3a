/** Storms: few requests reach an identity provider, whichever way it answers. In virtual time, without a network. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../support/manual-clock.ts';
import { Poll } from '../support/idp/poll.ts';

const HALF_A_MINUTE = 30_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const url = 'https://idp.example.com';

interface Asked {
  readonly path: string;
  readonly isToken: boolean;
}

afterEach(() => void vi.unstubAllGlobals());

/** What reaches the provider in half a minute. */
async function requestsOf(
  name: 'okta' | 'entra' | 'auth0' | 'scim',
  respond: (asked: Asked, count: number) => Response,
): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (address: string, init: { readonly method?: string }) => {
    const one = { path: address.slice(url.length), isToken: init.method === 'POST' };
    asked.push(one);
    return respond(one, asked.length);
  });
  const clock = new ManualClock(START);
  const poll = new Poll(name, { url }, { clock });
  const running = poll.run({ mode: 'forever', intervalMs: 5_000 });
  await clock.advance(HALF_A_MINUTE);
  const count = asked.length;
  poll.stop.abort();
  await running;
  return asked.slice(0, count);
}

const json = (body: unknown, headers: Readonly<Record<string, string>> = {}): Response =>
  Response.json(body, { headers });
const token = (fields: object = {}): Response => json({ access_token: 'token', expires_in: 3_600, ...fields });

const sources = ['okta', 'entra', 'auth0', 'scim'] as const;

describe.each<Readonly<Record<string, string>>>([
  { 'retry-after': '0' },
  { 'retry-after': '-1' },
  { 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' },
  { 'retry-after': '86400' },
  { 'retry-after': '1' },
  { 'x-rate-limit-reset': '0' },
  { 'x-rate-limit-reset': String(START / 1_000) },
  { 'x-ratelimit-reset': '99999999999' },
])('poll: a 429 with %j', (headers) => {
  test.each(sources)('of %s: few requests in 30 s', async (name) => {
    const asked = await requestsOf(name, ({ isToken }) =>
      isToken ? token() : new Response('', { status: 429, headers }),
    );
    expect(asked.filter(({ isToken }) => !isToken).length).toBeLessThanOrEqual(5);
    expect(asked.filter(({ isToken }) => isToken).length).toBeLessThanOrEqual(1);
  });

  test.each(['entra', 'auth0'] as const)('of the token endpoint of %s: few requests in 30 s', async (name) => {
    const asked = await requestsOf(name, () => new Response('', { status: 429, headers }));
    expect(asked.length).toBeLessThanOrEqual(5);
  });
});

test.each([0, -1, 0.5, 9, 30, 59, 60, 1e15, 'soon'])(
  'poll: a token that is said to live for %j s is not asked for with every request',
  async (lifetime) => {
    const tokens = (
      await requestsOf('auth0', ({ isToken }) => (isToken ? token({ expires_in: lifetime }) : json({})))
    ).filter(({ isToken }) => isToken);
    // Half of a life of 30 s.
    expect(tokens.length).toBeLessThanOrEqual(3);
  },
);

/** Ten a second, and a burst. */
const PACED_MAX = 310;

test.each<[string, 'okta' | 'entra' | 'auth0', (asked: Asked, count: number) => Response]>([
  [
    'a next page for ever, of groups',
    'okta',
    (_, count) => json([{ id: `g${count}` }], { link: `<${url}/api/v1/groups?after=${count}>; rel="next"` }),
  ],
  [
    'a next page for ever, each empty',
    'okta',
    (_, count) => json([], { link: `<${url}/api/v1/groups?after=${count}>; rel="next"` }),
  ],
  [
    'a next page for ever, each empty',
    'entra',
    ({ isToken }, count) =>
      isToken ? token() : json({ value: [], '@odata.nextLink': `${url}/v1.0/groups/delta?$skiptoken=${count}` }),
  ],
  [
    'a next page for ever, each empty',
    'auth0',
    ({ isToken }, count) => (isToken ? token() : json({ groups: [], next: `n${count}` })),
  ],
])('%s: %s is read at the pace of the gate', async (_, name, respond) => {
  expect((await requestsOf(name, respond)).length).toBeLessThanOrEqual(PACED_MAX);
});

test.each<[string, 'okta' | 'entra' | 'auth0', (asked: Asked) => Response]>([
  ['of the same groups', 'okta', () => json([{ id: 'g' }], { link: `<${url}/api/v1/groups?limit=2>; rel="next"` })],
  [
    'of nothing',
    'entra',
    ({ isToken }) =>
      isToken ? token() : json({ value: [], '@odata.nextLink': `${url}/v1.0/groups/delta?$skiptoken=1` }),
  ],
  ['of nothing', 'auth0', ({ isToken }) => (isToken ? token() : json({ groups: [], next: 'n' }))],
])('poll: a next page that leads back, %s: few requests of %s in 30 s', async (_, name, respond) => {
  expect((await requestsOf(name, respond)).length).toBeLessThanOrEqual(25);
});

test('poll: a log whose last event comes again and again is asked for at the usual interval', async () => {
  const event = { uuid: 'e', published: '2026-01-01T00:00:00.000Z', eventType: 'user.session.start' };
  const asked = await requestsOf('okta', ({ path }) => json(path.startsWith('/api/v1/logs') ? [event] : []));
  expect(asked.length).toBeLessThanOrEqual(10);
});

test('poll: troubles that are over make no later pause longer', async () => {
  const isTrouble = (count: number): boolean => count % 2 === 1;
  const asked = await requestsOf('scim', (_, count) => json(isTrouble(count) ? {} : { totalResults: 0 }));
  // Every five seconds.
  expect(asked).toHaveLength(7);
});
