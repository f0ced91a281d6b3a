/** The two promises of the rate gate, in virtual time: the real adapter before a target that enforces its limits. */
import { describe, expect, test } from 'vitest';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import type { GroupApi } from '../../src/ports.ts';
import { limitHeaders, type LimitOptions, RateLimits } from '../../src/lab/sandbox/access.ts';
import type { RawAnswer } from '../fuzz/answers.ts';
import { type Asked, connectionsTo, type Reply } from '../fuzz/connections.ts';
import { aLog, as, atEnd, get } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { aToken, isLogin } from '../support/virtual-service.ts';

const body = Buffer.from(JSON.stringify({ id: 'g', meta: { version: '1' }, members: [] }));

interface Disturbances {
  /** Of the n-th request to the API; null: the limits decide. */
  readonly refusal?: (request: number) => RawAnswer | null;
  /** What happens instead; null: nothing. */
  readonly reply?: (asked: Asked) => Reply | null;
}

function aLimited(
  limits: Omit<LimitOptions, 'enforced'>,
  { refusal = () => null, reply = () => null }: Disturbances = {},
) {
  const clock = new ManualClock();
  const windows = new RateLimits({ ...limits, enforced: true });
  const sent: { readonly at: number; readonly status: number }[] = [];
  const connect = () =>
    connectionsTo((asked) => {
      const instead = reply(asked);
      if (instead !== null) return instead;
      if (isLogin(asked)) return { kind: 'answer', answer: aToken() };
      const at = clock.now().monotonic;
      const spent = windows.countRequest('token', at);
      const headers = { ...limitHeaders(spent), etag: '"1"' };
      const usual = spent.refused ? refusedFor(spent.resetSeconds) : { status: 200, headers, body };
      const answer = refusal(sent.length) ?? usual;
      sent.push({ at, status: answer.status });
      return { kind: 'answer', answer };
    });
  const urls = { apiUrl: 'https://api.example.com', loginUrl: 'https://login.example.com' };
  const api = createGroupApi(
    { ...urls, clientId: 'c', clientSecret: 's', requestTimeoutMs: 10_000, concurrency: 8, rateLimitPerMinute: null },
    { isShadow: false, clock, logger: aLog(), random: { next: () => 0 }, connect },
  );
  atEnd(() => api.close());
  return { api, clock, sent };
}

const aPlainAnswer: Reply = { kind: 'answer', answer: { status: 200, headers: { etag: '"1"' }, body } };

const refusedFor = (seconds: number): RawAnswer => ({
  status: 429,
  headers: { 'retry-after': String(seconds) },
  body: Buffer.from('{}'),
});

test('rate gate: a backlog under a steady limit converges within 1.1 times what the limit needs, with 1 % of 429s at most', async () => {
  const limits = { allowed: 40, windowSeconds: 2 };
  const { api, clock, sent } = aLimited(limits);
  const requests = 400;
  const ideal = (requests / limits.allowed) * limits.windowSeconds * 1_000;
  const done = inWorkers(8, requests, () => getAfter(api, clock, 15));
  await clock.advance(2 * ideal);
  await done;
  const accepted = sent.filter(({ status }) => status === 200);
  expect((accepted[requests - 1]?.at ?? Infinity) / ideal).toBeLessThanOrEqual(1.1);
  expect((sent.length - accepted.length) / requests).toBeLessThanOrEqual(0.01);
  expect(api.gate.waitedMs()).toBeGreaterThan(0.5 * ideal);
});

test('rate gate: a target whose limits are wide is not slowed down', async () => {
  const { api, clock, sent } = aLimited({ allowed: 1_000_000, windowSeconds: 60 });
  const done = inWorkers(8, 1_000, () => getAfter(api, clock, 10));
  // So long as 8 at a time need for 1,000 that take 10 ms each, and what the first answer brings before it is known.
  await clock.advance(((1_000 / 8) * 10 + 1_000) * 1.1);
  await done;
  expect(sent).toHaveLength(1_000);
  expect(api.gate.waitedMs()).toBeLessThanOrEqual(1_000);
});

