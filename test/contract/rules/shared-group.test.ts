/** Look-ups that find one group of the target for two groups of the source: the second waits (ID_MAP=scim). */
import { expect, test } from 'vitest';
import { NamedWorld, toGroup } from '../../support/named-world.ts';

const MINUTES = 60_000;
const [toFirst, toSecond] = [toGroup('Sales'), toGroup('sales')];

/** Both names have met the group g1, `Sales` first. */
async function given(): Promise<NamedWorld> {
  const world = new NamedWorld();
  world.names.set('g1', 'Sales');
  world.produce(toFirst({ members: ['a', 'b'], complete: true }));
  await world.start();
  world.produce(toSecond({ members: ['c'], complete: true }));
  await world.clock.advance(1_000);
  return world;
}

test('shared group: the second is refused, and undoes nothing', async () => {
  const world = await given();
  expect(world.members('g1')).toEqual(['a', 'b']);
  const last = world.reports().at(-1);
  expect(last).toMatchObject({ outcome: 'retry_scheduled', group: null, reason: { code: 'group_ambiguous' } });
  expect(last?.reason?.message).toContain('"Sales"');
});

test('shared group: it lands by itself an hour after the last use of the first', async () => {
  const world = await given();
  await world.clock.advance(59 * MINUTES);
  expect(world.members('g1')).toEqual(['a', 'b']);
  await world.clock.advance(120 * MINUTES);
  expect(world.members('g1')).toEqual(['c']);
});

test('shared group: the first that is in use keeps the group, also while it is looked up again', async () => {
  const world = await given();
  for (let round = 0; round < 6; round += 1) {
    await world.clock.advance(25 * MINUTES);
    world.produce(toFirst({ add_members: [`u${round}`] }));
    world.produce(toSecond({ add_members: [`v${round}`] }));
  }
  await world.clock.advance(1_000);
  expect(world.members('g1')).toEqual(['a', 'b', 'u0', 'u1', 'u2', 'u3', 'u4', 'u5']);
});

test('shared group: it lands once it has a group of its own', async () => {
  const world = await given();
  world.names.set('g2', 'sales');
  await world.clock.advance(2 * MINUTES);
  expect([world.members('g1'), world.members('g2')]).toEqual([['a', 'b'], ['c']]);
});

test('shared group: it lands once the first is another group', async () => {
  const world = await given();
  world.rename('g1', 'sales');
  world.names.set('g2', 'Sales');
  world.produce(toFirst({ add_members: ['d'] }));
  await world.clock.advance(2 * MINUTES);
  expect([world.members('g1'), world.members('g2')]).toEqual([['c'], ['d']]);
});

test('shared group: of two that are met together one is refused', async () => {
  const world = new NamedWorld();
  world.names.set('g1', 'Sales');
  world.produce(toFirst({ add_members: ['a'] }));
  world.produce(toSecond({ add_members: ['b'] }));
  await world.start();
  expect(world.members('g1')).toHaveLength(1);
  expect(world.outcomes()).toHaveLength(2);
});
