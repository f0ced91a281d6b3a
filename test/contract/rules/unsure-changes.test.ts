/**
 * A PATCH without a sure answer that has had its effect (protocol.md 8, 11.3): what is found so is the work of Rollcall, also where
 * another change has taken the place of the one that it was sent for, and where an instance ends.
 */
import { describe, expect, test } from 'vitest';
import type { ReportRecord } from '../../../src/core/report/report.ts';
import { QuickWorld, answer, groupAnswer, type QuickOptions } from '../../support/quick-world.ts';
import { aRequest, anIntent } from '../../support/retry-records.ts';
import { Table } from '../../support/table.ts';
import { timedOut } from '../../support/target-in-memory.ts';

const guard = { groupPercent: 100, groupFloor: 1, groupCount: 2, windowCount: 1_000, windowMs: 3_600_000 };
const retry = { baseMs: 60_000, capMs: 60_000, attemptsMax: 5, slowScheduleMs: [60_000] };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'z'];
const HOUR_MS = 3_600_000;

async function aWorld(options: QuickOptions = {}) {
  const world = new QuickWorld({ ...options, pipeline: { guard, retry, lateApplyMs: 1_000, ...options.pipeline } });
  for (const name of NAMES) world.target.group('g').members.add(name);
  const one = await world.start();
  return { world, one };
}

/** The next PATCH has its effect, and its answer does not say so. */
function loseNextAnswer(world: QuickWorld, status = 504): void {
  world.target.onPatch = (request) => {
    world.target.onPatch = () => null;
    world.target.apply(request);
    return answer(status);
  };
}

const membersOf = (world: QuickWorld): string => [...world.target.group('g').members].join('');

