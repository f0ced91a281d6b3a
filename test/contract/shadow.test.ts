/** A shadow beside a target that it only reads (protocol.md 15): what it reports, and what it remembers of what it has not sent. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ShadowApi } from '../../src/adapters/genesys/shadow-api.ts';
import { sha256, systemClock } from '../../src/adapters/system.ts';
import { resyncCommand } from '../../src/commands/resync.ts';
import { undoCommand } from '../../src/commands/undo.ts';
import { readConfig } from '../../src/config/config.ts';
import { withTarget } from '../../src/console/target.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import { classify, type Outcome } from '../../src/core/target/outcome.ts';
import { patchBody, type Snapshot } from '../../src/core/target/snapshot.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { anIntent } from '../support/an-intent.ts';
import type { GroupApi } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';
import { wholeDecision } from '../support/decisions.ts';
import { aLog, anApi, aSandbox, as, get } from '../support/genesys.ts';
import { mulberry32, type Stream } from '../support/random.ts';
import { ask } from '../support/retry-records.ts';
import { aWorld, until, type Instance, type World } from '../support/world.ts';

const aShadow = (sandbox: Sandbox, max?: number, logger = aLog()): ShadowApi =>
  new ShadowApi(anApi(sandbox), { clock: systemClock, logger }, max);

const startShadow = (world: World, guard = {}): Promise<Instance> =>
  world.start({ target: anApi(world.sandbox, {}, { isShadow: true }), pipeline: { isShadow: true, ...guard } });

/** Methods of all requests but those for tokens. */
const sent = (sandbox: Sandbox): ReadonlySet<string> =>
  new Set(sandbox.stats.journal.filter(({ endpoint }) => endpoint !== 'token').map(({ method }) => method));

describe('a shadow reports what the real service reports', () => {
  const GROUPS = ['deltas', 'mixed', 'states'];
  const MEMBERS = Array.from({ length: 12 }, (_, i) => `m${i}`);
  const OTHERS = ['x0', 'x1', 'x2'];
  const ROUNDS = 6;
  const seed = { groups: GROUPS.map((id) => ({ id, members: ['m1', 'm2', 'm3'], version: 1 })) };

  const some = (next: Stream, share: number): readonly string[] => MEMBERS.filter(() => next() < share);

  /** Other systems change members that no event names. */
  function produceRound(world: World, next: Stream): void {
    const others = OTHERS.filter(() => next() < 0.5);
    const left = world.sandbox.members('mixed').filter((member) => !OTHERS.includes(member));
    world.sandbox.setMembers('mixed', [...left, ...others]);
    for (let each = 0; each < 8; each += 1) {
      const group = GROUPS[Math.floor(next() * GROUPS.length)] ?? '';
      if (group === 'states') world.state(group, ['m0', ...some(next, 0.5)]);
      else world.change(group, { add: some(next, 0.2), remove: some(next, 0.2) });
    }
  }

  async function play(drawn: number, behaviour: SandboxOptions['behaviour'], isShadow: boolean) {
    const world = await aWorld({ sandbox: { seed, ...(behaviour && { behaviour }) } });
    const target = anApi(world.sandbox, {}, { isShadow });
    const instance = await world.start({ target, pipeline: { isShadow } });
    const next = mulberry32(drawn);
    for (let round = 0; round < ROUNDS; round += 1) {
      // In one tick, so that they are folded before anything is sent.
      produceRound(world, next);
      await world.expectRest(instance);
    }
    const shown = await Promise.all(GROUPS.map(async (group) => membersIn(await get(target, group))));
    const ends = [...world.kept().values()].map(({ id, op, outcome, attempt }) => `${id} ${op} ${outcome} ${attempt}`);
    return { world, shown, ends: ends.toSorted() };
  }

  test.each([
    [1, {}],
    [2, {}],
    [3, { versionTag: 'weak' }],
    [4, { versionTag: 'suffixed' }],
    [5, { patchAnswer: 'empty' }],
    [6, { memberList: 'absent' }],
  ] as const)('by the same events, seed %i, target %j', async (drawn, behaviour) => {
    const real = await play(drawn, behaviour, false);
    const shadow = await play(drawn, behaviour, true);
    expect(shadow.ends).toEqual(real.ends);
    expect(shadow.ends.length).toBeGreaterThan(60);
    expect(shadow.shown).toEqual(real.shown);
    expect([...sent(real.world.sandbox)].toSorted()).toEqual(['GET', 'PATCH']);
    expect([...sent(shadow.world.sandbox)]).toEqual(['GET']);
    expect(new Set(shadow.world.reports().map((report) => report.shadow))).toEqual(new Set([true]));
    expect(real.world.reports().some((report) => 'shadow' in report)).toBe(false);
    expect(versionsIn(real.world).size).toBeGreaterThan(ROUNDS);
    // Those that it shows are not the target's.
    expect(versionsIn(shadow.world)).toEqual(new Set([null]));
  });
});

