/** The API knows a token only some time after the login host has issued it: a probe that waits gets through. */
import { expect, test } from 'vitest';
import type { RawAnswer } from '../../fuzz/answers.ts';
import type { Asked } from '../../fuzz/connections.ts';
import { ScimTarget } from '../../fuzz/scim-target.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { aService, aToken, isLogin } from '../../support/virtual-service.ts';

const answered = (status: number): RawAnswer => ({ status, headers: {}, body: Buffer.alloc(0) });

/** What a search finds. */
const theUser: RawAnswer = {
  ...answered(200),
  body: Buffer.from(JSON.stringify({ totalResults: 1, Resources: [{ id: 'id-1', userName: 'u', active: true }] })),
};

/** A target that takes a token once it is so old; counts what the login host is asked for. */
async function given(knownAfterMs: number, isMapped = false) {
  const clock = new ManualClock();
  const target = new ScimTarget();
  const issuedAt = new Map<string, number>();
  const login = { status: 200, asked: 0 };
  const now = (): number => clock.now().monotonic;
  const isKnown = ({ headers }: Asked): boolean => {
    const at = issuedAt.get(headers.authorization ?? '');
    return at !== undefined && now() - at >= knownAfterMs;
  };
  const service = await aService(
    (asked) => {
      if (!isLogin(asked) && !isKnown(asked)) return answered(401);
      if (asked.path.includes('filter=')) return theUser;
      if (!isLogin(asked)) return target.respond(asked);
      login.asked += 1;
      if (login.status !== 200) return answered(login.status);
      const token = `token-${login.asked}`;
      issuedAt.set(`Bearer ${token}`, now());
      return aToken({ access_token: token });
    },
    { clock, isMapped },
  );
  return { ...service, login, revokeAll: () => issuedAt.clear() };
}

test.each([false, true])('token: the first probe uses the token that it has (look-ups: %s)', async (isMapped) => {
  const { clock, login, pipeline, produce } = await given(100, isMapped);
  produce('g', { add_members: ['u'] });
  await clock.advance(5_000);
  expect(pipeline.stats()).toMatchObject({ pending: 0, breaker: null, reports: { applied: 1 } });
  // The one that it began with, and the one that took its place within the same request.
  expect(login.asked).toBe(2);
});

test('token: once that is refused too, a new one is taken, one for each probe', async () => {
  const { clock, asked, login, pipeline, produce } = await given(3_600_000);
  produce('g', { add_members: ['u'] });
  await clock.advance(16_000);
  expect(pipeline.stats().breaker).toMatchObject({ reason: 'auth' });
  const tokens = asked.filter((one) => !isLogin(one)).map(({ headers }) => headers.authorization);
  // Each is refused as the new one of its request, and tried once more as the first of the next.
  for (let i = 1; i + 1 < tokens.length; i += 2) expect(tokens[i + 1]).toBe(tokens[i]);
  expect(tokens.length).toBe(2 * (login.asked - 1));
  expect(login.asked).toBeGreaterThan(4);
});

test('token: after a token request that was refused each probe asks the login host again', async () => {
  const { clock, login, pipeline, produce, revokeAll } = await given(0);
  produce('g', { add_members: ['u'] });
  await clock.advance(1_000);
  login.status = 401;
  revokeAll();
  produce('g', { add_members: ['w'] });
  await clock.advance(10_000);
  expect(pipeline.stats().breaker).toMatchObject({ reason: 'auth' });
  // At the 401, and after 1 s, 2 s and 4 s.
  expect(login.asked).toBe(1 + 4);
  login.status = 200;
  await clock.advance(10_000);
  expect(pipeline.stats()).toMatchObject({ pending: 0, breaker: null, reports: { applied: 2 } });
});
