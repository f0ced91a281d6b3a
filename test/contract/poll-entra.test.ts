import { expect, test } from 'vitest';
import { header } from '../../src/core/log/wire-intent.ts';
import { startGraph } from '../support/idp/graph.ts';
import { Poll } from '../support/idp/poll.ts';
import { refused } from '../support/idp/server.ts';

test('entra: full states are made of all pages of the first round, empty groups too', async () => {
  const graph = await startGraph();
  graph.add('g1', 'a', 'b', 'c');
  graph.add('g2', 'd');
  graph.add('g3');
  const poll = new Poll('entra', graph);
  await poll.run();
  expect(poll.changes()).toEqual(['g1 = a,b,c', 'g2 = d', 'g3 = ']);
});

test('entra: later rounds tell what has changed, page by page, and deleted groups', async () => {
  const graph = await startGraph();
  graph.add('g1', 'a', 'b');
  graph.add('g2', 'd');
  const poll = new Poll('entra', graph);
  await poll.run();
  graph.add('g1', 'c');
  graph.remove('g1', 'a');
  graph.delete('g2');
  await poll.run();
  expect(poll.changes(2)).toEqual(['g1 +c', 'g1 -a', 'g2 deleted']);
  await poll.run();
  expect(poll.changes()).toHaveLength(5);
});

test('entra: killed within a round, it goes on at its page', async () => {
  const graph = await startGraph();
  graph.add('g1');
  const poll = new Poll('entra', graph);
  await poll.run();
  for (const member of ['a', 'b', 'c', 'd']) graph.add('g1', member);
  await poll.crashAt('cursors', 2);
  expect(poll.changes(1)).toEqual(['g1 +a', 'g1 +b', 'g1 +c']);
  await poll.run();
  expect(poll.changes(4)).toEqual(['g1 +c', 'g1 +d']);
});

for (const [name, reply] of [
  ['410', refused(410)],
  ['syncStateNotFound', refused(400, 'syncStateNotFound')],
  ['resyncRequired', refused(400, 'ResyncRequired')],
] as const) {
  test(`a lost delta token (${name}) becomes a full state of every group`, async () => {
    const graph = await startGraph();
    graph.add('g1', 'a');
    graph.add('g2', 'b');
    const poll = new Poll('entra', graph);
    await poll.run();
    graph.expireTokens(reply);
    graph.remove('g1', 'a');
    graph.add('g1', 'c');
    graph.delete('g2');
    await poll.run();
    expect(poll.changes(2)).toEqual(['g1 = c', 'g2 deleted']);
  });
}

test('any other 400 is no lost token: it ends, and everything is as it was', async () => {
  const graph = await startGraph();
  graph.add('g1', 'a');
  const poll = new Poll('entra', graph);
  await poll.run();
  graph.interrupt('/v1.0/groups/delta', refused(400, 'badRequest'));
  await expect(poll.run()).rejects.toThrow('status 400');
  expect(poll.changes()).toEqual(['g1 = a']);
});

test('entra: a first round that breaks off tells nothing: half of a group would wipe the other half', async () => {
  const graph = await startGraph();
  graph.add('g1', 'a', 'b', 'c');
  const poll = new Poll('entra', graph);
  graph.interrupt('/v1.0/groups/delta', {
    status: 200,
    body: {
      '@odata.context': '$metadata#groups',
      '@odata.nextLink': `${graph.url}/v1.0/groups/delta?$skiptoken=unknown.1`,
      value: [{ id: 'g1', displayName: 'g1', 'members@delta': [{ '@odata.type': '#microsoft.graph.user', id: 'a' }] }],
    },
  });
  await expect(poll.run()).rejects.toThrow('status 400');
  expect(poll.changes()).toEqual([]);
  await poll.run();
  expect(poll.memberships()).toEqual({ g1: ['a', 'b', 'c'] });
});

test('entra: a page without a link is not the last one', async () => {
  const graph = await startGraph();
  graph.add('g1', 'a');
  const poll = new Poll('entra', graph);
  graph.interrupt('/v1.0/groups/delta', { status: 200, body: { value: [] } });
  await expect(poll.run()).rejects.toThrow('neither a nextLink nor a deltaLink');
  expect(poll.changes()).toEqual([]);
});

test('entra: a group whose members cannot be read gets no full state, the others do', async () => {
  const graph = await startGraph();
  graph.add('g1', 'a');
  const poll = new Poll('entra', graph);
  graph.interrupt('/v1.0/groups/delta', {
    status: 200,
    body: {
      '@odata.context': '$metadata#groups',
      '@odata.deltaLink': `${graph.url}/v1.0/groups/delta?$deltatoken=1`,
      value: [
        { id: 'bad', displayName: 'bad', 'members@delta': 'broken' },
        { id: 'good', displayName: 'good', 'members@delta': [{ '@odata.type': '#microsoft.graph.user', id: 'a' }] },
        { id: 'mixed', displayName: 'mixed', 'members@delta': [{ '@odata.type': '#microsoft.graph.device', id: 'd' }] },
      ],
    },
  });
  await poll.run();
  expect(poll.changes()).toEqual(['good = a', 'mixed = ']);
  const codes = poll.deadLetters().map(({ headers }) => header(headers, 'rollcall-error-code'));
  expect(new Set(codes)).toEqual(new Set(['member_type', 'schema']));
});

test('entra: a token that is refused is renewed once, and the request sent again', async () => {
  const graph = await startGraph({ tokenUsesMax: 2 });
  graph.add('g1', 'a', 'b', 'c', 'd');
  const poll = new Poll('entra', graph);
  await poll.run();
  expect(poll.changes()).toEqual(['g1 = a,b,c,d']);
  expect(graph.tokens.issued.length).toBeGreaterThan(1);
});

test('entra: refused client credentials end it, and the secret is in no message', async () => {
  const graph = await startGraph();
  graph.interrupt('/tenant/oauth2/v2.0/token', { status: 401, body: { error_description: 'client-secret is wrong' } });
  const poll = new Poll('entra', graph);
  const error = (await poll.run().catch((error: Error) => error)) as Error;
  expect(error.name).toBe('IdpRefusal');
  expect(error.message).toContain('INGEST_ENTRA_CLIENT_SECRET');
  expect(`${error.message}${JSON.stringify(poll.lines)}`).not.toContain('client-secret');
});
