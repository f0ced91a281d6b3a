/** Reads that may leave members out (protocol.md 7.5): no list, null, or as many as lists are cut at. */
import { expect, test } from 'vitest';
import { requests } from '../../support/group-requests.ts';
import { expire, failing, stubborn } from '../../support/retry-records.ts';
import { aWorld, until, type World } from '../../support/world.ts';

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);
const aGroup = (members: readonly string[], nested: readonly string[] = []) => ({
  id: 'g',
  members: [...members],
  nested: [...nested],
  version: 1,
});

async function aDoubtfulWorld(
  memberList: 'cut' | 'absent' | 'null',
  members: readonly string[],
  behaviour = {},
): Promise<World> {
  return aWorld({ sandbox: { seed: { groups: [aGroup(members)] }, behaviour: { memberList, ...behaviour } } });
}

const operations = (world: World) =>
  requests(world.sandbox, 'PATCH').map(({ operations: all, status }) => [
    status,
    ...all.map(({ op, members }) => `${op} ${members.join()}`),
  ]);

test.each(['absent', 'null'] as const)(
  'members %s: a removal is sent, and is not called verified',
  async (memberList) => {
    const world = await aDoubtfulWorld(memberList, ['a', 'b']);
    const change = world.change('g', { add: ['c', 'a'], remove: ['b', 'x'] });
    const one = await world.start();
    await world.expectRest(one);
    expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'c']));
    expect(operations(world)).toEqual([
      [200, 'add c,a'],
      [200, 'remove b', 'remove x'],
    ]);
    for (const member of ['a', 'b', 'c', 'x']) {
      expect(world.kept().get(`source/0/${change}/${member}`)).toMatchObject({
        outcome: 'applied',
        request: { verified: false, unseen: true },
      });
    }
  },
);

test.each([100, 200])('a list of %i may be cut: who is shown is a member, who is not may be one', async (count) => {
  const world = await aWorld({ sandbox: { seed: { groups: [aGroup(many(count))] } } });
  const change = world.change('g', { add: ['m5'], remove: ['x', 'm6'] });
  const one = await world.start();
  await world.expectRest(one);
  // The answer to the first shows the whole list, so nothing is left to send.
  expect(operations(world)).toEqual([[200, 'remove m6']]);
  expect(['m5', 'x', 'm6'].map((member) => world.outcome(change, member))).toEqual([
    'already_synced',
    'already_synced',
    'applied',
  ]);
});

test('doubtful read: a member behind the end of a list that is cut is removed', async () => {
  const world = await aDoubtfulWorld('cut', many(150));
  const change = world.change('g', { remove: ['m149'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).not.toContain('m149');
  expect(world.outcome(change, 'm149')).toBe('applied');
});

test('noTarget says that it is so: each is asked about alone, once, and never together with the rest', async () => {
  const world = await aDoubtfulWorld('absent', ['b'], { removeAbsent: 'noTarget' });
  const change = world.change('g', { add: ['a'], remove: ['b', 'x', 'y'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a']);
  expect(operations(world)).toEqual([
    [200, 'add a'],
    [400, 'remove b', 'remove x', 'remove y'],
    [200, 'remove b'],
    [400, 'remove x'],
    [400, 'remove y'],
  ]);
  expect(['b', 'x', 'y'].map((member) => world.outcome(change, member))).toEqual([
    'applied',
    'already_synced',
    'already_synced',
  ]);
});

test('doubtful read: noTarget where the list was whole: it is read again, and who is gone is so already', async () => {
  const world = await aWorld({
    sandbox: { seed: { groups: [aGroup(['a', 'b'])] }, behaviour: { removeAbsent: 'noTarget' } },
  });
  // The version does not move, as where a cache has answered.
  world.sandbox.addRule({
    match: { method: 'PATCH', nth: 1 },
    fault: { kind: 'status', status: 400, body: 'scim', scimType: 'noTarget' },
  });
  world.sandbox.onRequest(({ entry, phase }) => {
    if (entry.method === 'PATCH' && phase === 'ended' && requests(world.sandbox, 'PATCH').length === 1)
      world.sandbox.putGroup({ id: 'g', members: ['b'], version: 1 });
  });
  const change = world.change('g', { remove: ['a', 'b'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(world.outcome(change, 'a')).toBe('already_synced');
  expect(world.outcome(change, 'b')).toBe('applied');
  expect(world.kept().get(`source/0/${change}/b`)).toMatchObject({ conflicts: 0 });
});

test('doubtful read: noTarget for a member that is still shown refuses that member alone', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [aGroup(['a', 'b', 'c'])] } } });
  world.sandbox.addRule({
    match: { method: 'PATCH', member: 'b' },
    fault: { kind: 'status', status: 400, body: 'scim', scimType: 'noTarget' },
  });
  const change = world.change('g', { remove: ['a', 'b', 'c'] });
  const one = await world.start({ pipeline: { retry: { ...stubborn.retry, slowScheduleMs: [] } } });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['b']);
  expect(world.kept().get(`source/0/${change}/b`)).toMatchObject({
    outcome: 'permanent_failure',
    conflicts: 0,
    reason: { code: 'noTarget' },
  });
  expect(world.outcome(change, 'a')).toBe('applied');
});

test('doubtful read: the guard takes a group that is not shown to be no larger than what is known of it', async () => {
  const world = await aDoubtfulWorld('absent', many(20));
  world.change('g', { remove: many(12) });
  const guard = { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 1_000, windowMs: 600_000 };
  const one = await world.start({ pipeline: { guard } });
  await until(() => one.pipeline.stats().held === 12, 'the hold');
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
});

test('doubtful read: a removal that was tried for the last time is not called recovered because no read shows the member', async () => {
  const world = await aDoubtfulWorld('absent', ['a']);
  failing(world);
  const change = world.change('g', { remove: ['a'] });
  const one = await world.start({
    pipeline: { lateApplyMs: 20, retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } },
  });
  await world.expectRest(one);
  expect(world.outcome(change, 'a')).toBe('permanent_failure');
});

test('doubtful read: a cached snapshot stays doubtful after a PATCH that is answered without a body', async () => {
  const world = await aDoubtfulWorld('cut', many(150), { patchAnswer: 'empty' });
  world.change('g', { add: ['new'] });
  const one = await world.start();
  await world.expectRest(one);
  const remove = world.change('g', { remove: ['m149'] });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).not.toContain('m149');
  expect(world.outcome(remove, 'm149')).toBe('applied');
});

