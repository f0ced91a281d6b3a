import { expect, test } from 'vitest';
import { ManualClock } from '../support/manual-clock.ts';
import { startOkta } from '../support/idp/okta.ts';
import { Poll } from '../support/idp/poll.ts';
import { refused } from '../support/idp/server.ts';

const ADD = 'group.user_membership.add';
const REMOVE = 'group.user_membership.remove';

test('okta: the first start tells every group whole, over all pages, and then what has changed', async () => {
  const okta = await startOkta();
  okta.groups.set('g1', ['a', 'b', 'c']).set('g2', []).set('g3', ['d']);
  const poll = new Poll('okta', okta);
  await poll.run();
  expect(poll.changes()).toEqual(['g1 = a,b,c', 'g2 = ', 'g3 = d']);
  okta.log(ADD, 'g2', 'x');
  okta.log('user.session.start', 'g2', 'x');
  okta.log(REMOVE, 'g1', 'a');
  okta.log(ADD, 'g1', 'e');
  await poll.run();
  expect(poll.changes(3)).toEqual(['g2 +x', 'g1 -a', 'g1 +e']);
});

test('okta: the cursor survives a restart; no event is written again, and none is left out', async () => {
  const okta = await startOkta();
  const poll = new Poll('okta', okta);
  await poll.run();
  for (const user of ['a', 'b', 'c', 'd', 'e']) okta.log(ADD, 'g', user);
  await poll.run();
  await poll.run();
  okta.log(REMOVE, 'g', 'a');
  await poll.run();
  expect(poll.changes()).toEqual(['g +a', 'g +b', 'g +c', 'g +d', 'g +e', 'g -a']);
});

test('okta: killed between the changes and the cursor, it tells the page again and skips none', async () => {
  const okta = await startOkta();
  const poll = new Poll('okta', okta);
  await poll.run();
  for (const user of ['a', 'b', 'c']) okta.log(ADD, 'g', user);
  await poll.crashAt('cursors', 1);
  expect(poll.changes()).toEqual(['g +a', 'g +b', 'g +c']);
  await poll.run();
  expect(poll.changes(3)).toEqual(['g +c']);
});

test('okta: killed before the changes are written, it has no cursor behind them', async () => {
  const okta = await startOkta();
  const poll = new Poll('okta', okta);
  await poll.run();
  for (const user of ['a', 'b', 'c']) okta.log(ADD, 'g', user);
  await poll.crashAt('source', 1);
  await poll.run();
  expect(poll.changes()).toEqual(['g +a', 'g +b', 'g +c']);
});

test('okta: a lost cursor makes it tell every group whole again, and groups that are gone', async () => {
  const okta = await startOkta();
  okta.groups.set('g1', ['a']).set('g2', ['b']);
  const poll = new Poll('okta', okta);
  await poll.run();
  okta.expireCursors();
  okta.groups.set('g1', ['a', 'c']).delete('g2');
  await poll.run();
  expect(poll.changes(2)).toEqual(['g1 = a,c', 'g2 deleted']);
  expect(poll.lines.map(({ message }) => message)).toContain('the cursor is lost: every group is read again');
  // It is logged once.
  okta.log(ADD, 'g1', 'd');
  await poll.run();
  expect(poll.changes(4)).toEqual(['g1 +d']);
});

test('okta: a group of which a page is missing is not written at all', async () => {
  const okta = await startOkta();
  okta.groups.set('g1', ['a']).set('g2', ['b', 'c', 'd']);
  okta.interrupt('/api/v1/groups/g2/users', { status: 200, body: '[{"id":"b"},{"id":' });
  const poll = new Poll('okta', okta);
  await expect(poll.run()).rejects.toThrow('list: the answer is no JSON');
  expect(poll.changes()).toEqual(['g1 = a']);
  await poll.run();
  expect(poll.memberships()).toEqual({ g1: ['a'], g2: ['b', 'c', 'd'] });
});

test('okta: a group of which a later page is refused is not written either', async () => {
  const okta = await startOkta();
  okta.groups.set('g', ['a', 'b', 'c']);
  const poll = new Poll('okta', okta);
  poll.onLine = () => undefined;
  okta.interrupt('/api/v1/groups/g/users', {
    status: 200,
    body: '[{"id":"a"}]',
    headers: { link: `<${okta.url}/nowhere>; rel="next"` },
  });
  await expect(poll.run()).rejects.toThrow('404');
  expect(poll.changes()).toEqual([]);
});

