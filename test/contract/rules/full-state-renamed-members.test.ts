/** A full state does not remove whom it names, also where the name is known only when it is worked out again (protocol.md 5.3). */
import { expect, test } from 'vitest';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

/** A full state names `late`, who is `d` at the target and not known yet; of what it came to the additions are not recorded. */
async function given() {
  const ids = new Table().set('group', 'g', 'g').set('user', 'early', 'e');
  const world = new QuickWorld({ ids });
  for (const member of ['d', 'x']) world.target.group('g').members.add(member);
  const one = await world.start();
  world.produce({ add_members: ['late'] });
  await world.clock.advance(5_000);
  one.log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === 'reports')) throw new Error('the report topic is away');
  };
  world.produce({ members: ['late', 'early'], complete: true });
  await world.clock.advance(5_000);
  return { ids, world, kill: one.kill };
}

test.each([
  { at: 'a member', end: 'already_synced' },
  { at: 'no member any more', end: 'applied' },
])('full state: $at at the target when the next owner works it out', async ({ at, end }) => {
  const { ids, world, kill } = await given();
  // The report that the older addition is replaced was not written, so the record still holds that one.
  expect(world.recorded()).toEqual(expect.arrayContaining(['0 add late', '1 remove d', '1 remove x']));
  kill();
  if (at !== 'a member') world.target.group('g').members.delete('d');
  ids.set('user', 'late', 'd');
  await world.start();
  await world.clock.advance(120_000);
  expect([...world.target.group('g').members].toSorted()).toEqual(['d', 'e']);
  const ends = world.reports().flatMap(({ final, id, outcome }) => (final ? `${id.slice(9)} ${outcome}` : []));
  expect(ends).toEqual(expect.arrayContaining(['0/late superseded', '1/d superseded', `1/late ${end}`, '1/x applied']));
  expect(world.committed()).toBe(2n);
});

test.each(['the same full state', 'a newer full state'])(
  'full state: a row that is corrected while a full state waits counts when it is worked out: %s',
  async (which) => {
    const ids = new Table().set('group', 'g', 'g').set('user', 'one', 'a').set('user', 'two', 'b');
    const world = new QuickWorld({ ids });
    const { target } = world;
    for (const member of ['a', 'b']) target.group('g').members.add(member);
    await world.start();
    target.onGet = () => answer(404);
    world.produce({ members: ['one', 'two'], complete: true });
    await world.clock.advance(5_000);
    ids.set('user', 'one', 'c');
    if (which === 'a newer full state') world.produce({ members: ['one', 'two'], complete: true });
    await world.clock.advance(5_000);
    target.onGet = () => null;
    await world.clock.advance(600_000);
    expect([...target.group('g').members].toSorted()).toEqual(['b', 'c']);
  },
);