describe('reports of a group with so many members that its list may be cut', () => {
  const MEMBERS = Array.from({ length: 100 }, (_, i) => `m${i}`);
  const guard = { groupPercent: 100, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };

  async function play(count: number, isShadow: boolean): Promise<readonly string[]> {
    const members = MEMBERS.slice(0, count);
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members, version: 3 }] } } });
    const target = anApi(world.sandbox, {}, { isShadow });
    const instance = await world.start({ target, pipeline: { isShadow, guard } });
    for (const produce of [
      () => world.change('g', { remove: ['m1'] }),
      () => world.change('g', { remove: ['stranger'] }),
      () => world.state('g', members.slice(3)),
    ]) {
      produce();
      await world.expectRest(instance);
    }
    return world.reports().map(({ member, outcome }) => `${member ?? 'state'} ${outcome}`);
  }

  test('are those of the real service where the list is whole', async () => {
    expect(await play(99, true)).toEqual(await play(99, false));
  });

  test('are those of a list that stays cut, which the first change of the real service has made whole', async () => {
    expect(await play(100, false)).toEqual(['m1 applied', 'stranger already_synced', 'm0 applied', 'm2 applied']);
    expect(await play(100, true)).toEqual([
      'm1 applied',
      'stranger applied',
      'm0 applied',
      'm2 applied',
      'state failed',
    ]);
  });
});

/** That reports name. */
const versionsIn = (world: World): ReadonlySet<string | null> =>
  new Set(
    world.reports().flatMap(({ request }) => (request === null ? [] : [request.etag_before, request.etag_after])),
  );

/** Sorted. */
const membersIn = (answer: HttpAnswer): readonly string[] => [...snapshotIn(answer).members].toSorted();

function snapshotIn(answer: HttpAnswer): Snapshot {
  const outcome = classify(answer, 'GET');
  if (outcome.kind !== 'applied' || outcome.snapshot === null) throw new Error(`no group: ${outcome.kind}`);
  return outcome.snapshot;
}

type Changes = { readonly add?: readonly string[]; readonly remove?: readonly string[] };

/** As the pipeline sends it. */
async function change(api: GroupApi, { add = [], remove = [] }: Changes, ifMatch: string | null = null) {
  const snapshot = snapshotIn(await get(api));
  const part = [
    ...add.map((member) => anIntent({ member, op: 'add' })),
    ...remove.map((member) => anIntent({ member, op: 'remove' })),
  ];
  await api.gate.take();
  const body = patchBody(part, { snapshot, publicApiUrl: 'https://api.test' });
  return api.patchGroup({ group: 'g', ifMatch: ifMatch ?? snapshot.version, body, mayStart: () => true });
}

const outcomeOf = (answer: HttpAnswer): Outcome['kind'] => classify(answer, 'PATCH').kind;

