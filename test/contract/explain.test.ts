/** `rollcall explain` over the memory log: each standing that a change may have, and the sentence that says it. */
import { describe, expect, test } from 'vitest';
import { pauseValue, requestKey } from '../../src/core/log/request-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { Asking } from '../support/asking.ts';
import { decide, heldIn, partDecision } from '../support/decisions.ts';
import { answer, groupAnswer } from '../support/quick-world.ts';
import { Table } from '../support/table.ts';
import { topics } from '../support/world.ts';

const PATCHED = /\(request [0-9a-f-]{36}, status 200\)/;

test('explain: one that was added, and one that was removed after that', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ add_members: ['u'], event_id: 'hired' });
  await asking.world.clock.advance(1_000);
  expect(await asking.sentence()).toMatch(
    new RegExp(`^A member: added by event hired at source/0/0 ${PATCHED.source}\\.$`),
  );
  asking.world.produce({ remove_members: ['u'], event_id: 'left' });
  await asking.world.clock.advance(1_000);
  expect(await asking.sentence()).toMatch(
    new RegExp(
      `^Not a member: removed by event left at source/0/1 ${PATCHED.source}; the addition at source/0/0 is older\\.$`,
    ),
  );
});

test('explain: the chain names records, requests, and what is at the target', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ add_members: ['u'], event_id: 'hired' });
  await asking.world.clock.advance(1_000);
  const text = await asking.text();
  expect(text).toMatch(/^add {2}source\/0\/0 {2}\d{4}-\S+ {2}event hired\n/);
  expect(text).toMatch(/ {4}applied {2}\S+ {2}PATCH \S+, If-Match "1" → "2", status 200/);
  expect(text).toContain('Genesys Cloud, group g, version "2": a member\n');
  expect(text).toMatch(/instance http:\S+: answered\n/);
});

test('explain: names who has approved, or refused, a removal, and why', async () => {
  const limits = { groupPercent: 100, groupFloor: 10, groupCount: 1, windowCount: 1_000, windowMs: 600_000 };
  const asking = new Asking({ pipeline: { guard: limits } });
  const { world } = asking;
  await asking.start();
  const held = async () => {
    world.produce({ add_members: ['u', 'v'] });
    await world.clock.advance(1_000);
    world.produce({ remove_members: ['u', 'v'] });
    await world.clock.advance(1_000);
    return heldIn(world).filter(({ member }) => member === 'u');
  };
  await decide(world, 'reject', partDecision(await held(), 'not this week\u2028forged'));
  const why = 'refused by jane: not this week\\u{2028}forged';
  expect(await asking.sentence()).toBe(`Still a member: the removal at source/0/1 was given up (${why}).`);
  expect(await asking.text()).toContain('  refused: jane has refused this removal: not this week');
  await decide(world, 'approve', partDecision(await held(), 'she left'));
  expect(await asking.sentence()).toMatch(
    /^Not a member: removed at source\/0\/3 \(request \S+, status 200, approved by jane: she left\)/,
  );
  expect(await asking.text()).toMatch(/ {4}applied {2}\S+ {2}approved by jane: she left {2}PATCH /);
});

test('explain: one whom others have changed since', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ remove_members: ['u'] });
  asking.world.produce({ add_members: ['u', 'v'] });
  await asking.world.clock.advance(1_000);
  const group = asking.world.target.group('g');
  group.members.delete('u');
  group.version += 1;
  expect(await asking.sentence()).toMatch(
    /^Not a member: added at source\/0\/1 .*, and others have changed it since\.$/,
  );
  expect(await asking.text()).toContain(', others have changed the group since');
});

test('explain: a change that waits for another try, and one that is given up', async () => {
  const asking = new Asking({
    pipeline: { retry: { baseMs: 1_000, capMs: 1_000, attemptsMax: 2, slowScheduleMs: [] } },
  });
  asking.world.target.onPatch = () => answer(503);
  await asking.start();
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(300);
  expect(await asking.sentence()).toMatch(
    /^Not a member yet: the addition at source\/0\/0 waits for another try at \S+ \(1 failed: \w+\)\.$/,
  );
  await asking.world.clock.advance(60_000);
  expect(await asking.sentence()).toMatch(/^Not a member yet: the addition at source\/0\/0 was given up \(\w+\)\.$/);
});

