/** What a restart, a table, a replay or a refusal must not make of a full state and of what stands on top of it. */
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import type { Decoded, SourceEvent, SourceFormat } from '../../../src/core/change/change.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { stateValue } from '../../../src/core/log/live-record.ts';
import { delta, fullState } from '../../../src/formats/reading/reading.ts';
import { wholeDecision } from '../../support/decisions.ts';
import { requests } from '../../support/group-requests.ts';
import { ask, expire, stubborn } from '../../support/retry-records.ts';
import { Table } from '../../support/table.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until, within } from '../../support/world.ts';

const list: SourceFormat = {
  name: 'list',
  decode: ({ value }) => JSON.parse(String(Buffer.from(value ?? []))) as Decoded,
};
const produce = (world: World, events: readonly SourceEvent[]): bigint =>
  world.produce({ topic: topics.source, partition: null, key: null, value: JSON.stringify(events), headers: [] });

function crash(world: World, instance: Instance): void {
  instance.kill();
  expire(world);
}

/** As `expectRest`, but what a crash makes repeat may be reported again under its id. */
async function rest(world: World, instance: Instance): Promise<void> {
  await within(instance.pipeline.whenAtRest(), 'rest');
  expect(world.committed()).toBe(world.broker.topic(topics.source).partition(0).end);
}

const seeded = (...members: readonly string[]) => ({
  sandbox: {
    seed: {
      groups: [
        { id: 'g', members: [...members], version: 1 },
        { id: 'h', members: [], version: 1 },
      ],
    },
  },
});

test('full state: a full state delivered again does not undo a newer delta that the commit calls complete', async () => {
  const world = await aWorld(seeded('a'));
  // h never answers surely: its intent is in doubt, not parked.
  const rule = world.sandbox.addRule({ match: { group: 'h' }, fault: { kind: 'hang' } });
  const one = await world.start({ format: list, api: { requestTimeoutMs: 60_000 } });
  produce(world, [fullState({ group: 'g', members: ['a'] }), delta({ group: 'h', add: ['x'] })]);
  produce(world, [delta({ group: 'g', add: ['b'] })]);
  await until(() => world.outcome(1n, 'b') === 'applied', 'the newer add');
  await until(() => world.hasCompletedRange(), 'a range');
  expect(world.committed()).toBe(0n);
  crash(world, one);
  world.sandbox.removeRule(rule);
  const two = await world.start({ name: 'two', format: list });
  await rest(world, two);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b']));
});

test('full state: what a full state removes is removed after a restart with an id map', async () => {
  const world = await aWorld(seeded('a', 'b'));
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a').set('user', 'okta-b', 'b');
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const one = await world.start({ ids, pipeline: stubborn });
  world.state('okta-g', ['okta-a']);
  await until(() => world.committed() === 1n, 'the commit');
  // A first read that was late has parked the full state itself.
  await until(() => world.lastState('okta-g')?.intents.every(({ op }) => op === 'remove') === true, 'its removal');
  expect(world.lastState('okta-g')?.intents).toMatchObject([{ op: 'remove', member: 'b' }]);
  crash(world, one);
  world.sandbox.removeRule(rule);
  const two = await world.start({ name: 'two', ids });
  await rest(world, two);
  const ofMembers = [...world.kept().values()].filter(({ member }) => member !== null);
  expect(ofMembers.map(({ id, outcome, reason }) => [id, outcome, reason?.code])).toEqual([
    ['source/0/0/b', expect.stringMatching(/applied|recovered/), undefined],
  ]);
  expect(world.sandbox.members('g')).toEqual(['a']);
});

test('full state: with crossed names under an id map no other member is removed', async () => {
  const world = await aWorld(seeded('a', 'b'));
  // the source calls "b" whom the target calls "a"
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'b', 'a');
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const one = await world.start({ ids, pipeline: stubborn });
  world.state('okta-g', ['b']);
  await until(() => world.committed() === 1n, 'the commit');
  crash(world, one);
  world.sandbox.removeRule(rule);
  const two = await world.start({ name: 'two', ids });
  await rest(world, two);
  expect(world.sandbox.members('g')).toEqual(['a']);
});

test('full state: a table that changes in flight does not let a newer delta overtake its full state', async () => {
  const world = await aWorld(seeded('a', 'z'));
  const ids = new Table().set('group', 'okta-g', 'g').set('user', 'okta-a', 'a').set('user', 'okta-b', 'b');
  const reading = world.sandbox.pauseAt(({ method }) => method === 'GET');
  world.state('okta-g', ['okta-a']);
  world.change('okta-g', { add: ['okta-b'] });
  const one = await world.start({ ids, pipeline: stubborn });
  await reading.arrived;
  ids.set('user', 'okta-c', 'c');
  reading.release();
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b']));
});

