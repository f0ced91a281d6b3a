/** `rollcall explain` by ids of Genesys Cloud that no report names: they are looked for at Genesys Cloud, and nothing is denied. */
import { describe, expect, test } from 'vitest';
import { ScimIdMap } from '../../src/adapters/ids/scim.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { GroupApi } from '../../src/ports.ts';
import { aLog, aSandbox, anApi } from '../support/genesys.ts';
import { answer } from '../support/quick-world.ts';
import { Table } from '../support/table.ts';
import { WrittenTopics } from '../support/written-topics.ts';

/** Users are looked up by `externalId`, groups by `displayName`. */
async function lookingUp(put: (sandbox: Sandbox) => void): Promise<WrittenTopics> {
  const sandbox = await aSandbox({});
  put(sandbox);
  const written = new WrittenTopics(4);
  const api = anApi(sandbox);
  written.api = api;
  written.ids = new ScimIdMap(
    { userAttribute: 'externalId', groupAttribute: 'displayName' },
    { api, clock: written.clock, logger: aLog() },
  );
  return written;
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

const withMethods = (api: GroupApi): GroupApi => ({
  gate: api.gate,
  getGroup: (request) => api.getGroup(request),
  patchGroup: (request) => api.patchGroup(request),
  search: (request) => api.search(request),
  ensureToken: () => api.ensureToken(),
  close: () => api.close(),
});

describe('explain --group with an id of Genesys Cloud, where ids are looked up', () => {
  const teamX = (): Promise<WrittenTopics> =>
    lookingUp((sandbox) => {
      for (const user of ['4', '9']) sandbox.putUser({ id: `uid-${user}`, externalId: `ext-${user}` });
      sandbox.putGroup({ id: 'gid-4', displayName: 'Team X', members: ['uid-9'] });
    });

  test('is found by the name that the group shows, before any report', async () => {
    const written = await teamX();
    written.event('Team X', { add_members: ['ext-4'], event_id: 'ev4' });
    for (const group of ['Team X', 'gid-4']) {
      const said = await written.explain({ group, member: 'ext-4' }, null);
      expect(said).toContain('Genesys Cloud, group gid-4, version "1": not a member\n');
      expect(lastLine(said)).toContain('the addition by event ev4 at source/');
      expect(await written.explain({ group }, null)).toContain('uid-9  member  nothing\n');
    }
  });

  test('of a group whose name no look-up finds its members are shown, and that its events are not known', async () => {
    const written = await lookingUp((sandbox) => {
      for (const id of ['gid-4', 'gid-5']) sandbox.putGroup({ id, displayName: 'Team X', members: ['uid-9'] });
    });
    written.event('Team X', { add_members: ['ext-4'] });
    const said = await written.explain({ group: 'gid-4' }, null);
    expect(said).toContain('uid-9  member  nothing\n');
    expect(said).toContain(
      'neither the id map nor a report says what the identity provider calls the group gid-4: events under another name are not shown\n',
    );
  });

  test('that is not there is not found', async () => {
    const written = await teamX();
    expect(lastLine(await written.explain({ group: 'gid-5' }, null))).toBe(
      'No event and no report names the group, and neither the id map nor Genesys Cloud has such a group.',
    );
    expect(written.exitCode).toBe(EXIT.someFailed);
  });

  test('that could not be read is not said to be missing', async () => {
    const written = await teamX();
    const { api } = written;
    if (api === null) throw new Error('there is no target');
    const asked: string[] = [];
    written.api = {
      ...withMethods(api),
      getGroup: async ({ group }) => (asked.push(group), answer(403)),
    };
    expect(lastLine(await written.explain({ group: 'gid-4' }, null))).toMatch(
      /^No event and no report names the group, and it could not be read \(.*\)\.$/,
    );
    expect(written.exitCode).toBe(EXIT.unavailable);
    expect(new Set(asked)).toEqual(new Set(['gid-4']));
  });

  test('that has not the form of an id there is not found', async () => {
    const written = await teamX();
    const { api } = written;
    if (api === null) throw new Error('there is no target');
    written.api = { ...withMethods(api), getGroup: async () => answer(400) };
    expect(lastLine(await written.explain({ group: 'no id' }, null))).toBe(
      'No event and no report names the group, and neither the id map nor Genesys Cloud has such a group.',
    );
    expect(written.exitCode).toBe(EXIT.someFailed);
  });

  test.each([undefined, 0])(
    'whose look-up has no answer is not known to be missing, also then (--at %s)',
    async (at) => {
      const written = await teamX();
      const { api, clock } = written;
      if (api === null) throw new Error('there is no target');
      const time = at === undefined ? {} : { at: clock.now().wall };
      const silent = { ...withMethods(api), search: async () => answer(403), getGroup: async () => answer(403) };
      written.ids = new ScimIdMap(
        { userAttribute: 'externalId', groupAttribute: 'displayName' },
        { api: silent, clock, logger: aLog() },
      );
      written.api = silent;
      for (const member of [{}, { member: 'ext-4' }]) {
        const said = lastLine(await written.explain({ group: 'Team X', ...member, ...time }, null));
        expect(said).toMatch(/look/);
        expect(said).not.toContain('until then says');
        expect(said).toContain('status 403');
        expect(written.exitCode).toBe(EXIT.unavailable);
      }
    },
  );

  test('of an id that the identity provider gives another group the other one is named', async () => {
    const written = await lookingUp((sandbox) => {
      sandbox.putGroup({ id: 'gid-1', displayName: 'Team A' });
      sandbox.putGroup({ id: 'gid-3', displayName: 'gid-1', members: ['uid-1'] });
      sandbox.putUser({ id: 'uid-1', externalId: 'ext-1' });
      sandbox.putUser({ id: 'uid-5', externalId: 'uid-1' });
    });
    const said = await written.explain({ group: 'gid-1', member: 'uid-1' }, null);
    expect(said).toContain(
      "gid-1 is taken for the id of the identity provider, which Genesys Cloud calls gid-3; what Genesys Cloud calls gid-1 is another group: ask with --group 'Team A'\n",
    );
    expect(said).toContain(
      'uid-1 is taken for the id of the identity provider, which Genesys Cloud calls uid-5; what Genesys Cloud calls uid-1 is another member\n',
    );
  });
});

describe('explain --member with an id of Genesys Cloud', () => {
  test('that the list of the group holds is a member, whom no event names', async () => {
    const written = new WrittenTopics(1);
    written.ids = new Table().set('group', 'Sales', 'g-1').set('user', 'u', 'T-u');
    written.target.group('g-1').members.add('ext1');
    const said = await written.explain({ group: 'Sales', member: 'ext1' }, null);
    expect(said).toContain('neither the id map nor a report says what the identity provider calls ext1\n');
    expect(lastLine(said)).toBe('A member: no event and no report names it: others have made it a member.');
    expect(written.exitCode).toBe(EXIT.done);
    const json = await written.explain({ group: 'Sales', member: 'ext1', json: true }, null);
    expect(JSON.parse(json)).toMatchObject({ is_member: true, member_target: 'ext1' });
  });

  test('that is also a name of which an event speaks is that of the identity provider', async () => {
    const written = new WrittenTopics(1);
    written.ids = new Table().set('group', 'Sales', 'g-1');
    written.event('Sales', { add_members: ['ext1'] });
    written.target.group('g-1').members.add('ext1');
    const said = await written.explain({ group: 'Sales', member: 'ext1' }, null);
    expect(lastLine(said)).toMatch(/^Not known whether a member \(the id map has no such member\): /);
  });
});

test('explain --group with an id of Genesys Cloud that several groups of the source have is refused, and names them', async () => {
  const written = new WrittenTopics(1);
  written.ids = new Table().set('group', 'DupA', 'g-88').set('group', 'DupB', 'g-88').set('user', 'u1', 'U-1');
  written.event('DupA', { add_members: ['u1'], event_id: 'da' });
  await expect(written.explain({ group: 'g-88', member: 'u1' }, null)).rejects.toMatchObject({
    code: EXIT.usage,
    message: 'explain: the id map gives g-88 to DupA and DupB; ask with --group by one of them',
  });
  expect(lastLine(await written.explain({ group: 'DupA', member: 'u1' }, null))).toContain('by event da at source/0/0');
});
