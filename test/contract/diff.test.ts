/** `rollcall diff` over the memory log and the sandbox: what it prints, what it asks, and how it ends. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkFlags, diffGroups, type DiffFlags } from '../../src/commands/diff.ts';
import type { ComparedSources } from '../../src/console/drift-command.ts';
import { RequestPace } from '../../src/console/request-pace.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext, type TestContext } from '../support/command-context.ts';
import { FAST, driftSources, type DriftOptions } from '../support/drift-world.ts';
import { anApi, atEnd } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Table } from '../support/table.ts';
import { aWorld, quickOptions, topics, until, type World } from '../support/world.ts';

const groups = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `g${i}`, members: [] }));

interface Asked extends DriftOptions {
  readonly stdin?: string;
  readonly sources?: (sources: ComparedSources) => ComparedSources;
  readonly context?: TestContext;
  readonly compared?: { readonly consumerGroup?: string; readonly targetOrigin?: string };
}

async function diff(world: World, flags: DiffFlags, options: Asked = {}) {
  const context = options.context ?? aContext({ ...(options.stdin !== undefined && { stdin: options.stdin }) });
  const sources = driftSources(world, context, options);
  const before = getCount(world);
  const all = { ...sources, ...options.sources?.(sources), ...options.compared };
  const run = diffGroups({ rate: FAST, ...flags }, all, context);
  const code = await run.catch((error: unknown) => String(error));
  const lines = context
    .out()
    .split('\n')
    .filter((line) => line !== '');
  return { code, out: context.out(), err: context.err(), lines, requests: getCount(world) - before };
}

const jsonOf = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

const getCount = (world: World): number =>
  Object.values(world.sandbox.stats.requests['GET'] ?? {}).reduce((sum, count) => sum + count, 0);

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-diff-'));
  atEnd(async () => rmSync(folder, { recursive: true }));
  return folder;
}

/** Group `g` has `u` by Rollcall, `x` by others, and lacks `v`, whom others have removed. */
async function changedByOthers(): Promise<World> {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['u', 'v'] });
  await world.expectRest(one);
  world.sandbox.setMembers('g', ['u', 'x']);
  return world;
}

test('nothing differs: exit code 0, and one line', async () => {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
  expect(await diff(world, { all: true })).toMatchObject({
    code: EXIT.done,
    out: '1 group compared, 0 differ; 0 pending, 0 foreign; 1 request\n',
  });
});

test('what others have changed is listed with the report of what they have undone', async () => {
  const { code, lines } = await diff(await changedByOthers(), { group: ['g'] });
  expect(code).toBe(EXIT.someFailed);
  expect(lines).toEqual([
    expect.stringMatching(
      /^undone {2}g {2}v {2}added by report source\/0\/0\/v of \d{4}-\S+Z; others have changed it since$/,
    ),
    'foreign  g  x  no event and no report names it',
    'group g, version "3": 1 undone; 1 foreign',
    '1 group compared, 1 differ: 1 undone; 0 pending, 1 foreign; 1 request',
  ]);
});

test('as JSON: the fields that docs/reference.md names', async () => {
  const { lines, err } = await diff(await changedByOthers(), { all: true, json: true });
  expect(jsonOf(lines)).toEqual([
    {
      group: 'g',
      group_target: 'g',
      compared_at: expect.stringMatching(/Z$/),
      status: 'compared',
      version: '"3"',
      missing: [],
      extra: [],
      undone: [
        {
          member: 'v',
          target: 'v',
          op: 'add',
          event: 'source/0/0',
          report: 'source/0/0/v',
          reported_at: expect.stringMatching(/Z$/),
        },
      ],
      pending: [],
      foreign: [{ member: null, target: 'x' }],
      nested: [],
      doubts: [],
      obstacles: [],
      unnamed_count: 0,
      error: null,
    },
  ]);
  expect(err).toContain('1 group compared, 1 differ');
});