test('rate gate: after a 429 nothing is sent until its Retry-After is over', async () => {
  const refusal = (request: number) => (request === 1 ? refusedFor(7) : null);
  const { api, clock, sent } = aLimited({ allowed: 1_000_000, windowSeconds: 60 }, { refusal });
  for (let request = 0; request < 2; request += 1) {
    const asking = get(api);
    await clock.settle();
    as('response', await asking);
  }
  const later = Promise.all([get(api), get(api)]);
  await clock.advance(6_999);
  expect(sent.map(({ status }) => status)).toEqual([200, 429]);
  await clock.advance(2_000);
  await later;
  expect(sent.map(({ status }) => status)).toEqual([200, 429, 200, 200]);
  for (const { at } of sent.slice(2)) expect(at).toBeGreaterThanOrEqual(7_000);
});

describe('a permit of the window is free again', () => {
  const limits = { allowed: 5, windowSeconds: 60 };
  const broken: Reply = { kind: 'broken', answer: null, code: 'ECONNRESET' };
  const refused: Reply = {
    kind: 'answer',
    answer: { status: 401, headers: {}, body: Buffer.from('{"error":"invalid_client"}') },
  };
  const revoked: Reply = { kind: 'answer', answer: { status: 401, headers: {}, body: Buffer.from('{}') } };

  test.each<[string, (asked: Asked) => Reply | null]>([
    ['a request has no answer', (asked) => (isLogin(asked) ? null : broken)],
    ['a request is not answered in time', (asked) => (isLogin(asked) ? null : { kind: 'silence' })],
    ['an answer tells no limits', (asked) => (isLogin(asked) ? null : aPlainAnswer)],
    ['no token is had', (asked) => (isLogin(asked) ? refused : revoked)],
    ['the login host does not answer', (asked) => (isLogin(asked) ? broken : revoked)],
  ])('where %s', async (_, reply) => {
    let isDisturbed = false;
    const { api, clock, sent } = aLimited(limits, { reply: (asked) => (isDisturbed ? reply(asked) : null) });
    const first = get(api);
    await clock.advance(100);
    await first;
    isDisturbed = true;
    for (let window = 0; window < 3; window += 1) {
      const asking = Promise.all([1, 2, 3, 4].map(() => get(api)));
      await clock.advance(150_000);
      await asking;
    }
    isDisturbed = false;
    await api.ensureToken();
    const before = sent.length;
    void Promise.all([1, 2, 3, 4, 5].map(() => get(api)));
    await clock.advance(120_000);
    expect(sent.length - before).toBe(5);
  });

  test('where a request may not start any more, and who has asked for it gives it back', async () => {
    const { api, clock, sent } = aLimited(limits);
    const first = get(api);
    await clock.advance(100);
    await first;
    for (let time = 0; time < 10; time += 1) {
      await api.gate.take();
      const asking = api.getGroup({ group: 'g', ifNoneMatch: null, mayStart: () => false });
      await clock.settle();
      expect(as('not_started', await asking)).toEqual({ kind: 'not_started' });
      api.gate.giveBack();
    }
    void Promise.all([1, 2, 3, 4].map(() => get(api)));
    await clock.settle();
    expect(sent).toHaveLength(5);
  });
});

/** A request that takes some time. */
async function getAfter(api: GroupApi, clock: ManualClock, durationMs: number): Promise<void> {
  await get(api);
  await new Promise<void>((resolve) => void clock.schedule(durationMs, resolve));
}

/** Does `count` tasks, so many at a time. */
async function inWorkers(workers: number, count: number, task: () => Promise<void>): Promise<void> {
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun++ < count) await task();
  };
  await Promise.all(Array.from({ length: workers }, work));
}
