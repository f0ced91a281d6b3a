/** What goes over the wire, and what comes back of it, against the sandbox and against bare servers. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTcpServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type { GenesysOptions } from '../../src/adapters/genesys/group-api.ts';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { aLog, aSandbox, adding, anApi, as, atEnd, get, patch } from '../support/genesys.ts';

/** A server that gives tokens and answers everything else as the test says; `sockets` counts its connections. */
async function aServer(answer: RequestListener) {
  const requests: IncomingMessage[] = [];
  let sockets = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    if (request.url === '/oauth/token') response.end('{"access_token":"t","expires_in":3600}');
    else answer(request, response);
  });
  server.on('connection', () => (sockets += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const openSockets = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  return { url, requests, sockets: () => sockets, openSockets };
}

function apiOf(url: string, change: Partial<GenesysOptions> = {}) {
  const options = { apiUrl: url, loginUrl: url, clientId: 'id', clientSecret: 'secret', concurrency: 2 };
  const api = createGroupApi(
    { ...options, requestTimeoutMs: 10_000, rateLimitPerMinute: null, ...change },
    { isShadow: false, clock: systemClock, logger: aLog() },
  );
  atEnd(() => api.close());
  return api;
}

describe('a group', () => {
  test('is read with its version, and not sent again while it has that version', async () => {
    const api = anApi(await aSandbox());
    const read = as('response', await get(api));
    expect(read).toMatchObject({ status: 200, etag: '"42"', empty: false, retryAfterMs: null });
    expect(read.body).toMatchObject({ id: 'g', members: [{ value: 'a' }], meta: { version: '42' } });
    expect(read.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(Math.abs(Date.now() - read.sentAt)).toBeLessThan(30_000);
    expect(as('response', await get(api, 'g', '"42"'))).toMatchObject({ status: 304, empty: true, body: undefined });
    expect(as('response', await get(api, 'g', '"41"')).status).toBe(200);
  });

  test('is changed under its version only', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    expect(as('response', await patch(api))).toMatchObject({ status: 200, etag: '"43"' });
    expect(as('response', await patch(api, '"42"', adding('c')))).toMatchObject({
      status: 400,
      body: { scimType: 'invalidVers' },
    });
    expect(sandbox.members('g')).toEqual(['a', 'b']);
  });

  test.each(['a/b', 'say "hi"', "it's 100% ?#&", 'Gruppe-ß-日本-🎉', '..', ' '])('may have the id %j', async (id) => {
    const sandbox = await aSandbox({ seed: { groups: [{ id, members: ['a'] }] } });
    expect(as('response', await get(anApi(sandbox), id))).toMatchObject({ status: 200, body: { id } });
    expect(sandbox.stats.journal.at(-1)?.group).toBe(id);
  });

  test('that is not there is 404, and one that is denied 403', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    expect(as('response', await get(api, 'nobody')).status).toBe(404);
    sandbox.deny();
    expect(as('response', await get(api))).toMatchObject({ status: 403, body: { code: 'missing.permissions' } });
  });
});

describe('the wire', () => {
  test('carries the SCIM media type, the version and the token, and asks for no compression', async () => {
    const server = await aServer((_request, response) => response.end('{}'));
    const api = apiOf(server.url);
    await patch(api, '"7"');
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /oauth/token',
      'PATCH /api/v2/scim/v2/groups/g',
    ]);
    const headers = server.requests[1]?.headers;
    expect(headers).toMatchObject({
      authorization: 'Bearer t',
      accept: 'application/scim+json',
      'content-type': 'application/scim+json',
      'if-match': '"7"',
    });
    expect(headers).not.toHaveProperty('accept-encoding');
  });

  test('is prepared: the first request finds a token and a connection, and nothing else was asked before', async () => {
    const server = await aServer((_request, response) => response.end('{}'));
    const api = apiOf(server.url);
    api.prepare();
    await vi.waitFor(async () => expect([server.requests.length, await server.openSockets()]).toEqual([1, 2]));
    await get(api);
    expect(server.requests.map(({ url }) => url)).toEqual(['/oauth/token', '/api/v2/scim/v2/groups/g']);
    expect(server.sockets()).toBe(2);
  });

  test('asks caches on the way to look themselves', async () => {
    const server = await aServer((_request, response) => response.end('{}'));
    const api = apiOf(server.url);
    await get(api);
    await get(api, 'g', '"7"');
    expect(server.requests.slice(1).map(({ headers }) => headers['cache-control'])).toEqual(['no-cache', 'no-cache']);
  });

  test('goes to the path of the API URL where it has one', async () => {
    const server = await aServer((_request, response) => response.end('{}'));
    await get(apiOf(server.url, { apiUrl: `${server.url}/proxy/genesys` }));
    expect(server.requests[1]?.url).toBe('/proxy/genesys/api/v2/scim/v2/groups/g');
  });

  test('keeps connections alive, and never has more of them than the concurrency', async () => {
    const limits = { 'inin-ratelimit-allowed': '1000', 'inin-ratelimit-count': '1', 'inin-ratelimit-reset': '60' };
    const server = await aServer((_request, response) => response.writeHead(200, limits).end('{}'));
    const api = apiOf(server.url, { concurrency: 2 });
    for (let round = 0; round < 20; round++) await get(api);
    await Promise.all(Array.from({ length: 20 }, () => get(api)));
    expect(server.requests).toHaveLength(41);
    expect(server.sockets()).toBe(1 + 2); // The login host has a connection of its own.
  });

  test('has no connection left after close', async () => {
    const server = await aServer((_request, response) => response.end('{}'));
    const api = apiOf(server.url);
    await get(api);
    expect(await server.openSockets()).toBe(2);
    await api.close();
    await vi.waitUntil(async () => (await server.openSockets()) === 0);
  });

  test('has as many requests in flight as the concurrency', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox, { concurrency: 3 });
    await get(api);
    const hold = sandbox.pauseAt(({ endpoint }) => endpoint === 'group');
    const all = Array.from({ length: 6 }, () => get(api));
    await hold.arrivals(3);
    expect(sandbox.stats.inFlight).toBe(3);
    hold.release();
    await Promise.all(all);
    expect(sandbox.stats.inFlightMax).toBe(3);
  });

  test('a body that never ends is given up at the time-out', async () => {
    const server = await aServer((_request, response) => {
      response.writeHead(200);
      response.write('{"id":');
    });
    const answer = as('no_response', await get(apiOf(server.url, { requestTimeoutMs: 200 })));
    expect(answer).toMatchObject({ sent: true, code: 'timeout' });
    expect(answer.durationMs).toBeGreaterThanOrEqual(150);
  });

  test('a body that is cut, or larger than any group, is no answer', async () => {
    const cut = await aServer((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"id":', () => response.socket?.destroy());
    });
    expect(as('no_response', await get(apiOf(cut.url))).sent).toBe(true);
    const large = await aServer((_request, response) => response.end(Buffer.alloc(33 * 1024 * 1024, ' ')));
    expect(as('no_response', await get(apiOf(large.url)))).toMatchObject({
      sent: true,
      code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
    });
  });
});