/** The last report of each change, by offset and member. */
function outcomes(world: QuickWorld): Record<string, string> {
  const textOf = ({ id, outcome }: ReportRecord): [string, string] => [
    id.replace('source/0/', '').replace(/#.*$/, ''),
    outcome,
  ];
  return Object.fromEntries(world.reports().map(textOf));
}

/** Two were removed by what is over, and the limit is two. */
async function expectCounted(world: QuickWorld): Promise<void> {
  world.produce({ remove_members: ['d'] });
  await world.clock.advance(5_000);
  expect(membersOf(world)).toBe('cdefz');
  expect(world.reports().at(-1)).toMatchObject({ outcome: 'held', source_member: 'd' });
}

describe('unsure: what has removed members is followed, while it waits, by', () => {
  test('the same once more: it has recovered, and the guard counts it', async () => {
    const { world } = await aWorld();
    loseNextAnswer(world);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    expect(outcomes(world)).toEqual({
      '0/a': 'superseded',
      '0/b': 'superseded',
      '1/a': 'recovered',
      '1/b': 'recovered',
    });
    await expectCounted(world);
  });

  test('the opposite, and then the same', async () => {
    const { world } = await aWorld();
    loseNextAnswer(world);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    world.produce({ add_members: ['a', 'b'] });
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    expect(outcomes(world)).toMatchObject({ '1/a': 'superseded', '2/a': 'recovered', '2/b': 'recovered' });
    await expectCounted(world);
  });

  test('a full state', async () => {
    const { world } = await aWorld();
    loseNextAnswer(world);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    world.produce({ members: ['c', 'd', 'e', 'f', 'z'], complete: true });
    await world.clock.advance(5_000);
    expect(outcomes(world)).toMatchObject({ '0/a': 'superseded', '1/a': 'recovered', '1/b': 'recovered' });
    await expectCounted(world);
  });

  test('an empty full state, of which the others are held', async () => {
    const { world, one } = await aWorld();
    loseNextAnswer(world);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    world.produce({ members: [], complete: true });
    await world.clock.advance(5_000);
    expect(outcomes(world)).toMatchObject({ '1/a': 'recovered', '1/b': 'recovered', '1/c': 'held', '1/z': 'held' });
    expect([one.pipeline.stats().held, membersOf(world)]).toEqual([5, 'cdefz']);
    world.produce({ add_members: ['d'] });
    await world.clock.advance(5_000);
    await expectCounted(world);
  });

  test('a full state that waits, and the same on top of it', async () => {
    const { world } = await aWorld();
    loseNextAnswer(world);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    world.target.onGet = () => answer(403);
    world.produce({ members: ['c', 'd', 'e', 'f', 'z'], complete: true });
    await world.clock.advance(5_000);
    world.produce({ remove_members: ['a', 'b'] });
    world.target.onGet = () => null;
    await world.clock.advance(120_000);
    expect(outcomes(world)).toMatchObject({ '2/a': 'recovered', '2/b': 'recovered' });
    await expectCounted(world);
  });

  test('a full state, and the instance ends', async () => {
    const { world, one } = await aWorld();
    loseNextAnswer(world);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    world.target.onGet = () => answer(403);
    world.produce({ members: ['c', 'd', 'e', 'f', 'z'], complete: true });
    await world.clock.advance(5_000);
    one.kill();
    world.target.onGet = () => null;
    await world.start();
    await world.clock.advance(120_000);
    expect(outcomes(world)).toMatchObject({ '1/a': 'recovered', '1/b': 'recovered' });
    await expectCounted(world);
  });

  test('a replay after it was given up without a look', async () => {
    const { world } = await aWorld({ pipeline: { retry: { ...retry, attemptsMax: 1 } } });
    world.target.onPatch = (request) => {
      world.target.apply(request);
      world.target.onPatch = () => null;
      world.target.onGet = () => answer(403);
      return answer(504);
    };
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(HOUR_MS / 2);
    expect(outcomes(world)).toEqual({ '0/a': 'permanent_failure', '0/b': 'permanent_failure' });
    world.target.onGet = () => null;
    const named = ['a', 'b'].map((member) => anIntent({ offset: 0n, op: 'remove', member }));
    world.broker.append([aRequest('r', named)]);
    await world.clock.advance(5_000);
    expect(outcomes(world)).toEqual({ '0/a': 'recovered', '0/b': 'recovered' });
    await expectCounted(world);
  });
});

test('unsure: what is found so with others that are to be removed counts before these are sent', async () => {
  const { world, one } = await aWorld();
  loseNextAnswer(world);
  world.produce({ remove_members: ['a', 'b'] });
  await world.clock.advance(2_000);
  one.kill();
  world.produce({ remove_members: ['d'] });
  await world.start();
  await world.clock.advance(120_000);
  expect([membersOf(world), outcomes(world)]).toEqual([
    'cdefz',
    { '0/a': 'recovered', '0/b': 'recovered', '1/d': 'held' },
  ]);
});

test('unsure: what takes the place of a change while its request is on its way', async () => {
  // given a PATCH that arrives, and whose answer is lost after others have been read
  const { world } = await aWorld();
  const { target } = world;
  const patch = target.patchGroup.bind(target);
  target.patchGroup = async (request) => {
    target.patchGroup = patch;
    await patch(request);
    world.produce({ remove_members: ['a', 'b'] });
    world.produce({ remove_members: ['a'] });
    await world.clock.wait(5_000);
    return answer(504);
  };
  world.produce({ remove_members: ['a', 'b'] });
  await world.clock.advance(120_000);
  expect(outcomes(world)).toMatchObject({ '1/b': 'recovered', '2/a': 'recovered' });
  await expectCounted(world);
});

test('unsure: a full state that names whom a lost answer has added says so of that member alone', async () => {
  const { world } = await aWorld();
  loseNextAnswer(world);
  world.produce({ add_members: ['new'] });
  await world.clock.advance(5_000);
  world.produce({ members: ['a', 'b', 'c', 'd', 'e', 'f', 'z', 'new'], complete: true });
  await world.clock.advance(5_000);
  expect(outcomes(world)).toMatchObject({ '0/new': 'superseded', '1/new': 'recovered' });
  expect(Object.keys(outcomes(world)).filter((id) => id.startsWith('1/'))).toEqual(['1/new']);
});

test('unsure: what waits behind an open breaker survives the end of its instance', async () => {
  // given a PATCH whose answer is lost once the breaker is open
  const { world, one } = await aWorld();
  const { target } = world;
  target.onGet = ({ group }) => (group === 'g' ? null : answer(503));
  const patch = target.patchGroup.bind(target);
  target.patchGroup = async (request) => {
    await patch(request);
    for (const group of ['h', 'i', 'j', 'k', 'l']) world.produce({ group_id: group, add_members: ['x'] });
    await world.clock.wait(10_000);
    return timedOut(10_000);
  };
  world.produce({ remove_members: ['a', 'b'] });
  await world.clock.advance(15_000);
  expect(one.pipeline.stats().breaker).not.toBeNull();
  expect(outcomes(world)).not.toHaveProperty('0/a');
  // when it ends before any report
  one.kill();
  target.onGet = () => null;
  target.patchGroup = patch;
  await world.start();
  await world.clock.advance(120_000);
  expect(outcomes(world)).toMatchObject({ '0/a': 'recovered', '0/b': 'recovered' });
  await expectCounted(world);
});

test('unsure: under another name of the same member', async () => {
  const ids = new Table().set('group', 'g', 'g').set('group', 'h', 'h').set('user', 'ann', 'a').set('user', 'bob', 'b');
  for (const [name, id] of NAMES.map((each) => [each, each] as const)) ids.set('user', name, id);
  const { world } = await aWorld({ ids });
  loseNextAnswer(world);
  world.produce({ remove_members: ['ann', 'bob'] });
  await world.clock.advance(5_000);
  world.produce({ remove_members: ['a', 'b'] });
  await world.clock.advance(5_000);
  expect(outcomes(world)).toEqual({
    '0/ann': 'superseded',
    '0/bob': 'superseded',
    '1/a': 'recovered',
    '1/b': 'recovered',
  });
  await expectCounted(world);
});

test.each([true, false])(
  'unsure: what is accepted, not shown yet, and asked for once more counts once (on its way: %s)',
  async (isOnItsWay) => {
    // given a target that shows an old list after the request
    const { world } = await aWorld({ pipeline: { lateApplyMs: 30_000 } });
    const { target } = world;
    const before = groupAnswer('g', 1, NAMES);
    const patch = target.patchGroup.bind(target);
    target.patchGroup = async (request) => {
      target.patchGroup = patch;
      await patch(request);
      target.onGet = () => before;
      if (isOnItsWay) {
        world.produce({ remove_members: ['a'] });
        await world.clock.wait(1_000);
      }
      return before;
    };
    world.produce({ remove_members: ['a'] });
    await world.clock.advance(3_000);
    if (!isOnItsWay) world.produce({ remove_members: ['a'] });
    await world.clock.advance(3_000);
    target.onGet = () => null;
    await world.clock.advance(120_000);
    expect(outcomes(world)).toEqual({ '0/a': 'superseded', '1/a': 'recovered' });
    // then two of two may go
    world.produce({ remove_members: ['d'] });
    await world.clock.advance(5_000);
    expect([outcomes(world)['2/d'], membersOf(world)]).toEqual(['applied', 'bcefz']);
    world.produce({ remove_members: ['b'] });
    await world.clock.advance(5_000);
    expect(outcomes(world)['3/b']).toBe('held');
  },
);
