/** The webhook server between senders and Kafka: order, acknowledgement, bounds, what cannot be read, the end. */
import { request } from 'node:http';
import { expect, test, vi } from 'vitest';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { adding, anEndpoint, plainFormat, rightHeaders, secrets, type Endpoint } from '../support/webhook.ts';

const membersOf = (endpoint: Endpoint): readonly string[] =>
  endpoint.written('source').flatMap(({ value }) => (JSON.parse(value) as { add_members: string[] }).add_members);

/** Resolves when the server has so many sends begun. */
const sendsOf = (endpoint: Endpoint, count: number): Promise<void> =>
  vi.waitFor(() => expect(endpoint.sends().length).toBe(count), { interval: 5 });

test('webhook: no sender gets 2xx before Kafka has acknowledged', async () => {
  const endpoint = await anEndpoint();
  const open = endpoint.hold();
  let status: number | null = null;
  const answered = endpoint.post('okta', adding('g', 'm')).then((response) => (status = response.status));
  await sendsOf(endpoint, 1);
  expect(status).toBeNull();
  open();
  expect(await answered).toBe(200);
});

test('webhook: what arrives while a send is under way goes out with one send, in the order of its arrival', async () => {
  const arrivals = { count: 0 };
  const endpoint = await anEndpoint({ format: { ...plainFormat, decode: countingDecode(arrivals) } });
  const open = endpoint.hold();
  const members = Array.from({ length: 40 }, (_, index) => `m${index}`);
  const answers: Promise<Response>[] = [];
  for (const [index, member] of members.entries()) {
    answers.push(endpoint.post(index % 2 === 0 ? 'okta' : 'auth0', adding('g', member)));
    await vi.waitFor(() => expect(arrivals.count).toBe(index + 1), { interval: 1 });
  }
  open();
  expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]));
  expect(membersOf(endpoint)).toEqual(members);
  expect(endpoint.sends().length).toBe(2);
});

const countingDecode =
  (arrivals: { count: number }): SourceFormat['decode'] =>
  (record, topic) => {
    arrivals.count += 1;
    return plainFormat.decode(record, topic);
  };

test('webhook: a send that fails is sent again, and nothing overtakes it', async () => {
  const endpoint = await anEndpoint();
  const open = endpoint.hold();
  endpoint.failSends(2);
  const first = endpoint.post('okta', adding('g', 'first'));
  await sendsOf(endpoint, 1);
  const second = endpoint.post('okta', adding('g', 'second'));
  open();
  expect((await first).status).toBe(200);
  expect((await second).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['first', 'second']);
});

test('webhook: at the deadline the sender hears 503; what it then repeats is written once, where it stood', async () => {
  const endpoint = await anEndpoint({ options: { answerWithinMs: 100 } });
  const open = endpoint.hold();
  const body = adding('g', 'm', 'event-1');
  const late = await endpoint.post('okta', body);
  expect(late.status).toBe(503);
  expect(late.headers.get('retry-after')).toBe('2');
  const repeated = endpoint.post('okta', body);
  open();
  expect((await repeated).status).toBe(200);
  expect((await endpoint.post('okta', body)).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['m']);
});

test('webhook: a repetition of what could not be written is tried again', async () => {
  const endpoint = await anEndpoint({ recordMaxBytes: 200, deadLetterMaxBytes: 200 });
  const body = adding('g', 'm'.repeat(200), 'event-1');
  for (let time = 0; time < 2; time += 1) expect((await endpoint.post('okta', body)).status).toBe(503);
  endpoint.broker.topic('source').alter('max.message.bytes', '1000000');
  expect((await endpoint.post('okta', body)).status).toBe(200);
  expect(membersOf(endpoint)).toHaveLength(1);
});

test('webhook: a repetition of what there was no room for is written', async () => {
  const endpoint = await anEndpoint({ options: { waitingMax: 1, answerWithinMs: 100 } });
  const open = endpoint.hold();
  const bodies = ['first', 'second'].map((member) => adding('g', member, member));
  for (const body of bodies) expect((await endpoint.post('okta', body)).status).toBe(503);
  open();
  await vi.waitFor(() => expect(membersOf(endpoint)).toEqual(['first']));
  for (const body of bodies) expect((await endpoint.post('okta', body)).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['first', 'second']);
});

