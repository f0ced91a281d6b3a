import { afterEach, describe, expect, test } from 'vitest';
import { printEnvironment } from '../../src/lab/sandbox/server.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { adding, control, removing, requestToken, SandboxClient } from '../support/sandbox-client.ts';

const running: Sandbox[] = [];

async function given(options: SandboxOptions = {}): Promise<{ sandbox: Sandbox; client: SandboxClient }> {
  const seed = { groups: [{ id: 'g', members: ['a', 'b'], version: 42 }, { id: 'h' }] };
  const sandbox = await startSandbox({ users: 'any', unknownUsers: ['ghost'], seed, ...options });
  running.push(sandbox);
  return { sandbox, client: await SandboxClient.login(sandbox) };
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.stop()));
});

describe('login', () => {
  test('a bad secret, a refused client and a wrong body each get 400 with a description', async () => {
    const { sandbox } = await given();
    const wrong = await requestToken(sandbox, { secret: 'wrong' });
    expect(wrong.status).toBe(400);
    expect(wrong.json).toEqual({ error: 'invalid_client', description: 'authentication failed' });
    const more = await requestToken(sandbox, { body: 'grant_type=client_credentials&scope=x' });
    expect(more.json).toMatchObject({ error: 'unsupported_grant_type' });
    sandbox.refuseClient('client not found');
    expect((await requestToken(sandbox)).json).toEqual({ error: 'invalid_client', description: 'client not found' });
    sandbox.refuseClient(null);
    expect((await requestToken(sandbox)).json).toMatchObject({ token_type: 'bearer', expires_in: 86_400 });
  });

  test('a missing token, a revoked one and a withdrawn permission have different answers', async () => {
    const { sandbox, client } = await given();
    const without = await client.get('g', { authorization: '' });
    expect([without.status, without.json['code']]).toEqual([401, 'authentication.required']);
    sandbox.deny({ group: 'g' });
    const denied = await client.get('g');
    expect([denied.status, denied.json['code']]).toEqual([403, 'missing.permissions']);
    expect(denied.json['contextId']).toBe(denied.headers.get('inin-correlation-id'));
    expect((await client.get('h')).status).toBe(200);
    sandbox.deny({ status: 401 });
    expect((await client.get('h')).json['code']).toBe('bad.credentials');
    sandbox.allow();
    expect((await client.get('g')).status).toBe(200);
    sandbox.revokeTokens();
    const revoked = await client.get('g');
    expect([revoked.status, revoked.json['code']]).toEqual([401, 'bad.credentials']);
  });
});

