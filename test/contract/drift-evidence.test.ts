/** What `rollcall diff` says where evidence is missing: records that cannot be read, or are gone, and partitions that are not read. */
import { describe, expect, test } from 'vitest';
import { diffGroups, type DiffFlags } from '../../src/commands/diff.ts';
import { DriftEvidence } from '../../src/console/drift-evidence.ts';
import { TopicMovedError } from '../../src/console/topic-reading.ts';
import { header } from '../../src/core/log/wire-intent.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aReport } from '../support/a-report.ts';
import { aContext } from '../support/command-context.ts';
import { Table } from '../support/table.ts';
import { FAST, driftSources } from '../support/drift-world.ts';
import { aWorld, topics, type World } from '../support/world.ts';

const DAMAGED = 'test-damaged';
const damaged = [[DAMAGED, Buffer.from('')]] as const;
const PARTITIONS = 3;

/** A batch whose record has the header `DAMAGED` cannot be read. */
async function diff(world: World, flags: DiffFlags) {
  const context = aContext();
  const sources = driftSources(world, context, { partitionCount: PARTITIONS });
  const { tools } = sources;
  const read = tools.read.bind(tools);
  tools.read = async function* readDamaged(topic, options) {
    for await (const record of read(topic, options)) {
      const unreadable = { code: 'batch_unreadable', message: `the batch up to ${record.offset} is bad` } as const;
      yield header(record.headers, DAMAGED) === null
        ? record
        : { ...record, key: null, value: null, headers: [], unreadable };
    }
  };
  const code = await diffGroups({ rate: FAST, ...flags }, sources, context);
  return { code, out: context.out(), err: context.err() };
}

type Line = Readonly<Record<string, unknown>>;

/** The lines of `--json` by their groups. */
async function compared(world: World, flags: DiffFlags = { all: true }): Promise<Readonly<Record<string, Line>>> {
  const { out } = await diff(world, { ...flags, json: true });
  const lines = out.trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => JSON.parse(line) as Line).map((line) => [String(line['group']), line]));
}

const add = (group: string, member: string): string => JSON.stringify({ group_id: group, add_members: [member] });

/** Of the source. */
const append = (world: World, partition: number, value: string, headers: typeof damaged | readonly [] = []): void => {
  const key = /"group_id":"(\w+)"/.exec(value)?.[1] ?? 'g';
  world.broker.append([{ topic: topics.source, partition, key, value, headers }]);
};

/** Where `world.produce` puts the records of a key. */
const partitionOf = (world: World, key: string): number => {
  const before = lengths(world);
  world.produce({ topic: topics.source, partition: null, key, value: add(key, 'u'), headers: [] });
  return lengths(world).findIndex((length, partition) => length !== before[partition]);
};

const lengths = (world: World) =>
  Array.from({ length: PARTITIONS }, (_, partition) => world.broker.topic(topics.source).partition(partition).end);

/** Groups `g` and `other` in two partitions. */
async function twoGroups() {
  const world = await aWorld({
    partitionCount: PARTITIONS,
    sandbox: { seed: { groups: ['g', 'other'].map((id) => ({ id, members: [] })) } },
  });
  const partition = partitionOf(world, 'g');
  const names = ['other', 'a', 'b', 'c', 'd'];
  const found = names.find((name) => partitionOf(world, name) !== partition) ?? '';
  world.sandbox.putGroup({ id: found, members: [], version: 1 });
  return { world, partition, other: found };
}

/** Of member `u` of group `g`. @returns its id */
function report(
  world: World,
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
  change: object = {},
): string {
  const source = { topic: topics.source, partition, offset: String(offset), event_id: null, timestamp: Date.now() };
  const written = { id: `source/${partition}/${offset}/u`, source, reported_at: new Date().toISOString() };
  const record = { ...aReport(offset, 'u', written), ...change };
  world.broker.append([{ topic: topics.report, partition: 0, key: 'g', value: JSON.stringify(record), headers: [] }]);
  return record.id;
}

const obstacles = (lines: Readonly<Record<string, Line>>, group: string): unknown => lines[group]?.['obstacles'];

test('a batch of the retry topic that cannot be read is an obstacle to all groups of its partition, and to no other', async () => {
  const { world, partition, other } = await twoGroups();
  world.broker.append([{ topic: topics.retry, partition, key: 'x', value: 'x', headers: damaged }]);
  const lines = await compared(world);
  expect(obstacles(lines, 'g')).toEqual([
    expect.stringMatching(/^retry: the batch up to 0 is bad; something of the group may wait there/),
  ]);
  expect(obstacles(lines, other)).toEqual([]);
  expect((await diff(world, { group: ['g'] })).out).toContain('doubt  g  retry: the batch up to 0 is bad');
});

