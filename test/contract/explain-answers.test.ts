/** `rollcall explain`: who has made a member what it is, names with two meanings, and what is paused, gone or cannot be asked. */
import { describe, expect, test } from 'vitest';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aReport } from '../support/a-report.ts';
import { aFolder, Asking, paused, produced, started } from '../support/asking.ts';
import { answer } from '../support/quick-world.ts';
import { Table } from '../support/table.ts';
import { topics } from '../support/world.ts';
import { WrittenTopics } from '../support/written-topics.ts';

const PATCHED = String.raw`\(request [0-9a-f-]{36}, status 200\)`;

describe('explain: who has done what a change found', () => {
  test('an older change of Rollcall', async () => {
    const asking = await started(
      { add_members: ['u'], event_id: 'first' },
      { remove_members: ['u'], event_id: 'third' },
      { remove_members: ['u'], event_id: 'fourth' },
    );
    expect(await asking.sentence()).toMatch(
      new RegExp(
        `^Not a member: removed by event third at source/0/1 ${PATCHED}; the removal by event fourth at source/0/2 found it so; the addition at source/0/0 is older\\.$`,
      ),
    );
  });

  test('what was so before the first change is nobody’s', async () => {
    const asking = await started({ remove_members: ['u'], event_id: 'never' });
    expect(await asking.sentence()).toBe(
      'Not a member: it was already no member before the removal by event never at source/0/0.',
    );
  });

  test('others, where the last report of Rollcall has left the opposite', async () => {
    const asking = await started({ add_members: ['u', 'v'] });
    const group = asking.world.target.group('g');
    group.members.delete('u');
    group.version += 1;
    await produced(asking, { remove_members: ['u'], event_id: 'late' });
    expect(await asking.sentence()).toMatch(
      /^Not a member: removed by others before, as asked by event late at source\/0\/1/,
    );
  });
});

describe('explain: names', () => {
  test.each([null, aFolder])(
    'a pause by the name at Genesys Cloud does not hide where the group is',
    async (folder) => {
      const written = new WrittenTopics(8);
      const partitionOf = (key: string): number => partitionOfKey(Buffer.from(key), written.partitionCount);
      written.ids = new Table().set('group', 'idp-new', 'g22').set('user', 'idp-jane', 'u-jane');
      expect(partitionOf('g22')).not.toBe(partitionOf('idp-new'));
      const place = written.event('idp-new', { add_members: ['idp-jane'], event_id: 'new' });
      const names = { source_member: 'idp-jane', member: 'u-jane', group: 'g22' };
      written.report('idp-new', place, 'idp-jane', names);
      for (const outcome of ['paused', 'resumed'] as const) {
        const source = { topic: 'retry', partition: 3, offset: '9', event_id: null, timestamp: 1 };
        const report = { ...aReport(9n, null, { outcome, id: 'retry/3/9', source, group: 'g22' }), op: null };
        written.append('g22', JSON.stringify(report));
      }
      for (const ids of [written.ids, new Table().set('user', 'idp-jane', 'u-jane')]) {
        written.ids = ids;
        for (const member of ['idp-jane', 'u-jane']) {
          const said = await written.explain({ group: 'g22', member, json: true }, folder?.() ?? null);
          expect(JSON.parse(said)).toMatchObject({
            member_target: 'u-jane',
            chain: [{ position: `source/${place[0]}/0`, event_id: 'new' }],
          });
        }
      }
    },
  );

  const shared = (): Table =>
    new Table().set('group', 'idp-sales', 'g20').set('group', 'idp-alias', 'g20').set('user', 'u', 'T-u');

  test('two groups that share one at Genesys Cloud are named', async () => {
    const asking = new Asking({}, shared());
    await asking.start();
    const why = 'the id map gives g20 to idp-alias and idp-sales';
    const text = await asking.text({ group: 'idp-sales' });
    expect(text).toContain(`Genesys Cloud, group unknown: not known, ${why}\n`);
    expect(text).toContain(`${why}: none of their changes is sent until one row is left\n`);
  });

  test('of a name that both sides use the meaning that was taken is said, and how to ask for the other', async () => {
    const table = new Table().set('group', 'g', 'T-g').set('user', 'idp-bob', 'u-bob').set('user', 'u-bob', 'u-swap');
    const asking = new Asking({}, table);
    await asking.start();
    await produced(asking, { add_members: ['idp-bob'], event_id: 'bob' });
    await produced(asking, { add_members: ['u-bob'], event_id: 'swap' });
    expect(await asking.text({ member: 'u-bob' })).toContain(
      "u-bob is taken for the id of the identity provider, which Genesys Cloud calls u-swap; what Genesys Cloud calls u-bob is another member: ask with --member 'idp-bob'\n",
    );
    expect(await asking.sentence({ member: 'u-bob' })).toMatch(/^A member: added by event swap/);
    expect(await asking.sentence({ member: 'idp-bob' })).toMatch(/^A member: added by event bob/);
    const [bob, swap, after] = (await asking.text('all members')).split('\n');
    expect([bob, swap]).toEqual([
      'idp-bob  member  done  source/0/0  applied',
      'u-bob  member  done  source/0/1  applied',
    ]);
    expect(after).toMatch(/^Genesys Cloud, group T-g/);
  });
});

