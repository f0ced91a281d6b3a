/** What `diff`, `resync` and `undo` make of the reports of a source topic that was recreated, or had another name. */
import { describe, expect, test } from 'vitest';
import { diffGroups } from '../../src/commands/diff.ts';
import { repairingOf, resyncGroups, type ResyncFlags } from '../../src/commands/resync.ts';
import { scopeOf, undoChanges, writingOf, type UndoFlags } from '../../src/commands/undo.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext, type TestContext } from '../support/command-context.ts';
import { driftSources, FAST, repairSources } from '../support/drift-world.ts';
import { aState, anIntent, commitBefore, expire } from '../support/retry-records.ts';
import { aWorld, topics, until, type World } from '../support/world.ts';

interface Before {
  readonly world: World;
  /** From before the first change until after the last one by the former topic, epoch ms. */
  readonly since: number;
  readonly until: number;
}

/** What is applied by then is before it, and what is applied later is not. */
async function now(): Promise<number> {
  const at = Date.now() + 1;
  await until(() => Date.now() >= at, 'the next millisecond');
  return at;
}

type Change = Parameters<World['change']>[1];

/** Changes of group `g` are applied, each by an event of its own; then the topics are deleted and created again. */
async function recreated(changes: readonly Change[], members: readonly string[] = []): Promise<Before> {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: [...members], version: 1 }] } } });
  const since = await now();
  const one = await world.start();
  for (const change of changes) world.change('g', change);
  await world.expectRest(one);
  const ended = await now();
  one.kill();
  expire(world);
  for (const topic of [topics.source, topics.retry]) world.broker.recreateTopic(topic);
  commitBefore(world, 0n);
  return { world, since, until: ended };
}

/** As above, but the former topic had another name. */
async function renamed(changes: readonly Change[], members: readonly string[] = []): Promise<Before> {
  const before = await recreated(changes, members);
  const { world } = before;
  const reports = world
    .reports()
    .map((record) =>
      JSON.stringify(record).replaceAll('"source/', '"older/').replace('"topic":"source"', '"topic":"older"'),
    );
  world.broker.recreateTopic(topics.report);
  world.broker.append(reports.map((value) => ({ topic: topics.report, partition: 0, key: 'g', value, headers: [] })));
  return before;
}

/** All that the source says is applied and committed. */
const atRest = (world: World): Promise<unknown> =>
  until(() => world.committed() === world.broker.topic(topics.source).partition(0).end, 'the commit');

/** The events of the present topic are applied. */
async function applied(world: World, changes: readonly Change[]): Promise<void> {
  await world.start({ name: 'two' });
  for (const change of changes) world.change('g', change);
  await atRest(world);
}

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

async function ended(context: TestContext, run: Promise<unknown>): Promise<Ended> {
  const code = await run.catch((error: unknown) => String(error));
  return { code, out: context.out(), err: context.err() };
}

async function diff(world: World): Promise<Ended> {
  const context = aContext();
  return ended(context, diffGroups({ all: true, rate: FAST }, driftSources(world, context), context));
}

async function resync(world: World, flags: Partial<ResyncFlags> = {}): Promise<Ended> {
  const context = aContext({ environment: { USER: 'jane' } });
  const asked = { rate: FAST, all: true, yes: true, ...flags } as const;
  const sources = repairSources(world, context, {});
  return ended(context, resyncGroups({ flags: asked, repairing: repairingOf(asked, context) }, sources, context));
}

async function undo(world: World, flags: UndoFlags): Promise<Ended> {
  const context = aContext({ environment: { USER: 'jane' } });
  const asked = { flags: { rate: FAST, ...flags }, scope: scopeOf(flags, context), writing: writingOf(flags, context) };
  return ended(context, undoChanges(asked, repairSources(world, context, {}), context));
}

const members = (world: World): readonly string[] => world.sandbox.members('g').toSorted();
const eventCount = (world: World): number => world.records(topics.source).length;