test.each([{ consumer_group: 'c' }, { source_topic: 'c.src' }])(
  'explain: an instance of another service counts as not asked: %j',
  async (other) => {
    const asking = new Asking({
      pipeline: { retry: { baseMs: 1_000, capMs: 1_000, attemptsMax: 9, slowScheduleMs: [] } },
    });
    asking.world.target.onPatch = () => answer(503);
    const pipeline = await asking.start();
    asking.world.produce({ add_members: ['u'] });
    await asking.world.clock.advance(300);
    expect(await asking.text()).toContain('in memory: ');
    await asking.instanceIsOf(other, pipeline);
    const text = await asking.text();
    expect(text).not.toContain('in memory: ');
    expect(text).toMatch(
      /\ninstance http:\S+: it is of another service \(KAFKA_GROUP_ID \S+, SOURCE_TOPIC \S+\), and its/,
    );
    expect(text).toContain('no instance that was asked has all of partition 0 in its memory');
  },
);

test('explain: a change that waits for a resume, also where no instance answers', async () => {
  const asking = new Asking();
  await asking.start();
  const wanted = { kind: 'pause', group: 'g', author: 'jane', reason: 'INC-7' } as const;
  const headers = [textHeader('rollcall-type', 'pause')];
  const request = { topic: 'retry', partition: 0, key: requestKey('p'), value: pauseValue(wanted), headers };
  asking.world.broker.append([request]);
  await asking.world.clock.advance(5_000);
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(10_000);
  asking.instanceIsGone();
  expect(await asking.sentence()).toMatch(
    /^Not a member yet: the addition at source\/0\/0 waits for a resume \(paused by jane since \S+: INC-7; rollcall resume --group 'g'\)\.$/,
  );
});

test('explain: a group whose id is a UUID is found in any spelling', async () => {
  const id = 'AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE';
  const asking = new Asking();
  await asking.start();
  asking.world.target.group(id.toLowerCase()).members.add('u');
  const said = await asking.sentence({ group: id });
  expect(said).toContain('others have made it a member');
});

test('explain: a removal that is held', async () => {
  const asking = new Asking({
    pipeline: { guard: { groupPercent: 30, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 } },
  });
  for (const member of ['u', 'v', 'w']) asking.world.target.group('g').members.add(member);
  await asking.start();
  asking.world.produce({ remove_members: ['u', 'v'] });
  await asking.world.clock.advance(2_000);
  expect(await asking.sentence()).toBe(
    'Still a member: the removal at source/0/0 is held (group_percent) until an operator decides: rollcall held list.',
  );
});

test('explain: a change that only the memory of an instance has, and what is said where none answers', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.target.onGet = () => {
    throw new Error('never');
  };
  asking.world.target.requestsMax = 0;
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(1_000);
  asking.world.target.requestsMax = 100;
  asking.world.target.onGet = () => null;
  expect(await asking.sentence()).toBe('Not a member yet: the addition at source/0/0 waits for its request.');
  asking.instanceIsGone();
  expect(await asking.text()).toMatch(
    /instance \S+: .*\n.*what is only in memory is not known; name the others with --admin/,
  );
  expect(await asking.sentence()).toBe(
    'Not a member yet: the addition at source/0/0 is not finished: it is not read yet, or an instance has it in memory.',
  );
});

test('explain: a full state that names some, and what needed no change', async () => {
  const asking = new Asking();
  asking.world.target.group('g').members.add('u');
  await asking.start();
  asking.world.produce({ members: ['u', 'v'], complete: true, event_id: 'all' });
  await asking.world.clock.advance(2_000);
  expect(await asking.sentence()).toBe('A member: named in the full state by event all at source/0/0.');
  expect(await asking.sentence({ member: 'x' })).toBe(
    'Not a member: not named in the full state by event all at source/0/0.',
  );
});

test('explain: one that no event names', async () => {
  const asking = new Asking();
  asking.world.target.group('g').members.add('u');
  await asking.start();
  asking.world.produce({ add_members: ['v'] });
  await asking.world.clock.advance(1_000);
  expect(await asking.sentence()).toBe('A member: no event and no report names it: others have made it a member.');
});

test('explain: as of a time', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(1_000);
  const at = asking.world.clock.now().wall;
  await asking.world.clock.advance(1_000);
  asking.world.produce({ remove_members: ['u'] });
  await asking.world.clock.advance(1_000);
  expect(await asking.sentence({ at })).toMatch(
    /^At \S+, by what was reported until then: A member: added at source\/0\/0/,
  );
});

test('explain: all members of a group', async () => {
  const asking = new Asking();
  asking.world.target.group('g').members.add('w');
  await asking.start();
  asking.world.produce({ add_members: ['u'], remove_members: ['v'] });
  await asking.world.clock.advance(1_000);
  const text = await asking.text('all members');
  expect(text.split('\n').slice(0, 3)).toEqual([
    'u  member  done  source/0/0  applied',
    'v  not a member  done  source/0/0  already_synced',
    'w  member  nothing',
  ]);
  expect(text.trimEnd().split('\n').at(-1)).toBe('2 members: all as asked; no event names 1 of the members.');
});

