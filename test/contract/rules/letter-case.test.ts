/** UUIDs are one id in any letter case (protocol.md 3.1): folded and compared in lower case, sent as the target spells them. */
import { expect, test } from 'vitest';
import type { Intent } from '../../../src/core/change/change.ts';
import { renderState } from '../../../src/core/log/live-record.ts';
import { sha256 } from '../../../src/adapters/system.ts';
import { named } from '../../../src/core/change/pending.ts';
import { requests } from '../../support/group-requests.ts';
import { anIntent, commitBefore, expire, failing, stubborn } from '../../support/retry-records.ts';
import { aWorld, topics, until, type World } from '../../support/world.ts';

const uuid = (digit: string): string =>
  `${digit.repeat(8)}-${digit.repeat(4)}-4${digit.repeat(3)}-8${digit.repeat(3)}-${digit.repeat(12)}`;
const [ada, bob, group] = [uuid('a'), uuid('b'), uuid('c')];
const upper = (id: string): string => id.toUpperCase();

const withMembers = (members: readonly string[]) => ({
  sandbox: { seed: { groups: [{ id: 'g', members: [...members], version: 1 }] } },
});

const operations = (world: World) =>
  requests(world.sandbox, 'PATCH').map(({ operations: all }) =>
    all.map(({ op, members }) => `${op} ${members.join()}`),
  );

test('letter case: an add and a removal of two spellings are about one member, and the newer wins', async () => {
  const world = await aWorld();
  const heal = failing(world);
  const add = world.change('g', { add: [upper(ada), bob] });
  const remove = world.change('g', { remove: [ada] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => requests(world.sandbox, 'PATCH').length > 0, 'a PATCH');
  heal();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([bob]);
  expect(world.outcome(add, upper(ada))).toBe('superseded');
  expect(world.kept().get(`source/0/${add}/${upper(ada)}`)).toMatchObject({
    superseded_by: `source/0/${remove}/${ada}`,
  });
  for (const sent of operations(world))
    expect(new Set(sent.map((each) => each.split(' ')[1]?.toLowerCase())).size).toBe(sent.length);
});

test('letter case: two spellings in one event are one change, and a removal beside an addition wins', async () => {
  const world = await aWorld(withMembers([ada]));
  const change = world.change('g', { add: [ada, bob, upper(bob)], remove: [upper(ada)] });
  const one = await world.start();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([bob]);
  expect(world.outcome(change, upper(ada))).toBe('applied');
  expect(world.kept().size).toBe(2);
});

test.each([
  ['upper', 'lower', upper(ada), ada],
  ['lower', 'upper', ada, upper(ada)],
])(
  'letter case: a removal spelled in %s case removes a member that the target spells in %s case',
  async (_, __, source, target) => {
    const world = await aWorld(withMembers([target, bob]));
    const remove = world.change('g', { remove: [source], add: [upper(bob)] });
    const one = await world.start();
    await world.expectRest(one);
    expect(world.sandbox.members('g')).toEqual([bob]);
    expect(operations(world)).toEqual([[`remove ${target}`]]);
    expect(world.kept().get(`source/0/${remove}/${source}`)).toMatchObject({
      outcome: 'applied',
      member: source,
      source_member: source,
      request: { verified: true },
    });
    expect(world.outcome(remove, upper(bob))).toBe('already_synced');
  },
);

test('letter case: a full state in another spelling removes and adds no member', async () => {
  const world = await aWorld(withMembers([ada, bob]));
  world.state('g', [upper(ada), upper(bob), ada]);
  const one = await world.start();
  await world.expectRest(one);
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  expect(world.outcomeOfEvent(0n)).toBe('already_synced');
});

test('letter case: two spellings of a group are one group, whose reports say it as the source does', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: group, members: ['u'], version: 1 }] } } });
  const heal = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change(upper(group), { add: ['u'] });
  const remove = world.change(group, { remove: ['u'], add: ['v'] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.lastState(group)?.intents.length === 2, 'the live record');
  world.sandbox.removeRule(heal);
  await world.expectRest(one);
  expect(world.sandbox.members(group)).toEqual(['v']);
  expect(world.kept().get(`source/0/${add}/u`)).toMatchObject({
    outcome: 'superseded',
    group: upper(group),
    source_group: upper(group),
  });
  expect(world.kept().get(`source/0/${remove}/v`)).toMatchObject({ outcome: 'recovered', group, source_group: group });
});

