import { expect, test } from 'vitest';
import { expire, fences, stubborn } from '../../support/retry-records.ts';
import type { Instance } from '../../support/world.ts';
import { aWorld, topics, until, within } from '../../support/world.ts';

test('ranges: what is complete beyond the committed offset is read again, and wins over what is older', async () => {
  // given an older event of two members, of which one waits for its answer, and a newer event that is done
  const seed = { groups: [{ id: 'g', members: ['u'], version: 1 }] };
  const world = await aWorld({ sandbox: { seed } });
  const older = world.change('g', { add: ['u', 'w'] });
  const newer = world.change('g', { remove: ['u'] });
  const hold = world.sandbox.pauseAt(
    ({ method, operations }) => method === 'PATCH' && JSON.stringify(operations).includes('"w"'),
  );
  const one = await world.start({ pipeline: { membersPerPatchMax: 1 }, api: { requestTimeoutMs: 10_000 } });
  await until(() => world.hasCompletedRange(), 'the completed range');
  expect(world.committed()).toBe(older);
  one.kill();
  hold.release();
  // when the next owner reads both again
  expire(world);
  const next = await world.start({ name: 'next' });
  await within(next.pipeline.whenAtRest(), 'rest');
  // then the older one is not applied over the newer one
  expect(world.sandbox.members('g')).toEqual(['w']);
  expect(world.outcome(older, 'u')).toBe('superseded');
  expect(world.outcome(newer, 'u')).toBe('applied');
  expect(world.reports().filter(({ id }) => id === `${topics.source}/0/${newer}/u`)).toHaveLength(1);
});

test('ranges: what is complete because it is parked stays pending', async () => {
  // given an older event that waits for its answer, and a newer one of another group that is parked
  const seed = { groups: ['g', 'h'].map((id) => ({ id, members: [], version: 1 })) };
  const world = await aWorld({ sandbox: { seed } });
  const hold = world.sandbox.pauseAt(({ method, group }) => method === 'PATCH' && group === 'h');
  const fault = { kind: 'status', status: 503 } as const;
  const rule = world.sandbox.addRule({ match: { method: 'PATCH', group: 'g' }, fault });
  world.change('h', { add: ['w'] });
  const parked = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn, api: { requestTimeoutMs: 10_000 } });
  await until(() => world.hasCompletedRange(), 'the completed range');
  one.kill();
  hold.release();
  world.sandbox.removeRule(rule);
  // when the next owner reads both again
  expire(world);
  const next = await world.start({ name: 'next' });
  await within(next.pipeline.whenAtRest(), 'rest');
  // then the parked one is applied
  expect(world.sandbox.members('g')).toEqual(['u']);
  expect(world.outcome(parked, 'u')).toBe('recovered');
});

test('owner-commit: what ends after its partition was lost is neither reported nor committed', async () => {
  // given two partitions, and a request about the second whose answer is on its way
  const seed = { groups: ['g', 'h'].map((id) => ({ id, members: [], version: 1 })) };
  const world = await aWorld({ partitionCount: 2, sandbox: { seed } });
  const send = (group: string, partition: number): bigint =>
    world.produce({
      topic: topics.source,
      partition,
      key: group,
      value: JSON.stringify({ group_id: group, add_members: ['u'] }),
      headers: [],
    });
  const hold = world.sandbox.pauseAt(({ method, group }) => method === 'PATCH' && group === 'g', 'after');
  send('g', 1);
  const one = await world.start({ api: { requestTimeoutMs: 10_000 }, pipeline: { lateApplyMs: 60_000 } });
  await hold.arrived;
  // when the partition goes to another owner, and then the answer comes
  const two = await world.start({ name: 'two', pipeline: { lateApplyMs: 60_000 } });
  const owns = ({ pipeline }: Instance, partition: number): boolean =>
    pipeline.stats().ready && pipeline.stats().partitions.every((each) => each.partition === partition);
  await until(() => owns(one, 0) && owns(two, 1), 'one partition each');
  hold.release();
  await until(() => one.pipeline.stats().inFlight === 0, 'the answer');
  // then its former owner settles everything but this
  send('h', 0);
  await until(() => world.broker.group('rollcall').committed(0).offset === 1n, 'the commit of the other partition');
  expect(world.broker.group('rollcall').committed(1).offset ?? 0n).toBe(0n);
  expect(world.reports().filter(({ group }) => group === 'g')).toEqual([]);
  expect(fences(world, 1).map(({ stamp }) => stamp.owner)).toEqual([one.owner, two.owner]);
});

test('ranges: of another offset, where an operator has moved it and kept its metadata, they say nothing', async () => {
  // given six changes of a group each, of which two wait for their answers
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const world = await aWorld({ sandbox: { seed: { groups: names.map((id) => ({ id, members: [], version: 1 })) } } });
  const hold = world.sandbox.pauseAt(({ method, group }) => method === 'PATCH' && 'cd'.includes(group ?? ''));
  for (const name of names) world.change(name, { add: ['u'] });
  const one = await world.start({ pipeline: stubborn, api: { requestTimeoutMs: 10_000 } });
  await until(
    () => world.hasCompletedRange() && world.committed() === 2n && world.outcome(5n, 'u') === 'applied',
    'the completed range',
  );
  one.kill();
  expire(world);
  // when it is set back by one
  const group = world.broker.group('rollcall');
  const { metadata } = group.committed(0);
  group.fallBack({ generation: group.generation, commits: [{ partition: 0, offset: 1n, metadata }] });
  hold.release();
  const next = await world.start({ name: 'next' });
  await within(next.pipeline.whenAtRest(), 'rest');
  // then each change is reported, and none is lost
  for (const [offset, name] of names.entries()) {
    expect(world.outcome(BigInt(offset), 'u'), name).toBeDefined();
    expect(world.sandbox.members(name), name).toEqual(['u']);
  }
});
