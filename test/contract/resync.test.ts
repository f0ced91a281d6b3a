/** `rollcall resync` over the memory log and the sandbox: what it writes, what it leaves, and what comes in between. */
import { describe, expect, test } from 'vitest';
import { diffGroups } from '../../src/commands/diff.ts';
import { resyncGroups, type ResyncFlags } from '../../src/commands/resync.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import { textOf } from '../../src/core/log/wire-intent.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { actorsIn } from '../../src/formats/actor.ts';
import { besideNative, native } from '../../src/formats/native/native.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { Clock, LogTools } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';
import { askTo, heldIn, partDecision } from '../support/decisions.ts';
import { type DriftOptions, driftSources, FAST, type RepairOptions, repairSources } from '../support/drift-world.ts';
import { Table } from '../support/table.ts';
import { aWorld, quickOptions, topics, until, type World } from '../support/world.ts';

interface Asked extends RepairOptions {
  readonly stdin?: string;
  /** How often something is looked for again does not depend on the time that this takes. */
  readonly isHurried?: boolean;
  /** Called with each line of the output; the function asks the command to stop. */
  readonly onOutput?: (text: string, stop: () => void) => void;
}

const hurried: Clock = { ...systemClock, schedule: (_, task) => systemClock.schedule(0, task) };

async function resync(world: World, flags: ResyncFlags = {}, options: Asked = {}) {
  const context = aContext({
    ...(options.stdin !== undefined && { stdin: options.stdin }),
    ...(options.isHurried === true && { clock: hurried }),
  });
  context.stdout.on('data', (chunk) => options.onOutput?.(String(chunk), context.ask));
  const all = repairSources(world, context, options);
  const repairing = {
    command: 'resync',
    author: 'jane',
    reason: 'INC-7',
    removesForeign: flags.removeForeign === true,
  } as const;
  const asked = flags.group === undefined ? ({ ...flags, all: true } as const) : flags;
  const run = resyncGroups({ flags: { rate: FAST, ...asked }, repairing }, all, context);
  const code = await run.catch((error: unknown) => String(error));
  return {
    code,
    out: context.out(),
    err: context.err(),
    lines: context
      .out()
      .split('\n')
      .filter((line) => line !== ''),
  };
}

const repaired = (world: World, options: Asked = {}, flags: ResyncFlags = {}) =>
  resync(world, { ...flags, yes: true }, options);

const driftOf = async (world: World, options: DriftOptions = {}): Promise<unknown> => {
  const context = aContext();
  return diffGroups({ all: true, rate: FAST }, driftSources(world, context, options), context);
};

/** What stands in the source, without what differs from run to run. */
const written = (world: World, partition = 0): readonly object[] =>
  world.records(topics.source, partition).map(({ value, headers }) => ({
    ...(JSON.parse(textOf(value) ?? '') as object),
    headers: headers.map(([name]) => name),
  }));

/** Group `g` has `u` by Rollcall, `x` by others, and lacks `v`, whom others have removed; `w` came back. */
async function changedByOthers() {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['u', 'v', 'w'] });
  world.change('g', { remove: ['w'] });
  await world.expectRest(one);
  world.sandbox.setMembers('g', ['u', 'w', 'x']);
  return { world, one };
}

test('without --yes it shows what it would write, and writes nothing', async () => {
  const { world } = await changedByOthers();
  const { code, lines } = await resync(world);
  expect(code).toBe(EXIT.someFailed);
  expect(lines.slice(-3)).toEqual([
    'resync  g  adds 1, removes 1',
    '1 group compared, 1 differ: 2 undone; 0 pending, 1 foreign; 1 request',
    '1 group to repair; --yes writes it',
  ]);
  expect(written(world)).toHaveLength(2);
});

