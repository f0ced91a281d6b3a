/** Ids of the identity provider (`ID_MAP`): unknown ones wait and land by themselves; reports carry both. */
import { expect, test } from 'vitest';
import { ScimIdMap } from '../../../src/adapters/ids/scim.ts';
import { systemClock } from '../../../src/adapters/system.ts';
import type { JournalEntry } from '../../../src/lab/sandbox/journal.ts';
import { anApi, aLog } from '../../support/genesys.ts';
import { expire, stubborn } from '../../support/retry-records.ts';
import { Table } from '../../support/table.ts';
import type { World } from '../../support/world.ts';
import { aWorld, until } from '../../support/world.ts';

const isSearch = ({ path }: JournalEntry): boolean => path.includes('/scim/v2/users');

const slow = { ...stubborn, retry: { ...stubborn.retry, slowScheduleMs: [600_000, 600_000] } };

const change = (world: World, add: readonly string[], remove: readonly string[] = []) =>
  world.change('okta-g', { add, remove });

test('ids: groups and members go by their names at the target, reports carry both', async () => {
  const world = await aWorld();
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a');
  change(world, ['okta-a']);
  const one = await world.start({ ids });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a']);
  expect(world.kept().get('source/0/0/okta-a')).toMatchObject({
    outcome: 'applied',
    group: 'g',
    member: 'a',
    source_group: 'okta-g',
    source_member: 'okta-a',
  });
});

test('ids: an unknown member does not affect others, waits in the live record, and lands once the table names it', async () => {
  const world = await aWorld();
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a');
  const one = await world.start({ ids, pipeline: slow });
  change(world, ['okta-a', 'okta-b']);
  await until(() => world.committed() === 1n, 'the commit');
  expect(world.sandbox.members('g')).toEqual(['a']);
  expect(world.kept().get('source/0/0/okta-b')).toMatchObject({
    outcome: 'retry_scheduled',
    member: null,
    source_member: 'okta-b',
    reason: { code: 'user_unmapped' },
  });
  ids.set('user', 'okta-b', 'b');
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b']));
  expect(world.outcome(0n, 'okta-b')).toBe('recovered');
});

test('ids: an unknown group waits as a whole; given up, everything of it says why', async () => {
  const world = await aWorld();
  const ids = new Table().set('user', 'okta-a', 'a');
  change(world, ['okta-a']);
  const one = await world.start({ ids });
  await world.expectRest(one);
  expect(world.kept().get('source/0/0/okta-a')).toMatchObject({
    outcome: 'permanent_failure',
    group: null,
    reason: { code: 'group_unmapped' },
  });
});

test('ids: two groups with one target both wait, and land once one of them is left', async () => {
  const world = await aWorld();
  const ids = new Table().set('user', 'okta-a', 'a').set('user', 'okta-b', 'b');
  for (const id of ['okta-g', 'okta-h']) ids.rows.set(`group/${id}`, { kind: 'shared' });
  const one = await world.start({ ids, pipeline: slow });
  change(world, ['okta-a']);
  world.change('okta-h', { add: ['okta-b'] });
  await until(() => world.committed() === 2n, 'the parked changes');
  expect(world.kept().get('source/0/0/okta-a')).toMatchObject({ group: null, reason: { code: 'group_ambiguous' } });
  expect(world.sandbox.members('g')).toEqual([]);
  ids.set('group', 'okta-g', 'g').set('group', 'okta-h', 'h');
  await until(() => world.outcome(0n, 'okta-a') === 'recovered', 'the change of the group that is left');
  expect(world.sandbox.members('g')).toEqual(['a']);
  await one.pipeline.drain();
});

test('ids: two ids of one user fold by position, parked or not', async () => {
  const world = await aWorld();
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'old', 'a').set('user', 'new', 'a');
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const one = await world.start({ ids, pipeline: stubborn });
  change(world, ['old']);
  await until(() => world.lastState('okta-g') !== undefined, 'the parked add');
  change(world, [], ['new']);
  await until(() => world.outcome(0n, 'old') === 'superseded', 'the newer id');
  world.sandbox.removeRule(rule);
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(world.kept().get('source/0/0/old')).toMatchObject({ superseded_by: 'source/0/1/new' });
});

test.each([true, false])(
  'ids: of two ids of one user in one event the removal wins (already a member: %s)',
  async (isThere) => {
    const seed = { groups: [{ id: 'g', members: isThere ? ['a'] : [], version: 1 }] };
    const world = await aWorld({ sandbox: { seed } });
    const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a').set('user', 'old-a', 'a');
    change(world, ['okta-a'], ['old-a']);
    const one = await world.start({ ids });
    await world.expectRest(one);
    expect(world.sandbox.members('g')).toEqual([]);
    expect(world.kept().get('source/0/0/okta-a')).toMatchObject({
      outcome: 'superseded',
      superseded_by: 'source/0/0/old-a',
    });
    expect(world.outcome(0n, 'old-a')).toBe(isThere ? 'applied' : 'already_synced');
  },
);

test('ids: two ids of one user that one event adds are one addition', async () => {
  const world = await aWorld();
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a').set('user', 'old-a', 'a');
  change(world, ['okta-a', 'old-a']);
  const one = await world.start({ ids });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a']);
  expect(new Set([world.outcome(0n, 'okta-a'), world.outcome(0n, 'old-a')])).toEqual(
    new Set(['applied', 'superseded']),
  );
});

