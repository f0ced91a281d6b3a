/** `rollcall explain` where one id names two groups: one to the identity provider, and another to Genesys Cloud. */
import { expect, test } from 'vitest';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import { aFolder, Asking, paused, produced } from '../support/asking.ts';
import { Table } from '../support/table.ts';
import { WrittenTopics } from '../support/written-topics.ts';

/** Genesys Cloud calls `Sales2` as the identity provider calls another group. */
const colliding = (): Table =>
  new Table()
    .set('group', 'Sales', 'g-1')
    .set('group', 'Sales2', 'Sales')
    .set('user', 'u3', 'U-3')
    .set('user', 'u4', 'U-4');

const NOTHING = 'Not a member: no event and no report names it.\n';

test('what an instance has of the other group is none of its changes, nor is a pause of that', async () => {
  const asking = new Asking({}, colliding());
  await asking.start();
  await paused(asking, 'Sales2');
  await produced(asking, { group_id: 'Sales2', add_members: ['u4'] });
  await produced(asking, { group_id: 'Sales', add_members: ['u3'] });
  expect(await asking.sentence({ group: 'Sales', member: 'u4' })).toMatch(
    /^Not a member: no event and no report names it\.$/,
  );
  expect(await asking.sentence({ group: 'Sales', member: 'u3' })).toMatch(
    /^A member: added at source\/0\/1 \(request [^)]*\)\.$/,
  );
  expect(await asking.sentence({ group: 'Sales2', member: 'u4' })).toMatch(
    /^Not a member yet: the addition at source\/0\/0 waits, .*paused by jane/,
  );
  const lines = (await asking.text({ group: 'Sales', member: undefined } as never)).trimEnd().split('\n');
  expect([lines[0], lines.at(-1)]).toEqual(['u3  member  done  source/0/1  applied', '1 member: all as asked.']);
});

test.each([null, aFolder])('what was reported of the other group is none of its changes', async (folder) => {
  const written = new WrittenTopics(3);
  written.ids = colliding();
  const place = written.event('Sales2', { add_members: ['u4'] });
  written.report('Sales2', place, 'u4', { group: 'Sales', source_member: 'u4', member: 'U-4' });
  const asked = async (group: string, member = 'u4') => written.explain({ group, member }, folder?.() ?? null);
  expect(await asked('Sales')).toContain(NOTHING);
  expect(await asked('Sales')).not.toContain('add  ');
  expect(await asked('Sales2')).toContain('added at source/');
  expect(await asked('Sales')).toContain(
    "what Genesys Cloud calls Sales is another group: ask with --group 'Sales2'\n",
  );
});

test.each([null, aFolder])('that reports lie in another partition than that of the key is not said', async (folder) => {
  const written = new WrittenTopics(8);
  written.ids = colliding();
  const place = written.event('Sales', { add_members: ['u3'] });
  const names = { group: 'g-1', source_group: 'Sales', source_member: 'u3', member: 'U-3' };
  written.report('Sales', place, 'u3', names);
  expect(partitionOfKey(Buffer.from('g-1'), 8)).not.toBe(place[0]);
  const said = await written.explain({ group: 'g-1', member: 'U-3' }, folder?.() ?? null);
  expect(said).toContain('added at source/');
  expect(written.err).not.toContain('nothing of group');
});