test('with --yes exactly the differences are written, keyed by group, with who and why; foreign members stay', async () => {
  const { world, one } = await changedByOthers();
  const { code, lines } = await repaired(world);
  expect(code).toBe(EXIT.done);
  expect(lines.slice(-3)).toEqual([
    expect.stringMatching(/^written {2}g {2}event resync\/[0-9a-f-]{36}$/),
    '1 group compared, 1 differ: 2 undone; 0 pending, 1 foreign; 1 request',
    '1 group repaired',
  ]);
  expect(written(world).slice(2)).toEqual([
    {
      group_id: 'g',
      add_members: ['v'],
      remove_members: ['w'],
      event_id: expect.stringMatching(/^resync\//),
      occurred_at: expect.any(String),
      actor: { displayName: 'jane' },
      reason: 'INC-7',
      headers: ['rollcall-resync'],
    },
  ]);
  const [, , record] = world.records(topics.source);
  expect(String(Buffer.from(record?.key ?? []))).toBe('g');
  expect(actorsIn(record?.value ?? null, 1)('any')).toBe('jane');
  await world.expectRest(one);
  expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'v', 'x']);
  expect(await driftOf(world)).toBe(EXIT.done);
});

test('with --json each group is one line, with what is planned and what became of it; the totals are for people', async () => {
  const { world } = await changedByOthers();
  const shown = await resync(world, { json: true });
  expect(shown.lines).toHaveLength(1);
  const planned = { kind: 'delta', add: ['v'], remove: ['w'], held: 0, held_by: null };
  const line = { group: 'g', group_target: 'g', status: 'compared', left: [], repair: planned };
  expect(JSON.parse(shown.out)).toMatchObject({ ...line, foreign: [{ target: 'x' }], written: null });
  expect(shown.err).toContain('1 group to repair; --yes writes it\n');
  const { lines, out } = await repaired(world, {}, { json: true });
  expect(lines).toHaveLength(1);
  const eventId = expect.stringMatching(/^resync\//) as string;
  expect(JSON.parse(out)).toMatchObject({ ...line, written: { result: 'written', event_id: eventId, corrections: 0 } });
});

test('what is on its way is not written once more, and where nothing differs there is nothing to do', async () => {
  const world = await aWorld();
  world.change('g', { add: ['u'] });
  const { code, lines } = await repaired(world);
  expect(code).toBe(EXIT.done);
  expect(lines.at(-1)).toBe('0 groups repaired');
  expect(written(world)).toHaveLength(1);
});

test('members whom nothing names leave with --remove-foreign only', async () => {
  const { world, one } = await changedByOthers();
  expect(await repaired(world, {}, { removeForeign: true })).toMatchObject({ code: EXIT.done });
  await world.expectRest(one);
  expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'v']);
});

test('removals that the guard will hold are counted', async () => {
  const { world } = await changedByOthers();
  const { lines } = await resync(world, {}, { guard: { groupPercent: 10, groupFloor: 1 } });
  expect(lines).toContain('resync  g  adds 1, removes 1; the guard holds 1 (group_percent)');
  expect(lines.at(-1)).toBe('1 group to repair, of which the guard holds 1 removal; --yes writes it');
});

