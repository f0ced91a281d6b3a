import { expect, test } from 'vitest';
import { renderFence } from '../../../src/core/log/live-record.ts';
import { expire, failing, fences, stubborn } from '../../support/retry-records.ts';
import { removing, SandboxClient } from '../../support/sandbox-client.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

/** Another member joins the group; the former one is not informed. */
const join = (world: World): string =>
  world.broker.group('rollcall').join({
    memberId: null,
    clientId: 'other',
    sessionTimeoutMs: Infinity,
    rebalanceTimeoutMs: Infinity,
    partitionCount: 1,
    synced: () => undefined,
  });

/** The instance is joining until the returned function is called; the partition stays its own. */
async function rebalancing(world: World, { pipeline }: Instance): Promise<() => void> {
  const known = fences(world).length;
  const first = join(world);
  await until(() => fences(world).length > known && pipeline.stats().ready, 'the first rebalance');
  join(world);
  await until(() => !pipeline.stats().ready, 'the second one');
  return () => world.broker.group('rollcall').leave(first);
}

test('refence: a partition that is kept through a join is fenced again, under the new epoch', async () => {
  // given an owner with a parked add
  const world = await aWorld();
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the parking');
  // when the group rebalances, and the partition stays
  join(world);
  await until(() => fences(world).length === 2 && one.pipeline.stats().ready, 'the second fence');
  repair();
  // then it is its owner's still, under the next epoch, and what it does counts
  await world.expectRest(one);
  expect(fences(world).map(({ stamp }) => [stamp.owner, stamp.epoch])).toEqual([
    [one.owner, 1],
    [one.owner, 2],
  ]);
  expect(world.outcome(add, 'u')).toBe('recovered');
  expect(one.logger.lines.filter(({ message }) => message === 'partition lost')).toEqual([]);
  expect(world.reports().at(-1)?.epoch).toBe(2);
});

test('refence: who has missed an owner in between keeps nothing, and is in doubt', async () => {
  // given an owner that has added `u`, and is joining
  const seed = { groups: [{ id: 'g', members: ['x', 'y'], version: 1 }] };
  const world = await aWorld({ sandbox: { seed } });
  const first = world.change('g', { add: ['u'] });
  // No snapshot is kept, so that it reads before it decides.
  const one = await world.start({ pipeline: { lateApplyMs: 1_500, snapshotMembersMax: 1 } });
  await world.expectRest(one);
  const rejoin = await rebalancing(world, one);
  // and another owner in between, whose remove is still travelling
  const stamp = { owner: 'other', epoch: 2, seq: 0 };
  world.produce({ topic: topics.retry, partition: 0, value: 'other', ...renderFence(stamp, 'other') });
  const hold = world.sandbox.pauseAt(({ method }) => method === 'PATCH');
  const other = await SandboxClient.login(world.sandbox);
  const landing = other.patch('g', [removing('u')], { headers: { 'if-match': `"${world.sandbox.version('g')}"` } });
  await hold.arrived;
  world.change('g', { remove: ['u'] });
  const newest = world.change('g', { add: ['u'] });
  // when the first one owns the partition again, and sees that `u` is there
  const read = world.sandbox.nextRequest(({ method }) => method === 'GET');
  rejoin();
  await read;
  hold.release();
  await landing;
  // then the newest change stands although the remove has landed
  await world.expectRest(one);
  expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'x', 'y']);
  expect(world.outcome(first, 'u')).toBe('applied');
  expect(world.outcome(newest, 'u')).toBe('applied');
});

test('refence: a record that was sent before the new fence and written behind it counts for nothing', async () => {
  // given an owner whose first live record is on its way
  const world = await aWorld();
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: stubborn });
  const held: (() => void)[] = [];
  one.log.beforeSend = (records) =>
    records.some(({ topic, key }) => topic === topics.retry && key === 'g') && held.length === 0
      ? new Promise((resolve) => held.push(resolve))
      : Promise.resolve();
  await until(() => held.length === 1, 'the record');
  // when the group rebalances, and the record is written behind the new fence
  join(world);
  await until(() => fences(world).length === 2 && one.pipeline.stats().ready, 'the second fence');
  one.log.beforeSend = (records) =>
    records.some(({ topic, key }) => topic === topics.retry && key === 'g')
      ? Promise.reject(new Error('no leader'))
      : Promise.resolve();
  const behind = world.change('behind', { add: [] });
  held[0]?.();
  await until(() => world.outcomeOfEvent(behind) === 'no_changes', 'later reports');
  await until(() => world.hasCompletedRange(), 'a later commit');
  // then its change is not committed, and the next owner finds it
  expect(world.committed()).toBe(add);
  one.kill();
  repair();
  expire(world);
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  expect(world.sandbox.members('g')).toEqual(['u']);
});
