/** What the target, its login host and commit metadata may say: each with what it once did. */
import { expect, test } from 'vitest';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { WHOLE_GROUP } from '../../src/core/change/change.ts';
import { expand } from '../../src/core/group/full-state.ts';
import { readGroupBody } from '../../src/core/target/snapshot.ts';
import { decodeRanges, encodeRanges, rangesBelow } from '../../src/core/log/ledger.ts';
import { parseRetryRecord, renderState } from '../../src/core/log/live-record.ts';
import { readScimList } from '../../src/core/ids/look-up.ts';
import { connectionsTo } from '../fuzz/connections.ts';
import { HastyClock } from '../fuzz/hasty-clock.ts';
import { anIntent } from '../support/an-intent.ts';

const options = {
  apiUrl: 'https://api.example.com',
  loginUrl: 'https://login.example.com',
  clientId: 'client',
  clientSecret: 'hush',
  requestTimeoutMs: 10_000,
  concurrency: 1,
  rateLimitPerMinute: null,
};
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** What the login host calls a token, and the status of every answer of the target. */
function anApiWith(token: string) {
  const body = Buffer.from(JSON.stringify({ access_token: token, expires_in: 3_600 }));
  const connect = () => connectionsTo(() => ({ kind: 'answer', answer: { status: 200, headers: {}, body } }));
  return createGroupApi(options, { isShadow: false, clock: new HastyClock(), logger: quiet, connect });
}

// It was kept until it expired: each request failed as if the network did, or was refused for good by a 431.
test.each(['a\nb', 'é', 'a b', 't'.repeat(8_193)])('a token that no header can hold is none: %j', async (token) => {
  expect(await anApiWith(token).ensureToken()).toMatchObject({ kind: 'no_token', code: 'unreadable_token' });
  expect(await anApiWith('t'.repeat(8_192)).ensureToken()).toBeNull();
});

// What was written there later was taken for done: neither applied, nor reported.
test('commit metadata that call offsets complete which there are not yet say nothing', () => {
  const ranges = [
    { from: 3n, to: 5n },
    { from: 7n, to: 9n },
  ];
  const decoded = decodeRanges(2n, encodeRanges(2n, ranges));
  expect(rangesBelow(9n, decoded)).toEqual(ranges);
  expect(rangesBelow(8n, decoded)).toEqual([]);
});

const noIds = ['', 'a\u0000', 'a\nb', '\uD800', 'x'.repeat(257)];

// What a full state came to could be written and not be read: its owner wrote the live record again, for ever. The empty
// one took the place of the full state itself.
test.each(noIds)('a member of a group whose id can be none is removed by no full state: %j', (member) => {
  const members = [{ value: 'x' }, { value: member }, { value: 'y' }];
  const group = readGroupBody({ id: 'g', members }, '"1"');
  if (group === null) throw new Error('not read');
  const state = anIntent({ op: 'state', member: WHOLE_GROUP, whole: { members: ['y'], deleted: false } });
  const { intents } = expand(state, {
    snapshot: group.members,
    resolve: (each) => ({ target: each, canJoin: true }),
    newerFor: () => null,
  });
  expect(intents.map(({ op, member: removed }) => [op, removed])).toEqual([['remove', 'x']]);
  const stamp = { owner: 'o', epoch: 1, seq: 1 };
  const { key, value, headers } = renderState({ group: 'g', intents, stamp, trouble: null, now: 1, sha256 });
  expect(parseRetryRecord({ key: Buffer.from(key), value: Buffer.from(value ?? ''), headers }).kind).toBe('state');
});

// A path cannot name a lone surrogate: the process ended when it was asked for.
test.each(noIds)('a list of users with an id that can be none says nothing: %j', (id) => {
  const list = (each: string) => readScimList({ totalResults: 1, Resources: [{ id: each }] });
  expect(list(id)).toBeNull();
  expect(list('u-1')?.resources).toHaveLength(1);
});
