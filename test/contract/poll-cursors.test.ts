/** What is read where the cursor is missing. */
import { expect, test } from 'vitest';
import { startAuth0 } from '../support/idp/auth0.ts';
import { Poll } from '../support/idp/poll.ts';
import { scimUser, startScimList } from '../support/idp/scim-list.ts';

const users = (...ids: readonly string[]) => ids.map(scimUser);
const WARNING = 'no cursor, but a trace of earlier polls: reading every group in full';
const warningsOf = (poll: Poll): readonly unknown[] =>
  poll.lines.filter(({ message }) => message === WARNING).map(({ fields }) => fields['why']);
const hostOf = ({ url }: { readonly url: string }): string => new URL(url).host;

test('a cursor that is deleted as the refusal says becomes a full state of every group, also with `now`', async () => {
  const idp = await startAuth0();
  idp.groups.set('g', ['a']);
  const poll = new Poll('auth0', idp);
  await poll.run({ startFrom: 'now' });
  idp.event('group.member.added', 'g', 'x');
  await poll.run({ startFrom: 'now' });
  const key = `auth0/${hostOf(idp)}`;
  await poll.store(key, 'damaged');
  await expect(poll.run({ startFrom: 'now' })).rejects.toThrow('whatever INGEST_POLL_START says');
  await poll.store(key, null);
  idp.groups.set('g', ['b']);
  const count = poll.changes().length;
  await poll.run({ startFrom: 'now' });
  expect(poll.changes(count)[0]).toBe('g = b');
  expect(warningsOf(poll)).toEqual([expect.stringContaining(key)]);
});

test('so it becomes where no group was known', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.run({ startFrom: 'now' });
  await poll.store(`auth0/${hostOf(idp)}`, null);
  idp.groups.set('g', ['a']);
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g = a']);
});

test('so it becomes where only marks of groups are left, and those that are gone are deleted', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.store(`auth0/${hostOf(idp)}/group/old`, '{"v":1,"mark":""}');
  idp.groups.set('g', ['a']);
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g = a', 'old deleted']);
});

test('groups that are compared are read as full states as well, changed or not', async () => {
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

test('a source that was never polled begins as it is set, without a warning', async () => {
  const idp = await startAuth0();
  idp.groups.set('g', ['a']);
  const poll = new Poll('auth0', idp);
  await poll.store('auth0/other.example.com', '{"v":1,"cursor":"from=1"}');
  await poll.store(`auth0/${hostOf(idp)}0/group/g`, '{"v":1,"mark":""}');
  await poll.run({ startFrom: 'now' });
  expect([poll.changes(), warningsOf(poll)]).toEqual([[], []]);
});
