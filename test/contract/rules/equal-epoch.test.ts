import { expect, test } from 'vitest';
import { renderFence } from '../../../src/core/live-record.ts';
import { anIntent, aState, expire, failing, fences, stubborn } from '../../support/retry-records.ts';
import { aWorld, topics, until } from '../../support/world.ts';

test('equal-epoch: what an owner in a deleted consumer group parks late, under the same epoch, counts for nothing', async () => {
  // given an owner under epoch 1 with a parked add, and a consumer group that is deleted
  const world = await aWorld();
  const mend = failing(world);
  const unread = world.sandbox.addRule({ match: { method: 'GET' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const former = await world.start({ name: 'former', pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the first parking');
  former.kill();
  expire(world);
  world.broker.deleteGroup('rollcall');
  // and an owner in the new group, whose generations begin with 1 too, and who has parked a newer remove
  const remove = world.change('g', { remove: ['u'] });
  const anew = await world.start({ name: 'anew', pipeline: stubborn });
  await until(() => world.committed() === 2n, 'the second parking');
  anew.kill();
  // when a record that the first one had sent is written at last
  const stamp = { owner: former.owner, epoch: 1, seq: 1_000 };
  world.produce(aState(stamp, [anIntent({ offset: add, op: 'add', attempt: 2 })]));
  mend();
  world.sandbox.removeRule(unread);
  expire(world);
  // then the next owner finds the remove
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  expect(world.outcome(remove, 'u')).toBe('recovered');
  expect(world.sandbox.members('g')).toEqual([]);
});

test('heartbeat: who reads a higher epoch goes above it only if a heartbeat sent later still finds it a member', async () => {
  // given an instance that freezes before its fence is written, and is taken for dead
  const world = await aWorld();
  const late = await world.start({ name: 'late' });
  const held: (() => void)[] = [];
  late.log.beforeSend = () =>
    new Promise((resolve) => {
      late.log.freeze();
      held.push(resolve);
    });
  await until(() => held.length === 1, 'the fence');
  expire(world);
  // and the next owner, who writes a fence of a later generation
  const owner = await world.start({ name: 'owner' });
  await until(() => owner.pipeline.stats().ready, 'the owner');
  // when the first one goes on
  late.log.beforeSend = async () => undefined;
  held[0]?.();
  late.log.thaw();
  world.change('g', { add: ['u'] });
  await world.expectRest(owner);
  // then its fence stays the only one that it has written, and the owner's epoch the highest
  await until(() => world.broker.group('rollcall').memberIds.length === 2, 'both members');
  expect(
    fences(world)
      .filter(({ stamp }) => stamp.owner === late.owner)
      .map(({ stamp }) => stamp.epoch),
  ).toEqual([1]);
});

test('one-group: an owner that another consumer group has surpassed gives the partition up, goes above it, and says so', async () => {
  // given an owner
  const world = await aWorld();
  const one = await world.start();
  await until(() => one.pipeline.stats().ready, 'the owner');
  // when somebody writes a fence whom its own group does not know
  const stamp = { owner: 'of-another-group', epoch: 7, seq: 0 };
  world.produce({ topic: topics.retry, partition: 0, value: 'other', ...renderFence(stamp, 'other') });
  // then it is lost, and gained again above that epoch
  await until(() => (fences(world).at(-1)?.stamp.epoch ?? 0) > 7 && one.pipeline.stats().ready, 'the return');
  const messages = one.logger.lines.map(({ message }) => message);
  expect(messages).toContain('partition lost');
  expect(messages).toContain('the consumer group was made anew');
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
});
