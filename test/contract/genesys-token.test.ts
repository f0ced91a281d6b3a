/** The token's life, and what must never be seen of it. */
import { inspect } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { systemWorld } from '../../src/lab/sandbox/clock.ts';
import { aLog, aSandbox, anApi, as, atEnd, get, patch } from '../support/genesys.ts';
import { JumpingClock } from '../support/jumping-clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startRepeatingHost } from '../support/repeating-host.ts';

/** As long as a token lives. */
const A_DAY = 86_400_000;

describe('a token', () => {
  test('is had once for all who come at the same time', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    await Promise.all(Array.from({ length: 8 }, () => get(api)));
    expect(sandbox.stats.tokens).toBe(1);
    expect(await api.ensureToken()).toBe(null);
    expect(sandbox.stats.tokens).toBe(1);
  });

  test('is renewed 30 s before its end, beside the work', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox({ tokenLifetimeSeconds: 300 });
    const api = anApi(sandbox, {}, { clock });
    await get(api);
    await clock.advance(269_000);
    await get(api);
    expect(sandbox.stats.tokens).toBe(1);
    await clock.advance(2000);
    const hold = sandbox.pauseAt(({ endpoint }) => endpoint === 'token');
    expect(as('response', await get(api)).status).toBe(200);
    await hold.arrived;
    hold.release();
    await sandbox.until(() => sandbox.stats.tokens === 2);
  });

  test('that lives shorter than that is renewed at half of its life', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox({ tokenLifetimeSeconds: 40 });
    const api = anApi(sandbox, {}, { clock });
    await get(api);
    await clock.advance(19_000);
    await get(api);
    expect(sandbox.stats.tokens).toBe(1);
    await clock.advance(2000);
    await get(api);
    await sandbox.until(() => sandbox.stats.tokens === 2);
  });

  test('still serves while its early renewal fails', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox({ tokenLifetimeSeconds: 300 });
    const api = anApi(sandbox, {}, { clock });
    await get(api);
    await clock.advance(280_000);
    sandbox.addRule({ match: { endpoint: 'token' }, fault: { kind: 'status', status: 503 } });
    const failed = sandbox.nextRequest(({ endpoint }) => endpoint === 'token');
    expect(as('response', await get(api)).status).toBe(200);
    await failed;
    expect(as('response', await get(api)).status).toBe(200);
    await clock.advance(20_000);
    expect(as('no_token', await get(api))).toMatchObject({ refused: false, status: 503 });
  });

  test('that is revoked is renewed once, and the request sent once more', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    await get(api);
    sandbox.revokeTokens();
    const answers = await Promise.all([get(api), get(api), get(api)]);
    expect(answers.map((answer) => as('response', answer).status)).toEqual([200, 200, 200]);
    expect(sandbox.stats.tokens).toBe(2);
    expect(sandbox.stats.requests).toMatchObject({ GET: { '401': 3, '200': 4 } });
  });

  test('whose request is to be sent once more needs a permit of its own', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox();
    const logger = aLog();
    const api = anApi(sandbox, { rateLimitPerMinute: 1 }, { clock, logger });
    await get(api);
    sandbox.revokeTokens();
    const answer = get(api);
    await clock.advance(60_000);
    await vi.waitUntil(() => logger.lines.filter(({ message }) => message === 'token renewed').length === 2);
    await clock.settle();
    expect(sandbox.stats.requests).toMatchObject({ GET: { '200': 1, '401': 1 } });
    await clock.advance(60_000);
    expect(as('response', await answer).status).toBe(200);
  });

  test('whose request is to be sent once more needs the lease again', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    await get(api);
    sandbox.revokeTokens();
    let asked = 0;
    await api.gate.take();
    const mayStart = (): boolean => ++asked === 1;
    expect(await api.getGroup({ group: 'g', ifNoneMatch: null, mayStart })).toEqual({ kind: 'not_started' });
    expect(sandbox.stats.requests).toMatchObject({ GET: { '401': 1, '200': 1 } });
  });

  test('that is no better than the one before leaves a 401', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    sandbox.onRequest(({ entry, phase }) => {
      if (entry.endpoint === 'token' && phase === 'ended') sandbox.revokeTokens();
    });
    expect(as('response', await get(api))).toMatchObject({ status: 401, body: { code: 'bad.credentials' } });
    expect(sandbox.stats.requests).toMatchObject({ GET: { '401': 2 } });
  });

  test('that expired is not used', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox({ tokenLifetimeSeconds: 300 });
    const api = anApi(sandbox, {}, { clock });
    await get(api);
    await clock.advance(301_000);
    await get(api);
    expect(sandbox.stats.tokens).toBe(2);
    expect(sandbox.stats.requests).toMatchObject({ GET: { '200': 2 } });
  });
});

