/** Cursors from a topic and links from answers decide what is asked for: the token goes to the configured address alone. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../support/manual-clock.ts';
import { Poll } from '../support/idp/poll.ts';

type Source = 'okta' | 'entra' | 'auth0' | 'scim';
interface Asked {
  readonly url: string;
  readonly isToken: boolean;
}

const START = Date.parse('2026-01-01T00:00:00Z');
const url = 'https://idp.example.com:8443';

afterEach(() => void vi.unstubAllGlobals());

const json = (body: unknown, headers: Readonly<Record<string, string>> = {}): Response =>
  Response.json(body, { headers });
const token = (): Response => json({ access_token: 'token', expires_in: 3_600 });

/** Everything that is sent anywhere. */
function network(respond: (asked: Asked, count: number) => Response): readonly Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (address: string, init: { readonly method?: string }) => {
    const one = { url: address, isToken: init.method === 'POST' };
    asked.push(one);
    return one.isToken ? token() : respond(one, asked.length);
  });
  return asked;
}

const scopes: Readonly<Record<Source, string>> = {
  okta: 'okta/idp.example.com:8443',
  entra: 'entra/idp.example.com:8443/tenant',
  auth0: 'auth0/idp.example.com:8443',
  scim: 'scim/idp.example.com:8443',
};

const store = (poll: Poll, source: Source, value: string): Promise<void> => poll.store(scopes[source], value);

const elsewhere = [
  '2/steal',
  '.evil.example/x',
  '@evil.example/api/v1/logs?since=x',
  ':pw@evil.example/api/v1/logs?since=x',
  '//evil.example/api/v1/logs?since=x',
  '/\\evil.example/api/v1/logs?since=x',
  '\\\\evil.example/api/v1/logs?since=x',
  'https://evil.example/api/v1/logs?since=x',
  '/api/v1/../../steal?since=x',
  '/api/v1/logs/../users?since=x',
  '/api/v1/users?since=x',
  '/v1.0/users?$deltatoken=x',
  '/v1.0/groups/delta/../../users?$deltatoken=x',
  '\t/api/v1/logs?since=x',
  'from=1&event_type=user.created',
  '0',
  'known/x',
  '1/../../steal',
  '',
  ' ',
];

describe.each<Source>(['okta', 'entra', 'auth0', 'scim'])(
  'a cursor of %s that another writer has written',
  (source) => {
    test.each(elsewhere)('%j is refused with a remedy, and nothing is sent', async (cursor) => {
      const asked = network(() => json([]));
      const poll = new Poll(source, { url });
      await store(poll, source, JSON.stringify({ v: 1, cursor }));
      await expect(poll.run()).rejects.toThrow(/is no cursor.*kafka-console-producer\.sh/s);
      await expect(poll.run({ mode: 'forever' })).rejects.toThrow('is no cursor');
      expect(asked).toEqual([]);
    });

    test.each(['', 'x', '5', '{}', '{"v":1}', '{"v":2,"cursor":"1"}', '{"v":1,"cursor":5}'])(
      'a record that says %j is no cursor either',
      async (value) => {
        const asked = network(() => json([]));
        const poll = new Poll(source, { url });
        await store(poll, source, value);
        await expect(poll.run()).rejects.toThrow('is no cursor');
        expect(asked).toEqual([]);
      },
    );
  },
);

const links = [
  'https://evil.example/api/v1/logs?after=2',
  'http://idp.example.com:8443/api/v1/logs?after=2',
  'https://idp.example.com/api/v1/logs?after=2',
  'https://idp.example.com:8444/api/v1/logs?after=2',
  'https://user:pw@idp.example.com:8443/api/v1/logs?after=2',
  'https://idp.example.com:8443@evil.example/api/v1/logs?after=2',
  'https://idp.example.com:8443\\@evil.example/api/v1/logs?after=2',
  'https://idp.example.com:8443.evil.example/api/v1/logs?after=2',
  '//evil.example/api/v1/logs?after=2',
  '/\\evil.example/api/v1/logs?after=2',
  '/api/v1/%2e%2e%2f%2e%2e/steal',
  'javascript:alert(1)',
];

test.each(links)('poll address: a next link to %s ends the poll, and nothing is sent there', async (link) => {
  const asked = network(({ url: address }) =>
    address.includes('/logs') ? json([{ published: 'x' }], { link: `<${link}>; rel="next"` }) : json([]),
  );
  await expect(new Poll('okta', { url }).run()).rejects.toMatchObject({ name: 'IdpTrouble' });
  expect(asked.map(({ url: address }) => new URL(address).origin)).toEqual([url, url]);
});