describe('what the source says meanwhile', () => {
  test('before it writes: the group is left as it is', async () => {
    const { world } = await changedByOthers();
    let reads = 0;
    const tools = ({ read }: LogTools): Partial<LogTools> => ({
      read: (topic, how) => {
        // The first reads all, the second follows the comparison; the third comes just before the record is written.
        if (topic === topics.source && (reads += 1) === 3) world.change('g', { remove: ['v'] });
        return read(topic, how);
      },
    });
    const { code, lines } = await repaired(world, { tools });
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(/^moved {2}g {2}nothing is written: the source got a record/));
    expect(written(world)).toHaveLength(3);
  });

  test.each([
    ['before it writes', 3, 2, /^failed {2}g {2}nothing is written: .*broken.*; ask again/],
    [
      'after it has written',
      4,
      3,
      /^failed {2}g {2}event resync\/[0-9a-f-]{36} is written, .*broken.*look for it there/,
    ],
  ])('in a batch that cannot be unpacked, %s: it does not guess', async (_, at, count, why) => {
    const { world } = await changedByOthers();
    let reads = 0;
    const tools = ({ read }: LogTools): Partial<LogTools> => ({
      async *read(topic, how) {
        const isBroken = topic === topics.source && (reads += 1) === at;
        yield* read(topic, how);
        const offset = world.broker.topic(topics.source).partition(0).end - 1n;
        const record = { partition: 0, offset, key: null, value: null, headers: [], timestamp: 0 };
        if (isBroken) yield { ...record, unreadable: { code: 'batch_unreadable', message: 'broken' } };
      },
    });
    const { code, lines } = await repaired(world, { tools, isHurried: true });
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(why));
    expect(written(world)).toHaveLength(count);
  });

  /** Others write before each of the records of `resync`. */
  const before =
    (...writes: readonly (() => void)[]) =>
    ({ send }: LogTools): Partial<LogTools> => {
      const left = [...writes];
      return {
        send: (records) => {
          left.shift()?.();
          return send(records);
        },
      };
    };

  test('between its last look and its record: a corrected one follows, so that the newer change counts', async () => {
    const { world, one } = await changedByOthers();
    const { code, lines } = await repaired(world, { tools: before(() => world.change('g', { remove: ['v'] })) });
    expect(code).toBe(EXIT.done);
    expect(lines).toContainEqual(expect.stringContaining('after 1 correction: the source wrote meanwhile'));
    expect(written(world).slice(2)).toMatchObject([
      { remove_members: ['v'], headers: [] },
      { add_members: ['v'], remove_members: ['w'], headers: ['rollcall-resync'] },
      { add_members: [], remove_members: ['v'], headers: ['rollcall-resync'] },
    ]);
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'x']);
  });

  test('a full state of the source in between counts as well, and again before the correction', async () => {
    const { world, one } = await changedByOthers();
    const tools = before(
      () => world.state('g', ['w']),
      () => world.change('g', { add: ['v'], remove: ['w'] }),
    );
    expect(await repaired(world, { tools })).toMatchObject({ code: EXIT.done });
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['v']);
  });

  test('between two copies of its record, which a send that is tried again leaves: it counts', async () => {
    const { world, one } = await changedByOthers();
    let isFirst = true;
    const tools = ({ send }: LogTools): Partial<LogTools> => ({
      send: async (records) => {
        if (isFirst) await send(records);
        if (isFirst) world.change('g', { remove: ['v'] });
        isFirst = false;
        return send(records);
      },
    });
    expect(await repaired(world, { tools })).toMatchObject({ code: EXIT.done });
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'x']);
  });

  test('about other members: nothing is to be corrected', async () => {
    const { world, one } = await changedByOthers();
    await repaired(world, { tools: before(() => world.change('g', { add: ['y'] })) });
    expect(written(world)).toHaveLength(4);
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'v', 'x', 'y']);
  });

  test('without an end: it gives up, and says what to write, since the comparison no longer shows it', async () => {
    const { world, one } = await changedByOthers();
    const toggling = Array.from(
      { length: 9 },
      (_, i) => () => void world.change('g', i % 2 === 0 ? { remove: ['v'] } : { add: ['v'] }),
    );
    const { code, lines } = await repaired(world, { tools: before(...toggling) });
    expect(code).toBe(EXIT.someFailed);
    const why =
      /^failed {2}g {2}other records .* source\/0\/12 says of v, so `rollcall diff` no longer shows that: write /;
    expect(lines).toContainEqual(expect.stringMatching(why));
    // What stands in the source now is the event of the repair, so the comparison finds it as that says.
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'x']);
    expect(await driftOf(world)).toBe(EXIT.done);
    const events = lines.flatMap((line) => /^write {2}g {2}(.*)$/.exec(line)?.slice(1) ?? []);
    expect(events).toHaveLength(1);
    for (const value of events) world.produce({ topic: topics.source, partition: null, key: 'g', value, headers: [] });
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'v', 'x']);
  });

  test('and a corrected record is refused: it says what the source still needs', async () => {
    const { world } = await changedByOthers();
    let sends = 0;
    const tools = ({ send }: LogTools): Partial<LogTools> => ({
      send: async (records) => {
        if ((sends += 1) > 1) return ['too_large'];
        world.change('g', { remove: ['v'] });
        return send(records);
      },
    });
    const { code, lines } = await repaired(world, { tools });
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(
      expect.stringMatching(/^failed {2}g {2}its record does not fit.*source\/0\/2 says of v/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^write {2}g {2}.*"add_members":\[\],"remove_members":\["v"\]/));
  });
});

