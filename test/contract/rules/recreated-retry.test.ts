/** A retry topic that was recreated has lost what was parked: memory is written again, or the loss is reported. */
import { expect, test } from 'vitest';
import type { LogRecord, OutRecord } from '../../../src/ports.ts';
import { aState, expire, failing, stubborn } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

/** Its next try is far away, so that nothing but the loss has it written again. */
const patient = { ...stubborn, retry: { ...stubborn.retry, baseMs: 3_600_000, capMs: 3_600_000 } };

/** A change is parked and committed. */
async function parkedWorld(): Promise<{ world: World; one: Instance }> {
  const world = await aWorld();
  failing(world);
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: patient });
  await until(() => world.committed() === 1n && world.lastState('g')?.intents.length === 1, 'the parking');
  return { world, one };
}

/** A tombstone of another group, by another owner. */
const foreign = (): OutRecord => ({ ...aState({ owner: 'former', epoch: 1, seq: 1 }, []), key: 'h' });

test('recreated retry topic: its owner writes what it has in memory again', async () => {
  const { world, one } = await parkedWorld();
  // when it is recreated, whether or not it has grown beyond what was read, before its owner joins again
  for (const fill of [0, 200]) {
    world.broker.recreateTopic(topics.retry);
    for (let i = 0; i < fill; i += 1) world.produce(foreign());
    // then
    await until(() => world.lastState('g')?.intents.length === 1, 'the record');
    await until(() => one.pipeline.stats().ready, 'the restore');
  }
  // and a new owner finds it
  one.kill();
  expire(world);
  const two = await world.start({ name: 'two', pipeline: patient });
  await until(() => two.pipeline.stats().ready, 'the next owner');
  expect(two.pipeline.stats().parked).toBe(1);
});

test('recreated retry topic: a new owner reports the possible loss, once', async () => {
  const { world, one } = await parkedWorld();
  one.kill();
  expire(world);
  world.broker.recreateTopic(topics.retry);
  // Another owner has written to it since.
  world.produce(foreign());
  const two = await world.start({ name: 'two' });
  await until(() => two.pipeline.stats().ready, 'the restore');
  expect(two.pipeline.stats().possibleLosses).toBe(1);
  world.change('g', { add: [] });
  await until(() => world.committed() === 2n, 'a commit');
  two.kill();
  expire(world);
  const three = await world.start({ name: 'three' });
  await until(() => three.pipeline.stats().ready, 'the restore');
  expect(three.pipeline.stats().possibleLosses).toBe(0);
});

/** The former topic is used again: one with another id than the last one, and its records. */
function setBack(world: World, former: readonly LogRecord[]): void {
  world.broker.recreateTopic(topics.retry);
  for (const { key, value, headers } of former)
    world.produce({ topic: topics.retry, partition: 0, key, value, headers });
}