describe('not one byte is sent', () => {
  test('where no process listens, the host is unknown, or TLS fails', async () => {
    const sandbox = await aSandbox();
    const login = { loginUrl: sandbox.url };
    const closed = createTcpServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const refused = anApi(sandbox, { ...login, apiUrl: `http://127.0.0.1:${port}`, rateLimitPerMinute: 1 });
    expect(as('no_response', await get(refused))).toMatchObject({ sent: false, code: 'ECONNREFUSED' });
    expect(refused.gate.tryTake()).toBe(true);
    const unknown = anApi(sandbox, { ...login, apiUrl: 'http://nowhere.invalid' });
    expect(as('no_response', await get(unknown)).sent).toBe(false);
    const plain = anApi(sandbox, { ...login, apiUrl: sandbox.url.replace('http:', 'https:') });
    expect(as('no_response', await get(plain)).sent).toBe(false);
  });

  test('when the lease is lost while the request waits behind a busy connection', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox, { concurrency: 1 });
    await get(api);
    const hold = sandbox.pauseAt();
    const first = get(api);
    await hold.arrived;
    let hasLease = true;
    await api.gate.take();
    const queued = api.patchGroup({ group: 'g', ifMatch: '"42"', body: adding('b'), mayStart: () => hasLease });
    hasLease = false;
    hold.release();
    expect(as('response', await first).status).toBe(200);
    expect(await queued).toEqual({ kind: 'not_started' });
    expect(as('response', await get(api)).status).toBe(200);
    expect(sandbox.stats.requests).not.toHaveProperty('PATCH');
    expect(sandbox.members('g')).toEqual(['a']);
  });

  test('when the lease is lost while the connection is made, and the connection serves the next request', async () => {
    const received: Buffer[] = [];
    const sandbox = await aSandbox();
    const target = new URL(sandbox.url);
    let sockets = 0;
    const relay = createTcpServer((socket) => {
      sockets += 1;
      const onward = connect(Number(target.port), target.hostname);
      socket.on('data', (chunk) => received.push(chunk));
      socket.pipe(onward).pipe(socket);
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    atEnd(async () => void relay.close());
    const apiUrl = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const api = anApi(sandbox, { apiUrl, concurrency: 1, rateLimitPerMinute: 1 });
    await api.gate.take();
    const asked: number[] = [];
    const mayStart = (): boolean => asked.push(sockets) < 0;
    expect(await api.getGroup({ group: 'g', ifNoneMatch: null, mayStart })).toEqual({ kind: 'not_started' });
    expect([asked.length, Buffer.concat(received).length]).toEqual([1, 0]);
    expect(api.gate.tryTake()).toBe(false);
    api.gate.giveBack();
    expect(as('response', await get(api)).status).toBe(200);
    expect(sockets).toBe(1);
  });

  test('when the time is up while the request is queued', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox, { concurrency: 1, requestTimeoutMs: 300 });
    await get(api);
    const hold = sandbox.pauseAt();
    const [first, queued] = await Promise.all([get(api), patch(api)]);
    hold.release();
    expect(first).toMatchObject({ kind: 'no_response', sent: true, code: 'timeout' });
    expect(queued).toMatchObject({ kind: 'no_response', sent: false, code: 'timeout' });
    expect(as('response', await get(api)).status).toBe(200);
    expect(sandbox.stats.requests).not.toHaveProperty('PATCH');
  });

  test('after close, which breaks off what is under way', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    await get(api);
    const hold = sandbox.pauseAt();
    const underWay = get(api);
    await hold.arrived;
    while (api.gate.tryTake());
    const waiting = get(api);
    await api.close();
    expect(as('no_response', await underWay).sent).toBe(true);
    expect(as('no_response', await waiting).sent).toBe(false);
  });
});