describe('a write without a clear answer', () => {
  /** The source says something else just before; then the answer is lost. */
  const lost =
    (world: World, answer: () => ReturnType<LogTools['send']>) =>
    ({ send }: LogTools): Partial<LogTools> => {
      let isFirst = true;
      return {
        send: async (records) => {
          if (!isFirst) return send(records);
          isFirst = false;
          world.change('g', { remove: ['v'] });
          await send(records);
          return answer();
        },
      };
    };

  test.each<[string, () => ReturnType<LogTools['send']>]>([
    ['failed', async () => [{ kind: 'failed', error: new Error('timed out') }]],
    ['an exception', () => Promise.reject(new Error('timed out'))],
  ])('%s: where it is written all the same it is corrected', async (_, answer) => {
    const { world, one } = await changedByOthers();
    expect(await repaired(world, { tools: lost(world, answer) })).toMatchObject({ code: EXIT.done });
    expect(written(world).slice(3)).toMatchObject([{ add_members: ['v'] }, { remove_members: ['v'] }]);
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'x']);
  });

  test('where it is not shown, the error names it and its place', async () => {
    const { world } = await changedByOthers();
    const tools = (): Partial<LogTools> => ({ send: () => Promise.reject(new Error('timed out')) });
    const { code, lines } = await repaired(world, { tools, isHurried: true });
    expect(code).toBe(EXIT.someFailed);
    const why =
      /^failed {2}g {2}event resync\/[0-9a-f-]{36} may be written, or not \(timed out\).* from source, partition 0 .*look for it there/;
    expect(lines).toContainEqual(expect.stringMatching(why));
    expect(written(world)).toHaveLength(2);
  });

  test('the source cannot be read after it: that is tried again', async () => {
    const { world, one } = await changedByOthers();
    let [isSent, failures] = [false, 0];
    const tools = ({ send, read }: LogTools): Partial<LogTools> => ({
      send: (records) => {
        isSent = true;
        world.change('g', { remove: ['v'] });
        return send(records);
      },
      read: (topic, how) => {
        if (isSent && (failures += 1) <= 3) throw new Error('broker gone');
        return read(topic, how);
      },
    });
    expect(await repaired(world, { tools, isHurried: true })).toMatchObject({ code: EXIT.done });
    await world.expectRest(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'x']);
  });

  test('a second copy that comes late, with the source in between: it gives up', async () => {
    const { world } = await changedByOthers();
    let first: Parameters<LogTools['send']>[0] | null = null;
    const tools = ({ send }: LogTools): Partial<LogTools> => ({
      send: async (records) => {
        if (first === null) world.change('g', { remove: ['v'] });
        else await send(first);
        first ??= records;
        return send(records);
      },
    });
    const { code, lines } = await repaired(world, { tools });
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(
      expect.stringMatching(/^failed {2}g {2}an earlier event of this repair was written twice/),
    );
  });
});