test('explain: as JSON', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(1_000);
  expect(JSON.parse(await asking.text({ json: true }))).toMatchObject({
    group: ['g'],
    member: 'u',
    is_member: true,
    standing: 'done',
    decided_by: 'source/0/0',
    chain: [{ position: 'source/0/0', op: 'add', reading: 'committed', reports: [{ outcome: 'applied' }] }],
  });
});

describe('explain: with an id map', () => {
  const aTable = (): Table =>
    new Table().set('group', 'g', 'T-g').set('user', 'u', 'T-u').set('user', 'u-old', 'T-u').set('user', 'v', 'T-v');

  test('a member, and its group, are found by either id; of two names of one user the newest change counts', async () => {
    const asking = new Asking({}, aTable());
    await asking.start();
    asking.world.produce({ add_members: ['u-old'] });
    asking.world.produce({ remove_members: ['u'] });
    await asking.world.clock.advance(1_000);
    const sentences = new Set<string>();
    for (const group of ['g', 'T-g'])
      for (const member of ['u', 'u-old', 'T-u']) sentences.add(await asking.sentence({ group, member }));
    expect([...sentences].map((each) => each.replace(/\(request .*?\)/, ''))).toEqual([
      'Not a member: it was already no member before the removal at source/0/1; the addition at source/0/0 is older.',
    ]);
    expect((await asking.text('all members')).split('\n')[0]).toMatch(
      /^u, u-old {2}not a member {2}done {2}source\/0\/1 {2}already_synced$/,
    );
  });

  test('one whom a full state names, and who was there before', async () => {
    const asking = new Asking({}, aTable());
    asking.world.target.group('T-g').members.add('T-u');
    await asking.start();
    asking.world.produce({ members: ['u', 'v'], complete: true });
    await asking.world.clock.advance(2_000);
    for (const member of ['u', 'T-u'])
      expect(await asking.sentence({ member })).toBe('A member: named in the full state at source/0/0.');
  });

  test('one whom the map does not know', async () => {
    const asking = new Asking({}, aTable());
    await asking.start();
    asking.world.produce({ add_members: ['w'] });
    await asking.world.clock.advance(1_000);
    const text = await asking.text({ member: 'w' });
    expect(text).toContain('neither the id map nor a report says what Genesys Cloud calls w\n');
    expect(text).toMatch(
      /\nNot known whether a member \(the id map has no such member\): the addition at source\/0\/0 waits/,
    );
  });

  test('a group that the map does not know is not asked for', async () => {
    const asking = new Asking({}, aTable());
    await asking.start();
    expect(await asking.text({ group: 'h' })).toContain(
      'Genesys Cloud, group unknown: not known, the id map has no such group\n',
    );
    expect(asking.world.target.requestCount).toBe(0);
  });
});

test('explain: a group that changes while it is read says nothing of its members', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(1_000);
  asking.world.target.onGet = () => {
    asking.world.target.group('g').version += 1;
    return null;
  };
  expect(await asking.sentence()).toMatch(
    /^Not known whether a member \(the group is being changed just now; ask again\): added at source\/0\/0/,
  );
});

test('explain: an answer of Genesys Cloud that is older than the last request says nothing of its members', async () => {
  const asking = new Asking();
  await asking.start();
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(1_000);
  asking.world.target.onGet = () => groupAnswer('g', 1, []);
  expect(await asking.sentence()).toMatch(
    /^Not known whether a member \(its answer shows version "1", which is older than "2"\)/,
  );
});

test('explain: where everything is gone nobody is accused', async () => {
  const asking = new Asking();
  asking.world.target.group('g').members.add('u');
  await asking.start();
  asking.starts.set(topics.source, 7n);
  expect(await asking.text()).toContain('source/0 begins at offset 7: what came before is gone\n');
  expect(await asking.sentence()).toBe(
    'A member: no event and no report is left that names it, and older ones are gone.',
  );
});

test('explain: while the breaker is open what is queued says so', async () => {
  const asking = new Asking({ pipeline: { breakerFailures: 1 } });
  asking.world.target.onGet = () => answer(503);
  await asking.start();
  asking.world.produce({ group_id: 'h', add_members: ['x'] });
  await asking.world.clock.advance(100);
  asking.world.produce({ add_members: ['u'] });
  await asking.world.clock.advance(100);
  asking.world.target.onGet = () => null;
  expect(await asking.sentence()).toBe(
    'Not a member yet: the addition at source/0/1 waits, and nothing of it is sent at present (the breaker is open: target).',
  );
});