test('okta: a 429 is waited for as long as it says, by the clock of the server', async () => {
  const okta = await startOkta();
  okta.groups.set('g', ['a']);
  const clock = new ManualClock(Date.now());
  const poll = new Poll('okta', okta, { clock });
  const delays: unknown[] = [];
  poll.onLine = ({ fields }) => {
    if (typeof fields['delayMs'] !== 'number') return;
    delays.push(fields['delayMs']);
    void clock.advance(fields['delayMs']);
  };
  const date = new Date('2026-01-01T00:00:00Z');
  okta.interrupt(
    '/api/v1/groups',
    refused(429, 'E0000047', { date: date.toUTCString(), 'x-rate-limit-reset': String(date.getTime() / 1000 + 70) }),
    refused(429, 'E0000047', { 'retry-after': '3' }),
  );
  await poll.run();
  // Jitter adds a twentieth; a line of the same cause is written once a minute.
  expect(delays).toEqual([74_550, 3_150]);
  expect(poll.changes()).toEqual(['g = a']);
});

test('okta: a link to another host is not followed, so that no other host sees the token', async () => {
  const okta = await startOkta();
  const elsewhere = await startOkta();
  okta.interrupt('/api/v1/groups', {
    status: 200,
    body: '[]',
    headers: { link: `<${elsewhere.url}/api/v1/groups>; rel="next"` },
  });
  await expect(new Poll('okta', okta).run()).rejects.toThrow('links to another place');
  expect(elsewhere.asked).toEqual([]);
});

test('okta: a redirect is not followed either', async () => {
  const okta = await startOkta();
  const elsewhere = await startOkta();
  const clock = new ManualClock(Date.now());
  const poll = new Poll('okta', okta, { clock });
  poll.onLine = ({ fields }) => void (typeof fields['delayMs'] === 'number' && clock.advance(fields['delayMs']));
  const redirect = (status: number) => ({ status, headers: { location: `${elsewhere.url}/api/v1/groups` } });
  okta.interrupt('/api/v1/groups', ...[301, 302, 303, 307, 308].map(redirect));
  await expect(poll.run()).rejects.toThrow('does not answer');
  expect(elsewhere.asked).toEqual([]);
});

test('okta: refused credentials end it, with the names of what to check, and without the token', async () => {
  const okta = await startOkta();
  okta.interrupt('/api/v1/groups', refused(403));
  const error: Error = (await new Poll('okta', okta).run().catch((error: Error) => error)) as Error;
  expect(error.name).toBe('IdpRefusal');
  expect(error.message).toContain('INGEST_OKTA_API_TOKEN');
  expect(error.message).not.toContain('api-token');
});

test('okta: started with `now`, it tells only what comes from then on', async () => {
  const okta = await startOkta();
  okta.groups.set('g', ['a']);
  const poll = new Poll('okta', okta);
  await poll.run({ startFrom: 'now' });
  okta.log(ADD, 'g', 'b');
  await poll.run({ startFrom: 'now' });
  expect(poll.changes()).toEqual(['g +b']);
});

test('okta: a cursor that is never taken does not make it read all groups for ever', async () => {
  const okta = await startOkta();
  okta.interrupt('/api/v1/logs', ...Array.from({ length: 10 }, () => refused(400)));
  await expect(new Poll('okta', okta).run()).rejects.toThrow('a new cursor is not taken either');
});

test('okta: asked to stop, it ends although it waits', async () => {
  const okta = await startOkta();
  const poll = new Poll('okta', okta);
  const running = poll.run({ mode: 'forever', intervalMs: 3_600_000 });
  poll.onLine = ({ message }) => void (message.startsWith('the identity provider is read') && poll.stop.abort());
  await running;
});

test('okta: every event that changes members is asked for', async () => {
  const okta = await startOkta();
  const poll = new Poll('okta', okta);
  await poll.run();
  okta.log('system.identity_sources.group.user.assign', 'g', 'x');
  okta.log('system.identity_sources.group.user.revoke', 'g', 'y');
  okta.log('system.import.group.delete', 'h', 'z');
  await poll.run();
  expect(poll.changes()).toEqual(['g +x', 'g -y', 'h deleted']);
  okta.log('system.identity_sources.bulk_group_membership_upsert', 'g', 'x');
  await poll.run();
  expect(poll.lines.at(-1)?.fields).toMatchObject({ codes: ['change_without_detail'] });
});