describe('a group that would lose all users', () => {
  /** The source has removed `a`, `b` and `c`; others have put them back, beside a group inside of it. */
  async function allRemoved() {
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: [], nested: ['n'] }] } } });
    const one = await world.start();
    world.change('g', { add: ['a', 'b', 'c'] });
    await world.expectRest(one);
    world.change('g', { remove: ['a', 'b', 'c'] });
    await world.expectRest(one);
    return { world, one };
  }
  const held = async (one: Awaited<ReturnType<World['start']>>) =>
    until(() => one.pipeline.stats().held === 3, 'the hold');

  test.each([
    ['by the source', {}, {}],
    ['by a file', { from: '-' }, { stdin: '{"group_id":"g","members":[],"complete":true}' }],
    [
      'by a file that deletes it',
      { from: '-' },
      { stdin: '{"group_id":"g","members":[],"complete":true,"deleted":true}' },
    ],
  ])('%s gets an empty full state, which the guard holds', async (_, flags, options) => {
    const { world, one } = await allRemoved();
    world.sandbox.setMembers('g', ['a', 'b', 'c', 'n']);
    const { code, lines } = await repaired(world, options, flags);
    expect(code).toBe(EXIT.done);
    expect(lines).toContainEqual('resync  g  full state of 0 members; the guard holds 3 (empty_state)');
    expect(written(world).slice(2)).toMatchObject([{ members: [], complete: true }]);
    await held(one);
    expect(world.sandbox.members('g').toSorted()).toEqual(['a', 'b', 'c', 'n']);
  });

  test('says that the group is deleted where the source does', async () => {
    const { world, one } = await allRemoved();
    world.state('g', [], { deleted: true });
    await world.expectRest(one);
    world.sandbox.setMembers('g', ['a', 'b', 'c', 'n']);
    const { out } = await resync(world, { json: true });
    const state = { kind: 'state', members: [], deleted: true, held: 3, held_by: 'group_deleted' };
    expect(JSON.parse(out)).toMatchObject({ repair: state, written: null });
    const { lines } = await repaired(world);
    expect(lines).toContainEqual('resync  g  full state of 0 members; the guard holds 3 (group_deleted)');
    expect(written(world).at(-1)).toMatchObject({ members: [], complete: true, deleted: true });
    await held(one);
  });

  test('and keep foreign members, which that would remove, gets none', async () => {
    const { world } = await allRemoved();
    world.sandbox.setMembers('g', ['a', 'b', 'x', 'n']);
    const { code, lines } = await repaired(world);
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}no member is wanted, .*--remove-foreign/));
    const { out } = await repaired(world, {}, { json: true });
    const repair = { kind: 'refused', why: expect.stringMatching(/^no member is wanted, .*--remove-foreign/) };
    expect(JSON.parse(out)).toMatchObject({ repair, written: null });
    expect(written(world)).toHaveLength(2);
  });

  test('while something of it is pending gets none', async () => {
    const { world, one } = await allRemoved();
    world.sandbox.setMembers('g', ['a', 'b', 'c', 'n']);
    one.kill();
    world.change('g', { remove: ['c'] });
    const { code, lines } = await repaired(world);
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}.* replace the 1 change .* pending/));
    expect(written(world)).toHaveLength(3);
  });
});

describe('members who are left', () => {
  test('an operator has refused the removal', async () => {
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['a', 'b', 'u'] }] } } });
    const guard = { ...quickOptions.guard, groupCount: 0 };
    const one = await world.start({ pipeline: { guard } });
    world.change('g', { add: ['v'], remove: ['a'] });
    await until(() => heldIn(world).length === 1, 'the hold');
    askTo('reject', partDecision(heldIn(world), 'not this week'), world);
    await until(() => world.reports().some(({ reason }) => reason?.code === 'refused'), 'the report');
    await world.expectRest(one);
    one.kill();
    // As after DEAD_KEEP_MS; until then it is pending.
    expect(await repaired(world)).toMatchObject({ code: EXIT.done });
    world.broker.deleteRecordsBefore(topics.retry, 0, world.broker.topic(topics.retry).partition(0).end);
    const { code, lines } = await repaired(world);
    expect(code).toBe(EXIT.done);
    expect(lines).toContainEqual(
      expect.stringMatching(/^left {2}g {2}a {2}an operator has refused .*remove the member at Genesys/),
    );
    expect(lines.at(-1)).toBe('0 groups repaired, 1 member left');
    const left = [{ member: 'a', target: 'a', why: expect.stringMatching(/^an operator has refused/) }];
    expect(JSON.parse((await resync(world, { json: true })).out)).toMatchObject({ left, repair: null });
    expect(written(world)).toHaveLength(1);
    // What else differs is repaired.
    world.sandbox.setMembers('g', ['a', 'b', 'u']);
    expect(await repaired(world)).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject({ add_members: ['v'], remove_members: [] });
  });

  test.each([
    ['to leave whom the source wants', ['w'], 'u'],
    ['to stay whom the source removes', ['u', 'w'], 'w'],
  ])('a file wants members %s', async (_, members, left) => {
    const world = await aWorld();
    const one = await world.start();
    world.change('g', { add: ['u'] });
    world.change('g', { remove: ['w'] });
    await world.expectRest(one);
    const stdin = JSON.stringify({ group_id: 'g', members, complete: true });
    const { code, lines } = await repaired(world, { stdin }, { from: '-' });
    expect(code).toBe(EXIT.someFailed);
    const why = new RegExp(`^left {2}g {2}${left} {2}the newest event of the source says the opposite of the file`);
    expect(lines).toContainEqual(expect.stringMatching(why));
    expect(written(world)).toHaveLength(2);
  });
});

