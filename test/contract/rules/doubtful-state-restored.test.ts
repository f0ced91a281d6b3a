/**
 * A full state that was worked out on a doubtful read, and is restored before all that it came to was recorded
 * (protocol.md 5.3, 7.5).
 */
import { expect, test } from 'vitest';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

const slow = { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: Array.from({ length: 9 }, () => 60_000) };

/** The target shows the members of the group, and one whom no id tells. */
function showDoubtful({ target }: QuickWorld): void {
  target.onGet = ({ group: id }) => {
    const { version, members } = target.group(id);
    const etag = `"${version}"`;
    const shown = [...[...members].map((value) => ({ value })), { display: 'somebody' }];
    return answer(200, { etag, body: { id, meta: { version: etag }, members: shown } });
  };
}

test('doubtful read: adds whom it names, although an older change had the place in the record', async () => {
  // given a member whom the target does not know yet
  const world = new QuickWorld({ pipeline: { retry: slow } });
  const { target } = world;
  for (const member of ['d', 'x']) target.group('g').members.add(member);
  const unknown = answer(400, { body: { scimType: 'invalidValue', detail: 'there is no such user' } });
  target.onPatch = ({ body }) => (JSON.stringify(body).includes('"late"') ? unknown : null);
  const one = await world.start();
  world.produce({ add_members: ['late'] });
  await world.clock.advance(5_000);
  // when a full state names it, the report that this replaces the older addition is not written, and the owner goes
  one.log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === 'reports')) throw new Error('the report topic is away');
  };
  showDoubtful(world);
  world.produce({ members: ['late', 'early'], complete: true });
  await world.clock.advance(5_000);
  expect(world.recorded()).toEqual(expect.arrayContaining(['0 add late', '1 add early', '1 remove d', '1 state ']));
  one.kill();
  target.onPatch = () => null;
  target.onGet = () => null;
  await world.start();
  await world.clock.advance(600_000);
  // then
  expect([...target.group('g').members].toSorted()).toEqual(['early', 'late']);
  expect(world.reports()).toContainEqual(expect.objectContaining({ id: 'source/0/1/late', outcome: 'applied' }));
  expect(world.committed()).toBe(2n);
});

const namesOf = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

test.each([60, 310])(
  'doubtful read: a full state of %i members with ids of their own lands, in pieces',
  async (count) => {
    // given a group that the id map names, and whose answer may not show everybody
    const ids = new Table().set('group', 'g', 'g');
    for (const member of namesOf(count, 's')) ids.set('user', member, `target-${member}`);
    const world = new QuickWorld({ ids, pipeline: { membersPerPatchMax: 10 } });
    showDoubtful(world);
    await world.start();
    // when
    world.produce({ members: namesOf(count, 's'), complete: true });
    await world.clock.advance(60_000);
    // then
    expect([...world.target.group('g').members].toSorted()).toEqual(namesOf(count, 'target-s').toSorted());
    // and what comes later is sent, too
    world.produce({ remove_members: ['s5'] });
    await world.clock.advance(60_000);
    expect(world.target.group('g').members.has('target-s5')).toBe(false);
  },
);