test('what is not committed, and what waits, is pending, and no drift', async () => {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  world.change('g', { remove: ['u'] });
  await until(() => world.lastState('g')?.intents.length === 1, 'the removal is parked');
  await until(() => world.committed() === 2n, 'it is committed');
  one.kill();
  world.change('g', { add: ['w'] });
  const { code, lines } = await diff(world, { all: true });
  expect(code).toBe(EXIT.done);
  expect(lines).toEqual([
    'pending  g  u  remove, waits for another try',
    'pending  g  w  add, not read, or not finished',
    expect.stringMatching(/^group g, version "\d+": no drift; 2 pending$/),
    '1 group compared, 0 differ; 2 pending, 0 foreign; 1 request',
  ]);
  world.sandbox.removeRule(rule);
});

test('one GET a group, a few hundred of them, and a failed one is tried again', async () => {
  const world = await aWorld({ partitionCount: 3, sandbox: { seed: { groups: groups(200) } } });
  for (let i = 0; i < 200; i++) world.change(`g${i}`, { add: ['u'] });
  world.sandbox.addRule({ match: { method: 'GET', group: 'g7', times: 1 }, fault: { kind: 'status', status: 503 } });
  const { requests, out } = await diff(world, { all: true }, { partitionCount: 3 });
  expect(requests).toBe(201);
  expect(out).toContain('200 groups compared, 0 differ; 200 pending, 0 foreign; 201 requests');
});

test('a group that is not there, or that the id map does not know, is a line; the rest goes on', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'T-1', members: ['U-1'] }] } } });
  for (const group of ['a', 'b', 'c']) world.change(group, { add: ['u'] });
  const ids = new Table().set('group', 'a', 'T-1').set('group', 'b', 'T-2').set('user', 'u', 'U-1');
  const { code, lines, requests } = await diff(world, { all: true, json: true }, { ids });
  expect(code).toBe(EXIT.someFailed);
  expect(requests).toBe(2);
  expect(jsonOf(lines)).toMatchObject([
    { group: 'a', group_target: 'T-1', status: 'compared', missing: [], pending: [] },
    { group: 'b', group_target: 'T-2', status: 'failed', error: { code: expect.any(String) } },
    { group: 'c', group_target: null, status: 'failed', error: { code: 'group_unmapped' } },
  ]);
});

test('an id of Genesys Cloud that the id map gives several groups is refused, and they are named', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'T-1', members: ['U-1'] }] } } });
  const ids = new Table().set('group', 'eng', 'T-1').set('group', 'ops', 'T-1');
  const { code } = await diff(world, { group: ['T-1'] }, { ids });
  expect(code).toContain('--group: T-1 is what Genesys Cloud calls eng and ops; name one of them');
});

test('a group is asked for by its name at Genesys Cloud, and members are found by reports', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'T-1', members: [] }] } } });
  const table = new Table().set('group', 'a', 'T-1').set('user', 'u', 'U-1');
  const one = await world.start({ ids: table });
  world.change('a', { add: ['u'] });
  await world.expectRest(one);
  world.sandbox.setMembers('T-1', []);
  const emptied = new Table();
  const { lines, requests } = await diff(world, { group: ['T-1'], json: true }, { ids: emptied });
  expect(requests).toBe(1);
  expect(jsonOf(lines)).toMatchObject([
    { group: 'a', group_target: 'T-1', undone: [{ member: 'u', target: 'U-1', op: 'add' }] },
  ]);
});

test('a group that the source has deleted, and that is not there, is in step', async () => {
  const world = await aWorld();
  world.produce({
    topic: topics.source,
    partition: null,
    key: 'gone',
    value: '{"group_id":"gone","deleted":true}',
    headers: [],
  });
  expect(await diff(world, { group: ['gone'] })).toMatchObject({ code: EXIT.done });
});

test('a group whose source moves while it is compared is no drift, and is counted apart', async () => {
  const world = await changedByOthers();
  // A record of the group arrives after the GET: it may be that record that the GET has shown.
  const sources = (real: ComparedSources): ComparedSources => ({
    ...real,
    api: {
      gate: real.api.gate,
      getGroup: async (request) => {
        const answer = await real.api.getGroup(request);
        world.change('g', { remove: ['v'] });
        return answer;
      },
    },
  });
  const { code, lines } = await diff(world, { all: true }, { sources });
  expect(code).toBe(EXIT.someFailed);
  expect(lines).toEqual([
    'moved  g  the source got a record of the group while it was compared; compare it again',
    expect.stringMatching(/^0 groups compared, 0 differ; 0 pending, 0 foreign; 1 moved meanwhile; 1 request$/),
  ]);
});