test('ids: the commit of the newer id waits until the older one has left the live record', async () => {
  const world = await aWorld();
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'old', 'a').set('user', 'new', 'a');
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const one = await world.start({ ids, pipeline: stubborn });
  change(world, ['old']);
  await until(() => world.committed() === 1n, 'the parked add');
  change(world, [], ['new']);
  await until(() => world.committed() === 2n, 'the commit of the remove');
  one.kill();
  world.sandbox.removeRule(rule);
  expire(world);
  const two = await world.start({ name: 'two', ids });
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual([]);
});

test('ids: an inactive user is removed, but added only once active', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['b'], version: 1 }] } } });
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'a', 'a', false).set('user', 'b', 'b', false);
  const one = await world.start({ ids, pipeline: slow });
  change(world, ['a'], ['b']);
  await until(() => world.outcome(0n, 'b') === 'applied', 'the removal');
  expect(world.kept().get('source/0/0/a')).toMatchObject({
    outcome: 'retry_scheduled',
    reason: { code: 'user_inactive' },
  });
  ids.set('user', 'a', 'a');
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a']);
});

test('ids: a corrected table counts for what waits, its group and its members', async () => {
  const seed = { groups: ['wrong', 'right'].map((id) => ({ id, members: [] as string[], version: 1 })) };
  const world = await aWorld({ sandbox: { seed } });
  const ids = new Table().set('group', 'okta-g', 'wrong').set('user', 'okta-a', 'nobody');
  world.sandbox.addRule({ match: { method: 'PATCH', group: 'wrong' }, fault: { kind: 'status', status: 503 } });
  const one = await world.start({ ids, pipeline: stubborn });
  change(world, ['okta-a']);
  await until(() => world.lastState('okta-g') !== undefined, 'the parked add');
  ids.set('group', 'okta-g', 'right').set('user', 'okta-a', 'a');
  await world.expectRest(one);
  expect(world.sandbox.members('right')).toEqual(['a']);
  expect(world.sandbox.members('wrong')).toEqual([]);
});

test('ids: a full state adds an inactive user only once active, and no user twice under two names', async () => {
  const world = await aWorld();
  const ids = new Table()
    .set('group', 'okta-g', 'g')
    .set('user', 'x', 'x', false)
    .set('user', 'y1', 'y')
    .set('user', 'y2', 'y');
  world.state('okta-g', ['x', 'y1', 'y2']);
  const one = await world.start({ ids, pipeline: slow });
  await until(() => world.outcome(0n, 'x') === 'retry_scheduled', 'the inactive one');
  expect(world.sandbox.members('g')).toEqual(['y']);
  ids.set('user', 'x', 'x');
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['x', 'y']));
  expect(world.kept().has('source/0/0/y2')).toBe(false);
});

test('ids: the removals of a full state that names unknown members are held', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['a', 'b'], version: 1 }] } } });
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a');
  world.state('okta-g', ['okta-a', 'okta-b']);
  const one = await world.start({ ids });
  await until(() => world.kept().has('source/0/0/b'), 'the report of the hold');
  expect(one.pipeline.stats().held).toBe(1);
  expect(world.sandbox.members('g')).toEqual(['a', 'b']);
  expect(world.kept().get('source/0/0/b')).toMatchObject({ outcome: 'held', reason: { code: 'unresolved_members' } });
});

test('look-ups at the target: one request for an id, however many groups and changes wait for it', async () => {
  const groups = ['g', 'h', 'i'].map((id) => ({ id, displayName: id, members: [] as string[], version: 1 }));
  const users = [{ id: 'u1', externalId: 'okta-a' }];
  const world = await aWorld({ sandbox: { seed: { groups, users } } });
  const api = anApi(world.sandbox);
  const options = { source: { kind: 'scim' }, userAttribute: 'externalId', groupAttribute: 'id' } as const;
  const ids = new ScimIdMap(options, { api, clock: systemClock, logger: aLog() });
  for (const group of ['g', 'h', 'i'])
    for (let n = 0; n < 3; n += 1) world.change(group, { add: ['okta-a', 'okta-b'] });
  const one = await world.start({ ids, pipeline: slow });
  await until(() => world.committed() === 9n, 'the commit');
  for (const group of ['g', 'h', 'i']) expect(world.sandbox.members(group)).toEqual(['u1']);
  // One for the known user; the unknown one is looked for among the inactive, too.
  expect(world.sandbox.stats.journal.filter(isSearch).map(({ path }) => path)).toHaveLength(3);
  expect(one.pipeline.stats().parked).toBe(3);
});

test('ids: whom a full state names is not removed by what it came to before the name was known', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['a', 'b', 'c'], version: 1 }] } } });
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a');
  world.state('okta-g', ['okta-a', 'okta-b']);
  const one = await world.start({ ids, pipeline: slow });
  await until(() => one.pipeline.stats().held === 2, 'the hold');
  ids.set('user', 'okta-b', 'b');
  await world.expectRest(one);
  // All whom it names are known by now, so the rest of what was held goes by itself.
  expect(world.outcome(0n, 'b')).toBe('superseded');
  expect(world.outcome(0n, 'c')).toBe('applied');
  expect(world.sandbox.members('g')).toEqual(['a', 'b']);
});

test('ids: a table that is corrected while a request is on its way counts for the next one', async () => {
  const world = await aWorld();
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'wrong');
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const under = world.sandbox.pauseAt(({ method }) => method === 'PATCH');
  const one = await world.start({ ids, pipeline: stubborn });
  change(world, ['okta-a']);
  await under.arrived;
  ids.set('user', 'okta-a', 'right');
  under.release();
  await until(() => world.lastState('okta-g') !== undefined, 'the parked add');
  world.sandbox.removeRule(rule);
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['right']);
});