/** Together more than what all bodies under way may take: 48 MiB behind a secret in the head, else 16 MiB. */
test.for([
  ['are taken by their head', 'okta', 13 * 1024 * 1024, 5, {}, 200],
  ['are taken by their signature', 'keycloak', 250 * 1024, 70, {}, 200],
  ['are refused for their signature', 'keycloak', 250 * 1024, 70, { 'x-keycloak-signature': '0'.repeat(64) }, 401],
] as const)('webhook: bodies that %s leave their room to the next', async ([, kind, bytes, count, headers, status]) => {
  const endpoint = await anEndpoint({ options: { bodyBytesMax: 16 * 1024 * 1024 } });
  const body = JSON.stringify({ value: [null], padding: 'x'.repeat(bytes) });
  for (let time = 0; time < count; time += 1) {
    const response = await endpoint.post(kind, body, { ...rightHeaders(kind, body), ...headers });
    expect(response.status).toBe(status);
  }
});

test('webhook: without an id of the event nothing tells a repetition from a second change, so both are written', async () => {
  const endpoint = await anEndpoint();
  for (let time = 0; time < 2; time += 1) expect((await endpoint.post('okta', adding('g', 'm'))).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['m', 'm']);
});

test('webhook: the same on another path is no repetition', async () => {
  const endpoint = await anEndpoint();
  const body = adding('g', 'm', 'event-1');
  for (const kind of ['okta', 'auth0', 'okta'] as const) expect((await endpoint.post(kind, body)).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['m', 'm']);
});

test.for([
  ['a hint', { clientState: secrets.entra, group: 'g' }],
  ['what cannot be read', { clientState: secrets.entra }],
] as const)('webhook: %s has no id either; delivered twice, it is written twice', async ([, event]) => {
  const endpoint = await anEndpoint();
  const body = JSON.stringify({ value: [event] });
  for (let time = 0; time < 2; time += 1) expect((await endpoint.post('entra', body)).status).toBe(202);
  expect(endpoint.written('dead-letter').map(({ value }) => value)).toHaveLength(2);
});

test('webhook: beyond the bound on what waits a sender hears 503 with Retry-After; the others are served', async () => {
  const endpoint = await anEndpoint({ options: { waitingMax: 3 } });
  const open = endpoint.hold();
  const waiting = ['a', 'b', 'c'].map((member) => endpoint.post('okta', adding('g', member)));
  await sendsOf(endpoint, 1);
  await vi.waitFor(async () => {
    const response = await endpoint.post('okta', adding('g', 'd'));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
  });
  expect((await fetch(`${endpoint.server.url}/healthz`)).status).toBe(200);
  open();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await endpoint.post('okta', adding('g', 'd'))).status).toBe(200);
});

test('webhook: what is left waiting when its sender has heard 503 counts too, and is written all the same', async () => {
  const endpoint = await anEndpoint({ options: { waitingMax: 1, answerWithinMs: 100 } });
  const open = endpoint.hold();
  const late = await endpoint.post('okta', adding('g', 'first'));
  expect(await late.json()).toEqual({ error: 'Kafka has not acknowledged in time' });
  const refused = await endpoint.post('okta', adding('g', 'second'));
  expect(await refused.json()).toEqual({ error: 'too much is waiting' });
  open();
  await vi.waitFor(() => expect(membersOf(endpoint)).toEqual(['first']));
});

test('webhook: several events of a body are written in their order; what is no membership change is left out', async () => {
  const endpoint = await anEndpoint();
  const value = [{ group: 'g', add: ['a'] }, null, { group: 'g', add: ['b'] }, { group: 'h', add: ['c'] }];
  expect((await endpoint.post('okta', JSON.stringify({ value }))).status).toBe(200);
  expect(membersOf(endpoint).toSorted()).toEqual(['a', 'b', 'c']);
  const ofG = endpoint.written('source').filter(({ key }) => key === 'g');
  expect(ofG.map(({ value }) => JSON.parse(value).add_members)).toEqual([['a'], ['b']]);
  expect(endpoint.written('dead-letter')).toEqual([]);
});