test('poll address: a next link that leaves the base path is not followed; one below it is, whichever way it is written', async () => {
  const page = (link: string) => (_: Asked, count: number) =>
    count === 1 ? json([], { link: `<${link}>; rel="next"` }) : json([]);
  const base = `${url}/tenant/scim`;
  network(page(`${base}/../admin/users`));
  await expect(new Poll('okta', { url: base }).run()).rejects.toThrow('links to another place');
  const asked = network(page(`${base}/x/../api/v1/groups?after=2`));
  await new Poll('okta', { url: base }).run();
  expect(asked[1]?.url).toBe(`${base}/api/v1/groups?after=2`);
});

test('poll address: a link of the log that leads to something else of the same host is neither stored nor followed', async () => {
  const asked = network(({ url: address }) =>
    address.includes('/logs')
      ? json([{ published: 'x' }], { link: `<${url}/api/v1/users?after=2>; rel="next"` })
      : json([]),
  );
  const poll = new Poll('okta', { url });
  await expect(poll.run()).rejects.toThrow('none of its log');
  expect(asked.length).toBe(2);
  expect([...poll.cursors().values()].join()).not.toContain('users');
});

test.each(['.', '..'])(
  'poll address: a group called %j is not asked for: its path would be another one',
  async (id) => {
    const asked = network(() => json({ totalResults: 1, Resources: [{ id }] }));
    await expect(new Poll('scim', { url: `${url}/scim/v2` }).run()).rejects.toThrow('leads away');
    expect(asked.length).toBe(1);
  },
);

/** What is asked for in half an hour. */
async function inHalfAnHour(source: Source, respond: (asked: Asked, count: number) => Response): Promise<number> {
  const asked = network(respond);
  const clock = new ManualClock(START);
  const poll = new Poll(source, { url }, { clock });
  const running = poll.run({ mode: 'forever', intervalMs: 5_000, startFrom: 'now' });
  await clock.advance(1_800_000);
  const count = asked.length;
  poll.stop.abort();
  await running;
  return count;
}

test('poll address: pages of the log that lead in a circle are read once around, then less and less often', async () => {
  const event = { uuid: 'e', published: '2026-01-01T00:00:00.000Z', eventType: 'user.session.start' };
  const count = await inHalfAnHour('okta', ({ url: address }) =>
    json([event], { link: `<${url}/api/v1/logs?after=${address.endsWith('after=2') ? 3 : 2}>; rel="next"` }),
  );
  expect(count).toBeLessThan(40);
});

test('poll address: delta links that lead in a circle are read once around, then less and less often', async () => {
  const count = await inHalfAnHour('entra', ({ url: address }) =>
    json({ value: [], '@odata.nextLink': `${url}/v1.0/groups/delta?$skiptoken=${address.endsWith('=2') ? 3 : 2}` }),
  );
  expect(count).toBeLessThan(40);
});

test('poll address: a list of empty pages without an end is given up', async () => {
  const asked = network((_, count) => json([], { link: `<${url}/api/v1/groups?after=${count}>; rel="next"` }));
  const clock = new ManualClock(START);
  const running = expect(new Poll('okta', { url }, { clock }).run()).rejects.toThrow('pages in a row are empty');
  await clock.advance(120_000);
  await running;
  expect(asked.length).toBeLessThan(600);
});

test('poll address: a body without an end is cut off, and nothing of it is taken', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  const body = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1;
        controller.enqueue(chunk);
      },
    });
  network(() => new Response(body(), { status: 200 }));
  await expect(new Poll('scim', { url }).run()).rejects.toThrow('bytes');
  expect(sent).toBeLessThan(70);
});

test('poll address: an event stream that never is quiet is cut off at the limit of a request', async () => {
  const clock = new ManualClock(START);
  let heartbeats = 0;
  const body = () => {
    let stop = (): void => undefined;
    return new ReadableStream<Uint8Array>({
      pull: (controller) =>
        new Promise((resolve) => {
          stop = clock.schedule(50, () => {
            heartbeats += 1;
            controller.enqueue(Buffer.from(': heartbeat\n\n'));
            resolve();
          });
        }),
      cancel: () => stop(),
    });
  };
  network(() => new Response(body(), { status: 200, headers: { 'content-type': 'text/event-stream' } }));
  const running = new Poll('auth0', { url }, { clock }).run({ startFrom: 'now' });
  await clock.advance(60_000);
  await running;
  expect(heartbeats).toBeGreaterThan(500);
  expect(heartbeats).toBeLessThan(700);
});
