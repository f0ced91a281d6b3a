/** `rollcall rewind`: the consumer group reads again what was committed, and sends nothing that a newer record takes back. */
import { expect, test } from 'vitest';
import { decideHeld, decisionOf } from '../../src/commands/held.ts';
import { heldSets } from '../../src/console/held-sets.ts';
import { GroupInUseError } from '../../src/adapters/kafka/tools.ts';
import { rewindTo, type RewindSources } from '../../src/console/rewind.ts';
import { rewindOf } from '../../src/commands/rewind.ts';
import { decodeCommit, encodeCommit, type PartitionRewind, type Rewind } from '../../src/core/log/commit-metadata.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { native } from '../../src/formats/native/native.ts';
import type { GroupApi } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';
import { anApi } from '../support/genesys.ts';
import { commandLogOf, retryOf } from '../support/retry-topic-of.ts';
import { aWorld, topics, within, type Instance, type World } from '../support/world.ts';

const EPOCH = 0;
const BY: Rewind = { author: 'jane', reason: 'INC-7: a restore', at: 1_790_000_000_000 };

/** Who has moved the committed offset back, by the commit. */
function rewoundBy(world: World): PartitionRewind | undefined {
  const { offset, metadata } = world.broker.group('rollcall').committed(0);
  return decodeCommit(offset ?? 0n, metadata).mark.rewound;
}

/** Over the memory log. */
function sourcesOf(world: World, more: Partial<RewindSources> = {}): RewindSources {
  const group = world.broker.group('rollcall');
  const source = world.broker.topic(topics.source);
  const all = Array.from({ length: source.description.partitionCount }, (_, partition) => partition);
  return {
    tools: commandLogOf(world),
    topic: topics.source,
    format: native,
    consumerGroup: 'rollcall',
    pendingMax: 200_000,
    members: async () => ({
      state: group.memberIds.length === 0 ? 'Empty' : 'Stable',
      members: group.memberIds.map((memberId) => ({
        memberId,
        clientId: 'one',
        host: '10.0.0.7',
        partitions: new Map(),
      })),
    }),
    committed: async () => new Map(all.map((partition) => [partition, group.committed(partition)])),
    bounds: async (_, partitions) =>
      new Map(partitions.map((partition) => [partition, boundsOf(source.partition(partition))])),
    offsetsSince: async (since) =>
      new Map(
        all.map((partition) => {
          const first = world.records(topics.source, partition).find(({ timestamp }) => timestamp >= since);
          return [partition, first?.offset ?? source.partition(partition).end];
        }),
      ),
    commit: async (commits) => {
      if (group.memberIds.length > 0) throw new GroupInUseError('rollcall');
      group.commitWithoutMembers(commits);
    },
    ...more,
  };
}

const boundsOf = ({ start, end }: { readonly start: bigint; readonly end: bigint }) => ({ start, end });

async function rewind(
  world: World,
  {
    to = EPOCH,
    yes = true,
    by = BY,
    json = false,
    ...more
  }: { to?: number; yes?: boolean; by?: Rewind; json?: boolean } & Partial<RewindSources> = {},
) {
  const context = aContext();
  const work = rewindTo({ to, by: yes ? by : null, isJson: json }, sourcesOf(world, more), context);
  return { code: await work, out: context.out() };
}

async function stop({ pipeline }: Instance): Promise<void> {
  await within(pipeline.drain(), 'the end');
}

/** `u` came and left, `v` came; others have put `u` back, and `v` is gone. */
async function changed() {
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  world.change('g', { remove: ['u'] });
  world.change('g', { add: ['v'] });
  const one = await world.start();
  await world.expectRest(one);
  world.sandbox.setMembers('g', ['u']);
  return { world, one };
}