test('an answer that is older than the last report says nothing', async () => {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
  world.sandbox.putGroup({ id: 'g', members: [], version: 1 });
  expect(await diff(world, { all: true })).toMatchObject({
    code: EXIT.someFailed,
    out: expect.stringContaining('moved  g  the answer shows version "1", which is older than "2" of a report'),
  });
});

test('of one group whose records are in two partitions, both are read', async () => {
  const world = await aWorld({ partitionCount: 3, sandbox: { seed: { groups: [{ id: 'g', members: [] }] } } });
  const record = { topic: topics.source, key: 'g', headers: [] };
  const event = (member: string): string => JSON.stringify({ group_id: 'g', add_members: [member] });
  const one = await world.start();
  for (const [partition, member] of [
    [0, 'u'],
    [1, 'v'],
    [2, 'w'],
  ] as const) {
    world.broker.append([{ ...record, partition, value: event(member) }]);
    await until(() => world.sandbox.members('g').includes(member), 'it is applied');
  }
  await until(
    () => [0, 1, 2].every((it) => world.broker.group('rollcall').committed(it).offset === 1n),
    'all is committed',
  );
  one.kill();
  for (const partition of [0, 1, 2]) world.broker.append([{ ...record, partition, value: event(`late-${partition}`) }]);
  const { code, lines } = await diff(world, { group: ['g'], json: true }, { partitionCount: 3 });
  expect(code).toBe(EXIT.done);
  const [{ pending = [] } = {}] = jsonOf(lines);
  expect(pending).toMatchObject(['late-0', 'late-1', 'late-2'].map((member) => ({ member, state: 'unread' })));
});

test('in letters of either case, groups and members are the same', async () => {
  const [group, member] = ['ABCDEF00-0000-4000-8000-000000000001', 'ABCDEF00-0000-4000-8000-000000000002'];
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: group.toLowerCase(), members: [] }] } } });
  const one = await world.start();
  world.change(group, { add: [member] });
  await world.expectRest(one);
  expect(await diff(world, { group: [group.toLowerCase()] })).toMatchObject({ code: EXIT.done, requests: 1 });
});