describe('a shadow answers as the target', () => {
  test('with the group after the change, at a newer version, which later reads show', async () => {
    const sandbox = await aSandbox();
    const api = aShadow(sandbox);
    const answer = as('response', await change(api, { add: ['b', 'c'], remove: ['a'] }));
    expect(answer).toMatchObject({ status: 200, etag: '"43"', body: { id: 'g', meta: { version: '43' } } });
    expect(membersIn(answer)).toEqual(['b', 'c']);
    expect(membersIn(await get(api))).toEqual(['b', 'c']);
    expect(as('response', await get(api, 'g', '"43"'))).toMatchObject({ status: 304, empty: true });
    expect(as('response', await get(api, 'g', '"42"')).status).toBe(200);
    expect([sandbox.members('g'), sandbox.version('g')]).toEqual([['a'], 42]);
    expect(sandbox.stats.journal.map(({ ifNoneMatch }) => ifNoneMatch)).toContain('"42"');
  });

  test('a stale version is a conflict, after a change of its own and of another client', async () => {
    const sandbox = await aSandbox();
    const api = aShadow(sandbox);
    await change(api, { add: ['b'] });
    expect(outcomeOf(await change(api, { add: ['c'] }, '"42"'))).toBe('conflict');
    sandbox.setMembers('g', ['a', 'foreign']);
    expect(outcomeOf(await change(api, { add: ['c'] }, '"43"'))).toBe('conflict');
    expect(membersIn(await get(api))).toEqual(['a', 'b', 'foreign']);
    expect(outcomeOf(await change(api, { add: ['c'] }))).toBe('applied');
    expect(snapshotIn(await get(api)).version).toBe('"45"');
  });

  test('what changes nothing does not move the version', async () => {
    const api = aShadow(await aSandbox());
    expect(as('response', await change(api, { add: ['a'], remove: ['b'] }))).toMatchObject({
      status: 200,
      etag: '"42"',
    });
  });

  test('a group that cannot be read is refused, or fails, as for a PATCH', async () => {
    const sandbox = await aSandbox();
    const api = aShadow(sandbox);
    const body = patchBody([anIntent({ member: 'b' })], { snapshot: snapshotIn(await get(api)), publicApiUrl: '' });
    const request = { group: 'g', ifMatch: '"42"', body, mayStart: () => true };
    sandbox.deny();
    await api.gate.take();
    expect(outcomeOf(await api.patchGroup(request))).toBe('denied');
    sandbox.allow();
    sandbox.deleteGroup('g');
    await api.gate.take();
    expect(outcomeOf(await api.patchGroup(request))).toBe('not_found');
    await api.gate.take();
    expect(as('not_started', await api.patchGroup({ ...request, mayStart: () => false }))).toBeDefined();
  });

  test('versions that are no numbers change with each change, and conditional reads find them', async () => {
    const sandbox = await aSandbox({ behaviour: { versionTag: 'hashed' } });
    const plain = anApi(sandbox);
    const opaque = aShadowOf(plain, async (request) => withoutMeta(await plain.getGroup(request)));
    const first = snapshotIn(await get(opaque)).version;
    expect(first).toBe(snapshotIn(withoutMeta(await get(plain))).version);
    const second = snapshotIn(await change(opaque, { add: ['b'] })).version;
    const third = snapshotIn(await change(opaque, { remove: ['b'] })).version;
    expect(new Set([first, second, third]).size).toBe(3);
    expect(outcomeOf(await change(opaque, { add: ['c'] }, first))).toBe('conflict');
    expect(membersIn(await get(opaque))).toEqual(['a']);
  });

  test('a list that may be cut stays one, however many members are on top of it', async () => {
    const members = Array.from({ length: 100 }, (_, i) => `m${i}`);
    const sandbox = await aSandbox({ seed: { groups: [{ id: 'g', members, version: 42 }] } });
    const api = aShadow(sandbox);
    await change(api, { add: ['b'], remove: ['unseen'] });
    const { members: shown, isDoubtful } = snapshotIn(await get(api));
    expect([shown.size, isDoubtful]).toEqual([101, true]);
  });
});

/** Whose groups are read in another way. */
const aShadowOf = (real: ReturnType<typeof anApi>, getGroup: GroupApi['getGroup']): ShadowApi =>
  new ShadowApi(
    {
      gate: real.gate,
      getGroup,
      search: (request) => real.search(request),
      ensureToken: () => real.ensureToken(),
      prepare: () => real.prepare(),
      close: () => real.close(),
    },
    { clock: systemClock, logger: aLog() },
  );

/** As of a server without `meta.version`. */
function withoutMeta(answer: HttpAnswer): HttpAnswer {
  if (answer.kind !== 'response' || typeof answer.body !== 'object') return answer;
  return { ...answer, body: { ...answer.body, meta: {} } };
}

