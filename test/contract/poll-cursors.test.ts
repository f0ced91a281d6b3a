/** What is read where the cursor is missing, and which cursor is read where sources share a host. */
import { expect, test } from 'vitest';
import { startAuth0 } from '../support/idp/auth0.ts';
import { Poll } from '../support/idp/poll.ts';
import { scimUser, startScimList, startScimProviders } from '../support/idp/scim-list.ts';

const users = (...ids: readonly string[]) => ids.map(scimUser);
const WARNING = 'no cursor, but a trace of earlier polls: reading every group in full';
const warningsOf = (poll: Poll): readonly unknown[] =>
  poll.lines.filter(({ message }) => message === WARNING).map(({ fields }) => fields['why']);
const hostOf = ({ url }: { readonly url: string }): string => new URL(url).host;

test('poll cursor: a cursor that is deleted as the refusal says becomes a full state of every group, also with `now`', async () => {
  const idp = await startAuth0();
  idp.groups.set('g', ['a']);
  const poll = new Poll('auth0', idp);
  await poll.run({ startFrom: 'now' });
  idp.event('group.member.added', 'g', 'x');
  await poll.run({ startFrom: 'now' });
  const key = `auth0/${hostOf(idp)}`;
  await poll.store(key, 'damaged');
  await expect(poll.run({ startFrom: 'now' })).rejects.toThrow('even with INGEST_POLL_START=now');
  await poll.store(key, null);
  idp.groups.set('g', ['b']);
  const count = poll.changes().length;
  await poll.run({ startFrom: 'now' });
  expect(poll.changes(count)[0]).toBe('g = b');
  expect(warningsOf(poll)).toEqual([expect.stringContaining(key)]);
});

test('poll cursor: so it becomes where no group was known', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.run({ startFrom: 'now' });
  await poll.store(`auth0/${hostOf(idp)}`, null);
  idp.groups.set('g', ['a']);
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g = a']);
});

test('poll cursor: so it becomes where only marks of groups are left, and those that are gone are deleted', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.store(`auth0/${hostOf(idp)}/group/old`, '{"v":1,"mark":""}');
  idp.groups.set('g', ['a']);
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g = a', 'old deleted']);
});

test('poll cursor: groups that are compared are read as full states as well, changed or not', async () => {
  const idp = await startScimList();
  idp.groups.set('g1', users('a')).set('g2', users('b')).set('g3', users('c'));
  const poll = new Poll('scim', idp);
  await poll.run({ startFrom: 'now' });
  await poll.store(`scim/${hostOf(idp)}`, null);
  idp.groups.delete('g3');
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g1 = a', 'g2 = b', 'g3 deleted']);
  await poll.run({ startFrom: 'now' });
  expect(poll.changes(3)).toEqual([]);
  expect(warningsOf(poll).length).toBe(1);
});

test('poll cursor: a source that was never polled begins as it is set, without a warning', async () => {
  const idp = await startAuth0();
  idp.groups.set('g', ['a']);
  const poll = new Poll('auth0', idp);
  await poll.store('auth0/other.example.com', '{"v":1,"cursor":"from=1"}');
  await poll.store(`auth0/${hostOf(idp)}0/group/g`, '{"v":1,"mark":""}');
  await poll.run({ startFrom: 'now' });
  expect([poll.changes(), warningsOf(poll)]).toEqual([[], []]);
});

test.each([
  ['/a', '/b'],
  ['/group/b', ''],
  ['', '/a'],
])(
  'poll cursor: providers at %j and %j of one host do not declare groups of each other deleted',
  async (one, other) => {
    const providers = new Map([
      [`${one}/scim/v2`, new Map([['g1', users('x')]])],
      [`${other}/scim/v2`, new Map([['h1', users('z')]])],
    ]);
    const { url } = await startScimProviders(providers);
    const at = { url };
    const poll = new Poll('scim', at);
    const runAt = (path: string): Promise<void> => {
      at.url = `${url}${path}`;
      return poll.run();
    };
    for (const path of [one, other, one, other]) await runAt(path);
    expect(poll.changes()).toEqual(['g1 = x', 'h1 = z']);
    providers.get(`${one}/scim/v2`)?.delete('g1');
    for (const path of [other, one]) await runAt(path);
    expect(poll.changes(2)).toEqual(['g1 deleted']);
  },
);

test('poll cursor: a cursor of a former version, which several providers may share, is not used: all is read in full, once', async () => {
  const groups = new Map([['g1', users('x')]]);
  const idp = await startScimProviders(new Map([['/a/scim/v2', groups]]));
  const poll = new Poll('scim', { url: `${idp.url}/a` });
  const former = `scim/${hostOf(idp)}`;
  await poll.store(former, '{"v":1,"cursor":"1"}');
  await poll.store(`${former}/group/h1`, '{"v":1,"mark":"x"}');
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g1 = x']);
  expect(warningsOf(poll)).toEqual([expect.stringMatching(/groups deleted since .* are not reported: scim\/\S+:\d+$/)]);
  await poll.run({ startFrom: 'now' });
  expect([poll.changes(1), warningsOf(poll).length]).toEqual([[], 1]);
});

test('poll cursor: a cursor of a former version is read on at the usual path', async () => {
  const idp = await startScimList();
  idp.groups.set('g1', users('a')).set('g2', users('b'));
  const poll = new Poll('scim', idp);
  await poll.store(`scim/${hostOf(idp)}`, '{"v":1,"cursor":"known/1"}');
  await poll.run();
  expect([poll.changes(), warningsOf(poll)]).toEqual([[], []]);
});