describe('with --from', () => {
  const states = [
    '{"group_id":"g","members":["u","v"],"complete":true}',
    '',
    '{"group_id":"nowhere","members":[],"complete":true}',
  ].join('\n');

  test('the file says who is wanted', async () => {
    const world = await changedByOthers();
    const { code, lines } = await diff(world, { all: true, from: '-', json: true }, { stdin: states });
    expect(code).toBe(EXIT.someFailed);
    // Those that differ come last, once the source is read again.
    expect(jsonOf(lines)).toMatchObject([
      { group: 'nowhere', status: 'failed', error: { code: expect.any(String) } },
      { group: 'g', undone: [{ member: 'v' }], foreign: [{ target: 'x' }] },
    ]);
  });

  test.each(['', '\n\n'])('a file without a full state is refused', async (stdin) => {
    const { code } = await diff(await aWorld(), { all: true, from: '-' }, { stdin });
    expect(code).toMatch(/-: no full state in it; each line must be/);
  });

  test('a group that it does not name is not compared', async () => {
    const { lines, requests } = await diff(await aWorld(), { group: ['h'], from: '-', json: true }, { stdin: states });
    expect(jsonOf(lines)).toMatchObject([{ group: 'h', status: 'failed', error: { code: 'not_in_file' } }]);
    expect(requests).toBe(0);
  });

  test.each(['{"group_id":"g","add_members":["u"]}', 'nonsense'])('%s is refused', async (line) => {
    const { code } = await diff(await aWorld(), { all: true, from: '-' }, { stdin: `${states}\n${line}` });
    expect(code).toMatch(/-, line 4: .*each line must be \{"group_id"/);
  });
});

describe('with --out', () => {
  async function manyGroups(): Promise<World> {
    const world = await aWorld({ sandbox: { seed: { groups: groups(5) } } });
    for (let i = 0; i < 5; i++) world.change(`g${i}`, { add: ['u'] });
    return world;
  }

  /** Without the first line. */
  const groupsIn = (out: string) =>
    jsonOf(readFileSync(out, 'utf8').trimEnd().split('\n').slice(1)).map(({ group }) => group);

  /** Stops it while the group is in hand. */
  const stopAt =
    (context: TestContext, group: string) =>
    (real: ComparedSources): ComparedSources => ({
      ...real,
      context: { ...real.context, stop: new AbortController().signal },
      api: {
        gate: real.api.gate,
        getGroup: async (request) => {
          const answer = await real.api.getGroup(request);
          if (request.group === group) context.ask();
          return answer;
        },
      },
    });

  test('a signal ends it after the group in hand, and --resume leaves out what was compared', async () => {
    const world = await manyGroups();
    const out = join(aFolder(), 'drift.ndjson');
    const context = aContext();
    const first = await diff(world, { all: true, out }, { context, sources: stopAt(context, 'g2') });
    expect(first.code).toBe(`ExitError: stopped after 3 of 5 groups, which ${out} has: go on by --resume`);
    expect(groupsIn(out)).toEqual(['g0', 'g1', 'g2']);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    // A line that was cut by the end of the process.
    writeFileSync(out, '{"group":"g3","status":"comp', { flag: 'a' });
    const second = await diff(world, { all: true, out, resume: true });
    expect(second).toMatchObject({ code: EXIT.done, requests: 2 });
    expect(second.err).toContain(`3 groups of ${out} are compared already, and left out`);
    expect(second.out).toContain('5 groups compared, 0 differ; 5 pending, 0 foreign; 2 requests');
    expect(groupsIn(out)).toEqual(['g0', 'g1', 'g2', 'g3', 'g4']);
  });

  test('drift that the file has counts, and what could not be compared is compared again', async () => {
    const world = await changedByOthers();
    const out = join(aFolder(), 'drift.ndjson');
    await diff(world, { group: ['g', 'nowhere'], out });
    const again = await diff(world, { group: ['g', 'nowhere'], out, resume: true });
    expect(again).toMatchObject({ code: EXIT.someFailed, requests: 1 });
    expect(again.out).toContain('1 group compared, 1 differ: 1 undone; 0 pending, 1 foreign; 1 could not be compared');
  });

  test('a file that compares with something else is not gone on with', async () => {
    const world = await manyGroups();
    const out = join(aFolder(), 'drift.ndjson');
    await diff(world, { all: true, out });
    const again = async (asked: Asked, flags: DiffFlags = {}) =>
      (await diff(world, { all: true, out, resume: true, ...flags }, asked)).code;
    const states = '{"group_id":"g0","members":[],"complete":true}';
    expect(await again({ compared: { consumerGroup: 'other' } })).toMatch(
      /line 1: it compares with consumer_group "rollcall", and not with "other"; name another file/,
    );
    expect(await again({ compared: { targetOrigin: 'https://other' } })).toMatch(
      /compares with target "https:..target"/,
    );
    expect(await again({ stdin: states }, { from: '-' })).toMatch(
      /compares with from_sha256 null, and not with "[0-9a-f]{64}"/,
    );
    expect(await again({})).toBe(EXIT.done);
  });

  test('a file that is there is neither replaced nor taken for another', async () => {
    const world = await manyGroups();
    const out = join(aFolder(), 'notes.txt');
    writeFileSync(out, 'mine\n');
    expect((await diff(world, { all: true, out })).code).toMatch(/exists already: go on with it by --resume/);
    expect((await diff(world, { all: true, out, resume: true })).code).toMatch(/line 1: no line of rollcall diff/);
    expect(readFileSync(out, 'utf8')).toBe('mine\n');
  });
});

test('what was compared is in the file where the target fails after it', async () => {
  const world = await changedByOthers();
  for (let i = 0; i < 9; i++) world.change(`h${i}`, { add: ['u'] });
  for (let i = 0; i < 9; i++)
    world.sandbox.addRule({ match: { method: 'GET', group: `h${i}` }, fault: { kind: 'status', status: 401 } });
  const out = join(aFolder(), 'drift.ndjson');
  expect((await diff(world, { all: true, out })).code).toMatch(/^ExitError: Genesys Cloud cannot be read/);
  const [, ...lines] = readFileSync(out, 'utf8').trimEnd().split('\n');
  expect(jsonOf(lines)).toMatchObject([{ group: 'g', undone: [{ member: 'v' }] }]);
});

test('the target refuses the client, or fails for several groups in a row: it ends', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: groups(9) } } });
  for (let i = 0; i < 9; i++) world.change(`g${i}`, { add: ['u'] });
  const rule = world.sandbox.addRule({ match: { method: 'GET' }, fault: { kind: 'status', status: 401 } });
  expect((await diff(world, { all: true })).code).toMatch(/^ExitError: Genesys Cloud cannot be read/);
  world.sandbox.removeRule(rule);
});

