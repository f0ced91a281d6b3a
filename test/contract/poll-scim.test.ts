import { expect, test } from 'vitest';
import { header } from '../../src/core/log/wire-intent.ts';
import { Poll } from '../support/idp/poll.ts';
import { scimUser, startScimList } from '../support/idp/scim-list.ts';

const users = (...ids: readonly string[]) => ids.map(scimUser);

test('scim: groups are written whole, once, and again when their members have changed', async () => {
  const idp = await startScimList();
  idp.groups.set('g1', users('a', 'b')).set('g2', users()).set('g3', users('c'));
  const poll = new Poll('scim', idp);
  await poll.run();
  expect(poll.changes()).toEqual(['g1 = a,b', 'g2 = ', 'g3 = c']);
  idp.groups.set('g1', users('b', 'a')).set('g3', users('c', 'd'));
  await poll.run();
  expect(poll.changes(3)).toEqual(['g3 = c,d']);
});

test('scim: members that a list leaves out are asked for group by group', async () => {
  const idp = await startScimList({ listsMembers: false });
  idp.groups.set('g1', users('a')).set('g 2/3', users('b'));
  const poll = new Poll('scim', idp);
  await poll.run();
  expect(poll.memberships()).toEqual({ g1: ['a'], 'g 2/3': ['b'] });
});

test('scim: a group that is gone is written as deleted; one that a shifting list has only left out is not', async () => {
  const idp = await startScimList();
  for (const group of ['g1', 'g2', 'g3', 'g4']) idp.groups.set(group, users('a'));
  const poll = new Poll('scim', idp);
  await poll.run();
  idp.groups.delete('g2');
  // The second page begins too late.
  const Resources = ['g1', 'g3'].map((id) => ({ id, members: users('a') }));
  idp.interrupt('/scim/v2/Groups', { status: 200, body: { totalResults: 2, Resources: Resources.slice(0, 1) } });
  idp.interrupt('/scim/v2/Groups', { status: 200, body: { totalResults: 1, Resources: [] } });
  await poll.run();
  expect(poll.changes(4)).toEqual(['g2 deleted']);
  await poll.run();
  expect(poll.changes(5)).toEqual([]);
});

test('scim: a page that is shorter than it says ends the round, and no group counts as gone', async () => {
  const idp = await startScimList();
  idp.groups.set('g1', users('a')).set('g2', users('b')).set('g3', users('c'));
  const poll = new Poll('scim', idp);
  await poll.run();
  idp.groups.clear();
  idp.interrupt('/scim/v2/Groups', { status: 200, body: { totalResults: 3, Resources: [] } });
  await expect(poll.run()).rejects.toThrow('a page is empty although there are 3 groups');
  expect(poll.changes(3)).toEqual([]);
});

test('scim: a round that was begun in a former life says nothing about what is missing', async () => {
  const idp = await startScimList();
  for (const group of ['g1', 'g2', 'g3', 'g4', 'g5']) idp.groups.set(group, users('a'));
  const poll = new Poll('scim', idp);
  await poll.run();
  for (const group of ['g1', 'g2', 'g3', 'g4', 'g5']) idp.groups.set(group, users('b'));
  await poll.crashAt('cursors', 1);
  await poll.run();
  // It does not even suspect one.
  expect(idp.asked.filter(({ path }) => path.startsWith('/scim/v2/Groups/'))).toEqual([]);
  expect(poll.changes().filter((change) => change.endsWith('deleted'))).toEqual([]);
  expect(poll.memberships()).toEqual({ g1: ['b'], g2: ['b'], g3: ['b'], g4: ['b'], g5: ['b'] });
});

test('scim: nested groups are refused beside the full state of the users', async () => {
  const idp = await startScimList();
  idp.groups.set('g', [
    scimUser('a'),
    { value: 'nested', type: 'Group' },
    { value: 'n2', $ref: `${idp.url}/Groups/n2` },
  ]);
  const poll = new Poll('scim', idp);
  await poll.run();
  expect(poll.changes()).toEqual(['g = a']);
  expect(poll.deadLetters().map(({ headers }) => header(headers, 'rollcall-error-code'))).toEqual(['member_type']);
});

test('scim: a member that is no user is written as in the format scim-events', async () => {
  const idp = await startScimList();
  idp.groups.set('g', [
    { value: 'a', type: null },
    { value: 'b', $ref: `${idp.url}/Users/b` },
    { value: 'd', type: 'Device' },
    { value: 'n', type: null, $ref: `${idp.url}/Groups/n/` },
  ]);
  const poll = new Poll('scim', idp);
  await poll.run();
  expect(poll.changes()).toEqual(['g = a,b']);
  expect(poll.deadLetters().map(({ headers }) => header(headers, 'rollcall-error-code'))).toEqual(['member_type']);
});

test('scim: a member without an id is no reason to leave it out: the group is read again', async () => {
  const idp = await startScimList();
  idp.groups.set('g', [scimUser('a'), { type: 'User' }]);
  const poll = new Poll('scim', idp);
  await expect(poll.run()).rejects.toThrow('a member has no `value`');
  expect(poll.changes()).toEqual([]);
});

test('scim: started with `now`, it remembers what there is and tells what changes', async () => {
  const idp = await startScimList();
  idp.groups.set('g1', users('a')).set('g2', users('b')).set('g3', users('c'));
  const poll = new Poll('scim', idp);
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual([]);
  idp.groups.set('g2', users('b', 'd'));
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g2 = b,d']);
});