describe('explain: what waits', () => {
  test('as of a time at which the change was paused it was not finished', async () => {
    const asking = await started();
    await paused(asking, null);
    await produced(asking, { add_members: ['u'] });
    const at = asking.world.clock.now().wall;
    expect(JSON.parse(await asking.text({ at, json: true }))).toMatchObject({ standing: 'unfinished' });
    expect(await asking.sentence({ at })).toMatch(
      /: the addition at source\/0\/0 was not finished then: it was not read yet, or it waited, for its request or for a resume\.$/,
    );
  });

  test('the members of a group, with their last outcome, and one sentence', async () => {
    const asking = await started({ add_members: ['u'] });
    asking.world.target.onPatch = () => answer(503);
    asking.world.produce({ add_members: ['v'] });
    await asking.world.clock.advance(300);
    const text = await asking.text('all members');
    expect(text).toMatch(/^u {2}member {2}done {2}source\/0\/0 {2}applied\n/);
    expect(text).toMatch(
      /\nv {2}not a member {2}waits {2}source\/0\/1 {2}retry_scheduled \(\w+\) {2}next try \d{4}-\S+Z\n/,
    );
    expect(text).toMatch(/\n1 member: 1 change waits for another try, the next at \d{4}-\S+Z\.\n$/);
    const { sentence, members } = JSON.parse(await asking.text({ json: true, member: undefined } as never)) as {
      sentence: string;
      members: unknown;
    };
    expect(sentence).toMatch(/^1 member: /);
    expect(members).toMatchObject([
      { last_outcome: 'applied', reason: null, next_try_at: null, paused: false },
      { last_outcome: 'retry_scheduled', next_try_at: expect.stringMatching(/Z$/) as string, paused: false },
    ]);
  });

  test('the members of a group that is paused', async () => {
    const asking = await started({ add_members: ['u'] });
    await paused(asking, 'g');
    await produced(asking, { add_members: ['v'] });
    const text = await asking.text('all members');
    expect(text).toMatch(/\nv {2}not a member {2}queued {2}source\/0\/1 {2}paused\n/);
    expect(text).toMatch(
      /\n1 member: 1 change waits for a resume; paused by jane since \S+: INC-7; rollcall resume --group 'g'\.\n$/,
    );
  });

  test('every pause is named, since each has to end', async () => {
    const asking = await started({ add_members: ['u'] });
    await paused(asking, 'g');
    await paused(asking, null);
    await produced(asking, { remove_members: ['u'] });
    const both = String.raw`paused by jane since \S+: INC-7; rollcall resume; and paused by jane since \S+: INC-7; rollcall resume --group 'g'`;
    expect(await asking.sentence()).toMatch(new RegExp(`nothing of it is sent at present \\(${both}\\)\\.$`));
    expect(await asking.text('all members')).toMatch(new RegExp(`1 change waits for a resume; ${both}\\.\n$`));
    asking.instanceIsGone();
    expect(await asking.text('all members')).toMatch(new RegExp(`; ${both}\\.\n$`));
  });

  test('what is not read yet says that all is paused, and that intake stands still', async () => {
    const asking = new Asking({ pipeline: { pendingIntentsMax: 2 } });
    await asking.start();
    await paused(asking, null);
    for (const group of ['a', 'b', 'c', 'd', 'e', 'f'])
      await produced(asking, { group_id: group, add_members: ['x', 'y', 'z'] });
    await produced(asking, { add_members: ['u'] });
    expect(await asking.sentence()).toMatch(
      /^Not a member yet: the addition at source\/0\/6 is not read at present \(too much is pending: MAX_PENDING_INTENTS; rollcall status\), and waits for a resume once it is read \(paused by jane since \S+: INC-7; rollcall resume\)\.$/,
    );
  });
});

