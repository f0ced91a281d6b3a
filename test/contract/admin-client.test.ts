/** What commands ask running instances, and where: the token goes nowhere else, and no answer takes long, or much memory. */
import type { RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import { askOfGroup, askStatus, type Instance } from '../../src/adapters/admin-client.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { adminUrls } from '../../src/console/admin-urls.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { served } from '../support/served.ts';

const NOTHING = { partitions: [], breaker: null, intents: [], left_out: 0 };
const question = { group: 'g/1', member: 'a&b' };
const service = { consumer_group: 'rollcall', source_topic: 'changes' };

const instanceAt = (url: string, of: Partial<Instance> = {}): Instance => ({
  url,
  token: null,
  isShadow: false,
  service,
  ...of,
});

test('it asks for a group and a member, with the token', async () => {
  const asked: unknown[] = [];
  const url = await served(({ url: path, headers }, response) => {
    asked.push(path, headers.authorization);
    response.end(JSON.stringify(NOTHING));
  });
  expect(await askOfGroup(instanceAt(url, { token: 'hush' }), question, systemClock)).toEqual({
    url,
    answer: NOTHING,
    problem: null,
  });
  expect(asked).toEqual(['/explain?group=g%2F1&member=a%26b', 'Bearer hush']);
});

test.each<[string, string | null, RequestListener]>([
  ['it refuses ADMIN_TOKEN', 'hush', (_, response) => void response.writeHead(401).end()],
  ['it asks for ADMIN_TOKEN, which is not set here', null, (_, response) => void response.writeHead(401).end()],
  ['it has no page /explain', 'hush', (_, response) => void response.writeHead(404).end()],
  ['it has not reached the brokers yet', 'hush', (_, response) => void response.writeHead(503).end()],
  ['its answer is of another version', 'hush', (_, response) => void response.end('{"partitions":1}')],
  ['its answer is too large', 'hush', (_, response) => void response.end(Buffer.alloc(17 * 1024 * 1024, 'x'))],
  ['redirect', 'hush', (_, response) => void response.writeHead(302, { location: 'http://elsewhere.example' }).end()],
])('%s', async (problem, token, answer) => {
  const url = await served(answer);
  const reply = await askOfGroup(instanceAt(url, { token }), question, systemClock);
  expect(reply).toMatchObject({ url, answer: null, problem: expect.stringContaining(problem) });
});

test('it asks how an instance is, with the groups that are affected only where they are wanted', async () => {
  const asked: unknown[] = [];
  const url = await served(({ url: path }, response) => {
    asked.push(path);
    response.end('{"version":"0.0.1"}');
  });
  for (const withAffected of [false, true])
    expect(await askStatus(instanceAt(url), { withAffected }, systemClock)).toEqual({
      url,
      answer: null,
      problem: 'its answer is of another version of Rollcall',
    });
  expect(asked).toEqual(['/status', '/status?affected=true']);
});

/** One whose answers are marked so. */
async function marked(mark: object): Promise<string> {
  const facts = { version: '1', now: 0, member_id: null, ready: true, reasons: [], possible_losses: 0, partitions: [] };
  const work = { in_flight: 0, intake_paused: false, requests_ahead: 0, converges_in_ms: 0, breaker: null };
  const limits = { allowed: null, used: 0, left: null, resets_in_ms: null, assumed: false };
  const budget = { ...limits, per_minute: null, closed_for_ms: 0 };
  const status = { ...facts, ...work, budget, affected: null };
  return served(({ url: path = '' }, response) => {
    response.end(JSON.stringify({ ...(path.startsWith('/status') ? status : NOTHING), ...mark }));
  });
}

async function problemsOf(instance: Instance) {
  const replies = [
    await askOfGroup(instance, question, systemClock),
    await askStatus(instance, { withAffected: false }, systemClock),
  ];
  return replies.map((reply) => reply.problem);
}

test.each([
  [true, {}, 'it is no shadow, and its answer is left out'],
  [false, { shadow: true }, 'it is a shadow, and its answer is left out'],
])('shadow: %s: an instance of the other kind is not believed', async (isShadow, mark, problem) => {
  const url = await marked(mark);
  const refused = expect.stringContaining(problem) as string;
  expect(await problemsOf(instanceAt(url, { isShadow }))).toEqual([refused, refused]);
  expect(await problemsOf(instanceAt(url, { isShadow: !isShadow }))).toEqual([null, null]);
});

test.each([
  ['consumer group', { ...service, consumer_group: 'other' }],
  ['source topic', { ...service, source_topic: 'other' }],
])('an instance of another service is not believed: by its %s', async (_, other) => {
  const names = `KAFKA_GROUP_ID ${other.consumer_group}, SOURCE_TOPIC ${other.source_topic}`;
  const refused = `it is of another service (${names}), and its answer is left out; name an instance of this one with --admin`;
  expect(await problemsOf(instanceAt(await marked({ service: other })))).toEqual([refused, refused]);
});

test.each([
  ['of this service', { service }],
  ['of an older version, which does not say', {}],
])('an instance %s is believed', async (_, mark) => {
  expect(await problemsOf(instanceAt(await marked(mark)))).toEqual([null, null]);
});

test('one that does not answer is not waited for', async () => {
  const clock = new ManualClock();
  const url = await served(() => undefined);
  const asking = askOfGroup(instanceAt(url), question, clock);
  await clock.advance(3_000);
  expect((await asking).problem).toBe('no answer within 3 s');
});

describe('where they are', () => {
  const config = (admin: object, allowsInsecure = false) =>
    ({
      admin: { host: '127.0.0.1', port: 8080, token: 'hush', ...admin },
      all: { allowsInsecure },
      kafka: { groupId: 'rollcall' },
      topics: { source: 'changes' },
    }) as Parameters<typeof adminUrls>[1];
  const urlsOf = (...asked: Parameters<typeof adminUrls>): readonly string[] =>
    adminUrls(...asked).map(({ url }) => url);

  test.each<[string, object]>([
    ['http://127.0.0.1:8080', {}],
    ['http://127.0.0.1:8080', { host: '0.0.0.0' }],
    ['http://[::1]:8080', { host: '::' }],
  ])('by the configuration: %s', (url, admin) => {
    expect(urlsOf([], config(admin))).toEqual([url]);
  });

  test('of the service that is configured', () => {
    expect(adminUrls([], config({})).map(({ service: of }) => of)).toEqual([service]);
  });

  test('nowhere where ADMIN_PORT is 0', () => {
    expect(urlsOf([], config({ port: 0 }))).toEqual([]);
  });

  test('as the command line says', () => {
    const given = ['https://one.example:8080', 'https://two.example:8080/'];
    expect(urlsOf(given, config({}))).toEqual(['https://one.example:8080', 'https://two.example:8080']);
  });

  test.each(['one.example:8080', 'ftp://one.example', 'https://me:secret@one.example', 'https://one.example/rollcall'])(
    'not at %s',
    (url) => {
      expect(() => adminUrls([url], config({}))).toThrow(expect.objectContaining({ code: EXIT.usage }));
    },
  );

  test('the token leaves this machine by TLS alone, unless that is allowed', () => {
    const url = 'http://one.example:8080';
    expect(() => adminUrls([url], config({}))).toThrow(expect.objectContaining({ code: EXIT.usage }));
    expect(() => adminUrls([], config({ host: 'one.example' }))).toThrow(expect.objectContaining({ code: EXIT.usage }));
    expect(urlsOf([url], config({}, true))).toEqual([url]);
    expect(urlsOf([url], config({ token: null }))).toEqual([url]);
  });
});