describe.each([
  ['was recreated', recreated],
  ['had another name', renamed],
])('a source topic that %s', (_, before) => {
  test('a membership that the present topic has revoked is no drift, and resync does not give it back', async () => {
    // given `ann`, added at an offset beyond that of her removal
    const { world } = await before([{ add: ['k'] }, { add: ['ann', 'bob'] }]);
    await applied(world, [{ remove: ['ann'] }]);
    expect(members(world)).toEqual(['bob', 'k']);
    // then
    const { code, out } = await diff(world);
    expect([code, out]).toEqual([EXIT.done, '1 group compared, 0 differ; 0 pending, 0 foreign; 1 request\n']);
    expect((await resync(world)).code).toBe(EXIT.done);
    expect(eventCount(world)).toBe(1);
  });

  test('who was added by the former topic is not foreign, and stays', async () => {
    const { world } = await before([{ add: ['bob', 'k'] }], ['eve']);
    await applied(world, [{ add: ['new'] }]);
    const { out } = await diff(world);
    expect(out).toContain('1 foreign');
    expect(out).not.toMatch(/foreign {2}g {2}(?:bob|k)/);
    expect(out).toContain('doubt  g  a former source topic named the group, and no full state is left: members whom');
    expect(out).not.toContain('the oldest source records are gone');
    // Whom the deleted records had named is not known.
    const removing = await resync(world, { removeForeign: true });
    expect(removing.out).toMatch(/^refused {2}g {2}records that may say who is wanted are gone/m);
    expect(eventCount(world)).toBe(1);
  });

  test('what others have changed of that is a doubt, and nothing is repaired by it', async () => {
    const { world } = await before([{ add: ['bob', 'k'] }, { remove: ['k'] }]);
    await applied(world, [{ add: ['new'] }]);
    world.sandbox.setMembers('g', ['k', 'new']);
    const { code, out } = await diff(world);
    expect(code).toBe(EXIT.done);
    expect(out).toContain('doubt  g  of 2 only reports of a former source topic say what was wanted');
    await resync(world);
    expect(eventCount(world)).toBe(1);
  });

  test('what others have undone of the present topic is repaired by exactly that', async () => {
    const { world } = await before([{ add: ['bob', 'k'] }]);
    await applied(world, [{ add: ['new'] }, { remove: ['k'] }]);
    world.sandbox.setMembers('g', ['bob', 'k']);
    expect((await diff(world)).out).toContain('0 pending');
    expect((await resync(world)).code).toBe(EXIT.done);
    await atRest(world);
    expect(members(world)).toEqual(['bob', 'new']);
  });

  test('undo leaves whom the present topic names, and says where', async () => {
    // given an event of `a` at an offset below that of the former one
    const adds = Array.from({ length: 4 }, (_none, at) => ({ add: [`a${at}`] }));
    const { world, ...night } = await before(adds);
    await applied(world, [{ add: ['a3'] }]);
    const { code, out } = await undo(world, { ...night, yes: true });
    expect(out).toMatch(
      /^left {2}g {2}a3 {2}added .*; since then an event says something of the member, at source\/0\/0$/m,
    );
    expect(eventCount(world)).toBe(1);
    // then the others are named, each with its reason
    expect(code).toBe(EXIT.someFailed);
    expect(
      out.match(/^left {2}g {2}a[012] {2}added .*; it was applied from a former source topic, which may have said/gm),
    ).toHaveLength(3);
  });

  test('undo takes what both have applied together: who is as before is not named', async () => {
    const { world, since } = await before([{ add: ['k'] }, { add: ['bob'] }]);
    await applied(world, [{ remove: ['bob'] }]);
    const { out } = await undo(world, { since, until: await now() });
    expect(out).not.toContain('bob');
    expect(out).toMatch(/^left {2}g {2}k {2}added/m);
    expect(out).toContain('left: 1 former_source');
  });

  test('a group that nothing of the present topic names is compared where it is asked for, and undone', async () => {
    const { world, ...night } = await before([{ add: ['bob'] }]);
    world.sandbox.setMembers('g', []);
    expect((await diff(world)).out).toContain('0 groups compared');
    const context = aContext();
    const one = await ended(context, diffGroups({ group: ['g'], rate: FAST }, driftSources(world, context), context));
    expect(one.code).toBe(EXIT.done);
    expect(one.out).toContain('doubt  g  only a former source topic has named the group');
    expect((await undo(world, { ...night, group: ['g'] })).out).toMatch(
      /^left {2}g {2}bob {2}added .*does not show that/m,
    );
  });
});

test('two operations of one id are two: what the present one has applied is undone', async () => {
  const { world, since } = await recreated([{ add: ['u'] }]);
  const from = await now();
  await applied(world, [{ remove: ['u'] }]);
  const reports = world.reports().map((record) => ReportRecord.parse(record));
  expect(reports.map(({ id }) => id)).toEqual(['source/0/0/u', 'source/0/0/u']);
  // Of both times `u` is as before.
  expect((await undo(world, { since, until: await now() })).err).toContain('is as before');
  expect((await undo(world, { since: from, until: await now(), yes: true })).code).toBe(EXIT.done);
  await atRest(world);
  expect(members(world)).toEqual(['u']);
});

test('undo --group says whose reports it has looked for', async () => {
  const { world, ...night } = await recreated([{ add: ['u'] }]);
  const { code, err } = await undo(world, { ...night, group: ['none'] });
  expect(code).toBe(EXIT.done);
  expect(err).toMatch(/^nothing to undo: no report says that Rollcall has changed a member of group none from /m);
});

test('diff: what waits of a former source topic is not pending, and is no evidence', async () => {
  // given `u`, whom a live record of the former topic adds, and who is wanted by nothing else
  const { world } = await recreated([{ add: ['k'] }]);
  const waiting = ['u', 'w'].map((member, i) => ({
    ...anIntent({ offset: 70n + BigInt(i), op: 'add', member }),
    attempt: 1,
  }));
  await applied(world, [{ add: ['v'] }]);
  world.broker.append([aState({ owner: 'o', epoch: 99, seq: 1 }, waiting)]);
  const { out } = await diff(world);
  expect(out).toContain('; 0 pending, 0 foreign');
  expect(out).not.toContain('missing');
});
