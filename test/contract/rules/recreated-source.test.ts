/** Offsets of a source that was recreated or truncated name other records: nothing may be skipped in silence. */
import { expect, test } from 'vitest';
import { commitBefore, expire } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const grow = (world: World, name: string, count: number): void => {
  for (let i = 0; i < count; i += 1) world.change('g', { add: [`${name}${i}`] });
};

/** Ten changes are read, applied and committed; then their owner is gone. */
async function committedWorld(): Promise<World> {
  const world = await aWorld();
  grow(world, 'old', 10);
  const one = await world.start();
  await world.expectRest(one);
  one.kill();
  expire(world);
  return world;
}

async function expectRefusal(world: World, instance: Instance, problem: RegExp): Promise<void> {
  const reports = world.reports().length;
  const committed = world.committed();
  await until(() => instance.pipeline.stats().partitions[0]?.phase === 'refused', 'the refusal');
  const { partitions, ready } = instance.pipeline.stats();
  expect(ready).toBe(false);
  expect(partitions[0]?.refusal).toMatch(problem);
  expect(partitions[0]?.refusal).toContain(`--topic ${topics.source}:0 --reset-offsets --to-earliest --execute`);
  expect(instance.logger.lines).toContainEqual(
    expect.objectContaining({
      message: expect.stringContaining('partition refused'),
      fields: expect.objectContaining({ topic: topics.source, partition: 0, problem: expect.stringMatching(problem) }),
    }),
  );
  expect(world.committed()).toBe(committed);
  expect(world.reports()).toHaveLength(reports);
}

const recreate = (world: World): void => world.broker.recreateTopic(topics.source);
const deleteAndCreate = (world: World): void => {
  world.broker.deleteTopic(topics.source);
  world.broker.createTopic({ topic: topics.source, partitionCount: 1, replicationFactor: 1, settings: {} });
};

test.each([
  ['has grown past the committed offset', 12, deleteAndCreate],
  ['has grown to the committed offset', 10, recreate],
  ['is shorter than what was committed', 3, recreate],
  ['is empty', 0, recreate],
])('refused-committed: a recreated source that %s', async (_, count, recreateSource) => {
  const world = await committedWorld();
  recreateSource(world);
  grow(world, 'new', count);
  const two = await world.start({ name: 'two' });
  await expectRefusal(world, two, /deleted and recreated: .*topic id .*offset 9, timestamp \d{4}-.*now it is/);
});

test.each([
  ['and has grown past it', 7n, 9],
  ['and has grown to it', 9n, 1],
])('refused-committed: a source that was truncated below the committed offset %s', async (_, end, count) => {
  const world = await committedWorld();
  world.broker.truncate(topics.source, 0, end);
  grow(world, 'new', count);
  const two = await world.start({ name: 'two' });
  await expectRefusal(
    world,
    two,
    /offset 9 was read \(timestamp \d{4}-.*leader epoch 0\), now offset 9 has timestamp \d{4}-.*leader epoch 1/,
  );
});

test('refused-committed: a source that was truncated beyond the committed offset is read on', async () => {
  // given records that are not read yet, some of which an unclean leader election loses
  const world = await committedWorld();
  grow(world, 'unread', 4);
  world.broker.truncate(topics.source, 0, 10n);
  grow(world, 'new', 2);
  const two = await world.start({ name: 'two' });
  await world.expectRest(two);
  expect(world.sandbox.members('g').filter((member) => member.startsWith('new'))).toEqual(['new0', 'new1']);
});

test('refused-committed: a leader that changed behind the committed offset raises no alarm at the next owner', async () => {
  // given a change that is not final, and later ones of a newer leader that are read
  const groups = ['g', 'slow'].map((id) => ({ id, members: [], version: 1 }));
  const world = await aWorld({ sandbox: { seed: { groups } } });
  const rule = world.sandbox.addRule({ match: { group: 'slow' }, fault: { kind: 'hang' } });
  const one = await world.start({ api: { requestTimeoutMs: 60_000 } });
  const slow = world.change('slow', { add: ['u'] });
  world.broker.truncate(topics.source, 0, slow + 1n);
  grow(world, 'new', 3);
  await until(() => world.outcome(slow + 3n, 'new2') === 'applied', 'the later changes');
  await until(
    () =>
      world.broker
        .group('rollcall')
        .committed(0)
        .metadata.includes(`last=${slow + 3n}:`),
    'the commit',
  );
  expect(world.committed()).toBe(slow);
  // when the next owner reads them again
  one.kill();
  expire(world);
  world.sandbox.removeRule(rule);
  const two = await world.start({ name: 'two' });
  // then
  await until(() => world.committed() === slow + 4n, 'all of them');
  expect(two.pipeline.stats().partitions[0]?.phase).toBe('running');
  expect(world.sandbox.members('slow')).toEqual(['u']);
});

