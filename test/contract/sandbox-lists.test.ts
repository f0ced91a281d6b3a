// What the sandbox lists: filters, inactive users, users that come later, and how often it was asked.
import { afterEach, describe, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { control, SandboxClient } from '../support/sandbox-client.ts';

const running: Sandbox[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.stop()));
});

const SEED = {
  users: [
    { id: 'u1', userName: 'Jane@example.com', externalId: 'X1' },
    { id: 'u2', userName: 'joe@example.com', email: 'Joe.Doe@example.com', externalId: 'X2' },
    { id: 'u3', userName: 'gone@example.com', externalId: 'X3', active: false },
  ],
  groups: [{ id: 'g1', displayName: 'Sales' }],
};

async function given(options: SandboxOptions = {}) {
  const sandbox = await startSandbox({ seed: SEED, limits: 'off', ...options });
  running.push(sandbox);
  const client = await SandboxClient.login(sandbox);
  const list = async (filter: string, resource = 'users') => {
    const reply = await client.send(`/api/v2/scim/v2/${resource}?filter=${encodeURIComponent(filter)}`);
    const resources = (reply.json['Resources'] ?? []) as readonly { id: string }[];
    return reply.status === 200 ? resources.map(({ id }) => id) : reply.json['scimType'];
  };
  return { sandbox, client, list };
}

describe('users', () => {
  test.each([
    ['email eq "joe.doe@example.com"', ['u2']],
    ['emails eq "joe.doe@example.com"', ['u2']],
    ['emails.value eq "joe.doe@example.com"', ['u2']],
    ['email eq "jane@example.com"', ['u1']],
    ['userName eq "JOE@example.com"', ['u2']],
    ['externalId eq "X1"', ['u1']],
    ['externalId eq "x1"', []],
    ['id eq "u2"', ['u2']],
    ['active eq false', ['u3']],
    ['active eq true', ['u1', 'u2']],
    ['title eq "x"', 'invalidFilter'],
  ])('%s', async (filter, ids) => {
    const { list } = await given();
    expect(await list(filter)).toEqual(ids);
  });

  test('show their address', async () => {
    const { client } = await given();
    expect((await client.send('/api/v2/scim/v2/users/u2')).json['emails']).toEqual([
      { value: 'Joe.Doe@example.com', type: 'work', primary: true },
    ]);
  });

  test('that are inactive are hidden, or shown as is chosen', async () => {
    const { sandbox, list } = await given();
    expect(await list('externalId eq "X3"')).toEqual([]);
    sandbox.behave({ inactiveUsers: 'shown' });
    expect(await list('externalId eq "X3"')).toEqual(['u3']);
  });

  test('two conditions are refused, or applied as is chosen', async () => {
    const { sandbox, list } = await given();
    expect(await list('externalId eq "X3" and active eq false')).toBe('invalidFilter');
    sandbox.behave({ twoConditions: 'applied' });
    expect(await list('externalId eq "X3" and active eq false')).toEqual(['u3']);
    expect(await list('externalId eq "X1" and active eq false')).toEqual([]);
    expect(await list('externalId eq "X1\\" and active eq false"')).toEqual([]);
  });

  test('a filter may be ignored', async () => {
    const { list } = await given({ behaviour: { filters: 'ignored' } });
    expect([await list('externalId eq "X2"'), await list('displayName eq "none"', 'groups')]).toEqual([
      ['u1', 'u2'],
      ['g1'],
    ]);
  });

  test('can be made and activated later; what is left out stays as it was', async () => {
    const { sandbox, list } = await given();
    await control(sandbox, 'PUT /sandbox/users/u3', { active: true });
    await control(sandbox, 'PUT /sandbox/users/u4', { externalId: 'X4', email: 'four@example.com' });
    expect([await list('externalId eq "X3"'), await list('email eq "four@example.com"')]).toEqual([['u3'], ['u4']]);
  });
});

test('sandbox: lists are counted, and their filters kept as they came', async () => {
  const { sandbox, client, list } = await given();
  await list('externalId eq "say \\"hi\\""');
  await list('displayName eq "Sales"', 'groups');
  await list('nonsense', 'groups');
  await client.get('g1');
  expect(sandbox.stats.lists).toEqual({ users: 1, groups: 2 });
  expect(sandbox.stats.journal.find(({ endpoint }) => endpoint === 'users')?.filter).toBe(
    'externalId eq "say \\"hi\\""',
  );
});
