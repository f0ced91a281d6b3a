/** What login host and commit metadata may say: each with what it once did. */
import { expect, test } from 'vitest';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { decodeRanges, encodeRanges, rangesBelow } from '../../src/core/ledger.ts';
import { connectionsTo } from '../fuzz/connections.ts';
import { HastyClock } from '../fuzz/hasty-clock.ts';

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
  return createGroupApi(options, { clock: new HastyClock(), logger: quiet, connect });
}

// It was kept until it expired: each request failed as if the network did, or was refused for good by a 431.
test.each(['a\nb', 'é', 'a b', 't'.repeat(8_193)])('a token that no header can hold is none: %j', async (token) => {
  expect(await anApiWith(token).renewToken()).toMatchObject({ kind: 'no_token', code: 'unreadable_token' });
  expect(await anApiWith('t'.repeat(8_192)).renewToken()).toBeNull();
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