describe('groups', () => {
  test('a group has a quoted ETag and a bare version; If-None-Match on it is 304', async () => {
    const { client } = await given();
    const group = await client.get('g');
    expect(group.headers.get('etag')).toBe('"42"');
    expect(group.json).toMatchObject({ id: 'g', meta: { version: '42', location: '/api/v2/scim/v2/groups/g' } });
    expect((await client.get('g', { 'if-none-match': '"42"' })).status).toBe(304);
    expect((await client.get('g', { 'if-none-match': '"41"' })).status).toBe(200);
    expect((await client.get('nowhere')).status).toBe(404);
    expect((await client.send('/api/v2/scim/v2/Groups/g')).status).toBe(200);
  });

  test('a PATCH adds and removes, answers the whole group and moves the version once', async () => {
    const { sandbox, client } = await given();
    const reply = await client.patch('g', [adding('c', 'd'), removing('a')], { headers: { 'if-match': '"42"' } });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('etag')).toBe('"43"');
    expect(sandbox.members('g')).toEqual(['b', 'c', 'd']);
    expect((await client.patch('g', [adding('c'), removing('a')])).headers.get('etag')).toBe('"43"');
    sandbox.behave({ versionOnNoop: 'moves', removeAbsent: 'noTarget', patchAnswer: 'empty' });
    const noop = await client.patch('g', [adding('c')]);
    expect([noop.status, noop.headers.get('etag'), noop.text]).toEqual([204, '"44"', '']);
    expect((await client.patch('g', [removing('a')])).json['scimType']).toBe('noTarget');
  });

  test.each([
    ['400', { scimType: 'invalidVers', status: '400' }],
    ['409', { detail: 'Version does not match current version.', status: '409' }],
    ['412', { code: 'precondition.failed', status: 412 }],
  ] as const)('a stale If-Match is refused as %s and nothing changes', async (conflict, body) => {
    const { sandbox, client } = await given({ behaviour: { conflict } });
    const reply = await client.patch('g', [adding('c')], { headers: { 'if-match': '"41"' } });
    expect(reply.status).toBe(Number(conflict));
    expect(reply.json).toMatchObject(body);
    expect([sandbox.members('g'), sandbox.version('g')]).toEqual([['a', 'b'], 42]);
  });

  test('the mix of conflict forms has all three, and the same ones for the same seed', async () => {
    const statuses = async (randomSeed: number): Promise<readonly number[]> => {
      const { client } = await given({ behaviour: { conflict: 'mixed' }, randomSeed });
      const drawn: number[] = [];
      const stale = { headers: { 'if-match': '"41"' } };
      while (drawn.length < 20) drawn.push((await client.patch('g', [adding('c')], stale)).status);
      return drawn;
    };
    const drawn = await statuses(3);
    expect(new Set(drawn)).toEqual(new Set([400, 409, 412]));
    expect(await statuses(3)).toEqual(drawn);
    expect(await statuses(4)).not.toEqual(drawn);
  });

  test('refusals come in the shape that is asked for, a body too large and a wrong type too', async () => {
    const { sandbox, client } = await given({ behaviour: { errorShape: 'platform' } });
    const stale = await client.patch('g', [adding('c')], { headers: { 'if-match': '"41"' } });
    expect(stale.json).toMatchObject({
      status: 400,
      message: expect.stringContaining('does not match the current version'),
    });
    expect(stale.json).not.toHaveProperty('scimType');
    sandbox.behave({ errorShape: 'scim' });
    expect((await client.get('nowhere')).json).toMatchObject({ status: '404' });
    expect((await client.patch('g', [], { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    sandbox.behave({ maxBodyBytes: 10 });
    expect((await client.patch('g', [adding('c')])).status).toBe(413);
  });

  test('an unknown user or a 51st member refuses the whole request', async () => {
    const { sandbox, client } = await given();
    const unknown = await client.patch('g', [removing('a'), adding('c', 'ghost')]);
    expect([unknown.status, unknown.json['scimType']]).toEqual([400, 'invalidValue']);
    sandbox.behave({ unknownMember: '404' });
    expect((await client.patch('g', [adding('ghost')])).json['code']).toBe('not.found');
    const members = Array.from({ length: 50 }, (_, index) => `m${index}`);
    expect((await client.patch('g', [adding(...members), removing('a')])).status).toBe(400);
    expect([sandbox.members('g'), sandbox.version('g')]).toEqual([['a', 'b'], 42]);
    expect((await client.patch('g', [adding(...members)])).status).toBe(200);
  });

  test('what could wipe a group does wipe it, and is counted', async () => {
    const { sandbox, client } = await given();
    await client.patch('g', [adding('c')]);
    expect(sandbox.stats.dangerous).toBe(0);
    await client.patch('g', [{ op: 'Remove', path: 'members', value: [{ value: 'a' }] }]);
    expect(sandbox.members('g')).toEqual([]);
    await client.patch('g', [{ op: 'replace', path: 'members', value: [{ value: 'x' }] }]);
    expect(sandbox.members('g')).toEqual(['x']);
    await client.send('/api/v2/scim/v2/groups/g', { method: 'PUT', body: { displayName: 'G' } });
    expect(sandbox.members('g')).toEqual([]);
    expect(sandbox.stats.dangerous).toBe(3);
  });

  test('lists need a filter, and a large page is throttled unless members are left out', async () => {
    const { client } = await given();
    const list = (query: string): ReturnType<typeof client.send> => client.send(`/api/v2/scim/v2/groups${query}`);
    expect((await list('')).json['scimType']).toBe('invalidFilter');
    expect((await list('?filter=id%20eq%20%22g%22')).json).toMatchObject({ totalResults: 1, Resources: [{ id: 'g' }] });
    expect((await list('?filter=displayname%20eq%20G&count=0')).json).toMatchObject({ totalResults: 1, Resources: [] });
    expect((await list('?filter=id%20eq%20g&count=26')).status).toBe(429);
    const light = await list('?filter=id%20eq%20g&count=26&excludedAttributes=members');
    expect(light.json).toMatchObject({ totalResults: 1 });
    expect(light.text).not.toContain('"members"');
  });

  test('inactive users are hidden from lists, and resolve by id and as members', async () => {
    const seed = {
      users: [
        { id: 'u1', externalId: 'x1' },
        { id: 'u2', active: false },
      ],
      groups: [{ id: 'g' }],
    };
    const sandbox = await startSandbox({ seed });
    running.push(sandbox);
    const client = await SandboxClient.login(sandbox);
    const found = async (query: string): Promise<unknown> =>
      (await client.send(`/api/v2/scim/v2/Users${query}`)).json['totalResults'];
    expect(await found('')).toBe(1);
    expect(await found('?filter=active%20eq%20false')).toBe(1);
    expect(await found('?filter=externalId%20eq%20%22x1%22')).toBe(1);
    expect((await client.send('/api/v2/scim/v2/users/u2')).json).toMatchObject({ active: false });
    expect((await client.patch('g', [adding('u2')])).status).toBe(200);
    expect((await client.patch('g', [adding('u3')])).status).toBe(400);
  });
});

describe('limits', () => {
  test('headers count down and the request too many is 429 with Retry-After', async () => {
    const { sandbox, client } = await given({ limits: { allowed: 2, windowSeconds: 60 } });
    expect((await client.get('g')).headers.get('inin-ratelimit-count')).toBe('1');
    expect((await client.get('g')).headers.get('inin-ratelimit-allowed')).toBe('2');
    const third = await client.get('g');
    expect([third.status, third.json['code']]).toEqual([429, 'too.many.requests']);
    expect(third.headers.get('retry-after')).toBe(third.headers.get('inin-ratelimit-reset'));
    const other = await SandboxClient.login(sandbox);
    expect((await other.get('g')).status).toBe(200);
  });
});

describe('another process', () => {
  test('reads state, sets faults, and brings the sandbox down and up', async () => {
    const { sandbox, client } = await given();
    expect((await control(sandbox, 'GET /sandbox/groups/g')).json).toMatchObject({
      version: '42',
      members: ['a', 'b'],
    });
    expect(
      (await control(sandbox, 'POST /sandbox/faults', { match: { nth: 0 }, fault: { kind: 'hang' } })).status,
    ).toBe(400);
    const rule = { match: { method: 'GET', times: 1 }, fault: { kind: 'status', status: 503 } };
    expect((await control(sandbox, 'POST /sandbox/faults', [rule])).json).toEqual({ ids: ['rule-1'] });
    expect((await client.get('g')).status).toBe(503);
    await control(sandbox, 'POST /sandbox/behaviour', { conflict: '412' });
    expect((await client.patch('g', [adding('c')], { headers: { 'if-match': '"1"' } })).status).toBe(412);
    await control(sandbox, 'POST /sandbox/down');
    await expect(client.get('g')).rejects.toThrow();
    expect((await control(sandbox, 'GET /sandbox/stats')).json).toMatchObject({ requests: { GET: { 503: 1 } } });
    await control(sandbox, 'POST /sandbox/up');
    expect((await client.get('g')).status).toBe(200);
  });

  test('finds its way by the printed environment', async () => {
    const { sandbox } = await given({ clientSecret: 'secret' });
    expect(printEnvironment(sandbox)).toBe(
      `GENESYS_API_URL=${sandbox.url}\nGENESYS_LOGIN_URL=${sandbox.url}\n` +
        'GENESYS_CLIENT_ID=sandbox-client\nGENESYS_CLIENT_SECRET=secret\n',
    );
    expect(printEnvironment({ url: 'http://sandbox:8081', clientId: 'c', clientSecret: 's' })).toContain(
      'ALLOW_INSECURE=true',
    );
  });
});