describe('a token request', () => {
  test('that is refused is named as what it is, and not repeated until ensureToken', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    sandbox.refuseClient('authentication failed');
    const refused = { refused: true, status: 400, code: 'invalid_client', message: 'the login host answered 400' };
    for (const answer of await Promise.all([get(api), get(api), patch(api)])) {
      expect(as('no_token', answer)).toMatchObject(refused);
    }
    await get(api);
    expect(sandbox.stats.requests).toEqual({ POST: { '400': 1 } });
    expect(await api.ensureToken()).toMatchObject(refused);
    sandbox.refuseClient(null);
    expect((await get(api)).kind).toBe('no_token');
    expect(await api.ensureToken()).toBe(null);
    expect(as('response', await get(api)).status).toBe(200);
  });

  test('of a wrong secret is refused; 401 is a refusal too', async () => {
    const sandbox = await aSandbox();
    expect(as('no_token', await get(anApi(sandbox, { clientSecret: 'wrong' }))).code).toBe('invalid_client');
    const fault = { kind: 'status', status: 401, body: 'oauth' } as const;
    sandbox.addRule({ match: { endpoint: 'token' }, fault });
    expect(as('no_token', await get(anApi(sandbox)))).toMatchObject({ refused: true, status: 401 });
  });

  test('that is throttled says for how long, and is not repeated before', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox();
    const api = anApi(sandbox, {}, { clock });
    const fault = { kind: 'status', status: 429, retryAfterSeconds: 9 } as const;
    sandbox.addRule({ match: { endpoint: 'token', times: 1 }, fault });
    expect(as('no_token', await get(api))).toMatchObject({ refused: false, status: 429, retryAfterMs: 9000 });
    const next = get(api);
    await clock.advance(8999);
    expect(sandbox.stats.requests).toEqual({ POST: { '429': 1 } });
    await clock.advance(1);
    expect(as('response', await next).status).toBe(200);
  });

  test('that succeeds after a refusal ends it: the next token is asked for as usual', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox({ tokenLifetimeSeconds: 300 });
    const api = anApi(sandbox, {}, { clock });
    sandbox.refuseClient('authentication failed');
    expect(as('no_token', await get(api)).refused).toBe(true);
    sandbox.refuseClient(null);
    expect(await api.ensureToken()).toBe(null);
    await clock.advance(301_000);
    expect(as('response', await get(api)).status).toBe(200);
  });

  test('that succeeds ends the row of refusals, so that the next pause is short again', async () => {
    const clock = new ManualClock();
    const sandbox = await aSandbox({ tokenLifetimeSeconds: 300 });
    const api = anApi(sandbox, {}, { clock });
    const throttled = { kind: 'status', status: 429, retryAfterSeconds: 1 } as const;
    for (let round = 0; round < 3; round += 1) {
      sandbox.addRule({ match: { endpoint: 'token', times: 1 }, fault: throttled });
      expect(as('no_token', await get(api))).toMatchObject({ status: 429, retryAfterMs: 1_000 });
      await clock.advance(1_000);
      expect(as('response', await get(api)).status).toBe(200);
      await clock.advance(301_000);
    }
  });

  test.each([
    [
      { kind: 'status', status: 429 },
      { status: 429, retryAfterMs: 60_000 },
    ],
    [
      { kind: 'status', status: 502, body: 'html' },
      { status: 502, code: 'http_502' },
    ],
    [{ kind: 'garbage' }, { status: 200, code: 'unreadable_token' }],
    [{ kind: 'resetBeforeApply' }, { status: null }],
  ] as const)('that meets %j leaves no token, and the permit free', async (fault, expected) => {
    const clock = new ManualClock();
    const sandbox = await aSandbox();
    const api = anApi(sandbox, { rateLimitPerMinute: 1 }, { clock });
    sandbox.addRule({ match: { endpoint: 'token', times: 1 }, fault });
    expect(as('no_token', await get(api))).toMatchObject({ refused: false, ...expected });
    await clock.advance(60_000);
    expect(api.gate.tryTake()).toBe(true);
  });
});