/** With the members of each operation that it sends. */
function watched(world: World): { readonly target: GroupApi; readonly sent: string[] } {
  const api = anApi(world.sandbox);
  const sent: string[] = [];
  const patchGroup: GroupApi['patchGroup'] = (request) => {
    sent.push(JSON.stringify(request.body));
    return api.patchGroup(request);
  };
  const target: GroupApi = {
    gate: api.gate,
    getGroup: (request) => api.getGroup(request),
    patchGroup,
    search: (request) => api.search(request),
    ensureToken: () => api.ensureToken(),
    close: () => api.close(),
  };
  return { target, sent };
}

test('without --yes it shows how far, and how much would be read again, and moves nothing', async () => {
  const { world, one } = await changed();
  await stop(one);
  expect(await rewind(world, { yes: false })).toEqual({
    code: EXIT.someFailed,
    out: 'partition 0  3 → 0\n3 records of 1 group (2 memberships) would be read again; --yes moves the offsets\n',
  });
  expect(world.committed()).toBe(3n);
});

test('what was committed is applied again where the target differs, the newest of each member alone', async () => {
  const { world, one } = await changed();
  await stop(one);
  expect(await rewind(world)).toEqual({
    code: EXIT.done,
    out: 'partition 0  3 → 0\nmoved 1 partition: 3 records of 1 group (2 memberships) are read again once instances run; they send nothing before they have read to the end\n',
  });
  const { target, sent } = watched(world);
  const two = await world.start({ name: 'two', target });
  await within(two.pipeline.whenAtRest(), 'rest');
  expect(world.sandbox.members('g')).toEqual(['v']);
  expect(sent.filter((body) => /"op":"add"[^}]*"u"/.test(body))).toEqual([]);
  expect(world.committed()).toBe(3n);
  expect([world.outcome(0n, 'u'), world.outcome(1n, 'u'), world.outcome(2n, 'v')]).toEqual([
    'superseded',
    'applied',
    'applied',
  ]);
});

test('the commits say who has rewound and why, also those of the next owners, until more is committed than before', async () => {
  const { world, one } = await changed();
  await stop(one);
  await rewind(world, { yes: false });
  expect(rewoundBy(world)).toBeUndefined();
  await rewind(world);
  expect([world.committed(), rewoundBy(world)]).toEqual([0n, { ...BY, from: 3n }]);
  const two = await world.start({ name: 'two' });
  await within(two.pipeline.whenAtRest(), 'rest');
  expect([world.committed(), rewoundBy(world)]).toEqual([3n, { ...BY, from: 3n }]);
  world.change('g', { add: ['w'] });
  await within(two.pipeline.whenAtRest(), 'rest');
  await stop(two);
  expect([world.committed(), rewoundBy(world)]).toEqual([4n, undefined]);
});

test('a second rewind, before the partition is back, says who it was, and keeps how far it was', async () => {
  const { world, one } = await changed();
  await stop(one);
  await rewind(world, { offsetsSince: async () => new Map([[0, 1n]]) });
  const other = { author: 'joan', reason: null, at: BY.at + 1 };
  await rewind(world, { by: other });
  expect([world.committed(), rewoundBy(world)]).toEqual([0n, { ...other, from: 3n }]);
});

test('who rewinds has a name, by default that of the user, and a reason is one line', () => {
  const [to, yes] = [EPOCH, true as const];
  const context = aContext({ environment: { USER: 'joan' } });
  const at = expect.any(Number) as number;
  expect(rewindOf({ to, yes }, context)).toEqual({ author: 'joan', reason: null, at });
  const given = { to, yes, author: 'jane', reason: 'INC-7' };
  expect(rewindOf(given, context)).toEqual({ author: 'jane', reason: 'INC-7', at });
  expect(rewindOf({ to }, aContext())).toBeNull();
  const refused = (message: string) =>
    expect.objectContaining({ code: EXIT.usage, message: expect.stringMatching(message) });
  expect(() => rewindOf({ to, yes }, aContext())).toThrow(refused('^rewind: say who rewinds: --author'));
  expect(() => rewindOf({ to, reason: 'two\nlines' }, context)).toThrow(refused('^rewind: --reason is one line'));
});

