import { expect, test, vi } from 'vitest';
import { MemoryLog } from '../../../src/adapters/memory-log/memory-log.ts';
import { renderFence } from '../../../src/core/log/live-record.ts';
import type { ChangeLogHandler, Heartbeat } from '../../../src/ports.ts';
import { anIntent, aState, expire, failing, fences, stubborn } from '../../support/retry-records.ts';
import { TappedLog } from '../../support/tapped-log.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const fenceOf = (owner: string, epoch: number) => renderFence({ owner, epoch, seq: 0 }, 'other');

test('equal-epoch: what an owner in a deleted consumer group parks late, under the same epoch, counts for nothing', async () => {
  // given an owner under epoch 1 with a parked add, and a consumer group that is deleted
  const world = await aWorld();
  const repair = failing(world);
  const unread = world.sandbox.addRule({ match: { method: 'GET' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const former = await world.start({ name: 'former', pipeline: stubborn });
  await until(() => world.committed() === 1n, 'the first parking');
  former.kill();
  expire(world);
  world.broker.deleteGroup('rollcall');
  // and an owner in the new group, whose generations begin with 1 too, and who has parked a newer remove
  const remove = world.change('g', { remove: ['u'] });
  const recreated = await world.start({ name: 'recreated', pipeline: stubborn });
  await until(() => world.committed() === 2n, 'the second parking');
  recreated.kill();
  // when a record that the first one had sent is written at last
  const stamp = { owner: former.owner, epoch: 1, seq: 1_000 };
  world.produce(aState(stamp, [anIntent({ offset: add, op: 'add', attempt: 2 })]));
  repair();
  world.sandbox.removeRule(unread);
  expire(world);
  // then the next owner finds the remove
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  expect(world.outcome(remove, 'u')).toBe('recovered');
  expect(world.sandbox.members('g')).toEqual([]);
});

test('heartbeat: one that was sent before the higher epoch was read proves nothing', async () => {
  // given an instance whose heartbeats are noted and kept back after the first
  const beats: Heartbeat[] = [];
  const handlers: ChangeLogHandler[] = [];
  let passes = 1;
  vi.spyOn(TappedLog.prototype, 'join').mockImplementationOnce(function join(this: TappedLog, handler) {
    handlers.push(handler);
    const heartbeat = (beat: Heartbeat): void => {
      beats.push(beat);
      if (beats.length <= passes) handler.heartbeat(beat);
    };
    return MemoryLog.prototype.join.call(this, { ...handler, heartbeat });
  });
  const world = await aWorld();
  world.produce({ topic: topics.retry, partition: 0, value: 'other', ...fenceOf('other', 7) });
  const one = await world.start();
  const isAbove = (): boolean => one.logger.lines.some(({ message }) => message === 'the consumer group was recreated');
  // when it has read a higher epoch, and a heartbeat of before is answered
  await until(() => fences(world).length === 2 && beats.length > 10, 'its fence');
  const [first] = beats;
  if (first !== undefined) handlers[0]?.heartbeat(first);
  // then it waits for a later one
  expect(isAbove()).toBe(false);
  passes = Number.POSITIVE_INFINITY;
  await until(isAbove, 'the later one');
  await world.expectRest(one);
});

test('one-group: an owner that another consumer group has surpassed gives the partition up, goes above it, and says so', async () => {
  // given an owner
  const world = await aWorld();
  const one = await world.start();
  await until(() => one.pipeline.stats().ready, 'the owner');
  // when an owner that its own consumer group does not know writes a fence
  world.produce({ topic: topics.retry, partition: 0, value: 'other', ...fenceOf('of-another-group', 7) });
  // then it is lost, and gained again above that epoch
  await until(() => (fences(world).at(-1)?.stamp.epoch ?? 0) > 7 && one.pipeline.stats().ready, 'the return');
  const messages = one.logger.lines.map(({ message }) => message);
  expect(messages).toContain('partition lost');
  expect(messages).toContain('the consumer group was recreated');
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
});