describe('what a shadow remembers', () => {
  test('ends where another client makes the change, and what they undo later is undone', async () => {
    const sandbox = await aSandbox();
    const api = aShadow(sandbox);
    await change(api, { add: ['b'], remove: ['a'] });
    sandbox.setMembers('g', ['b', 'a']);
    expect(membersIn(await get(api))).toEqual(['b']);
    sandbox.setMembers('g', ['a']);
    // `b` was there, so that its addition is done; `a` was never seen to be out.
    expect(membersIn(await get(api))).toEqual([]);
    sandbox.setMembers('g', []);
    expect(membersIn(await get(api))).toEqual([]);
    sandbox.setMembers('g', ['a']);
    expect(membersIn(await get(api))).toEqual(['a']);
  });

  test('does not end by a read that is older than it', async () => {
    const sandbox = await aSandbox();
    const real = anApi(sandbox);
    const old = await get(real);
    sandbox.setMembers('g', []);
    let isOld = false;
    const api = aShadowOf(real, async (request) => (isOld ? old : real.getGroup(request)));
    await change(api, { add: ['a'] });
    isOld = true;
    expect(snapshotIn(await get(api)).version).toBe('"43"');
    isOld = false;
    expect(membersIn(await get(api))).toEqual(['a']);
  });

  test('stays in effect where a PATCH is accepted over a read that lags behind', async () => {
    const sandbox = await aSandbox();
    const real = anApi(sandbox);
    const old = await get(real);
    sandbox.setMembers('g', ['a', 'x']);
    let isOld = false;
    const api = aShadowOf(real, async (request) => (isOld ? old : real.getGroup(request)));
    await change(api, { remove: ['x'] });
    isOld = true;
    expect(outcomeOf(await change(api, { add: ['y'] }))).toBe('applied');
    expect(membersIn(await get(api))).toEqual(['a', 'y']);
    isOld = false;
    expect(membersIn(await get(api))).toEqual(['a', 'y']);
    isOld = true;
    expect(membersIn(await get(api))).toEqual(['a', 'y']);
  });

  test.each(['a read', 'a change'])(
    'ends with the group, as %s shows: what is created again is as it is',
    async (by) => {
      const sandbox = await aSandbox();
      const api = aShadow(sandbox);
      const ifMatch = snapshotIn(await change(api, { add: ['b'], remove: ['a'] })).version;
      const body = patchBody([anIntent({ member: 'c' })], { snapshot: snapshotIn(await get(api)), publicApiUrl: '' });
      sandbox.deleteGroup('g');
      await api.gate.take();
      const request = { group: 'g', mayStart: () => true };
      const answer =
        by === 'a read'
          ? await api.getGroup({ ...request, ifNoneMatch: ifMatch })
          : await api.patchGroup({ ...request, ifMatch, body });
      expect(as('response', answer).status).toBe(404);
      sandbox.putGroup({ id: 'g', members: ['a'], version: 1 });
      const created = snapshotIn(await get(api));
      // The version still counts what the shadow has changed before.
      expect([[...created.members], created.version]).toEqual([['a'], '"2"']);
    },
  );

  test('is bounded: the group whose last change is the oldest is shown as it is, at a version that goes on growing', async () => {
    const groups = ['g', 'h'].map((id) => ({ id, members: [], version: 7 }));
    const sandbox = await aSandbox({ seed: { groups } });
    const logger = aLog();
    const api = aShadow(sandbox, 4, logger);
    await change(api, { add: ['a'] });
    const before = snapshotIn(await change(api, { add: ['b'] })).version;
    const snapshot = snapshotIn(await get(api, 'h'));
    await api.gate.take();
    const body = patchBody([anIntent({ group: 'h', member: 'c' })], { snapshot, publicApiUrl: '' });
    await api.patchGroup({ group: 'h', ifMatch: snapshot.version, body, mayStart: () => true });
    expect(membersIn(await get(api, 'h'))).toEqual(['c']);
    const after = snapshotIn(await get(api));
    expect([...after.members]).toEqual([]);
    expect([before, after.version]).toEqual(['"9"', '"10"']);
    expect(as('response', await get(api, 'g', before)).status).toBe(200);
    expect(logger.lines).toEqual([
      { fields: { group: 'g', changes: 2, max: 4 }, message: expect.stringContaining('forgotten') },
    ]);
  });

  test('ends with the process: the next one judges by the real group', async () => {
    const world = await aWorld();
    world.change('g', { add: ['a'] });
    const one = await startShadow(world);
    await world.expectRest(one);
    await one.pipeline.drain();
    const two = await world.start({ name: 'two', target: aShadow(world.sandbox), pipeline: { isShadow: true } });
    const offset = world.change('g', { remove: ['a'] });
    await world.expectRest(two);
    expect(world.outcome(0n, 'a')).toBe('applied');
    expect(world.outcome(offset, 'a')).toBe('already_synced');
    expect([...sent(world.sandbox)]).toEqual(['GET']);
  });
});

