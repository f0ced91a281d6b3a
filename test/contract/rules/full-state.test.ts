/** Full states (protocol.md 5.3): exactly these members, as of this position; what is newer stands on top. */
import { expect, test } from 'vitest';
import type { ReportRecord } from '../../../src/core/report/report.ts';
import { requests } from '../../support/group-requests.ts';
import { expire, failing, stubborn } from '../../support/retry-records.ts';
import type { World } from '../../support/world.ts';
import { aWorld, until } from '../../support/world.ts';

const withMembers = (...members: readonly string[]) => ({
  sandbox: { seed: { groups: [{ id: 'g', members: [...members], version: 1 }] } },
});

const final = (world: World): readonly Partial<ReportRecord>[] =>
  [...world.kept().values()].map(({ id, op, outcome }) => ({ id, op, outcome }));

test('full state: adds who is missing and removes everybody else, each with a report of its own', async () => {
  const world = await aWorld(withMembers('a', 'b', 'c'));
  world.state('g', ['b', 'd', 'e']);
  const one = await world.start();
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['b', 'd', 'e']));
  expect(final(world)).toEqual(
    expect.arrayContaining([
      { id: 'source/0/0/a', op: 'remove', outcome: 'applied' },
      { id: 'source/0/0/c', op: 'remove', outcome: 'applied' },
      { id: 'source/0/0/d', op: 'add', outcome: 'applied' },
      { id: 'source/0/0/e', op: 'add', outcome: 'applied' },
    ]),
  );
  expect(final(world)).toHaveLength(4);
});

test('full state: that changes nothing is one report without a member', async () => {
  const world = await aWorld(withMembers('a', 'b'));
  world.state('g', ['a', 'b']);
  const one = await world.start();
  await world.expectRest(one);
  expect(world.reports()).toMatchObject([
    { id: 'source/0/0', member: null, op: null, outcome: 'already_synced', source_group: 'g', final: true },
  ]);
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
});

test('full state: takes the place of everything older of every member, and newer changes stand on top of it', async () => {
  const world = await aWorld(withMembers('a', 'b', 'c'));
  const older = world.change('g', { add: ['x'], remove: ['b'] });
  world.state('g', ['b', 'y']);
  const newer = world.change('g', { add: ['z', 'a'], remove: ['y'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b', 'z']));
  expect(world.outcome(older, 'x')).toBe('superseded');
  expect(world.kept().get('source/0/0/b')).toMatchObject({ outcome: 'superseded', superseded_by: 'source/0/1' });
  expect(world.outcome(newer, 'z')).toBe('applied');
});

test('full state: a newer change never lands before the full state that it stands on', async () => {
  // given a full state that waits, since its group is not there
  const world = await aWorld({ sandbox: { seed: { groups: [] } } });
  const one = await world.start({ pipeline: { retry: { ...stubborn.retry, slowScheduleMs: Array(50).fill(60_000) } } });
  world.state('g', ['a']);
  await until(() => world.lastState('g')?.intents.length === 1, 'the parked full state');
  // when the group appears, and a newer change comes
  world.sandbox.putGroup({ id: 'g', members: ['b'] });
  world.change('g', { add: ['c'] });
  // then both land, in their order
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'c']));
});

test('full state: what it came to is in the live record before the first PATCH, and is reported after a crash', async () => {
  // given a target that applies PATCHes without an answer
  const world = await aWorld(withMembers('a', 'b'));
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'resetAfterApply' } });
  const one = await world.start({ pipeline: stubborn });
  world.state('g', ['c']);
  await until(() => requests(world.sandbox, 'PATCH').length > 0, 'a PATCH');
  expect(
    world
      .lastState('g')
      ?.intents.map(({ op, member }) => `${op} ${member}`)
      .toSorted(),
  ).toEqual(['add c', 'remove a', 'remove b']);
  one.kill();
  world.sandbox.removeRule(rule);
  expire(world);
  const two = await world.start({ name: 'two' });
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual(['c']);
  for (const member of ['a', 'b', 'c']) expect(world.kept().get(`source/0/0/${member}`)).toMatchObject({ final: true });
});

test('full state: a parked one survives a crash', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [] } } });
  const one = await world.start({ pipeline: { retry: { ...stubborn.retry, slowScheduleMs: [20, 20, 60_000] } } });
  world.state('g', ['a']);
  await until(() => world.committed() === 1n, 'the commit of what is parked');
  one.kill();
  expire(world);
  world.sandbox.putGroup({ id: 'g', members: ['b'] });
  const two = await world.start({ name: 'two', pipeline: stubborn });
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual(['a']);
});

test('full state: a dead one is gone with the next change of its group, so that no replay can undo that', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [] } } });
  const one = await world.start({ pipeline: { retry: { ...stubborn.retry, slowScheduleMs: [] } } });
  world.state('g', ['a']);
  await world.expectRest(one);
  expect(world.outcomeOfEvent(0n)).toBe('permanent_failure');
  expect(world.lastState('g')?.intents).toMatchObject([{ op: 'state', dead: { reason: 'attempts_exhausted' } }]);
  world.sandbox.putGroup({ id: 'g', members: ['b'] });
  world.change('g', { add: ['c'] });
  await world.expectRest(one);
  expect(world.lastState('g')?.intents).toEqual([]);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['b', 'c']));
});

test('full state: a newer full state takes the place of one that is being applied', async () => {
  const world = await aWorld(withMembers('a', 'b'));
  const heal = failing(world);
  const one = await world.start({ pipeline: stubborn });
  world.state('g', ['c']);
  await until(() => requests(world.sandbox, 'PATCH').length > 0, 'a PATCH');
  world.state('g', ['a', 'd']);
  heal();
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'd']));
});