test('an event in a partition where the group never was is not replaced', async () => {
  const world = await aWorld({ partitionCount: 3, sandbox: { seed: { groups: [{ id: 'g', members: [] }] } } });
  const one = await world.start();
  const append = (partition: number, change: object): void => {
    const value = JSON.stringify({ group_id: 'g', add_members: [], remove_members: [], ...change });
    world.broker.append([{ topic: topics.source, partition, key: 'g', value, headers: [] }]);
  };
  const usual = partitionOfKey(Buffer.from('g'), 3);
  append(usual, { add_members: ['u', 'v'] });
  await until(() => (world.broker.group('rollcall').committed(usual).offset ?? 0n) > 0n, 'it is committed');
  one.kill();
  expect(world.sandbox.members('g').toSorted()).toEqual(['u', 'v']);
  world.sandbox.setMembers('g', ['u']);
  append(2, { remove_members: ['v'] });
  expect(usual).not.toBe(2);
  expect(await repaired(world, { partitionCount: 3 }, { group: ['g'] })).toMatchObject({ code: EXIT.done });
  expect(written(world, usual)).toHaveLength(1);
  expect(written(world, 2)).toHaveLength(1);
});

test('groups inside of the group stay, also with --remove-foreign', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['x'], nested: ['n'] }] } } });
  const one = await world.start();
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
  expect(await repaired(world, {}, { removeForeign: true })).toMatchObject({ code: EXIT.done });
  expect(written(world).at(-1)).toMatchObject({ add_members: [], remove_members: ['x'] });
  await world.expectRest(one);
  expect(world.sandbox.members('g').toSorted()).toEqual(['n', 'u']);
});

test('a signal ends it before the next record is written, and the rest is counted', async () => {
  const names = ['g1', 'g2', 'g3'];
  const world = await aWorld({ sandbox: { seed: { groups: names.map((id) => ({ id, members: [] })) } } });
  const one = await world.start();
  for (const name of names) world.change(name, { add: ['u'] });
  await world.expectRest(one);
  for (const name of names) world.sandbox.setMembers(name, []);
  const onOutput: Asked['onOutput'] = (text, stop) => void (text.startsWith('written') && stop());
  const { code, lines } = await repaired(world, { onOutput });
  expect(code).toMatch(/stopped after 3 of 3 groups, before 2 events were written: ask again for the rest/);
  expect(lines.filter((line) => line.startsWith('written'))).toHaveLength(1);
  expect(lines.at(-1)).toBe('1 group repaired');
  expect(written(world)).toHaveLength(4);
});