test('the remedy of a refused partition names the consumer group of the shadow', async () => {
  const world = await aWorld();
  world.change('g', { add: ['a'] });
  const one = await startShadow(world);
  await world.expectRest(one);
  await one.pipeline.drain();
  world.broker.recreateTopic('source');
  const two = await world.start({ name: 'two', target: aShadow(world.sandbox), pipeline: { isShadow: true } });
  await until(() => two.pipeline.stats().partitions[0]?.phase === 'refused', 'the refusal');
  const [partition] = two.pipeline.stats().partitions;
  expect(partition?.refusal).toContain('--group ${KAFKA_GROUP_ID:-rollcall}-shadow --topic');
  expect(partition?.refusal).toContain('(`rollcall --shadow topics create`)');
});

test('a command that forgets that it is of a shadow changes no group either', async () => {
  const sandbox = await aSandbox();
  const context = aContext({ environment: { ...environmentOf(sandbox), SHADOW: 'true' } });
  const config = readConfig(context.environment, ['genesys'], String);
  const answer = await withTarget({ context, config, logger: aLog() }, (api) => change(api, { add: ['b'] }));
  expect(outcomeOf(answer)).toBe('applied');
  expect(sandbox.members('g')).toEqual(['a']);
  expect([...sent(sandbox)]).toEqual(['GET']);
});

test('a shadow holds removals, an approval lets them pass, and no request changes the group', async () => {
  const members = Array.from({ length: 10 }, (_, i) => `m${i}`);
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members, version: 1 }] } } });
  const guard = { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
  const one = await startShadow(world, { guard });
  world.change('g', { remove: members.slice(0, 4) });
  await world.expectRest(one);
  expect(world.outcome(0n, 'm0')).toBe('held');
  const digest = heldDigest('g', world.lastState('g')?.intents ?? [], sha256) ?? '';
  const decision = { uuid: randomUUID(), kind: 'approve', value: wholeDecision(digest, 'jane') } as const;
  const advice = world.reports().find(({ outcome }) => outcome === 'held')?.reason?.advice ?? '';
  expect(advice).toContain(`decide: \`rollcall --shadow held approve ${digest}\` or \`rollcall --shadow held reject`);
  expect(await ask(world, decision)).toMatchObject({ verdict: 'approved', count: 4 });
  await world.expectRest(one);
  expect(world.kept().get('source/0/0/m0')).toMatchObject({
    outcome: 'applied',
    shadow: true,
    approval: { author: 'jane' },
  });
  expect(world.sandbox.members('g')).toEqual(members);
  expect([...sent(world.sandbox)]).toEqual(['GET']);
  expect(one.pipeline.stats().isShadow).toBe(true);
  const { read, write } = one.pipeline.stats().requestTimes;
  expect([read.count > 0, write.count]).toEqual([true, 0]);
});

test.each([
  ['undo', undoCommand, ['--since', '2026-09-21T22:00:00Z', '--until', '2026-09-22T06:00:00Z', '--yes']],
  ['resync', resyncCommand, ['--all', '--yes']],
])('%s says that a shadow does not do it before it asks who does it', async (_, command, args) => {
  const context = aContext({ environment: { SHADOW: 'true' } });
  await expect(command(context).parseAsync(args, { from: 'user' })).rejects.toMatchObject({
    code: EXIT.usage,
    message: expect.stringMatching(/^a shadow changes no group, and this command writes to the source topic/),
  });
});