test('a live record that cannot be read is an obstacle to its group, and to all of its partition where it names none', async () => {
  const { world, partition, other } = await twoGroups();
  world.broker.append([{ topic: topics.retry, partition, key: 'g', value: 'x', headers: [] }]);
  const lines = await compared(world);
  expect(obstacles(lines, 'g')).toEqual([
    expect.stringContaining(`a record of retry/${partition} cannot be read (no owner, epoch and sequence number)`),
  ]);
  world.broker.append([{ topic: topics.retry, partition, key: '\u0001', value: 'x', headers: [] }]);
  const later = await compared(world);
  expect(obstacles(later, 'g')).toEqual([expect.anything(), expect.stringContaining('a key that no group can have')]);
  expect(obstacles(later, other)).toEqual([]);
});

test('a source batch, an event of the group and a report that cannot be read are obstacles', async () => {
  const { world, partition, other } = await twoGroups();
  append(world, partition, '{"group_id":"g","add_members":5}');
  world.broker.append([{ topic: topics.report, partition: 0, key: 'g', value: '{"v":2}', headers: [] }]);
  append(world, partition, 'x', damaged);
  const lines = await compared(world);
  expect(obstacles(lines, 'g')).toEqual([
    expect.stringMatching(/^an event of the group, at source\/\d\/\d+, could not be read/),
    expect.stringMatching(/^source: the batch up to \d+ is bad/),
    expect.stringContaining('a record of reports, at 0/0, is no report that this version reads'),
  ]);
  expect(obstacles(lines, other)).toEqual([]);
  expect((await diff(world, { all: true })).err).toContain('is bad; what it says is missing');
});

// One such report once ended every comparison of all groups: it is a path of no request.
test.each([
  ['group', { group: '\uD800' }],
  ['source_group', { source_group: '\uD800' }],
  ['member', { member: 'u\u0001' }],
  ['source_member', { source_member: '' }],
  ['superseded_by', { superseded_by: 'source/0/0/\uD800' }],
])('a report whose %s can be no id is none, and stops the comparison of no other group', async (_, change) => {
  const { world, partition, other } = await twoGroups();
  report(world, { partition, offset: 0n }, change);
  const { code, out } = await diff(world, { all: true, json: true });
  expect(code).toBe(EXIT.done);
  const lines = out.trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as Line)['group'])).toEqual(expect.arrayContaining(['g', other]));
  const notRead = [expect.stringContaining('a record of reports, at 0/0, is no report that this version reads')];
  expect(obstacles(await compared(world), 'g')).toEqual(notRead);
});

test('the key of an unreadable record that can be no group id is no group', async () => {
  const { world, partition } = await twoGroups();
  const facts = { group: null, source_group: null, member: null, source_member: null, op: null, outcome: 'invalid' };
  const source = { topic: topics.source, partition, offset: '9', event_id: null, timestamp: 1 };
  const value = JSON.stringify({ ...aReport(9n, null, { id: `source/${partition}/9`, source }), ...facts });
  for (const key of ['bad\u0001key', 'x'.repeat(257)])
    world.broker.append([{ topic: topics.report, partition: 0, key, value, headers: [] }]);
  const before = Object.keys(await compared(world));
  expect(before.filter((group) => !/^\w{1,5}$/.test(group))).toEqual([]);
  expect((await diff(world, { all: true })).code).toBe(EXIT.done);
});

test('who is foreign is doubtful where the oldest records of any partition are gone', async () => {
  const { world, partition } = await twoGroups();
  world.sandbox.setMembers('g', ['x']);
  const other = (partition + 1) % PARTITIONS;
  append(world, other, add('h', 'u'));
  append(world, other, add('h', 'u'));
  world.broker.deleteRecordsBefore(topics.source, other, 1n);
  expect((await compared(world))['g']).toMatchObject({
    foreign: [{ target: 'x' }],
    doubts: [expect.stringContaining('the oldest source records are gone')],
  });
});

test('what an operator has refused is listed, and is no drift', async () => {
  const { world, partition } = await twoGroups();
  append(world, partition, '{"group_id":"g","remove_members":["u"]}');
  world.sandbox.setMembers('g', ['u']);
  const offset = world.broker.topic(topics.source).partition(partition).end - 1n;
  const reason = {
    code: 'refused',
    message: 'jane has refused this removal.',
    status: null,
    scim_type: null,
    advice: 'The member stays.',
  };
  const id = report(world, { partition, offset }, { op: 'remove', outcome: 'permanent_failure', reason });
  const { code, out } = await diff(world, { group: ['g'] });
  expect(out).toContain(`extra  g  u  refused by an operator, see report ${id}\n`);
  expect(out).toContain('no drift; 1 refused\n');
  expect(out).toContain('1 group compared, 0 differ; 0 pending, 0 foreign; 1 refused by operators; 1 request\n');
  expect(code).toBe(EXIT.done);
});

test('a group that was deleted and wants members again is not in step while the target has none', async () => {
  const world = await aWorld({ partitionCount: PARTITIONS });
  append(world, 0, '{"group_id":"gone","deleted":true}');
  expect(await diff(world, { group: ['gone'] })).toMatchObject({
    code: EXIT.done,
    out: expect.stringContaining('1 group compared, 0 differ'),
  });
  append(world, 0, add('gone', 'u'));
  const { code, out } = await diff(world, { group: ['gone'] });
  expect(out).toMatch(/^failed {2}gone {2}/);
  expect(code).toBe(EXIT.someFailed);
});