test('webhook: hints and what cannot be read are dead letters with their bytes and reason, but without the secret', async () => {
  const endpoint = await anEndpoint();
  const state = { clientState: secrets.entra };
  const big = '"sequenceNumber":636784480202455801';
  const items = [{ ...state, group: 'g' }, { ...state, group: 'g' }, state, { ...state, group: 'h', add: ['m'] }];
  const body = JSON.stringify({ value: items }).replace('{"value"', `{${big},"value"`);
  expect((await endpoint.post('entra', body)).status).toBe(202);
  expect(membersOf(endpoint)).toEqual(['m']);
  const letters = endpoint.written('dead-letter');
  const facts = letters.map((letter) => [
    letter.header('rollcall-error-code'),
    letter.key,
    letter.header('rollcall-error-message'),
  ]);
  expect(facts.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ['changed', 'g', 'The group has changed. (and 1 more of the same kind)'],
    ['no_group', null, '`group` is missing.'],
  ]);
  for (const letter of letters) {
    expect(letter.value).toBe(body.replaceAll(secrets.entra, '[redacted]'));
    expect(letter.header('rollcall-reason')).toBe('invalid');
    expect(letter.header('rollcall-original-source')).toBe('webhook/entra');
    expect(letter.header('content-type')).toBe('application/json');
  }
  expect(endpoint.lines.filter((line) => line.includes('rollcall ingest poll'))).toHaveLength(1);
});

test.for([
  ['with an escaped character', (secret: string) => secret.replace('-', String.raw`\u002d`)],
  ['with every slash escaped', (secret: string) => secret.replaceAll('/', String.raw`\/`)],
  ['in Base64', (secret: string) => Buffer.from(`u:${secret}`).toString('base64')],
  ['in hexadecimal digits', (secret: string) => Buffer.from(secret).toString('hex')],
] as const)('webhook: a dead letter holds the secret neither %s nor in its message, and every id', async ([, form]) => {
  const secret = 'entra/state-1234567890';
  const endpoint = await anEndpoint({ secrets: { entra: secret } });
  // An id may begin as the secret does.
  const item = { clientState: secret, group: 'entra/state', quoted: '=' };
  const body = JSON.stringify({ value: [item] }).replace('"="', `"${form(secret)}"`);
  expect((await endpoint.post('entra', body)).status).toBe(202);
  const [letter] = endpoint.written('dead-letter');
  expect(letter?.value).toMatch(/"clientState":"\[redacted\]","group":"entra\/state","quoted":"\w{0,3}\[redacted\]=?"/);
  expect(letter?.key).toBe('entra/state');
});

test('webhook: what a message quotes of a body is quoted without the secret, also where the quotation ends within it', async () => {
  const endpoint = await anEndpoint();
  const body = `${'x'.repeat(51)}${secrets.okta} and more`;
  const headers = rightHeaders('okta', '');
  await fetch(`${endpoint.server.url}/okta`, { method: 'POST', body, headers });
  const [letter] = endpoint.written('dead-letter');
  expect(letter?.value).not.toContain(secrets.okta);
  expect(letter?.header('rollcall-error-message')).toContain('x[redacted]"');
});

test.for([
  ['no JSON', 'hello', 'not_json'],
  ['no UTF-8', '\u00ff', 'not_utf8'],
] as const)('webhook: a body that is %s is answered 400, and is a dead letter', async ([, text, code]) => {
  const endpoint = await anEndpoint();
  const body = Buffer.from(text, 'latin1');
  const headers = rightHeaders('okta', '');
  const response = await fetch(`${endpoint.server.url}/okta`, { method: 'POST', body, headers });
  expect(response.status).toBe(400);
  expect(await response.text()).toBe('{"error":"the body is not JSON"}\n');
  expect(endpoint.written('dead-letter').map((letter) => letter.header('rollcall-error-code'))).toEqual([code]);
});

test('webhook: an event that cannot be understood is taken over: its sender would only repeat it', async () => {
  const endpoint = await anEndpoint();
  expect((await endpoint.post('keycloak', '{"value":[{}]}')).status).toBe(200);
  expect(endpoint.written('dead-letter')).toHaveLength(1);
});

test('webhook: a change whose record the broker refuses as too large is a dead letter; the others are written', async () => {
  const endpoint = await anEndpoint({ recordMaxBytes: 500 });
  const value = [
    { group: 'g', add: ['x'.repeat(200), 'y'.repeat(200)] },
    { group: 'h', add: ['m'] },
  ];
  expect((await endpoint.post('okta', JSON.stringify({ value }))).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['m']);
  const [letter, ...others] = endpoint.written('dead-letter');
  expect([letter?.key, letter?.header('rollcall-error-code')]).toEqual(['g', 'too_large']);
  expect(letter?.value).toBe(JSON.stringify({ value }));
  expect(others).toEqual([]);
});

