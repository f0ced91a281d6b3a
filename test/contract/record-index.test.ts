/** The index of `--index DIR`: what it keeps of the topics, and that it says the same as they do. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RecordIndex } from '../../src/adapters/record-index/record-index.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aFolder, Asking } from '../support/asking.ts';
import { mulberry32 } from '../support/random.ts';
import { answer, groupAnswer } from '../support/quick-world.ts';
import { Table } from '../support/table.ts';
import { topics } from '../support/world.ts';

const MEMBERS = ['u', 'v', 'w', 'x'];

/** Deltas, full states and faults of the target; asks now and then. */
async function ask(asking: Asking, seed: number, ids: Table | null): Promise<number> {
  const random = mulberry32(seed);
  const pick = (): string => MEMBERS[Math.floor(random() * MEMBERS.length)] ?? 'u';
  const some = (): readonly string[] => MEMBERS.filter(() => random() < 0.4);
  let compared = 0;
  for (let step = 0; step < 12; step += 1) {
    const kind = random();
    if (kind < 0.3) asking.world.produce({ members: some(), complete: true, event_id: `state-${step}` });
    else if (kind < 0.6) asking.world.produce({ add_members: some(), event_id: `add-${step}` });
    else if (kind < 0.9) asking.world.produce({ remove_members: [pick()], event_id: `remove-${step}` });
    else asking.world.produce({ add_members: 'no list' });
    if (random() < 0.2) asking.world.produce({ group_id: 'other', add_members: [pick()] });
    if (ids !== null && random() < 0.1) ids.set('user', pick(), `t-${Math.floor(random() * 5)}`);
    asking.world.target.onPatch = () => (random() < 0.3 ? answer(503) : null);
    await asking.world.clock.advance(random() < 0.5 ? 200 : 60_000);
    if (step % 3 !== 2) continue;
    for (const member of [...MEMBERS, 't-0', 'nobody']) await asking.text({ member });
    await asking.text('all members');
    compared += MEMBERS.length + 3;
  }
  return compared;
}

test('index: says the same as the topics, of each member and of all, in random histories', async () => {
  let compared = 0;
  const histories = Number(process.env['INDEX_HISTORIES'] ?? 3);
  for (let seed = 1; seed <= histories; seed += 1) {
    const asking = new Asking();
    await asking.start();
    compared += await ask(asking, seed, null);
    const ids = new Table().set('group', 'g', 'tg');
    for (const [i, member] of MEMBERS.entries()) ids.set('user', member, `t-${i}`);
    const mapped = new Asking({}, ids);
    await mapped.start();
    compared += await ask(mapped, seed, ids);
  }
  expect(compared).toBe(histories * 2 * 4 * 7);
}, 600_000);

async function filled(count = 6): Promise<Asking> {
  const asking = new Asking();
  await asking.start();
  for (let i = 0; i < count; i += 1) asking.world.produce({ add_members: ['u', `m${i}`], event_id: `e${i}` });
  await asking.world.clock.advance(5_000);
  return asking;
}

test('index: each record is read once, also where the reading fails in between', async () => {
  const asking = await filled();
  const ends = [topics.report, topics.source].map((topic) => Number(asking.world.broker.topic(topic).partition(0).end));
  const read: string[] = [];
  asking.onRead = (topic, { offset }) => {
    read.push(`${topic}/${offset}`);
    if (topic === topics.source && offset === 3n) throw new Error('the connection is gone');
  };
  await expect(asking.byIndex()).rejects.toThrow('the connection is gone');
  asking.onRead = (topic, { offset }) => void read.push(`${topic}/${offset}`);
  const byIndex = await asking.byIndex();
  const ofRetry = (name: string): boolean => name.startsWith(topics.retry);
  const expected = ends.reduce((sum, end) => sum + end, 0);
  // The last one that was read is looked at again, and the one that failed.
  expect(read.filter((name) => !ofRetry(name)).length).toBe(expected + 2);
  expect(byIndex).toBe(await asking.byTopics());
  read.length = 0;
  await asking.byIndex();
  expect(read.filter((name) => !ofRetry(name))).toEqual([]);
});

