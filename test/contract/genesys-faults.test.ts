/** Every fault of the sandbox, as the adapter tells it. */
import { describe, expect, test } from 'vitest';
import type { FaultRule } from '../../src/lab/sandbox/faults.ts';
import { aSandbox, anApi, as, get, patch } from '../support/genesys.ts';

async function given(fault: FaultRule['fault'], requestTimeoutMs = 10_000) {
  const sandbox = await aSandbox();
  const api = anApi(sandbox, { requestTimeoutMs });
  await get(api);
  sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault });
  return { sandbox, api };
}

describe('a status', () => {
  test.each([
    ['platform', { body: { code: 'service.unavailable' }, empty: false }],
    ['scim', { body: { status: '503' }, empty: false }],
    ['oauth', { body: { error: 'invalid_client' }, empty: false }],
    ['html', { body: undefined, empty: false }],
    ['empty', { body: undefined, empty: true }],
  ] as const)('with a body of the kind %s', async (body, expected) => {
    const { api } = await given({ kind: 'status', status: 503, body });
    expect(await patch(api)).toMatchObject({ kind: 'response', status: 503, retryAfterMs: null, ...expected });
  });

  test.each([
    ['seconds', 6900, 7000],
    ['date', 6000, 8000],
  ] as const)('429 with Retry-After as %s closes the gate for so long', async (retryAfterForm, min, max) => {
    const { sandbox, api } = await given({ kind: 'status', status: 429, retryAfterSeconds: 7, retryAfterForm });
    const answer = as('response', await patch(api));
    expect(answer.retryAfterMs).toBeGreaterThanOrEqual(min);
    expect(answer.retryAfterMs).toBeLessThanOrEqual(max);
    expect(api.gate.tryTake()).toBe(false);
    expect(sandbox.members('g')).toEqual(['a']);
  });

  test('429 without Retry-After holds until the reset of the limit', async () => {
    const { api } = await given({ kind: 'status', status: 429 });
    const { retryAfterMs } = as('response', await patch(api));
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(api.gate.tryTake()).toBe(false);
  });
});

test('adapter: latency below the time-out is waited for', async () => {
  const { api } = await given({ kind: 'latency', latencyMs: 100 });
  const answer = as('response', await patch(api));
  expect(answer.status).toBe(200);
  expect(answer.durationMs).toBeGreaterThanOrEqual(95);
});

test.each([
  ['before', ['a']],
  ['after', ['a', 'b']],
] as const)('adapter: latency beyond the time-out, %s it is applied, ends at the time-out', async (at, members) => {
  const { sandbox, api } = await given({ kind: 'latency', latencyMs: 60_000, at }, 200);
  expect(await patch(api)).toMatchObject({ kind: 'no_response', sent: true, code: 'timeout' });
  expect(sandbox.members('g')).toEqual(members);
});

test('adapter: a hang ends at the time-out, and other requests go on', async () => {
  const { sandbox, api } = await given({ kind: 'hang' }, 300);
  const arrived = sandbox.nextRequest(({ method }) => method === 'PATCH', 'arrived');
  const hanging = patch(api);
  await arrived;
  expect(as('response', await get(api)).status).toBe(200);
  expect(await hanging).toMatchObject({ kind: 'no_response', sent: true, code: 'timeout' });
});

test('adapter: a request that timed out frees its connection', async () => {
  const sandbox = await aSandbox();
  const api = anApi(sandbox, { concurrency: 1, requestTimeoutMs: 300 });
  sandbox.addRule({ match: { times: 1 }, fault: { kind: 'hang' } });
  expect((await get(api)).kind).toBe('no_response');
  expect(as('response', await get(api)).status).toBe(200);
});

test.each([
  ['resetBeforeApply', ['a']],
  ['resetAfterApply', ['a', 'b']],
] as const)('adapter: %s is sent without an answer, and is not sent again', async (kind, members) => {
  const { sandbox, api } = await given({ kind });
  expect(as('no_response', await patch(api)).sent).toBe(true);
  expect(sandbox.members('g')).toEqual(members);
  expect(as('response', await get(api)).status).toBe(200);
  expect(sandbox.stats.journal.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
});

test('adapter: a request that applies late has timed out before', async () => {
  const { sandbox, api } = await given({ kind: 'lateApply', afterMs: 500 }, 150);
  const applied = sandbox.nextRequest(() => true, 'applied');
  expect(await patch(api)).toMatchObject({ kind: 'no_response', sent: true, code: 'timeout' });
  expect(sandbox.members('g')).toEqual(['a']);
  await applied;
  expect(sandbox.members('g')).toEqual(['a', 'b']);
});

test('adapter: a body that does not parse is an answer that cannot be read', async () => {
  const { sandbox, api } = await given({ kind: 'garbage' });
  expect(await patch(api)).toMatchObject({ kind: 'response', status: 200, body: undefined, empty: false });
  expect(sandbox.members('g')).toEqual(['a', 'b']);
});

test('adapter: a foreign writer makes the version stale', async () => {
  const { api } = await given({ kind: 'foreignWriter' });
  expect(await patch(api)).toMatchObject({ kind: 'response', status: 400, body: { scimType: 'invalidVers' } });
});

test.each(['reset', 'refused'] as const)(
  'adapter: a target that is down (%s) is reported with its cause, and found again',
  async (mode) => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox);
    await get(api);
    await sandbox.goDown(mode);
    expect((await get(api)).kind).toBe('no_response');
    await sandbox.goUp();
    expect(as('response', await get(api)).status).toBe(200);
  },
);
