/** Storms: however short a wait the target names, and however often, few requests reach it. In virtual time. */
import { describe, expect, test } from 'vitest';
import { createGroupApi } from '../../../src/adapters/genesys/group-api.ts';
import { ScimIdMap } from '../../../src/adapters/ids/scim.ts';
import { MemoryBroker } from '../../../src/adapters/memory-log/memory-broker.ts';
import { sha256, systemRandom } from '../../../src/adapters/system.ts';
import { native } from '../../../src/formats/native.ts';
import { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { readGroup } from '../../../src/commands/target.ts';
import type { RawAnswer } from '../../fuzz/answers.ts';
import { type Asked, connectionsTo } from '../../fuzz/connections.ts';
import { aLog, atEnd } from '../../support/genesys.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { quickOptions, topics } from '../../support/world.ts';
import { TappedLog } from '../../support/tapped-log.ts';
import { ScimTarget } from '../../fuzz/scim-target.ts';

type Headers = Readonly<Record<string, string>>;
type Respond = (asked: Asked) => RawAnswer;

const throttled = (headers: Headers): RawAnswer => ({ status: 429, headers, body: Buffer.alloc(0) });
const token = (fields: object): RawAnswer => ({
  status: 200,
  headers: {},
  body: Buffer.from(JSON.stringify({ access_token: 'token', expires_in: 86_400, ...fields })),
});
const isLogin = ({ method }: Asked): boolean => method === 'POST';
const isSearch = ({ path }: Asked): boolean => path.includes('filter=');

/** A service with changes for many groups before it; what the target is asked is kept. */
async function aService(respond: Respond, { isMapped = false, groups = 30 } = {}) {
  const clock = new ManualClock();
  const asked: Asked[] = [];
  const connect = () =>
    connectionsTo((one) => {
      asked.push(one);
      return { kind: 'answer', answer: respond(one) };
    });
  const urls = { apiUrl: 'https://api.example.com', loginUrl: 'https://login.example.com' };
  const limits = { requestTimeoutMs: 10_000, concurrency: 5, rateLimitPerMinute: null };
  const logger = aLog();
  const random = { next: () => 0 };
  const api = createGroupApi(
    { ...urls, ...limits, clientId: 'client', clientSecret: 'hush' },
    { clock, logger, random, connect },
  );
  const broker = new MemoryBroker(clock, systemRandom);
  for (const topic of Object.values(topics))
    broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings: { 'cleanup.policy': 'compact' } });
  const log = new TappedLog(broker, { groupId: 'rollcall', clientId: 'one', heartbeatIntervalMs: 1_000, topics });
  const ids = isMapped
    ? new ScimIdMap({ userAttribute: 'userName', groupAttribute: 'id' }, { api, clock, logger })
    : null;
  const pipeline = new Pipeline(
    { log, api, clock, random: systemRandom, logger, sha256, ids, format: native },
    { ...quickOptions, breakerFailures: groups === 1 ? 1_000 : 5, topics, owner: 'one', apiUrl: urls.apiUrl },
  );
  for (let i = 0; i < groups; i++) {
    const value = JSON.stringify({ group_id: `good-${i}`, add_members: [`user-${i}`] });
    broker.append([{ topic: topics.source, partition: null, key: `good-${i}`, value, headers: [] }]);
  }
  atEnd(async () => {
    const drained = pipeline.drain();
    await clock.advance(60_000);
    await drained;
  });
  const starting = pipeline.start();
  await clock.settle();
  await starting;
  return { clock, asked, api, pipeline };
}

const ODD_WAITS: readonly Headers[] = [
  { 'retry-after': '0' },
  { 'retry-after': '-7' },
  { 'retry-after': '0.01' },
  { 'retry-after': 'Thu, 01 Jan 2026 00:00:00 GMT' },
  { 'retry-after': 'at your leisure' },
  { 'retry-after': '86400000' },
  { 'inin-ratelimit-allowed': '300', 'inin-ratelimit-count': '1', 'inin-ratelimit-reset': '0' },
  { 'retry-after': '1' },
  {},
];
const HALF_A_MINUTE = 30_000;
/** 1 s, 2 s, 4 s, 8 s, 16 s; what was on its way beside the first of them; and one look-up in its turn. */
const REQUESTS_MAX = 9;

