/** Groups that are looked up by name and renamed at the target: nothing is concluded from the former one (ID_MAP=scim). */
import { describe, expect, test } from 'vitest';
import { answer } from '../../support/quick-world.ts';
import { NamedWorld, toGroup } from '../../support/named-world.ts';

const toSales = toGroup('Sales');

/** The group `Sales` is g1, and its first change has landed. */
async function given(): Promise<NamedWorld> {
  const world = new NamedWorld();
  world.names.set('g1', 'Sales');
  world.produce(toSales({ add_members: ['first'] }));
  await world.start();
  expect(world.members('g1')).toEqual(['first']);
  return world;
}

test.each(['Sales EU', 'sales', 'Ventas'])(
  'renamed group: after a rename to %j changes go to the group that has the name',
  async (name) => {
    const world = await given();
    world.names.set('g1', name);
    world.names.set('g2', 'Sales');
    world.produce(toSales({ add_members: ['second'] }));
    await world.clock.advance(1_000);
    // A PATCH on the cached version may land in the former group, one at most; it is not reported.
    expect(world.asked.filter((each) => each === 'PATCH g1')).toHaveLength(2);
    expect(world.members('g2')).toEqual(['second']);
    expect(world.outcomes()).toEqual(['applied first', 'applied second']);
    expect(world.reports().at(-1)).toMatchObject({ group: 'g2', source_group: 'Sales', attempt: 0 });
  },
);

test('renamed group: a version that moved with the rename keeps the change out of the former group', async () => {
  const world = await given();
  world.rename('g1', 'Sales EU');
  world.names.set('g2', 'Sales');
  world.produce(toSales({ add_members: ['second'] }));
  await world.clock.advance(1_000);
  expect([world.members('g1'), world.members('g2')]).toEqual([['first'], ['second']]);
});

test('renamed group: the warning names the group, both names and the id', async () => {
  const world = await given();
  world.rename('g1', 'Sales EU');
  world.names.set('g2', 'Sales');
  world.produce(toSales({ add_members: ['second'] }));
  await world.clock.advance(1_000);
  const warning = world.logger.lines.find(({ fields }) => 'lookedUp' in fields);
  expect(warning?.fields).toEqual({ group: 'Sales', genesysId: 'g1', lookedUp: 'Sales', shown: 'Sales EU' });
});

test('renamed group: a full state is worked out on the group that has the name', async () => {
  const world = await given();
  world.rename('g1', 'Sales EU');
  world.names.set('g2', 'Sales');
  world.target.group('g2').members.add('old');
  world.produce(toSales({ members: ['new'], complete: true }));
  await world.clock.advance(1_000);
  expect([world.members('g1'), world.members('g2')]).toEqual([['first'], ['new']]);
});

test('renamed group: a removal of whom only the former group shows is not final without the other one', async () => {
  const world = await given();
  world.rename('g1', 'Sales EU');
  world.names.set('g2', 'Sales');
  world.target.group('g2').members.add('x');
  world.produce(toSales({ remove_members: ['x'] }));
  await world.clock.advance(1_000);
  expect([world.members('g2'), world.outcomes().at(-1)]).toEqual([[], 'applied x']);
});

test('renamed group: a renamed group without a successor is missing, and waits', async () => {
  const world = await given();
  world.rename('g1', 'Sales EU');
  world.produce(toSales({ add_members: ['second'] }));
  await world.clock.advance(1_000);
  expect(world.outcomes().at(-1)).toBe('retry_scheduled second group_missing');
  world.names.set('g2', 'Sales');
  await world.clock.advance(60_000);
  expect([world.members('g2'), world.outcomes().at(-1)]).toEqual([['second'], 'recovered second']);
});

test('renamed group: answers that leave the name out are not compared', async () => {
  const world = await given();
  world.showsNames = false;
  world.rename('g1', 'Sales EU');
  world.produce(toSales({ add_members: ['second'] }));
  await world.clock.advance(1_000);
  expect(world.members('g1')).toEqual(['first', 'second']);
});

test('renamed group: a group of which something stays is looked up again after an hour all the same', async () => {
  const world = await given();
  world.showsNames = false;
  const { onPatch } = world.target;
  world.target.onPatch = () => answer(405);
  world.produce(toSales({ add_members: ['refused'] }));
  await world.clock.advance(30_000);
  expect(world.outcomes().at(-1)).toContain('failed refused');
  world.target.onPatch = onPatch;
  world.rename('g1', 'Sales EU');
  world.names.set('g2', 'Sales');
  await world.clock.advance(3_600_000);
  world.produce(toSales({ add_members: ['second'] }));
  await world.clock.advance(1_000);
  expect([world.members('g1'), world.members('g2')]).toEqual([['first'], ['second']]);
});

test('renamed group: a source that spells the name in another way than the target is no rename', async () => {
  const world = new NamedWorld();
  world.names.set('g1', 'SALES');
  world.produce(toSales({ add_members: ['a'] }));
  await world.start();
  expect([world.members('g1'), world.searches]).toEqual([['a'], ['Sales']]);
});

describe('a search whose index lags behind', () => {
  const lagging = async (): Promise<NamedWorld> => {
    const world = await given();
    world.index = new Map(world.names);
    world.rename('g1', 'Sales EU');
    world.names.set('g2', 'Sales');
    return world;
  };

  test('sends nothing to the former group, says so, and asks again on the slow schedule', async () => {
    const world = await lagging();
    const patches = (): number => world.asked.filter((each) => each === 'PATCH g1').length;
    const before = { patches: patches(), requests: world.target.requestCount };
    world.produce(toSales({ add_members: ['second'] }));
    await world.clock.advance(29_000);
    expect(world.outcomes().at(-1)).toBe('retry_scheduled second group_renamed');
    expect(world.reports().at(-1)?.reason?.message).toContain('"Sales EU"');
    expect(patches() - before.patches).toBeLessThanOrEqual(1);
    expect(world.target.requestCount - before.requests).toBeLessThan(6);
    expect(world.members('g1')).toEqual(['first']);
    world.index = null;
    await world.clock.advance(32_000);
    expect([world.members('g2'), world.outcomes().at(-1)]).toEqual([['second'], 'recovered second']);
  });

  test('costs one look-up in 30 s, however many changes come', async () => {
    const world = await lagging();
    const before = world.searches.length;
    for (let second = 0; second < 300; second += 1) {
      world.produce(toSales({ add_members: [`u${second}`] }));
      await world.clock.advance(1_000);
    }
    expect(world.searches.length - before).toBeLessThanOrEqual(11);
    expect(world.asked.length).toBeLessThan(20);
    expect(world.members('g1')).toEqual(['first']);
  });

  test('that never catches up ends in a failure, and the former group is as it was', async () => {
    const world = await lagging();
    world.produce(toSales({ add_members: ['second'] }));
    await world.clock.advance(4 * 3_600_000);
    expect(world.outcomes().at(-1)).toBe('permanent_failure second group_renamed');
    expect(world.members('g1')).toEqual(['first']);
  });
});
