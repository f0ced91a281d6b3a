import { expect, test } from 'vitest';
import { startAuth0 } from '../support/idp/auth0.ts';
import { Poll } from '../support/idp/poll.ts';
import { found } from '../support/idp/server.ts';

test('auth0: every group is written whole first, then the events of the stream', async () => {
  const idp = await startAuth0();
  idp.groups.set('g1', ['auth0|a', 'auth0|b', 'auth0|c']).set('g2', []);
  const poll = new Poll('auth0', idp);
  await poll.run();
  expect(poll.changes()).toEqual(['g1 = auth0|a,auth0|b,auth0|c', 'g2 = ']);
  idp.event('group.member.added', 'g2', 'auth0|x');
  idp.event('user.created', '', '');
  idp.event('group.member.deleted', 'g1', 'auth0|a');
  idp.event('group.deleted', 'g2', '');
  await poll.run();
  expect(poll.changes(2)).toEqual(['g2 +auth0|x', 'g1 -auth0|a', 'g2 deleted']);
});

test('auth0: the offset survives a restart, also where nothing of it was a change', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.run();
  idp.event('group.member.added', 'g', 'a');
  idp.event('user.created', '', '');
  await poll.run();
  await poll.run();
  expect(poll.changes()).toEqual(['g +a']);
  expect(poll.cursors().get(`auth0/${new URL(idp.url).host}`)).toContain('from=2');
});

test('auth0: a stream that stays open is left when it is quiet', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.run();
  idp.keepOpen();
  idp.event('group.member.added', 'g', 'a');
  await poll.run();
  expect(poll.changes()).toEqual(['g +a']);
});

test('auth0: killed between the changes and the offset, it tells them again and skips none', async () => {
  const idp = await startAuth0();
  const poll = new Poll('auth0', idp);
  await poll.run();
  for (const member of ['a', 'b', 'c']) idp.event('group.member.added', 'g', member);
  await poll.crashAt('cursors');
  await poll.run();
  expect(poll.changes()).toEqual(['g +a', 'g +b', 'g +c', 'g +a', 'g +b', 'g +c']);
});

test('auth0: an expired offset becomes a full state of every group', async () => {
  const idp = await startAuth0();
  idp.groups.set('g', ['a']);
  const poll = new Poll('auth0', idp);
  await poll.run();
  idp.event('user.created', '', '');
  await poll.run();
  idp.expireOffsets();
  idp.groups.set('g', ['b']);
  await poll.run();
  expect(poll.changes(1)).toEqual(['g = b']);
});

test('auth0: only users are members; the others are in the dead-letter topic', async () => {
  const idp = await startAuth0();
  idp.groups.set('g', []);
  const members = [
    { id: 'a', member_type: 'user' },
    { id: 'con', member_type: 'connection' },
  ];
  idp.interrupt('/api/v2/groups/g/members', found({ members }));
  const poll = new Poll('auth0', idp);
  await poll.run();
  expect(poll.changes()).toEqual(['g = a']);
  expect(poll.deadLetters()).toHaveLength(1);
});