describe.each(ODD_WAITS)('a 429 with %j', (headers) => {
  test('of the groups: few requests in 30 s', async () => {
    const { clock, asked } = await aService((one) => (isLogin(one) ? token({}) : throttled(headers)));
    await clock.advance(HALF_A_MINUTE);
    expect(asked.filter((one) => !isLogin(one)).length).toBeLessThanOrEqual(REQUESTS_MAX);
    expect(asked.filter(isLogin)).toHaveLength(1);
  });

  test('of the look-ups: few requests in 30 s', async () => {
    const { clock, asked } = await aService((one) => (isLogin(one) ? token({}) : throttled(headers)), {
      isMapped: true,
    });
    await clock.advance(HALF_A_MINUTE);
    expect(asked.some(isSearch)).toBe(true);
    expect(asked.filter((one) => !isLogin(one)).length).toBeLessThanOrEqual(REQUESTS_MAX);
  });

  test('of the login host: few requests in 30 s', async () => {
    const { clock, asked } = await aService(() => throttled(headers));
    await clock.advance(HALF_A_MINUTE);
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(asked.every(isLogin)).toBe(true);
  });

  test('of the login host, met by a command: few requests in 30 s', async () => {
    const { clock, asked, api, pipeline } = await aService(() => throttled(headers));
    const drained = pipeline.drain();
    const stop = new AbortController();
    const reading = readGroup(api, 'g', { clock, stop: stop.signal });
    await clock.advance(HALF_A_MINUTE);
    expect(asked.length).toBeLessThanOrEqual(6);
    stop.abort();
    expect((await reading).outcome.kind).toBe('not_started');
    await clock.advance(HALF_A_MINUTE);
    await drained;
  });
});

test('after a storm all changes land', async () => {
  const target = new ScimTarget();
  let isCalm = false;
  const respond: Respond = (one) => (isCalm || isLogin(one) ? target.respond(one) : throttled({ 'retry-after': '0' }));
  const { clock, pipeline } = await aService(respond);
  await clock.advance(HALF_A_MINUTE);
  isCalm = true;
  await clock.advance(120_000);
  expect(pipeline.stats()).toMatchObject({ pending: 0, reports: { applied: 30 } });
});

test.each([500, 503, 400, 401])('a login host that answers %i is asked seldom', async (status) => {
  const { clock, asked } = await aService(() => ({ status, headers: { 'retry-after': '0' }, body: Buffer.alloc(0) }));
  await clock.advance(HALF_A_MINUTE);
  expect(asked.filter(isLogin).length).toBeLessThanOrEqual(20);
});

test.each([0, -1, 0.001, 1, 1e15, '0', 'soon', null])(
  'a token that is said to live for %j s is not asked for again with every request',
  async (lifetime) => {
    const target = new ScimTarget();
    const respond: Respond = (one) => (isLogin(one) ? token({ expires_in: lifetime }) : target.respond(one));
    const { clock, asked, pipeline } = await aService(respond);
    await clock.advance(HALF_A_MINUTE);
    expect(asked.filter(isLogin)).toHaveLength(1);
    expect(pipeline.stats()).toMatchObject({ pending: 0, reports: { applied: 30 } });
  },
);

test.each([
  ['7', 7_000],
  ['Wed, 23 Sep 2026 12:00:00 GMT', 0],
  ['0', 0],
  ['86400', 0],
])('a 503 with Retry-After: %s parks for %i ms at least, and for as long as a failure does', async (text, leastMs) => {
  const refusal: RawAnswer = { status: 503, headers: { 'retry-after': text }, body: Buffer.alloc(0) };
  const { clock, asked } = await aService((one) => (isLogin(one) ? token({}) : refusal), { groups: 1 });
  await clock.advance(Math.max(0, leastMs - 1));
  // The login host's, and the first try.
  if (leastMs > 0) expect(asked).toHaveLength(2);
  await clock.advance(quickOptions.retry.capMs);
  expect(asked.length).toBeGreaterThan(2);
});