test('recreated retry topic: a retry topic that was used before is refused where it holds changes from then: newer ones may have been applied', async () => {
  // given an addition that is parked in one retry topic,
  const { world, one } = await parkedWorld();
  const former = world.records(topics.retry);
  one.kill();
  expire(world);
  world.sandbox.clearRules();
  // and a removal that is applied while another one is used
  world.broker.recreateTopic(topics.retry);
  const two = await world.start({ name: 'two' });
  await until(() => two.pipeline.stats().ready, 'the restore');
  const removal = world.change('g', { remove: ['u'] });
  await until(() => world.committed() === removal + 1n, 'the commit');
  two.kill();
  expire(world);
  // when RETRY_TOPIC is set back
  setBack(world, former);
  const three = await world.start({ name: 'three' });
  // then
  await until(() => three.pipeline.stats().partitions[0]?.phase === 'refused', 'the refusal');
  const [line] = three.logger.lines.filter(({ message }) => message.startsWith('partition refused'));
  expect(line).toMatchObject({
    message: 'partition refused: the retry topic is not the one that was used last',
    fields: { remedy: expect.stringMatching(/^Set RETRY_TOPIC to the topic that was used last \(/) },
  });
  expect(world.sandbox.members('g')).toEqual([]);
  // and the next owner refuses it too, although the fence of the former one is newer than the commit
  three.kill();
  expire(world);
  const four = await world.start({ name: 'four' });
  await until(() => isRefused(four) || four.pipeline.stats().ready, 'an end');
  expect(isRefused(four)).toBe(true);
});

const isRefused = ({ pipeline }: Instance): boolean => pipeline.stats().partitions[0]?.phase === 'refused';

/** Changes of groups that the target does not have, parked and committed. */
async function manyParked(count: number) {
  const world = await aWorld();
  for (let i = 0; i < count; i += 1) world.change(`missing${i}`, { add: ['u'] });
  const pipeline = { ...patient, retry: { ...patient.retry, slowScheduleMs: [3_600_000, 3_600_000] } };
  const one = await world.start({ pipeline });
  await until(() => world.committed() === BigInt(count) && one.pipeline.stats().parked === count, 'the parking');
  return { world, one, pipeline };
}

test('recreated retry topic: a commit before all is written again leaves the loss to be reported', async () => {
  // given more parked changes than one batch takes
  const count = 1_200;
  const { world, one, pipeline } = await manyParked(count);
  // when their owner is killed before the last batch, after a commit
  let batches = 0;
  one.log.beforeSend = async (records) => {
    if (!records.some(({ topic, value }) => topic === topics.retry && String(value).includes('missing'))) return;
    batches += 1;
    if (batches === 1) world.change('g', { add: [] });
    if (batches < 3) return;
    one.kill();
    throw new Error('killed');
  };
  world.broker.recreateTopic(topics.retry);
  // What another instance wrote there is older than the commit, what the owner writes is not.
  world.produce({ ...aState({ owner: 'former', epoch: 0, seq: 1 }, []), key: 'h' });
  await until(() => batches === 3, 'the last batch');
  expect(world.committed()).toBe(BigInt(count) + 1n);
  expire(world);
  // then the next owner reports what it does not find
  const two = await world.start({ name: 'two', pipeline });
  await until(() => two.pipeline.stats().ready, 'the next owner');
  expect(two.pipeline.stats().parked).toBeLessThan(count);
  expect(two.pipeline.stats().possibleLosses).toBe(1);
});

test('recreated retry topic: what its owner has written again is not reported as lost', async () => {
  // given more parked changes than one batch takes
  const { world, one, pipeline } = await manyParked(600);
  world.broker.recreateTopic(topics.retry);
  await until(() => world.lastState('missing599')?.intents.length === 1, 'the last record');
  await until(() => one.pipeline.stats().ready, 'the restore');
  await one.pipeline.drain();
  // when nothing else is committed
  const two = await world.start({ name: 'two', pipeline });
  await until(() => two.pipeline.stats().ready, 'the next owner');
  // then
  expect(two.pipeline.stats()).toMatchObject({ parked: 600, possibleLosses: 0 });
});

/** The consumer group was recreated, and counts from 1 again: epochs of the retry topic are above its generations. */
async function recreatedGroupWorld(): Promise<World> {
  const world = await aWorld();
  for (const name of ['a', 'b', 'c', 'd']) {
    const former = await world.start({ name });
    await until(() => former.pipeline.stats().ready, 'an owner');
    former.kill();
    expire(world);
  }
  world.broker.deleteGroup('rollcall');
  return world;
}

test('recreated retry topic: a retry topic that was used before is refused also where the consumer group was recreated', async () => {
  const world = await recreatedGroupWorld();
  const repair = failing(world);
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: patient });
  await until(() => world.committed() === 1n && world.lastState('g')?.intents.length === 1, 'the parking');
  const former = world.records(topics.retry);
  one.kill();
  expire(world);
  repair();
  world.broker.recreateTopic(topics.retry);
  const two = await world.start({ name: 'two' });
  const removal = world.change('g', { remove: ['u'] });
  await until(() => world.committed() === removal + 1n, 'the commit');
  two.kill();
  expire(world);
  // when RETRY_TOPIC is set back
  setBack(world, former);
  const three = await world.start({ name: 'three', pipeline: patient });
  await until(() => isRefused(three) || three.pipeline.stats().ready, 'an end');
  expect(isRefused(three)).toBe(true);
});