test('index: keeps what retention has taken since, and says what it has not seen', async () => {
  const asking = await filled();
  const before = await asking.byIndex();
  for (const topic of [topics.report, topics.source]) {
    const partition = asking.world.broker.topic(topic).partition(0);
    partition.deleteBefore(partition.end);
  }
  expect(await asking.byIndex()).toBe(before);
  expect(await asking.byTopics()).toContain('what came before is gone');
  asking.world.produce({ remove_members: ['u'], event_id: 'unseen' });
  await asking.world.clock.advance(5_000);
  const source = asking.world.broker.topic(topics.source).partition(0);
  source.deleteBefore(source.end);
  const after = await asking.byIndex();
  expect(after).toContain(`source/0 begins at offset ${source.end}: what came before is gone`);
  expect(after).toContain('e5');
});

test('index: refuses a topic that was made again, also where it has as many records', async () => {
  const asking = await filled();
  await asking.byIndex();
  asking.world.broker.recreateTopic(topics.source);
  const refused = { code: EXIT.usage, message: expect.stringContaining('another directory to --index') };
  await expect(asking.byIndex()).rejects.toMatchObject(refused);
  for (let i = 0; i < 9; i += 1) asking.world.produce({ add_members: ['z'] });
  await expect(asking.byIndex()).rejects.toMatchObject(refused);
});

test('index: refuses one that was made for something else, and a file that is none', async () => {
  const asking = await filled();
  await asking.byIndex({}, 'native');
  const refused = { code: EXIT.usage, message: expect.stringContaining('or another SOURCE_FORMAT') };
  await expect(asking.byIndex({}, 'debezium')).rejects.toMatchObject(refused);
});

test('index: only its owner may read it', async () => {
  const asking = await filled();
  await asking.byIndex();
  const files = readdirSync(asking.folder);
  expect(files).toContain('records.sqlite');
  for (const file of files) expect(statSync(join(asking.folder, file)).mode & 0o077, file).toBe(0);
});

test('index: what two processes read is in it once', async () => {
  const folder = aFolder();
  const [one, other] = [await RecordIndex.open(folder, 'of'), await RecordIndex.open(folder, 'of')];
  const about = { group: 'g', otherNames: [], member: 'u', otherMember: null, partition: 0, hasVersion: true };
  const entries = [0, 1, 2].map((offset) => ({
    record: { partition: 0, offset: BigInt(offset), timestamp: offset, key: null, value: null, headers: [] },
    time: offset,
    about: [{ ...about, position: `source/0/${offset}` }],
    problem: null,
  }));
  const place = (next: bigint) => new Map([[0, { first: 0n, next, last: null }]]);
  one.add('report', entries.slice(0, 2), place(2n));
  other.add('report', entries, place(3n));
  one.add('report', entries.slice(0, 1), place(1n));
  const wanted = { groups: ['g'], members: null, since: null, until: null };
  expect([...one.reports(wanted)].map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
  expect(one.places('report').get(0)?.next).toBe(3n);
  one.close();
  other.close();
});

test('index: what cannot be unpacked is a doubt each time', async () => {
  const asking = await filled();
  const message = 'the batch at 9 is damaged';
  const damaged = (topic: string) => topic === topics.report;
  asking.onRead = () => undefined;
  asking.unreadable = (topic, { offset }) =>
    damaged(topic) && offset === 2n ? { code: 'batch_unreadable', message } : undefined;
  const first = await asking.byIndex();
  expect(first).toContain(`${message}; the reports in it are missing`);
  expect(await asking.byIndex()).toBe(first);
});

test('index: knows the version that the change of another member has left', async () => {
  const asking = await filled(1);
  asking.world.produce({ add_members: ['v'] });
  await asking.world.clock.advance(5_000);
  const version = asking.world.target.group('g').version;
  // Needs no request.
  asking.world.produce({ add_members: ['v'] });
  await asking.world.clock.advance(5_000);
  asking.world.target.onGet = () => groupAnswer('g', version - 1, ['u', 'm0']);
  expect(await asking.text()).toContain(`shows version "${version - 1}", which is older than "${version}"`);
});

test('index: finds what was reported of a member under another name, also where the id map no longer has them', async () => {
  const ids = new Table()
    .set('group', 'g', 'tg')
    .set('user', 'u', 't-0')
    .set('user', 'w', 't-0')
    .set('user', 'z', 't-1');
  const asking = new Asking({}, ids);
  await asking.start();
  for (const event of [{ add_members: ['u'] }, { remove_members: ['w'], event_id: 'as-w' }, { add_members: ['z'] }]) {
    asking.world.produce(event);
    await asking.world.clock.advance(5_000);
  }
  for (const name of ['u', 'w']) ids.rows.delete(`user/${name}`);
  expect(await asking.text()).toContain('event as-w');
});