test('options that contradict each other are refused', () => {
  expect(() => checkFlags({})).toThrow('name groups with --group, or say --all');
  expect(() => checkFlags({ all: true, group: ['g'] })).toThrow('name groups with --group, or say --all');
  expect(() => checkFlags({ all: true, resume: true })).toThrow('--resume needs the file');
});

describe('its pace', () => {
  const budget = (window: { allowed: number; used: number; resetsInMs: number } | null) => ({
    budget: () => ({
      window: window && { ...window, lengthMs: 60_000, isAssumed: false },
      pace: null,
      closedForMs: 0,
    }),
  });

  /** How many turns there are within a minute. */
  async function turnsOf(
    ...[gate, limits]: [ReturnType<typeof budget>, { ratePerMinute: number | null; wished: number | null }]
  ): Promise<number> {
    const clock = new ManualClock();
    const pace = new RequestPace(gate, limits, clock);
    const stop = new AbortController();
    let turns = 0;
    const go = (async () => {
      while (!stop.signal.aborted) {
        await pace.turn(stop.signal);
        if (!stop.signal.aborted) turns += 1;
      }
    })();
    await clock.advance(59_999);
    stop.abort();
    await clock.advance(0);
    await go;
    return turns;
  }

  const silent = budget(null);
  const idle = budget({ allowed: 300, used: 0, resetsInMs: 1 });
  const spent = budget({ allowed: 300, used: 225, resetsInMs: 70_000 });

  test.each([
    [
      'a quarter of what is usual, before the target has said anything',
      silent,
      { rate: null, wished: null, turns: 45 },
    ],
    ['a quarter of what the target allows', idle, { rate: null, wished: null, turns: 75 }],
    ['a quarter of RATE_LIMIT_PER_MINUTE', idle, { rate: 60, wished: null, turns: 15 }],
    ['what the operator wishes', spent, { rate: 60, wished: 120, turns: 120 }],
    ['nothing while most of the window is spent', spent, { rate: null, wished: null, turns: 0 }],
  ])('%s', async (_, gate, { rate: ratePerMinute, wished, turns }) => {
    expect(await turnsOf(gate, { ratePerMinute, wished })).toBe(turns);
  });
});

test('of a shadow it compares with the real groups: what the shadow has not sent is undone', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['a'], version: 6 }] } } });
  const one = await world.start({
    target: anApi(world.sandbox, {}, { isShadow: true }),
    pipeline: { isShadow: true, guard: { ...quickOptions.guard, groupPercent: 100 } },
  });
  for (const member of ['u', 'v']) {
    world.change('g', { add: [member] });
    await world.expectRest(one);
  }
  const context = aContext({ environment: { SHADOW: 'true' } });
  const { code, out } = await diff(world, { all: true }, { context });
  expect(code).toBe(EXIT.someFailed);
  expect(out).toMatch(/^undone {2}g {2}u {2}added by report .*; a shadow has not sent it, or others have changed it/m);
  expect(out).toContain('group g, version "6": 2 undone');
});
