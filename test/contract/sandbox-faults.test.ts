import { afterEach, describe, expect, test } from 'vitest';
import { systemWorld, type SandboxWorld } from '../../src/lab/sandbox/clock.ts';
import type { FaultRule } from '../../src/lab/sandbox/faults.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { adding, SandboxClient } from '../support/sandbox-client.ts';

const running: Sandbox[] = [];

async function given(fault: FaultRule['fault'] | null, options: SandboxOptions = {}) {
  const seed = { groups: [{ id: 'g', members: ['a'], version: 42 }] };
  const sandbox = await startSandbox({ users: 'any', seed, ...options });
  running.push(sandbox);
  const client = await SandboxClient.login(sandbox);
  if (fault) sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault });
  return { sandbox, client };
}

/** Timers that go off when the test says so. */
function handWorld(): SandboxWorld & { fire: () => void; pending: () => number } {
  const callbacks = new Set<() => void>();
  return {
    ...systemWorld,
    after: (_delayMs, callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    fire: () => {
      for (const callback of callbacks) {
        callbacks.delete(callback);
        callback();
      }
    },
    pending: () => callbacks.size,
  };
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.stop()));
});

describe('a status', () => {
  test.each([
    ['platform', 'application/json', /"code":"service.unavailable"/],
    ['scim', 'application/scim+json', /"status":"503"/],
    ['html', 'text/html', /<html>/],
    ['empty', null, /^$/],
    ['oauth', 'application/json', /"error":"invalid_client"/],
  ] as const)('comes with a body of the kind %s', async (body, type, text) => {
    const { sandbox, client } = await given({ kind: 'status', status: 503, body });
    const reply = await client.patch('g', [adding('b')]);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([503, type]);
    expect(reply.text).toMatch(text);
    expect(sandbox.members('g')).toEqual(['a']);
    expect((await client.patch('g', [adding('b')])).status).toBe(200);
  });

  test('carries Retry-After as seconds or as a date, and may lie about what was applied', async () => {
    const { sandbox, client } = await given({ kind: 'status', status: 429, retryAfterSeconds: 7 });
    expect((await client.patch('g', [adding('b')])).headers.get('retry-after')).toBe('7');
    sandbox.clearRules();
    sandbox.addRule({
      fault: { kind: 'status', status: 504, retryAfterSeconds: 7, retryAfterForm: 'date', applied: true },
    });
    const date = (await client.patch('g', [adding('b')])).headers.get('retry-after') ?? '';
    expect(new Date(date).toUTCString()).toBe(date);
    expect(sandbox.members('g')).toEqual(['a', 'b']);
  });
});

describe('a lost answer', () => {
  test('a reset before applying leaves the group alone, one after does not', async () => {
    const { sandbox, client } = await given({ kind: 'resetBeforeApply' });
    await expect(client.patch('g', [adding('b')])).rejects.toThrow();
    expect(sandbox.members('g')).toEqual(['a']);
    sandbox.addRule({ match: { times: 1 }, fault: { kind: 'resetAfterApply' } });
    await expect(client.patch('g', [adding('b')])).rejects.toThrow();
    expect(sandbox.members('g')).toEqual(['a', 'b']);
    await sandbox.until(() => sandbox.stats.inFlight === 0);
    const journal = sandbox.stats.journal.slice(1);
    expect(journal.map((entry) => [entry.faulted, entry.status, entry.appliedAt !== null])).toEqual([
      ['resetBeforeApply', null, false],
      ['resetAfterApply', null, true],
    ]);
  });

  test('garbage is a 200 that does not parse, and applied', async () => {
    const { sandbox, client } = await given({ kind: 'garbage' });
    const reply = await client.patch('g', [adding('b')]);
    expect(reply.status).toBe(200);
    expect(() => JSON.parse(reply.text)).toThrow(SyntaxError);
    expect(sandbox.members('g')).toEqual(['a', 'b']);
  });

  test('a hanging request ends when the client gives up, never applied', async () => {
    const { sandbox, client } = await given({ kind: 'hang' });
    const giveUp = new AbortController();
    const arrived = sandbox.nextRequest((entry) => entry.method === 'PATCH', 'arrived');
    const reply = client.patch('g', [adding('b')], { signal: giveUp.signal });
    const refused = expect(reply).rejects.toThrow();
    await arrived;
    const ended = sandbox.nextRequest((entry) => entry.method === 'PATCH');
    giveUp.abort();
    await refused;
    expect(await ended).toMatchObject({ status: null, appliedAt: null, faulted: 'hang' });
    expect(sandbox.members('g')).toEqual(['a']);
  });

  test.each([
    ['is applied while its If-Match holds', '"42"', ['a', 'b'], 'applied'],
    ['lapses when the version has moved', '"42"', ['z'], 'lapsed'],
  ] as const)('a late request %s', async (_, ifMatch, members, phase) => {
    const world = handWorld();
    const { sandbox, client } = await given({ kind: 'lateApply', afterMs: 5000, status: 504 }, { world });
    const reply = await client.patch('g', [adding('b')], { headers: { 'if-match': ifMatch } });
    expect([reply.status, sandbox.members('g')]).toEqual([504, ['a']]);
    if (phase === 'lapsed') sandbox.setMembers('g', ['z']);
    const late = sandbox.nextRequest(() => true, phase);
    world.fire();
    expect((await late).ifMatch).toBe('"42"');
    expect(sandbox.members('g')).toEqual(members);
  });

  test('a late request without a status is answered by nothing', async () => {
    const world = handWorld();
    const { sandbox, client } = await given({ kind: 'lateApply', afterMs: 5000 }, { world });
    const giveUp = new AbortController();
    const refused = expect(client.patch('g', [adding('b')], { signal: giveUp.signal })).rejects.toThrow();
    await sandbox.nextRequest(() => true, 'arrived');
    const ended = sandbox.nextRequest();
    giveUp.abort();
    await refused;
    await ended;
    world.fire();
    expect(sandbox.members('g')).toEqual(['a', 'b']);
  });
});