test('token: neither secret nor token nor header is in any answer, log or error', async () => {
  const log = aLog();
  const ids: string[] = [];
  const newId = (): string => ids[ids.push(systemWorld.newId()) - 1] ?? '';
  const sandbox = await aSandbox({ clientSecret: 'the-client-secret', world: { ...systemWorld, newId } });
  const clock = new JumpingClock();
  const api = anApi(sandbox, { requestTimeoutMs: 300 }, { logger: log, clock });
  const answers: (HttpAnswer | null)[] = [await get(api), await patch(api)];
  sandbox.revokeTokens();
  answers.push(await get(api));
  for (const fault of [{ kind: 'garbage' }, { kind: 'hang' }, { kind: 'resetAfterApply' }] as const) {
    sandbox.clearRules();
    sandbox.addRule({ fault });
    answers.push(await get(api));
    sandbox.addRule({ match: { endpoint: 'token' }, fault });
    await clock.jump(A_DAY);
    answers.push(await api.ensureToken());
    await clock.jump(60_000);
  }
  sandbox.refuseClient();
  sandbox.clearRules();
  answers.push(await api.ensureToken());
  await sandbox.goDown('refused');
  answers.push(await get(api), await api.ensureToken());
  const seen = inspect({ answers, lines: log.lines, api }, { depth: 20, showHidden: true });
  expect(log.lines.length).toBeGreaterThan(3);
  const correlationIds = new Set(sandbox.stats.journal.map(({ correlationId }) => correlationId));
  const tokens = ids.filter((id) => !correlationIds.has(id));
  expect(tokens.length).toBeGreaterThan(1);
  for (const secret of ['the-client-secret', ...tokens, 'Bearer', 'Basic ', basicOf(sandbox.clientId)]) {
    expect(seen).not.toContain(secret);
  }
});

test.for([400, 401, 403, 404, 409, 422, 500])(
  'token: a refusal (%s) that repeats what it was sent is reported without it',
  async (status) => {
    const host = await startRepeatingHost();
    atEnd(() => host.stop());
    const log = aLog();
    const clock = new JumpingClock();
    const secrets = { clientId: 'the-client', clientSecret: 'the-client-secret' };
    const api = createGroupApi(
      {
        ...secrets,
        apiUrl: host.url,
        loginUrl: host.url,
        requestTimeoutMs: 10_000,
        concurrency: 1,
        rateLimitPerMinute: null,
      },
      { isShadow: false, clock, logger: log },
    );
    atEnd(() => api.close());
    host.status = status;
    const answers: (HttpAnswer | null)[] = [await get(api), await patch(api)];
    expect(as('response', answers[1] ?? null)).toMatchObject({
      status,
      body: { message: expect.stringContaining('[redacted]') },
    });
    await clock.jump(A_DAY);
    for (const login of ['refuses', 'fails'] as const) {
      host.login = login;
      answers.push(await api.ensureToken());
    }
    // Of the login host's own words nothing is repeated.
    const [, , refusal, failure] = answers;
    expect(as('no_token', refusal ?? null)).toMatchObject({ status: 400, code: 'http_400' });
    expect(as('no_token', failure ?? null)).toMatchObject({ status: 502, code: 'http_502' });
    const seen = inspect({ answers, lines: log.lines }, { depth: 20, maxStringLength: null });
    const basic = Buffer.from('the-client:the-client-secret').toString('base64');
    // The beginning of a secret is too much too: texts are cut.
    for (const secret of ['the-client-secret', ...host.tokens, basic]) {
      const hex = Buffer.from(secret).toString('hex');
      const inBase64 = Buffer.from(`u:${secret}`).toString('base64').slice(3);
      const inHtml = `&#x${secret.charCodeAt(0).toString(16)};&#x${secret.charCodeAt(1).toString(16)};`;
      for (const form of [secret, hex, inBase64]) expect(seen).not.toContain(form.slice(0, 12));
      expect(seen).not.toContain(inHtml);
    }
  },
);

const basicOf = (id: string): string => Buffer.from(`${id}:the-client-secret`).toString('base64').slice(0, 20);