test('a record that does not fit is said, and the others go on', async () => {
  const { world } = await changedByOthers();
  const tools = (): Partial<LogTools> => ({ send: async () => ['too_large'] });
  const { code, lines } = await repaired(world, { tools });
  expect(code).toBe(EXIT.someFailed);
  expect(lines).toContain('failed  g  its record does not fit: raise max.message.bytes of source');
  const { out } = await repaired(world, { tools }, { json: true });
  const failed = { result: 'failed', why: expect.stringMatching(/^its record does not fit/), owed: [] };
  expect(JSON.parse(out)).toMatchObject({ written: failed });
});

describe('with an id map', () => {
  async function mapped() {
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'T', members: ['U-old'] }] } } });
    const ids = new Table().set('group', 'g', 'T').set('user', 'u', 'U-1').set('user', 'v', 'U-2');
    const one = await world.start({ ids });
    world.state('g', ['u', 'v']);
    await world.expectRest(one);
    return { world, ids, one };
  }

  test('an id of Genesys Cloud that several groups have is refused', async () => {
    const { world, ids } = await mapped();
    ids.set('group', 'ops', 'T');
    world.sandbox.setMembers('T', ['X']);
    const before = written(world).length;
    expect(String((await repaired(world, { ids }, { group: ['T'] })).code)).toContain(
      'T is what Genesys Cloud calls g and ops',
    );
    expect(written(world)).toHaveLength(before);
  });

  test('whom the source has a name for is named by it', async () => {
    const { world, ids, one } = await mapped();
    world.sandbox.setMembers('T', ['U-2', 'X']);
    expect(await repaired(world, { ids })).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject({ group_id: 'g', add_members: ['u'], remove_members: [] });
    await world.expectRest(one);
    expect(world.sandbox.members('T').toSorted()).toEqual(['U-1', 'U-2', 'X']);
  });

  test('none is removed while a member is wanted whom neither the id map nor a report knows', async () => {
    const { world, ids, one } = await mapped();
    world.change('g', { remove: ['v'] });
    await world.expectRest(one);
    one.kill();
    world.sandbox.setMembers('T', ['U-1', 'U-2', 'U-old']);
    const stdin = '{"group_id":"g","members":["u","new"],"complete":true}';
    const { code, lines } = await repaired(world, { ids, stdin }, { from: '-' });
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}of 1 member .*add them to the id map/));
    expect(written(world)).toHaveLength(2);
  });

  test('a removal without such a name takes a full state, which is not written where it would take others', async () => {
    const { world, ids, one } = await mapped();
    world.sandbox.setMembers('T', ['U-1', 'U-2', 'U-old', 'X']);
    const refused = await repaired(world, { ids });
    expect(refused.code).toBe(EXIT.someFailed);
    expect(refused.lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}.*--remove-foreign/));
    expect(written(world)).toHaveLength(1);
    expect(await repaired(world, { ids }, { removeForeign: true })).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject({ members: ['u', 'v'], complete: true });
    await world.expectRest(one);
    expect(world.sandbox.members('T').toSorted()).toEqual(['U-1', 'U-2']);
  });
});

test('foreign members are not removed where the records that may name them are gone', async () => {
  const { world } = await changedByOthers();
  world.broker.deleteRecordsBefore(topics.source, 0, 1n);
  const { code, lines } = await repaired(world, {}, { removeForeign: true });
  expect(code).toBe(EXIT.someFailed);
  expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}records that may say who is wanted are gone/));
  const stdin = '{"group_id":"g","members":["u"],"complete":true}';
  expect(await repaired(world, { stdin }, { removeForeign: true, from: '-' })).toMatchObject({ code: EXIT.done });
  expect(written(world).at(-1)).toMatchObject({ remove_members: expect.arrayContaining(['w', 'x']) });
});