test('full state: a full state that died beside a newer delta cannot be replayed over it', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [] } } });
  const one = await world.start({ pipeline: { retry: { ...stubborn.retry, slowScheduleMs: [20, 300] } } });
  world.state('g', ['a']);
  await until(() => (world.lastState('g')?.intents[0]?.attempt ?? 0) >= 2, 'the second try');
  world.change('g', { add: ['b'] });
  await until(() => world.outcomeOfEvent(0n) === 'permanent_failure', 'the death');
  world.sandbox.putGroup({ id: 'g', members: ['c'] });
  await world.expectRest(one);
  expect(world.outcome(1n, 'b')).toBe('recovered');
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['b', 'c']));
  const dead = world.lastState('g')?.intents ?? [];
  await ask(world, { uuid: '1', kind: 'replay', value: stateValue('g', dead) });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toContain('b');
});

test('full state: a replay of refused removals of an empty full state is held again', async () => {
  const world = await aWorld(seeded('a', 'b', 'c'));
  const guard = { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
  const one = await world.start({ pipeline: { guard } });
  world.state('g', [], { deleted: true });
  await until(() => (world.lastState('g')?.intents.length ?? 0) === 3, 'the hold');
  const digest = heldDigest('g', world.lastState('g')?.intents ?? [], sha256) ?? '';
  await ask(world, { uuid: '1', kind: 'reject', value: wholeDecision(digest, 'jane') });
  await until(
    () => world.lastState('g')?.intents.every(({ dead }) => dead?.reason === 'refused') === true,
    'the refusal',
  );
  await ask(world, { uuid: '2', kind: 'replay', value: stateValue('g', world.lastState('g')?.intents ?? []) });
  expect(one.pipeline.stats()).toMatchObject({ held: 3, dead: 0 });
  await within(one.pipeline.whenAtRest(), 'rest');
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  expect(world.sandbox.members('g')).toEqual(['a', 'b', 'c']);
});

test('full state: a full state that replaces one whose expansion is not recorded yet does not leave it open', async () => {
  const world = await aWorld(seeded('a'));
  const one = await world.start();
  let refused = 0;
  let isDown = true;
  one.log.beforeSend = async (records) => {
    if (!isDown || !records.some(({ topic, key }) => topic === topics.retry && key === 'g')) return;
    refused += 1;
    throw new Error('no leader');
  };
  world.state('g', ['a', 'c']);
  await until(() => refused > 0, 'the live record that cannot be written');
  world.state('g', ['a', 'd']);
  await until(() => refused > 1, 'another try of it');
  isDown = false;
  await until(() => world.sandbox.members('g').includes('d'), 'the newer state');
  await until(() => world.committed() === 2n, 'the commit');
  await world.expectRest(one);
});

test('full state: a newer delta stays final where the live record cannot be written while offsets can', async () => {
  const world = await aWorld(seeded('a', 'b'));
  const one = await world.start();
  let refused = 0;
  one.log.beforeSend = async (records) => {
    if (!records.some(({ topic, key }) => topic === topics.retry && key === 'g')) return;
    refused += 1;
    throw new Error('no leader');
  };
  world.state('g', ['a', 'c']);
  world.change('g', { add: ['b'] });
  world.state('h', ['x']);
  await until(() => world.outcome(1n, 'b') !== undefined, 'the newer add');
  // Each round of settling ends with a commit, if anything is complete.
  const before = refused;
  await until(() => refused >= before + 2, 'another round');
  crash(world, one);
  const two = await world.start({ name: 'two' });
  await rest(world, two);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b', 'c']));
});

test('full state: a newer delta stays final where the live record of the full state is too large for the broker', async () => {
  const world = await aWorld({ ...seeded('a', 'b'), retryRecordMaxBytes: 3_000 });
  const many = Array.from({ length: 200 }, () => `m${crypto.randomUUID()}`);
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const one = await world.start({ pipeline: stubborn });
  world.state('g', ['a', ...many]);
  world.change('g', { add: ['b'] });
  await until(() => world.outcome(1n, 'b') === 'already_synced', 'the newer add');
  await until(() => (world.lastState('g')?.intents.length ?? 0) > 0, 'as much as there is room for');
  crash(world, one);
  world.sandbox.removeRule(rule);
  const two = await world.start({ name: 'two' });
  await rest(world, two);
  expect(world.sandbox.members('g')).toContain('b');
  expect(world.sandbox.members('g').length).toBe(202);
});