test('webhook: a letter that the broker refuses as too large is written cut, and keeps its reason', async () => {
  const endpoint = await anEndpoint({ deadLetterMaxBytes: 70_000, options: { bodyBytesMax: 100_000 } });
  const body = 'x'.repeat(80_000);
  expect((await endpoint.post('okta', body)).status).toBe(400);
  const [letter, ...others] = endpoint.written('dead-letter');
  expect([letter?.header('rollcall-error-code'), letter?.header('rollcall-truncated')]).toEqual(['not_json', 'true']);
  expect(body.startsWith(letter?.value ?? '-')).toBe(true);
  expect(others).toEqual([]);
});

test.for([20_000, 2_000, 700])('webhook: a letter is cut until %i bytes take it', async (deadLetterMaxBytes) => {
  const endpoint = await anEndpoint({ deadLetterMaxBytes, options: { bodyBytesMax: 100_000 } });
  const body = 'x'.repeat(80_000);
  expect((await endpoint.post('okta', body)).status).toBe(400);
  const [letter, ...others] = endpoint.written('dead-letter');
  expect([letter?.header('rollcall-error-code'), letter?.header('rollcall-truncated')]).toEqual(['not_json', 'true']);
  expect(body.startsWith(letter?.value ?? '-')).toBe(true);
  expect(others).toEqual([]);
});

test('webhook: a letter that is refused even in its smallest form is answered 503, so that its sender repeats it', async () => {
  const endpoint = await anEndpoint({ deadLetterMaxBytes: 200 });
  expect((await endpoint.post('okta', 'hello')).status).toBe(503);
  expect(endpoint.written('dead-letter')).toEqual([]);
  expect(endpoint.lines.join()).toContain('dead-letter');
});

test('webhook: of a send that is partly written only the rest is sent again', async () => {
  const endpoint = await anEndpoint();
  const partitionOf = (key: string): number => endpoint.broker.topic('source').partitionOf(key);
  const keys = Array.from({ length: 20 }, (_, i) => `g${i}`);
  const sick = keys.find((key) => partitionOf(key) === 1) ?? '';
  const well = keys.find((key) => partitionOf(key) === 0) ?? '';
  endpoint.broker.topic('source').sicken(1);
  const body = JSON.stringify({ value: [sick, well].map((group) => ({ group, add: ['m'] })) });
  const answered = endpoint.post('okta', body);
  await sendsOf(endpoint, 2);
  endpoint.broker.topic('source').heal(1);
  expect((await answered).status).toBe(200);
  expect(endpoint.written('source').map(({ key }) => key)).toEqual([well, sick]);
  expect(endpoint.sends().map((records) => records.length)).toEqual([
    2,
    1,
    ...endpoint
      .sends()
      .slice(2)
      .map(() => 1),
  ]);
});

test('webhook: signatures are verified one after the other, so that no token overtakes another', async () => {
  let verify = (): void => undefined;
  const verified = new Promise<void>((resolve) => (verify = resolve));
  const begun: string[] = [];
  const endpoint = await anEndpoint({
    format: {
      ...plainFormat,
      prepare: ([record]) => {
        begun.push(Buffer.from(record?.value ?? []).toString());
        return begun.length === 1 ? verified : Promise.resolve();
      },
    },
  });
  const first = endpoint.post('scim', adding('g', 'first'));
  await vi.waitFor(() => expect(begun.length).toBe(1));
  const second = endpoint.post('scim', adding('g', 'second'));
  // So many requests later the second has arrived too.
  for (let time = 0; time < 20; time += 1) await fetch(`${endpoint.server.url}/healthz`);
  verify();
  expect([(await first).status, (await second).status]).toEqual([202, 202]);
  expect(membersOf(endpoint)).toEqual(['first', 'second']);
});

test('webhook: a signature whose verification fails keeps no later body from being read', async () => {
  let count = 0;
  const prepare = async (): Promise<void> => {
    count += 1;
    if (count === 1) throw new Error('no answer that can be read');
  };
  const endpoint = await anEndpoint({ format: { ...plainFormat, prepare } });
  expect((await endpoint.post('scim', adding('g', 'first'))).status).toBe(503);
  expect((await endpoint.post('scim', adding('g', 'second'))).status).toBe(202);
  expect(membersOf(endpoint)).toEqual(['second']);
});