describe('in a topic of another format', () => {
  /** Reads no native records itself. */
  const other: SourceFormat = { name: 'other', decode: () => [{ kind: 'skip', reason: 'other' }] };

  async function ofOthers(format: SourceFormat) {
    const world = await aWorld();
    const value = JSON.stringify({ group_id: 'g', members: ['u'], complete: true });
    const headers = [['rollcall-format', Buffer.from('native')]] as const;
    world.produce({ topic: topics.source, partition: null, key: 'any key', value, headers });
    const one = await world.start({ format });
    await world.expectRest(one);
    world.sandbox.setMembers('g', []);
    return { world, one };
  }

  test('the header says that the record is native', async () => {
    const format = besideNative(other);
    const { world, one } = await ofOthers(format);
    expect(await repaired(world, { format })).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject({ headers: ['rollcall-resync', 'rollcall-format'] });
    await world.expectRest(one);
    expect(world.sandbox.members('g')).toEqual(['u']);
  });

  test('where such records are not read, nothing is written', async () => {
    const { world } = await ofOthers(besideNative(other));
    // It reads what stands there, and no record that is marked as native.
    const signed: SourceFormat = { name: 'scim-events', decode: (record, topic) => native.decode(record, topic) };
    const alone = {
      ...signed,
      decode: (record: Parameters<SourceFormat['decode']>[0]) =>
        record.headers.some(([name]) => name === 'rollcall-resync')
          ? ([{ kind: 'skip', reason: 'unsigned' }] as const)
          : besideNative(signed).decode(record, { partitionCount: 1 }),
    };
    expect((await repaired(world, { format: alone })).code).toMatch(
      /takes no native records beside those of SOURCE_FORMAT=scim-events/,
    );
    expect(written(world)).toHaveLength(1);
  });
});

test('a record goes to the partition that the records of its group are in', async () => {
  const world = await aWorld({ partitionCount: 3, sandbox: { seed: { groups: [{ id: 'g', members: [] }] } } });
  const one = await world.start();
  const value = JSON.stringify({ group_id: 'g', add_members: ['u'], remove_members: [] });
  const own = world.broker.topic(topics.source);
  const byKey = [0, 1, 2].find((partition) => {
    world.broker.append([{ topic: topics.source, partition: null, key: 'g', value, headers: [] }]);
    return own.partition(partition).end > 0n;
  });
  const other = ((byKey ?? 0) + 1) % 3;
  await until(() => world.sandbox.members('g').length === 1, 'it is applied');
  world.broker.append([{ topic: topics.source, partition: other, key: 'g', value, headers: [] }]);
  await until(() => (world.broker.group('rollcall').committed(other).offset ?? 0n) > 0n, 'it is committed');
  world.sandbox.setMembers('g', []);
  expect(await repaired(world, { partitionCount: 3 })).toMatchObject({ code: EXIT.done });
  expect(written(world, other).at(-1)).toMatchObject({ headers: ['rollcall-resync'], add_members: ['u'] });
  await until(() => world.sandbox.members('g').length === 1, 'it is applied again');
  one.kill();
});

test('what the source writes to another partition just before counts, though it is read after the record', async () => {
  const world = await aWorld({ partitionCount: 3, sandbox: { seed: { groups: [{ id: 'g', members: [] }] } } });
  const one = await world.start();
  const append = (partition: number, change: object): void => {
    const value = JSON.stringify({ group_id: 'g', add_members: [], remove_members: [], ...change });
    world.broker.append([{ topic: topics.source, partition, key: 'g', value, headers: [] }]);
  };
  append(0, { add_members: ['u', 'v'] });
  await until(() => (world.broker.group('rollcall').committed(0).offset ?? 0n) > 0n, 'it is committed');
  one.kill();
  world.sandbox.setMembers('g', ['u']);
  let isFirst = true;
  const tools = ({ send }: LogTools): Partial<LogTools> => ({
    send: (records) => {
      if (isFirst) append(2, { remove_members: ['v'] });
      isFirst = false;
      return send(records);
    },
  });
  expect(await repaired(world, { partitionCount: 3, tools })).toMatchObject({ code: EXIT.done });
  // In the partition of what it corrects, or it may be applied before it.
  expect(written(world, 0).slice(1)).toMatchObject([{ add_members: ['v'] }, { remove_members: ['v'] }]);
  expect(written(world, 2)).toHaveLength(1);
});