test('with --json it is one object, shown, moved, or nothing to move', async () => {
  const { world, one } = await changed();
  await stop(one);
  const jsonOf = async (more: Parameters<typeof rewind>[1]) =>
    JSON.parse((await rewind(world, { json: true, ...more })).out) as unknown;
  const partitions = [{ partition: 0, committed: '3', to: '0', older_gone: false }];
  const found = { partitions, read_again: { records: 3, groups: 1, memberships: 2, full_states: 0 } };
  expect(await jsonOf({ yes: false })).toEqual({ moved: false, ...found });
  const none = { records: 0, groups: 0, memberships: 0, full_states: 0 };
  const stays = { moved: false, partitions: [{ ...partitions[0], to: null }], read_again: none };
  expect(await jsonOf({ offsetsSince: async () => new Map([[0, 3n]]) })).toEqual(stays);
  expect(await jsonOf({})).toEqual({ moved: true, ...found });
});

test('while an instance runs nothing is moved, also where it has joined since it was looked for', async () => {
  const { world } = await changed();
  await expect(rewind(world)).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: expect.stringMatching(
      /^rewind: the consumer group rollcall has members: one at 10\.0\.0\.7\n {2}Stop all/,
    ),
  });
  const members = async () => ({ state: 'Empty', members: [] });
  await expect(rewind(world, { members })).rejects.toMatchObject({ code: EXIT.unavailable });
  expect(world.committed()).toBe(3n);
});

test('of two at the same time one says that it has not moved the offsets', async () => {
  const { world, one } = await changed();
  await stop(one);
  const group = world.broker.group('rollcall');
  const other = (by: Rewind): void => {
    const sources = sourcesOf(world);
    const { offset, metadata } = group.committed(0);
    const { mark } = decodeCommit(offset ?? 0n, metadata);
    void sources.commit([
      {
        partition: 0,
        offset: 1n,
        metadata: encodeCommit(1n, { ranges: [], mark: { ...mark, rewound: { ...by, from: 3n } } }),
      },
    ]);
  };
  const bob = { ...BY, author: 'bob' };
  // Right after it has committed.
  const commit: RewindSources['commit'] = async (commits) => {
    await sourcesOf(world).commit(commits);
    other(bob);
  };
  await expect(rewind(world, { commit })).rejects.toMatchObject({
    code: EXIT.someFailed,
    message: expect.stringContaining('the offsets are not those that this command has committed'),
  });
  expect([world.committed(), rewoundBy(world)]).toEqual([1n, { ...bob, from: 3n }]);
  // While it was reading.
  let reads = 0;
  const committed: RewindSources['committed'] = async () => {
    if ((reads += 1) === 2) other({ ...BY, author: 'eve' });
    return sourcesOf(world).committed();
  };
  await expect(rewind(world, { committed })).rejects.toMatchObject({
    code: EXIT.someFailed,
    message: expect.stringMatching(/partition 0 meanwhile, and nothing is moved/),
  });
  expect(rewoundBy(world)?.author).toBe('eve');
});

test('where the offsets cannot be read back, it says that they are committed', async () => {
  const { world, one } = await changed();
  await stop(one);
  let reads = 0;
  const committed: RewindSources['committed'] = async () => {
    if ((reads += 1) === 3) throw new Error('no coordinator');
    return sourcesOf(world).committed();
  };
  await expect(rewind(world, { committed })).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: expect.stringMatching(
      /^rewind: the offsets were committed, and could not be read back \(no coordinator\)\n/,
    ),
  });
  expect([world.committed(), rewoundBy(world)?.author]).toEqual([0n, 'jane']);
});

test('no offset goes forward, and where all is older nothing is moved', async () => {
  const { world, one } = await changed();
  await stop(one);
  world.change('g', { add: ['w'] });
  world.change('g', { remove: ['w'] });
  const [, , , , last] = world.records(topics.source);
  const { code, out } = await rewind(world, { to: Number(last?.timestamp) + 1 });
  expect(code).toBe(EXIT.done);
  expect(out).toContain('nothing to move: of what is committed of source no record since');
  for (const since of [3n, 4n])
    expect(await rewind(world, { offsetsSince: async () => new Map([[0, since]]) })).toMatchObject({ code: EXIT.done });
  expect(world.committed()).toBe(3n);
});

