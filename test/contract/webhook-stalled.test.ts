/** The webhook server before senders that have not shown a secret: they cost little, and keep no other sender out. */
import type * as crypto from 'node:crypto';
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { createKafkaSecurity } from '../support/kafka-security.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { anEndpoint, adding, rightHeaders, secrets, type Endpoint } from '../support/webhook.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

const portOf = (endpoint: Endpoint): number => Number(new URL(endpoint.server.url).port);

/** Says this much, and no more. */
function stall(endpoint: Endpoint, text: string | Buffer = ''): Socket {
  const socket = connect(portOf(endpoint), '127.0.0.1');
  sockets.push(socket);
  // Being cut off is what they are here for.
  socket.on('error', () => undefined).on('data', () => undefined);
  socket.write(text);
  return socket;
}

const head = (path: string, more: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${more}\r\n`;
const signature = `x-keycloak-signature: ${'0'.repeat(64)}\r\n`;
const chunk = (bytes: number): string => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;

test.for([
  ['many empty notifications', `{"value":[${'{},'.repeat(80_000)}{}]}`],
  ['many numbers', `{"value":[${'0,'.repeat(120_000)}0]}`],
  ['many wrong clientStates', `{"value":[${'{"clientState":"x"},'.repeat(12_000)}{}]}`],
] as const)('webhook: %s are refused at the first one', async ([, body]) => {
  const endpoint = await anEndpoint({ options: { bodyBytesMax: 2_000_000 } });
  vi.mocked(timingSafeEqual).mockClear();
  expect((await endpoint.post('entra', body)).status).toBe(401);
  expect(vi.mocked(timingSafeEqual).mock.calls.length).toBe(1);
});

test.for([
  ['brackets', `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ['keys', `{${Array.from({ length: 15_000 }, (_, i) => `"k${i}":0`).join(',')}}`],
  ['numbers behind a wrong clientState', `{"value":[{"clientState":"x"},${'0,'.repeat(100_000)}0]}`],
] as const)('webhook: a body of %s is refused without being parsed', async ([, body]) => {
  const endpoint = await anEndpoint({ options: { bodyBytesMax: 2_000_000 } });
  const parse = vi.spyOn(JSON, 'parse');
  expect((await endpoint.post('entra', body)).status).toBe(401);
  expect(parse.mock.calls.filter(([text]) => text.length > 1_000)).toEqual([]);
  parse.mockRestore();
});

test('webhook: an escaped clientState is read all the same', async () => {
  const endpoint = await anEndpoint();
  const body = adding('g', 'm').replace(
    secrets.entra,
    `\\u00${secrets.entra.charCodeAt(0).toString(16)}${secrets.entra.slice(1)}`,
  );
  expect(body).toContain('\\u00');
  expect((await endpoint.post('entra', body)).status).toBe(202);
});

test.for(['entra', 'keycloak'] as const)(
  'a large body to %s is not read: the sender has shown nothing yet',
  async (kind) => {
    const endpoint = await anEndpoint({ options: { bodyBytesMax: 2_000_000 } });
    vi.mocked(timingSafeEqual).mockClear();
    const body = `{"value":[${'{},'.repeat(300_000)}{}]}`;
    expect((await endpoint.post(kind, body)).status).toBe(413);
    expect(vi.mocked(timingSafeEqual).mock.calls.length).toBe(0);
    // Who shows the secret in the head may send as much as is configured.
    expect((await endpoint.post('okta', adding('g', 'm').padEnd(1_500_000, ' '))).status).toBe(200);
  },
);

test.for(['/keycloak', '/entra'])(
  'webhook: many that stall in a body of %s leave room for the others',
  async (path) => {
    const endpoint = await anEndpoint({ options: { bodyBytesMax: 1_000_000, answerWithinMs: 10_000 } });
    const text = head(path, `${signature}transfer-encoding: chunked\r\n`) + chunk(250_000);
    const stalled = Array.from({ length: 300 }, () => stall(endpoint, text));
    await Promise.all(stalled.map((socket) => vi.waitFor(() => expect(socket.writableLength).toBe(0), 10_000)));
    for (const kind of ['keycloak', 'entra', 'okta', 'auth0', 'scim'] as const) {
      const response = await endpoint.post(kind, adding('g', kind));
      expect([kind, response.status]).toEqual([kind, kind === 'entra' || kind === 'scim' ? 202 : 200]);
    }
  },
);

test('webhook: requests that stall do not count among those that may wait for Kafka', async () => {
  const endpoint = await anEndpoint({ options: { waitingMax: 2 } });
  const before = Array.from({ length: 20 }, () => stall(endpoint, head('/entra', 'content-length: 100\r\n')));
  await Promise.all(before.map((socket) => once(socket, 'connect')));
  expect((await endpoint.post('entra', adding('g', 'm'))).status).toBe(202);
  expect((await endpoint.post('okta', adding('g', 'm'))).status).toBe(200);
});