test('partitions in which nothing is known of the group are read with --all-partitions', async () => {
  const { world, partition } = await twoGroups();
  append(world, (partition + 1) % PARTITIONS, add('g', 'elsewhere'));
  report(world, { partition, offset: 0n }, { outcome: 'retry_scheduled', final: false });
  const pendingOf = async (flags: DiffFlags) => (await compared(world, { group: ['g'], ...flags }))['g']?.['pending'];
  expect(await pendingOf({})).toMatchObject([{ member: 'u', state: 'parked' }]);
  expect(await pendingOf({ allPartitions: true })).toMatchObject([{ member: 'u' }, { member: 'elsewhere' }]);
});

test('a record that could not be taken is read again', async () => {
  const world = await aWorld({ partitionCount: PARTITIONS });
  const partition = partitionOf(world, 'g');
  append(world, partition, add('g', 'v'));
  const sources = driftSources(world, aContext(), { partitionCount: PARTITIONS });
  const { format } = sources;
  let failures = 1;
  const prepare = async (): Promise<void> => {
    if (failures-- > 0) throw new Error('the keys cannot be read');
  };
  const evidence = new DriftEvidence(
    { ...sources, format: { ...format, prepare } },
    { groups: ['g'], allPartitions: true },
  );
  await expect(evidence.refresh()).rejects.toThrow('the keys cannot be read');
  await evidence.refresh();
  expect([...evidence.known('g', null).facts.members.keys()].toSorted()).toEqual(['u', 'v']);
});

describe('a topic that cannot be read on', () => {
  async function evidenceOf(world: World) {
    const sources = driftSources(world, aContext(), { partitionCount: PARTITIONS });
    const { bounds } = sources;
    let isRecreated = false;
    const recreated: typeof bounds = async (topic, partitions) =>
      isRecreated && topic === topics.source
        ? new Map(partitions.map((partition) => [partition, { start: 0n, end: 1n }]))
        : bounds(topic, partitions);
    const evidence = new DriftEvidence({ ...sources, bounds: recreated }, { groups: null, allPartitions: true });
    await evidence.refresh();
    await evidence.refresh();
    return { evidence, recreate: () => void (isRecreated = true) };
  }

  test('since retention has taken what was not read', async () => {
    const world = await aWorld({ partitionCount: PARTITIONS });
    append(world, 1, add('g', 'u'));
    const { evidence } = await evidenceOf(world);
    for (const member of ['v', 'w']) append(world, 1, add('g', member));
    world.broker.deleteRecordsBefore(topics.source, 1, 1n);
    await evidence.refresh();
    append(world, 1, add('g', 'x'));
    append(world, 1, add('g', 'y'));
    world.broker.deleteRecordsBefore(topics.source, 1, 4n);
    const error = await evidence.refresh().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TopicMovedError);
    expect(String(error)).toContain('source/1 was read up to offset 3, and now holds 4 to 5: it was recreated or');
  });

  test('since it was recreated, and holds less', async () => {
    const world = await aWorld({ partitionCount: PARTITIONS });
    for (const member of ['u', 'v']) append(world, 1, add('g', member));
    const { evidence, recreate } = await evidenceOf(world);
    recreate();
    await expect(evidence.readSource()).rejects.toThrow('source/1 was read up to offset 2, and now holds 0 to 1');
  });
});

test('the memory that evidence takes is counted with names and with what waits', async () => {
  const world = await aWorld({ partitionCount: PARTITIONS });
  const ids = new Table().set('group', 'g', 'T-1');
  const evidence = new DriftEvidence(driftSources(world, aContext(), { partitionCount: PARTITIONS, ids }), {
    groups: null,
    allPartitions: true,
  });
  const grown: number[] = [];
  const grow = async (write: () => void): Promise<void> => {
    const before = evidence.keptBytes;
    write();
    await evidence.refresh();
    grown.push(evidence.keptBytes - before);
  };
  await grow(() => append(world, 1, add('g', 'u')));
  await grow(() => append(world, 1, '{"group_id":"g","members":["u","v"],"complete":true}'));
  // The names of the group and of the member, and whom the report names.
  await grow(
    () =>
      void report(
        world,
        { partition: 1, offset: 0n },
        { group: 'T-1', member: 'U-1', source_group: 'g', source_member: 'u' },
      ),
  );
  await grow(
    () =>
      void report(
        world,
        { partition: 1, offset: 0n },
        { group: 'T-1', member: 'U-1', source_group: 'g', source_member: 'u' },
      ),
  );
  expect(grown).toEqual([250, 2 * 30, 2 * 320 + 50, 0]);
  const known = evidence.known('g', null).facts.keptBytes;
  expect(evidence.keptBytes).toBe(known + 2 * 320);
});