test('letter case: a record keyed in another spelling than its group_id is that of its group', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: group, version: 1 }] } } });
  const value = JSON.stringify({
    group_id: group,
    genesys_group_id: upper(group),
    add_members: [ada],
    added: [upper(ada)],
  });
  world.produce({ topic: topics.source, partition: null, key: upper(group), value, headers: [] });
  const one = await world.start();
  await world.expectRest(one);
  expect(world.outcome(0n, ada)).toBe('applied');
});

test('letter case: the spelling of the source survives a restart, so that the report keeps its id', async () => {
  const world = await aWorld();
  const heal = failing(world);
  const add = world.change('g', { add: [upper(ada)] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the parking');
  one.kill();
  expire(world);
  heal();
  const two = await world.start({ name: 'two', pipeline: stubborn });
  await world.expectRest(two);
  expect(world.outcome(add, upper(ada))).toBe('recovered');
  expect(world.sandbox.members('g')).toEqual([ada]);
});

test('letter case: live records of an older version under two spellings become one, and the old keys are tombstoned', async () => {
  // given what an older version wrote of one group under two keys, and of one member under two names
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: group, members: [bob], version: 1 }] } } });
  world.change(upper(group), { add: [upper(ada)] });
  world.change(group, { add: [ada], remove: [bob] });
  const timestamp = (offset: bigint): number => world.records(topics.source)[Number(offset)]?.timestamp ?? 0;
  const write = (
    key: string,
    seq: number,
    intents: readonly { offset: bigint; op: 'add' | 'remove'; member: string }[],
  ): void => {
    const stamp = { owner: 'older', epoch: 0, seq };
    const all = intents.map((facts) => {
      const intent = anIntent({ ...facts, attempt: 1 });
      return {
        ...intent,
        ...named(facts.member, facts.member),
        group: key,
        source: { ...intent.source, timestamp: timestamp(facts.offset) },
      };
    });
    world.produce({
      topic: topics.retry,
      partition: 0,
      ...renderState({ group: key, intents: all, stamp, trouble: null, now: 1, sha256 }),
    });
  };
  write(upper(group), 1, [{ offset: 0n, op: 'add', member: upper(ada) }]);
  write(group, 2, [
    { offset: 1n, op: 'add', member: ada },
    { offset: 1n, op: 'remove', member: bob },
  ]);
  commitBefore(world, 2n);
  // when it is restored
  const one = await world.start();
  await world.expectRest(one);
  // then the newest of each member has landed, and no live record is left
  expect(world.sandbox.members(group)).toEqual([ada]);
  expect(world.outcome(0n, upper(ada))).toBe('superseded');
  expect(world.outcome(1n, ada)).toBe('recovered');
  await until(
    () => world.lastState(upper(group))?.intents.length === 0 && world.lastState(group)?.intents.length === 0,
    'tombstones',
  );
});

test('letter case: removals of a full state that an older version recorded in another spelling wait for its additions', async () => {
  // given a full state that was worked out, and an addition of it that is tried again in an hour
  const groups = [
    { id: group, members: [bob], version: 1 },
    { id: 'g', members: [], version: 1 },
  ];
  const world = await aWorld({ sandbox: { seed: { groups } } });
  world.state(upper(group), [ada]);
  const shared = { group: upper(group), offset: 0n };
  const later = Date.now() + 3_600_000;
  const intents: readonly Intent[] = [
    { ...anIntent({ ...shared, op: 'add', member: ada, attempt: 1 }), ...shared, notBefore: later, waits: 'member' },
    { ...anIntent({ ...shared, op: 'remove', member: bob, attempt: 1 }), ...shared, namedBy: 'target' },
  ];
  const stamp = { owner: 'older', epoch: 0, seq: 1 };
  const record = renderState({ group: upper(group), intents, stamp, trouble: null, now: 1, sha256 });
  world.produce({ topic: topics.retry, partition: 0, ...record });
  commitBefore(world, 1n);
  // when it is restored, and something else has been applied
  await world.start();
  world.change('g', { add: ['x'] });
  await until(() => world.sandbox.members('g').length > 0, 'another change');
  // then
  expect(world.sandbox.members(group)).toEqual([bob]);
});
