import { expect, test } from 'vitest';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { holdNext, requests } from '../../support/group-requests.ts';
import { aWorld, until } from '../../support/world.ts';

test('confirm: what is so in the cache is asked for once more', async () => {
  // given a group that is known from a change before
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  const one = await world.start();
  await world.expectRest(one);
  // when another client removes the member, and the change comes again
  world.sandbox.setMembers('g', []);
  const again = world.change('g', { add: ['u'] });
  // then it is applied, not taken for done
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['u']);
  expect(world.outcome(again, 'u')).toBe('applied');
});

test('confirm: a change that was so when the answer was read costs one conditional read', async () => {
  // given a group that is known from a change before
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  const one = await world.start();
  await world.expectRest(one);
  // when the change comes again
  const again = world.change('g', { add: ['u'] });
  await world.expectRest(one);
  // then the version is compared, and nothing is sent
  expect(world.outcome(again, 'u')).toBe('already_synced');
  expect(requests(world.sandbox, 'GET').at(-1)).toMatchObject({ ifNoneMatch: expect.any(String), status: 304 });
  expect(requests(world.sandbox, 'PATCH')).toHaveLength(1);
});

test('if-match: a late add has no effect on a newer version', async () => {
  // given an add that has timed out and is still travelling
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const held = holdNext(world.sandbox, 'PATCH');
  world.change('g', { add: ['u'] });
  const retry = { baseMs: 1e9, capMs: 1e9, attemptsMax: 100, slowScheduleMs: [] };
  const one = await world.start({ api: { requestTimeoutMs: 10_000 }, pipeline: { lateApplyMs: 600_000, retry } });
  await held.arrived;
  await clock.jump(10_000);
  await until(() => requests(world.sandbox, 'PATCH')[0]?.ended === true, 'the time-out');
  // and newer changes that have moved the version and are final
  world.change('g', { add: ['other'] });
  await world.expectRest(one);
  const remove = world.change('g', { remove: ['u'] });
  await world.expectRest(one);
  expect(world.outcome(remove, 'u')).toBe('applied');
  // when the add arrives
  held.release();
  const last = world.change('g', { add: ['last'] });
  await world.expectRest(one);
  // then it changes nothing
  expect(world.outcome(last, 'last')).toBe('applied');
  expect(world.sandbox.members('g')).toEqual(['other', 'last']);
});

test('if-match: each request names the version it was planned on', async () => {
  // given another client that writes between the read and the PATCH
  const world = await aWorld();
  const held = holdNext(world.sandbox, 'PATCH');
  const change = world.change('g', { add: ['u', 'v'] });
  const one = await world.start();
  await held.arrived;
  // when the version has moved
  world.sandbox.setMembers('g', ['other']);
  held.release();
  // then it is planned again on the new one
  await world.expectRest(one);
  expect(requests(world.sandbox, 'PATCH').map(({ ifMatch, status }) => [ifMatch, status])).toEqual([
    ['"1"', 400],
    ['"2"', 200],
  ]);
  expect(world.outcome(change, 'u')).toBe('applied');
  expect(world.sandbox.members('g').toSorted()).toEqual(['other', 'u', 'v']);
});
