/** A key that two producers put into two partitions: order holds within each only. */
import { expect, test } from 'vitest';
import { expire, stubborn } from '../../support/retry-records.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const said = 'one key stands in two partitions of the source: an earlier change may undo a later one';

/** The next try is far away. */
const patient = { ...stubborn, retry: { ...stubborn.retry, slowScheduleMs: [3_600_000] } };

const change = (partition: number, group: string, member: string) => ({
  topic: topics.source,
  partition,
  key: group,
  value: JSON.stringify({ group_id: group, add_members: [member] }),
  headers: [],
});

test('key in two partitions: is logged with both offsets, and counted', async () => {
  // given
  const world = await aWorld({ partitionCount: 2, sandbox: { seed: { groups: [{ id: 'g' }, { id: 'h' }] } } });
  const one = await world.start();
  world.produce(change(0, 'h', 'u'));
  const first = world.produce(change(0, 'g', 'u'));
  await until(() => world.sandbox.members('g').length === 1, 'the first change');
  expect(one.pipeline.stats().strayKeys).toBe(0);
  // when
  const second = world.produce(change(1, 'g', 'v'));
  await until(() => world.sandbox.members('g').length === 2, 'the second change');
  // then
  const lines = one.logger.lines.filter(({ message }) => message === said);
  expect(lines).toMatchObject([
    {
      fields: {
        group: 'g',
        earlier: { partition: 0, offset: String(first) },
        later: { partition: 1, offset: String(second) },
      },
    },
  ]);
  expect(one.pipeline.stats().strayKeys).toBe(1);
});

test('key in two partitions: is not what one consistent choice of partitions looks like', async () => {
  // given a producer that does not hash as Java does
  const world = await aWorld({ partitionCount: 2, sandbox: { seed: { groups: [{ id: 'g' }, { id: 'h' }] } } });
  const one = await world.start();
  // when
  for (const member of ['u', 'v', 'w']) {
    world.produce(change(0, 'g', member));
    world.produce(change(1, 'h', member));
  }
  await until(() => world.sandbox.members('g').length + world.sandbox.members('h').length === 6, 'all changes');
  // then
  expect(one.pipeline.stats().strayKeys).toBe(0);
  expect(one.logger.lines.filter(({ message }) => message === said)).toEqual([]);
});

test('key in two partitions: is logged where a change waits in the partition that had the key before partitions were added', async () => {
  // given a change that waits
  const world = await aWorld({ partitionCount: 2 });
  const one = await world.start({ pipeline: patient });
  const parked = world.produce(change(0, 'away', 'u'));
  await until(() => world.committed() === 1n && world.lastState('away')?.intents.length === 1, 'the parking');
  one.kill();
  expire(world);
  // when another instance goes on, and the next change of the group is in another partition
  const two = await world.start({ name: 'two', pipeline: patient });
  await until(() => two.pipeline.stats().ready, 'the restore');
  const later = world.produce(change(1, 'away', 'v'));
  await until(() => two.pipeline.stats().strayKeys === 1, 'the warning');
  // then
  expect(two.logger.lines.filter(({ message }) => message === said)).toMatchObject([
    {
      fields: {
        group: 'away',
        earlier: { partition: 0, offset: String(parked) },
        later: { partition: 1, offset: String(later) },
        remedy: expect.stringContaining('`rollcall replay list`'),
      },
    },
  ]);
});