test.each([
  ['recreated', recreate],
  ['truncated', (world: World) => world.broker.truncate(topics.source, 0, 4n)],
])(
  'refused-committed: a source that was %s while its owner lives, and has grown past what it has read',
  async (_, change) => {
    // given an owner that keeps its position in memory
    const world = await aWorld();
    grow(world, 'old', 10);
    const one = await world.start();
    await world.expectRest(one);
    // when the source is another one by the time the owner joins again
    change(world);
    grow(world, 'new', 12);
    // then
    await expectRefusal(world, one, /recreated/);
    expect(world.sandbox.members('g').filter((member) => member.startsWith('new'))).toEqual([]);
  },
);

test('refused-committed: a record that is gone by retention or compaction raises no alarm', async () => {
  for (const forget of [
    (world: World) => world.broker.deleteRecordsBefore(topics.source, 0, 10n),
    (world: World) => world.broker.deleteRecordsBefore(topics.source, 0, 11n),
    (world: World) => world.broker.compact(topics.source, { forced: true }),
    (world: World) => world.broker.skipOffsets(topics.source, 0, 3),
  ]) {
    const world = await committedWorld();
    grow(world, 'new', 3);
    forget(world);
    const two = await world.start({ name: 'two' });
    await world.expectRest(two);
    expect(world.sandbox.members('g')).toContain('new2');
  }
});

test('refused-committed: what remembers a commit is carried over by owners that read nothing', async () => {
  // given an owner that restarts twice without anything to read
  const world = await committedWorld();
  for (const name of ['two', 'three']) {
    const idle = await world.start({ name });
    await world.expectRest(idle);
    idle.kill();
    expire(world);
  }
  // when the source is recreated
  recreate(world);
  grow(world, 'new', 12);
  const four = await world.start({ name: 'four' });
  await expectRefusal(world, four, /deleted and recreated/);
});

test('refused-committed: what the metadata call complete beyond the committed offset is of the same source', async () => {
  // given a change in flight, and a later one that is complete
  const seed = { groups: ['g', 'h'].map((id) => ({ id, members: [], version: 1 })) };
  const world = await aWorld({ sandbox: { seed } });
  const hold = world.sandbox.pauseAt(({ method, group }) => method === 'PATCH' && group === 'g');
  grow(world, 'waits', 1);
  const one = await world.start({ api: { requestTimeoutMs: 10_000 } });
  await hold.arrivals(1);
  world.change('h', { add: ['done'] });
  await until(() => world.hasCompletedRange(), 'the range');
  one.kill();
  expire(world);
  hold.release();
  // when the complete one is cut off, and another lies there
  world.broker.truncate(topics.source, 0, 1n);
  world.change('h', { add: ['new'] });
  // then it is not taken for complete
  const two = await world.start({ name: 'two' });
  await expectRefusal(world, two, /offset 1 was read .*, now offset 1 has/);
});

test('refused-committed: a commit of a former version, or of Kafka’s own tools, is taken as it is', async () => {
  for (const metadata of ['', 'rollcall1:1.1']) {
    const world = await committedWorld();
    commitBefore(world, 8n, metadata);
    grow(world, 'new', 1);
    const two = await world.start({ name: 'two' });
    await until(() => world.committed() === 11n, 'the commit');
    expect(two.pipeline.stats().ready).toBe(true);
  }
});

test('refused-committed: with the offsets reset to the beginning, as the refusal says, the source is read again', async () => {
  const world = await committedWorld();
  recreate(world);
  grow(world, 'new', 12);
  const two = await world.start({ name: 'two' });
  await expectRefusal(world, two, /recreated/);
  two.kill();
  expire(world);
  commitBefore(world, 0n);
  const three = await world.start({ name: 'three' });
  await until(() => world.committed() === 12n, 'the commit');
  expect(three.pipeline.stats().ready).toBe(true);
  expect(world.sandbox.members('g').filter((member) => member.startsWith('new'))).toHaveLength(12);
});