test('doubtful read: a full state on a list that is cut goes on until it is whole, and a newer change stands on top of it', async () => {
  const world = await aDoubtfulWorld('cut', many(250));
  world.state('g', ['m0', 'm240', 'n']);
  const newer = world.change('g', { add: ['m3', 'late'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['m0', 'm240', 'n', 'm3', 'late']));
  expect(world.outcome(newer, 'late')).toBe('applied');
  expect(world.outcome(0n, 'm249')).toBe('applied');
  expect(world.outcome(0n, 'n')).toBe('applied');
});

test('doubtful read: a full state on a list that is cut does not wait for a newer change that waits for it', async () => {
  const world = await aDoubtfulWorld('cut', many(250));
  world.state('g', ['m0', 'n']);
  const newer = world.change('g', { add: ['n', 'late'], remove: ['m0'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['n', 'late']));
  expect(['n', 'late', 'm0'].map((member) => world.outcome(newer, member))).toEqual(['applied', 'applied', 'applied']);
  expect(world.outcome(0n, 'm249')).toBe('applied');
});

test('doubtful read: a full state that adds to a group without a list is done once the list is there', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [aGroup([])] } } });
  world.sandbox.behave({ memberList: 'absent' });
  world.sandbox.onRequest(({ entry, phase }) => {
    if (entry.method === 'PATCH' && phase === 'arrived') world.sandbox.behave({ memberList: 'whole' });
  });
  world.state('g', ['a', 'b']);
  const one = await world.start();
  await world.expectRest(one);
  expect(world.outcome(0n, 'a')).toBe('applied');
  expect(world.outcomeOfEvent(0n)).not.toBe('failed');
});

test.each([
  ['cut', many(150), many(100)],
  ['absent', ['a', 'b'], ['a']],
  ['null', ['a'], []],
] as const)(
  'doubtful read: a full state is never called done on a list that is %s',
  async (memberList, there, named) => {
    const world = await aDoubtfulWorld(memberList, there);
    world.state('g', named);
    const one = await world.start();
    await world.expectRest(one);
    expect(world.kept().get('source/0/0')).toMatchObject({ outcome: 'failed', reason: { code: 'members_not_shown' } });
    expect(world.records('dead-letter')).toHaveLength(1);
    // and what comes later is not held up
    const later = world.change('g', { add: ['later'] });
    await world.expectRest(one);
    expect(world.outcome(later, 'later')).toBe('applied');
  },
);

test('doubtful read: the second look of a full state survives a restart', async () => {
  const world = await aDoubtfulWorld('cut', many(150));
  const heal = failing(world);
  world.state('g', ['m0']);
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the commit');
  one.kill();
  expire(world);
  heal();
  const two = await world.start({ name: 'two', pipeline: stubborn });
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual(['m0']);
  await until(() => world.lastState('g')?.intents.length === 0, 'the tombstone');
});

test('doubtful read: a full state of users leaves nested groups alone; a change that names one removes it', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['a', 'b'], version: 1 }] } } });
  world.sandbox.putGroup({ id: 'g', nested: ['inner', 'other'] });
  world.state('g', ['a']);
  const one = await world.start();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a', 'inner', 'other']);
  const remove = world.change('g', { remove: ['inner'] });
  await world.expectRest(one);
  expect(world.outcome(remove, 'inner')).toBe('applied');
  expect(world.sandbox.members('g')).toEqual(['a', 'other']);
});
