/** `rollcall held` where many groups are held at once: each is shown with its size, and decided about by its own digest. */
import { expect, test } from 'vitest';
import type { MemoryLog } from '../../../src/adapters/memory-log/memory-log.ts';
import { type Decision, type DecisionFlags, decideHeld, listHeld } from '../../../src/commands/held.ts';
import { EXIT } from '../../../src/exit-codes.ts';
import { retryOf } from '../../support/retry-topic-of.ts';
import { aWorld, type Instance, topics, type World } from '../../support/world.ts';

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `group-${i}`);
const members = (group: string): string[] => Array.from({ length: 12 }, (_, i) => `${group}-${i}`);

/** Some groups are gone at the identity provider, and one loses five of its twelve members. */
async function manyHeld(count = 4): Promise<{ world: World; one: Instance }> {
  const names = namesOf(count);
  const groups = ['shrunk', ...names].map((id) => ({ id, members: members(id), version: 1 }));
  const world = await aWorld({ sandbox: { seed: { groups } } });
  for (const group of names) {
    const value = JSON.stringify({ group_id: group, members: [], complete: true, deleted: true });
    world.produce({ topic: topics.source, partition: null, key: group, value, headers: [] });
  }
  world.change('shrunk', { remove: members('shrunk').slice(0, 5) });
  const guard = { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
  const one = await world.start({ pipeline: { guard } });
  await world.expectRest(one);
  return { world, one };
}

interface Line {
  readonly digest: string;
  readonly prefix: string;
  readonly group: string;
  readonly result: string;
  readonly count: number;
}

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

async function list(world: World): Promise<Line[]> {
  const { context, retry } = retryOf(world);
  await listHeld(retry, { json: true });
  return linesOf(context.out());
}

const noSelection = { digests: [], groups: [], causes: [], members: [] } as const;

async function decide(world: World, decision: Partial<Decision>, flags: DecisionFlags = {}) {
  const { context, retry } = retryOf(world);
  const nothing = { kind: 'approve', ...noSelection, author: 'jane', reason: null } as const;
  const code = await decideHeld(retry, { ...nothing, ...decision }, { json: true, ...flags });
  return { code, lines: linesOf(context.out()), err: context.err() };
}

test('held: the list says of each how much of the group it is', async () => {
  const { world } = await manyHeld();
  const { context, retry } = retryOf(world);
  expect(await listHeld(retry, {})).toBe(EXIT.done);
  expect(context.out()).toMatch(
    /^[0-9a-f]{12} {2}group shrunk {2}5 removals, of 12 members when first held \(42 %\) {2}held since 20\d\d-/m,
  );
  expect(context.out()).toMatch(
    /^[0-9a-f]{12} {2}group group-3 {2}12 removals, of 12 members when first held \(100 %\) {2}held since 20\d\d-/m,
  );
  expect(context.err()).toBe('5 groups have held removals\n');
  const lines = await list(world);
  expect(lines.find(({ group }) => group === 'shrunk')).toMatchObject({
    count: 5,
    group_size: 12,
    percent: 42,
    by: ['group_percent'],
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  for (const { digest, prefix } of lines) {
    expect(prefix.length).toBeGreaterThanOrEqual(12);
    expect(lines.filter((other) => other.digest.startsWith(prefix)).map((other) => other.digest)).toEqual([digest]);
  }
});

test('held: what was deleted is approved together, after a look, and nothing else', async () => {
  const names = namesOf(60);
  const { world, one } = await manyHeld(names.length);
  const dry = await decide(world, { causes: ['group_deleted'] });
  expect(dry).toMatchObject({
    code: EXIT.done,
    err: expect.stringContaining('720 removals of 60 groups would be approved'),
  });
  expect(dry.lines.map(({ group }) => group).toSorted()).toEqual(names.toSorted());
  expect(await list(world)).toHaveLength(61);
  // when
  const done = await decide(world, { causes: ['group_deleted'] }, { yes: true });
  expect(done.code).toBe(EXIT.done);
  expect(done.lines).toHaveLength(60);
  expect(done.lines[0]).toMatchObject({ result: 'approved', count: 12, group: expect.stringContaining('group-') });
  await world.expectRest(one);
  for (const group of names) expect(world.sandbox.members(group)).toEqual([]);
  expect((await list(world)).map(({ group }) => group)).toEqual(['shrunk']);
});

test('held: the command that the look ends with decides about exactly what was shown', async () => {
  const { world, one } = await manyHeld();
  const { err } = await decide(world, { groups: ['group-1', 'group-2', 'shrunk'] });
  const [, digests = ''] = /^ {2}rollcall held approve ([0-9a-f ]+)$/m.exec(err) ?? [];
  expect(digests.split(' ')).toHaveLength(3);
  // a newer change makes another set of one of them
  world.change('shrunk', { add: members('shrunk').slice(0, 1) });
  await world.expectRest(one);
  await expect(decide(world, { digests: digests.split(' ') })).rejects.toMatchObject({ code: EXIT.someFailed });
  expect(world.sandbox.members('group-1')).toHaveLength(12);
  const rest = (await list(world)).filter(({ group }) => ['group-1', 'group-2'].includes(group));
  const two = await decide(world, { digests: rest.map(({ prefix }) => prefix) });
  expect(two.lines.map(({ result }) => result)).toEqual(['approved', 'approved']);
  await world.expectRest(one);
  expect(['group-1', 'group-2', 'group-3', 'shrunk'].map((group) => world.sandbox.members(group).length)).toEqual([
    0, 0, 12, 12,
  ]);
});

test('held: a set that changes after the list was read is left as it is', async () => {
  const { world, one } = await manyHeld();
  const { context, retry } = retryOf(world);
  const { tools } = retry;
  const late = Object.assign(Object.create(tools) as MemoryLog, {
    describeTopic: (topic: string) => tools.describeTopic(topic),
    read: (...args: Parameters<MemoryLog['read']>) => tools.read(...args),
    send: async (records: Parameters<MemoryLog['send']>[0]) => {
      world.change('shrunk', { add: members('shrunk').slice(0, 1) });
      await world.expectRest(one);
      return tools.send(records);
    },
  });
  const decision = { kind: 'approve', ...noSelection, author: 'jane', reason: null } as const;
  const code = await decideHeld({ ...retry, tools: late }, decision, { json: true, yes: true });
  expect(code).toBe(EXIT.someFailed);
  expect(linesOf(context.out()).filter(({ result }) => result === 'gone')).toMatchObject([
    { group: 'shrunk', count: 0 },
  ]);
  await world.expectRest(one);
  expect(world.sandbox.members('shrunk')).toHaveLength(12);
  expect(world.sandbox.members('group-0')).toEqual([]);
});

test('held: --all refuses together, too', async () => {
  const { world, one } = await manyHeld();
  const { code, lines } = await decide(world, { kind: 'reject' }, { yes: true });
  expect(code).toBe(EXIT.done);
  expect(new Set(lines.map(({ result }) => result))).toEqual(new Set(['rejected']));
  await world.expectRest(one);
  expect(await list(world)).toEqual([]);
  expect(world.sandbox.members('group-3')).toHaveLength(12);
});

test('nothing fits: it says so, and a digest that is too short decides nothing', async () => {
  const { world } = await manyHeld();
  expect(await decide(world, { causes: ['window_count'] }, { yes: true })).toMatchObject({
    code: EXIT.someFailed,
    err: 'nothing is held that fits\n',
  });
  const misspelt = decide(world, { causes: ['group_deletd'] }, { yes: true });
  await expect(misspelt).rejects.toMatchObject({
    code: EXIT.usage,
    message: expect.stringMatching(/^held: group_deletd is no cause; there are group_percent, group_count, /),
  });
  const [first] = await list(world);
  const short = decide(world, { digests: [first?.digest.slice(0, 11) ?? ''] });
  await expect(short).rejects.toMatchObject({ code: EXIT.usage });
});