test(
  'webhook: a body that does not come to its end by the deadline of the answer is answered 408',
  { timeout: 5_000 },
  async () => {
    const endpoint = await anEndpoint({ options: { answerWithinMs: 100 } });
    const socket = stall(endpoint, head('/entra', 'content-length: 100\r\n'));
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
    await once(socket, 'close');
    expect(heard).toMatch(/^HTTP\/1\.1 408 .*connection: close/is);
  },
);

/** A connection of its own whose request has its answer. */
async function answered(endpoint: Endpoint): Promise<Socket> {
  const socket = stall(endpoint);
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  const body = adding('g', 'm');
  socket.write(`${head('/okta', `authorization: ${secrets.okta}\r\ncontent-length: ${body.length}\r\n`)}${body}`);
  await vi.waitFor(() => expect(heard).toContain('HTTP/1.1 200'), 4_000);
  return socket;
}

test('webhook: bodies that do not wait for the answer before them end their connection', async () => {
  const endpoint = await anEndpoint();
  const body = `${head('/keycloak', `${signature}transfer-encoding: chunked\r\n`)}${chunk(1).repeat(900)}0\r\n\r\n`;
  const socket = stall(endpoint);
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  socket.write(body.repeat(20));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(heard).toBe('');
});

test('webhook: more silent connections than are permitted keep no sender out', async () => {
  const endpoint = await anEndpoint();
  const silent = Array.from({ length: 1_100 }, () => stall(endpoint));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  // Those of fetch may be kept alive: this one is new.
  await answered(endpoint);
});

test('webhook: a connection whose request waits for Kafka is not closed for new ones', async () => {
  const endpoint = await anEndpoint({ options: { answerWithinMs: 10_000 } });
  const open = endpoint.hold();
  const waiting = endpoint.post('okta', adding('g', 'm'));
  await vi.waitFor(() => expect(endpoint.sends().length).toBe(1));
  const silent = Array.from({ length: 1_100 }, () => stall(endpoint));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  open();
  expect((await waiting).status).toBe(200);
});

test('webhook: a connection whose request has its answer gives way to new ones', async () => {
  const endpoint = await anEndpoint();
  const socket = await answered(endpoint);
  for (let count = 0; count < 1_100; count += 1) stall(endpoint);
  await vi.waitFor(() => expect(socket.closed).toBe(true), 10_000);
});

test('webhook: the deadline of an answer counts from the arrival of its head, however slowly the body comes', async () => {
  const clock = new ManualClock();
  const endpoint = await anEndpoint({ clock, options: { answerWithinMs: 2_500 } });
  const open = endpoint.hold();
  const scheduled = clock.scheduledCount;
  const body = adding('g', 'm');
  const socket = stall(endpoint, head('/okta', `authorization: ${secrets.okta}\r\ncontent-length: ${body.length}\r\n`));
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  // It is being read.
  await vi.waitFor(() => expect(clock.scheduledCount).toBeGreaterThan(scheduled));
  await clock.advance(2_000);
  socket.write(body);
  await vi.waitFor(() => expect(endpoint.sends()).toHaveLength(1));
  await clock.advance(500);
  await vi.waitFor(() => expect(heard).toContain('HTTP/1.1 503'));
  open();
});

test(
  'webhook: on a port with TLS too, what is silent is dropped within seconds, at every stage',
  { timeout: 90_000 },
  async () => {
    const security = await createKafkaSecurity();
    const pem = await readFile(security.valid.keystoreFile, 'utf8');
    await security.remove();
    const endpoint = await anEndpoint({ options: { tls: { certPem: pem, keyPem: pem } } });
    const port = portOf(endpoint);
    const silent = stall(endpoint);
    // The beginning of a ClientHello.
    const halfHello = stall(endpoint, Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const shaken = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    const halfHead = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    halfHead.write('POST /okta HTTP/1.1\r\nhost: x\r\n');
    for (const socket of [shaken, halfHead]) {
      sockets.push(socket);
      socket.on('error', () => undefined).on('data', () => undefined);
    }
    const startedAt = performance.now();
    await Promise.all([silent, halfHello, shaken, halfHead].map((socket) => once(socket, 'close')));
    // By itself Node.js waits for a minute and longer.
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    const body = adding('g', 'm');
    const status = await new Promise((resolve) => {
      const options = { port, host: '127.0.0.1', path: '/okta', method: 'POST', rejectUnauthorized: false };
      request({ ...options, headers: rightHeaders('okta', body) }, (answer) => resolve(answer.resume().statusCode)).end(
        body,
      );
    });
    expect(status).toBe(200);
  },
);