describe('another writer', () => {
  test('moves the version just before, or toggles a member', async () => {
    const { sandbox, client } = await given({ kind: 'foreignWriter' });
    const stale = await client.patch('g', [adding('b')], { headers: { 'if-match': '"42"' } });
    expect([stale.json['scimType'], sandbox.version('g')]).toEqual(['invalidVers', 43]);
    sandbox.addRule({ match: { times: 1 }, fault: { kind: 'foreignWriter', toggle: 'a' } });
    expect((await client.patch('g', [adding('b')])).status).toBe(200);
    expect(sandbox.members('g')).toEqual(['b']);
  });
});

describe('time and gates', () => {
  test('latency keeps a request from being applied until it has passed', async () => {
    const world = handWorld();
    const { sandbox, client } = await given({ kind: 'latency', latencyMs: 100 }, { world });
    const arrived = sandbox.nextRequest(() => true, 'arrived');
    const reply = client.patch('g', [adding('b')]);
    await arrived;
    expect(world.pending()).toBe(1);
    expect(sandbox.members('g')).toEqual(['a']);
    world.fire();
    expect((await reply).status).toBe(200);
  });

  test('a gate holds requests before or after they are applied, and counts what is in flight', async () => {
    const { sandbox, client } = await given(null);
    const before = sandbox.pauseAt((entry) => entry.method === 'PATCH');
    const first = client.patch('g', [adding('b')]);
    const second = client.patch('g', [adding('c')]);
    await before.arrivals(2);
    expect([sandbox.members('g'), sandbox.stats.inFlight]).toEqual([['a'], 2]);
    before.release();
    await Promise.all([first, second]);
    expect(sandbox.stats).toMatchObject({ inFlight: 0, inFlightMaxByGroup: { g: 2 } });
    const after = sandbox.pauseAt(() => true, 'after');
    const third = client.patch('g', [adding('d')]);
    expect((await after.arrived).appliedAt).not.toBeNull();
    expect(sandbox.members('g')).toContain('d');
    after.release();
    expect((await third).status).toBe(200);
  });

  test.each(['reset', 'refused'] as const)(
    'going down (%s) drops what was not applied, and comes back',
    async (mode) => {
      const { sandbox, client } = await given(null);
      const gate = sandbox.pauseAt();
      const lost = expect(client.patch('g', [adding('b')])).rejects.toThrow();
      await gate.arrived;
      await sandbox.goDown(mode);
      await lost;
      gate.release();
      await expect(client.get('g')).rejects.toThrow();
      await sandbox.goUp();
      expect((await client.get('g')).status).toBe(200);
      expect(sandbox.members('g')).toEqual(['a']);
    },
  );

  test('stopping rejects what is waited for', async () => {
    const { sandbox } = await given(null);
    const waiting = expect(sandbox.nextRequest()).rejects.toThrow('stopped');
    await sandbox.stop();
    await waiting;
  });
});