test.for([
  ['announced', { 'content-length': '10001' }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
] as const)('webhook: a body that is too large, %s, is answered 413 and cut off', async ([, framing]) => {
  const endpoint = await anEndpoint();
  const headers = { ...rightHeaders('okta', ''), ...framing };
  const { status, connection } = await new Promise<{ status: number; connection: string }>((resolve, reject) => {
    const sending = request(`${endpoint.server.url}/okta`, { method: 'POST', headers }, (response) => {
      const answer = { status: response.statusCode ?? 0, connection: String(response.headers.connection) };
      response
        .resume()
        .once('end', () => resolve(answer))
        .once('error', reject);
    });
    // Being cut off while sending is what this is about.
    sending.on('error', () => undefined);
    sending.flushHeaders();
    sending.write('x'.repeat(10_001));
  });
  expect(status).toBe(413);
  expect(connection).toBe('close');
  expect(endpoint.sends()).toEqual([]);
});

test('webhook: a body of the largest size is taken', async () => {
  const body = adding('g', 'm').padEnd(10_000, ' ');
  expect((await (await anEndpoint()).post('okta', body)).status).toBe(200);
});

test('webhook: a compressed body is refused, as its size could not be bounded', async () => {
  const endpoint = await anEndpoint();
  const headers = { ...rightHeaders('okta', ''), 'content-encoding': 'gzip' };
  expect((await endpoint.post('okta', 'x', headers)).status).toBe(415);
});

test.for([
  ['POST', '/', 404, null],
  ['GET', '/metrics', 404, null],
  ['POST', '/okta/', 404, null],
  ['POST', '/Okta', 404, null],
  ['POST', '/constructor', 404, null],
  ['GET', '/auth0', 405, 'POST'],
  ['PUT', '/okta', 405, 'GET, POST'],
  ['DELETE', '/keycloak', 405, 'POST'],
  ['POST', '/healthz', 405, 'GET'],
  ['GET', '/healthz', 200, null],
] as const)('webhook: %s %s is answered %i', async ([method, path, status, allow]) => {
  const { server } = await anEndpoint();
  const response = await fetch(`${server.url}${path}`, { method });
  expect(response.status).toBe(status);
  expect(response.headers.get('allow')).toBe(allow);
});

test('webhook: a kind of sender whose secret is not configured has no path', async () => {
  const endpoint = await anEndpoint({ secrets: { okta: null } });
  expect((await endpoint.post('okta', adding('g', 'm'))).status).toBe(404);
  expect((await endpoint.post('auth0', adding('g', 'm'))).status).toBe(200);
});

test('webhook: a sender that breaks off its body is forgotten', async () => {
  const endpoint = await anEndpoint();
  const headers = { ...rightHeaders('okta', ''), 'content-length': '1000' };
  const sending = request(`${endpoint.server.url}/okta`, { method: 'POST', headers });
  sending.on('error', () => undefined);
  sending.write('{"value":[');
  await new Promise((resolve) => sending.once('socket', (socket) => socket.once('connect', resolve)));
  sending.destroy();
  expect((await endpoint.post('okta', adding('g', 'm'))).status).toBe(200);
  expect(membersOf(endpoint)).toEqual(['m']);
});

test('webhook: a drain answers what is under way, takes nothing new, and ends', async () => {
  const endpoint = await anEndpoint();
  const open = endpoint.hold();
  const waiting = endpoint.post('okta', adding('g', 'm'));
  await sendsOf(endpoint, 1);
  const { url } = endpoint.server;
  const drained = endpoint.server.drain();
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  open();
  const response = await waiting;
  expect(response.status).toBe(200);
  expect(response.headers.get('connection')).toBe('close');
  await drained;
  expect(membersOf(endpoint)).toEqual(['m']);
});

test('webhook: refusals are logged once, and then counted', async () => {
  const endpoint = await anEndpoint();
  for (let time = 0; time < 20; time += 1) await endpoint.post('okta', 'x', { authorization: 'wrong' });
  expect(endpoint.lines.filter((line) => line.startsWith('requests were refused'))).toHaveLength(1);
});
