/** The admin server before those who may not, ask for too much, or never come to the point. */
import type * as crypto from 'node:crypto';
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startAdmin, type AdminServer } from '../../src/admin/server.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import { ManualClock } from '../support/manual-clock.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

let server: AdminServer;
const sockets: Socket[] = [];

beforeEach(async () => {
  vi.mocked(timingSafeEqual).mockClear();
  server = await startAdmin(
    { host: '127.0.0.1', port: 0, token: 'hush' },
    { stats: () => null, clock: new ManualClock(), logger: { error: () => undefined }, secrets: new KnownSecrets([]) },
  );
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

class Visitor {
  readonly socket: Socket;
  heard = '';
  /** Resolves with all that was heard. */
  readonly closed: Promise<string>;

  constructor() {
    this.socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(this.socket);
    this.socket.setEncoding('utf8').on('data', (chunk: string) => {
      this.heard += chunk;
    });
    // Being cut off in the middle of a word is what some of them are here for.
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve(this.heard)));
  }

  say(text: string): this {
    this.socket.write(text);
    return this;
  }
}

const allowed = 'host: x\r\nauthorization: Bearer hush\r\n';

test.for([
  ['nothing', ''],
  ['a scheme alone', 'Bearer'],
  ['a scheme and a space', 'Bearer '],
  ['the beginning of the token', 'Bearer hus'],
  ['another of the same length', 'Bearer husk'],
  ['a longer one', 'Bearer hush2'],
  ['the token without its scheme', 'hush'],
  ['a very long one', `Bearer ${'h'.repeat(4000)}`],
] as const)('admin server: %s is compared in constant time, as digests of one length', async ([, authorization]) => {
  const response = await fetch(`${server.url}/metrics`, { headers: authorization === '' ? {} : { authorization } });
  expect(response.status).toBe(401);
  expect(await response.text()).toBe('{"error":"a token is needed"}\n');
  const lengths = vi.mocked(timingSafeEqual).mock.calls.map(([left, right]) => [left.byteLength, right.byteLength]);
  expect(lengths).toEqual([[32, 32]]);
});

test.for([
  ['a token that is missing', 'GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 401],
  ['a page that is none', `GET /../../etc/passwd HTTP/1.1\r\n${allowed}connection: close\r\n\r\n`, 404],
  ['a page of elsewhere', `GET http://other.example.com/metrics HTTP/1.1\r\n${allowed}connection: close\r\n\r\n`, 404],
  ['a method that is none of ours', `DELETE /metrics HTTP/1.1\r\n${allowed}connection: close\r\n\r\n`, 405],
  ['a method that is none at all', `BREW /metrics HTTP/1.1\r\n${allowed}\r\n`, 400],
  ['a request without a host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
  ['what is no HTTP', 'hello\r\n\r\n', 400],
  ['a URL that is too long', `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${allowed}\r\n`, 431],
  ['headers that are too long', `GET /metrics HTTP/1.1\r\n${allowed}cookie: ${'a'.repeat(9000)}\r\n\r\n`, 431],
  ['headers that are too many', `GET /metrics HTTP/1.1\r\n${allowed}${'a: b\r\n'.repeat(5000)}\r\n`, 431],
] as const)(
  'admin server: %s is refused plainly, without a word about what serves here',
  async ([, request, status]) => {
    const heard = await new Visitor().say(request).closed;
    expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(heard).not.toMatch(/server:|x-powered-by|node|rollcall|version|\bat .*:\d+|hush|passwd/i);
  },
);

test.for([
  ['announced', 'content-length: 1000000000000\r\n\r\n'],
  ['in chunks without end', 'transfer-encoding: chunked\r\n\r\n10\r\n'],
] as const)('admin server: a body %s is not waited for', async ([, head]) => {
  for (const method of ['POST', 'GET']) {
    const heard = await new Visitor().say(`${method} /healthz HTTP/1.1\r\n${allowed}${head}`).closed;
    expect(heard).toMatch(method === 'GET' ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 405 /);
    expect(heard).toMatch(/connection: close/i);
  }
});

test('admin server: those who never come to the point, or never take their answers, are cut off; others are served meanwhile', async () => {
  const silent = new Visitor();
  const slow = new Visitor().say(`GET /metrics HTTP/1.1\r\n${allowed}x: `);
  const drip = setInterval(() => slow.say('y'), 200);
  const deaf = new Visitor();
  deaf.socket.pause();
  const reset = once(deaf.socket, 'error');
  const ask = (): void => {
    while (deaf.socket.write(`GET /healthz HTTP/1.1\r\n${allowed}\r\n`.repeat(1000)));
  };
  deaf.socket.on('drain', ask);
  ask();
  const response = await fetch(`${server.url}/healthz`, { headers: { authorization: 'Bearer hush' } });
  expect(response.status).toBe(200);
  expect(await slow.closed).toBe('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
  await Promise.all([silent.closed, reset]);
  clearInterval(drip);
});

test('admin server: requests that do not wait for the answer before them end their connection', async () => {
  const probe = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
  expect(await new Visitor().say(probe.repeat(1_000)).closed).toBe('');
  // Those that wait are answered on one connection.
  const patient = new Visitor();
  for (let answers = 1; answers <= 3; answers += 1) {
    patient.say(probe);
    await vi.waitFor(() => expect(patient.heard.match(/^HTTP\/1\.1 200 /gm)).toHaveLength(answers));
  }
});

test('admin server: of too many at once the oldest is turned away, so that a probe is always answered', async () => {
  const crowd = Array.from({ length: 100 }, () => new Visitor());
  await Promise.all(crowd.map(({ socket }) => once(socket, 'connect')));
  const probe = new Visitor().say('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  expect(await probe.closed).toMatch(/^HTTP\/1.1 200 /);
  expect(await Promise.race(crowd.map(async ({ closed }, index) => `${index} ${await closed}`))).toBe('0 ');
});