describe('explain: what is gone, and what cannot be asked', () => {
  test('nothing newer lies between the newest change and the first record that is left', async () => {
    const written = new WrittenTopics(1);
    const place = written.event('g', { add_members: ['u'] });
    written.event('g', { add_members: ['v'] });
    written.report('g', place, 'u', {});
    written.broker.topic('source').partition(0).deleteBefore(1n);
    const asked = () => written.explain({ group: 'g', member: 'u' }, null);
    expect(await asked()).not.toContain('newer events may be among them');
    written.event('g', { add_members: ['w'] });
    written.broker.topic('source').partition(0).deleteBefore(2n);
    expect(await asked()).toContain('newer events may be among them');
  });

  test('a time that lies in the future, and an id that none can have, are refused', async () => {
    const asking = await started();
    const at = asking.world.clock.now().wall + 1;
    await expect(asking.byTopics({ at })).rejects.toMatchObject({
      code: EXIT.usage,
      message: expect.stringMatching(/^explain: --at \S+ lies in the future; give a time that is over/) as string,
    });
    for (const flags of [{ group: '' }, { group: 'a\nb' }, { member: '' }])
      await expect(asking.byTopics(flags)).rejects.toMatchObject({
        code: EXIT.usage,
        message: expect.stringMatching(/^explain: --(?:group|member) "\S*" can be no id; /) as string,
      });
  });

  test('where nothing names the member, or the group, that is the exit code', async () => {
    const asking = await started({ add_members: ['u'] });
    const exits = async (flags: Parameters<Asking['text']>[0]) => (await asking.text(flags), asking.exitCode);
    expect(await exits({})).toBe(EXIT.done);
    expect(await exits('all members')).toBe(EXIT.done);
    expect(await exits({ member: 'zzz' })).toBe(EXIT.someFailed);
    asking.world.target.onGet = () => answer(404);
    expect(await exits({ group: 'nope', member: undefined } as never)).toBe(EXIT.someFailed);
  });
});

describe('a report of a partition that the source does not have', () => {
  test.each([{ group: 'g', member: 'u' }, { group: 'g' }])(
    'is of a former source topic, and nothing is asked of it: %j',
    async (flags) => {
      const written = new WrittenTopics(2);
      const folder = aFolder();
      written.report('g', [4, 7n], 'u', {});
      written.event('g', { add_members: ['v'], event_id: 'hired' });
      const text = await written.explain(flags, null);
      expect(text).toContain('1 report of a former source topic left out');
      expect(await written.explain(flags, folder)).toBe(text);
    },
  );

  test('does not hide that the group is paused', async () => {
    const asking = await started();
    await paused(asking, 'g');
    const source = { topic: topics.source, partition: 4, offset: '7', event_id: null, timestamp: 1 };
    const report = aReport(7n, 'u', { id: 'source/4/7/u', source });
    asking.world.broker.append([
      { topic: topics.report, partition: 0, key: 'g', value: JSON.stringify(report), headers: [] },
    ]);
    expect(await asking.text('all members')).toContain('paused by jane');
  });
});