test('what has no room in memory is not read again', async () => {
  const { world, one } = await changed();
  await stop(one);
  await expect(rewind(world, { pendingMax: 2 })).rejects.toMatchObject({
    code: EXIT.someFailed,
    message: expect.stringContaining('raise MAX_PENDING_INTENTS for this command and for all instances'),
  });
  expect(world.committed()).toBe(3n);
});

test('records that retention has taken are named, and the rest is read again', async () => {
  const { world, one } = await changed();
  await stop(one);
  world.broker.deleteRecordsBefore(topics.source, 0, 2n);
  const { out } = await rewind(world, { yes: false });
  expect(out).toMatch(/^partition 0 {2}3 → 2 {2}older records are gone\n1 record of 1 group \(1 membership\) /);
});

test('what has room to be read again up to the limit at which instances begin early is read again', async () => {
  const { world, one } = await changed();
  await stop(one);
  expect(await rewind(world, { pendingMax: 3 })).toMatchObject({ code: EXIT.done });
});

test('reports of what is replaced take no room: nothing is sent before all is read', async () => {
  const world = await aWorld();
  const members = Array.from({ length: 60 }, (_, number) => `u${number}`);
  // 60 changes are pending at the end, and far more reports than the limit wait to be written meanwhile.
  for (let round = 0; round < 40; round += 1)
    for (const member of members) world.change('g', round % 2 === 0 ? { remove: [member] } : { add: [member] });
  const one = await world.start();
  await world.expectRest(one);
  await stop(one);
  const pendingIntentsMax = 78;
  expect(await rewind(world, { pendingMax: pendingIntentsMax })).toMatchObject({ code: EXIT.done });
  const { target, sent } = watched(world);
  const two = await world.start({ name: 'two', target, pipeline: { pendingIntentsMax } });
  await within(two.pipeline.whenAtRest(), 'rest');
  expect(sent).toEqual([]);
  const said = two.logger.lines.map(({ message }) => message);
  expect(said).toContain('intake paused, too much is pending');
  expect(said).not.toContain('dispatching before the partition has caught up');
});

test('a group whose records lie in two partitions is named, and nothing is moved', async () => {
  const world = await aWorld({ partitionCount: 2 });
  for (const partition of [0, 1]) {
    const value = JSON.stringify({ group_id: 'g', add_members: ['u'], remove_members: [] });
    world.produce({ topic: topics.source, partition, key: 'g', value, headers: [] });
  }
  const one = await world.start();
  await within(one.pipeline.whenAtRest(), 'rest');
  await stop(one);
  await expect(rewind(world)).rejects.toMatchObject({
    code: EXIT.someFailed,
    message: expect.stringMatching(/^rewind: records of one group .*: g\n/),
  });
  expect(world.broker.group('rollcall').committed(1).offset).toBe(1n);
});

test('a consumer group that has committed nothing is named', async () => {
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  await expect(rewind(world)).rejects.toMatchObject({
    code: EXIT.configuration,
    message: expect.stringContaining('the consumer group rollcall has committed nothing of source'),
  });
});

test('a removal that an operator has refused stays refused', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['a', 'b', 'c'], version: 1 }] } } });
  world.state('g', []);
  const one = await world.start();
  await within(one.pipeline.whenAtRest(), 'rest');
  const { retry } = retryOf(world);
  const all = decisionOf('reject', [], { all: true, author: 'jane' }, aContext());
  expect(await decideHeld(retry, all, { yes: true })).toBe(EXIT.done);
  await stop(one);
  expect(await rewind(world)).toMatchObject({ code: EXIT.done });
  const two = await world.start({ name: 'two' });
  await within(two.pipeline.whenAtRest(), 'rest');
  expect(world.sandbox.members('g')).toHaveLength(3);
  expect(await heldSets(retry)).toEqual([]);
});
