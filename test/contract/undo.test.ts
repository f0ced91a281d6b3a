/** `rollcall undo` over the memory log and the sandbox: what it takes back, what it leaves, and when it refuses. */
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system.ts';
import { diffGroups } from '../../src/commands/diff.ts';
import { scopeOf, undoChanges, writingOf, type UndoFlags } from '../../src/commands/undo.ts';
import { textOf } from '../../src/core/log/wire-intent.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { actorsIn } from '../../src/formats/actor.ts';
import type { Clock, IdMap, LogTools, ReadOptions, Resolution } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';
import { askTo, heldIn, partDecision } from '../support/decisions.ts';
import { driftSources, FAST, type RepairOptions, repairSources } from '../support/drift-world.ts';
import { Table } from '../support/table.ts';
import { aWorld, quickOptions, topics, until, type Instance, type World } from '../support/world.ts';

/** Epoch ms: from its beginning, and before its end. */
interface Night {
  readonly since: number;
  readonly until: number;
}

interface Asked extends RepairOptions {
  readonly flags?: Partial<UndoFlags>;
  /** Called with each line of the output; the function asks the command to stop. */
  readonly onOutput?: (text: string, stop: () => void) => void;
  readonly clock?: Clock;
}

const clockAhead = (ms: number): Clock => ({
  ...systemClock,
  now: () => ({ wall: systemClock.now().wall + ms, monotonic: systemClock.now().monotonic }),
});

async function undo(world: World, night: Night, { flags: more = {}, ...options }: Asked = {}) {
  const context = aContext({ environment: { USER: 'jane' }, ...(options.clock && { clock: options.clock }) });
  context.stdout.on('data', (chunk) => options.onOutput?.(String(chunk), context.ask));
  const all = repairSources(world, context, options);
  const flags = { ...night, rate: FAST, reason: 'INC-10', ...more };
  const asked = { flags, scope: scopeOf(flags, context), writing: writingOf(flags, context) };
  const code = await undoChanges(asked, all, context).catch((error: unknown) => String(error));
  const lines = context
    .out()
    .split('\n')
    .filter((line) => line !== '');
  return { code, lines, out: context.out(), err: context.err() };
}

const undone = (world: World, night: Night, { flags, ...options }: Asked = {}) =>
  undo(world, night, { ...options, flags: { ...flags, yes: true } });

/** What is applied by then is before it, and what is applied later is not. */
async function now(): Promise<number> {
  const at = Date.now() + 1;
  await until(() => Date.now() >= at, 'the next millisecond');
  return at;
}

/** What it does is applied within the returned time. */
async function during(world: World, one: Instance, work: () => unknown): Promise<Night> {
  const since = await now();
  await work();
  await world.expectRest(one);
  return { since, until: await now() };
}

const event = (world: World, value: object, group = 'g'): bigint =>
  world.produce({
    topic: topics.source,
    partition: null,
    key: group,
    value: JSON.stringify({ group_id: group, ...value }),
    headers: [],
  });

const written = (world: World): readonly Record<string, unknown>[] =>
  world.records(topics.source).map(({ value }) => JSON.parse(textOf(value) ?? ''));

const members = (world: World, group = 'g'): readonly string[] => world.sandbox.members(group).toSorted();

/** Group `g` has `u`, `v` and `w`; in the night `u` and `v` are removed, and `x` is added. */
async function afterTheNight() {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['u', 'v', 'w'] });
  await world.expectRest(one);
  const night = await during(world, one, () => {
    event(world, { remove_members: ['u', 'v'], event_id: 'bulk', actor: { email: 'hr@example.com' } });
    event(world, { add_members: ['x'], event_id: 'hired', actor: { email: 'bob@example.com' } });
  });
  expect(members(world)).toEqual(['w', 'x']);
  return { world, one, night };
}

test('without --yes it shows who would come and go, and writes nothing', async () => {
  const { world, night } = await afterTheNight();
  const { code, lines } = await undo(world, night);
  expect(code).toBe(EXIT.someFailed);
  expect(lines.slice(0, 3).toSorted()).toEqual([
    expect.stringMatching(/^add {2}g {2}u {2}removed \d{4}-\S+Z, report source\/0\/1\/u$/),
    expect.stringMatching(/^add {2}g {2}v {2}removed \d{4}-\S+Z, report source\/0\/1\/v$/),
    expect.stringMatching(/^remove {2}g {2}x {2}added \d{4}-\S+Z, report source\/0\/2\/x$/),
  ]);
  expect(lines.slice(3)).toEqual([
    'undo  g  adds 2, removes 1',
    '1 group changed then, 1 to undo: adds 2, removes 1; 1 request; --yes writes it',
  ]);
  expect(written(world)).toHaveLength(3);
});

test('with --json each group is one line, with who is undone and what became of it; the totals are for people', async () => {
  const { world, night } = await afterTheNight();
  const shown = await undo(world, night, { flags: { json: true } });
  expect(shown.lines).toHaveLength(1);
  const repair = { kind: 'delta', add: expect.arrayContaining(['u', 'v']), remove: ['x'], held: 0, held_by: null };
  const line = { group: 'g', group_target: 'g', status: 'planned', left: [], repair, error: null };
  const { undone: changes, ...found } = JSON.parse(shown.out) as { readonly undone: readonly object[] };
  expect(found).toEqual({ ...line, written: null });
  const applied = { applied_at: expect.stringMatching(/Z$/), report: 'source/0/2/x' };
  expect(changes).toHaveLength(3);
  expect(changes).toContainEqual({ member: 'x', target: 'x', op: 'add', ...applied });
  expect(shown.err).toContain('1 group changed then, 1 to undo');
  const { out } = await undone(world, night, { flags: { json: true } });
  const written = { result: 'written', event_id: expect.stringMatching(/^undo\//), corrections: 0 };
  expect(JSON.parse(out)).toMatchObject({ ...line, written });
});

test('with --json a member who is left has the reason as a code', async () => {
  const { world, one, night } = await afterTheNight();
  event(world, { add_members: ['u'], event_id: 'again' });
  await world.expectRest(one);
  const { out } = await undo(world, night, { flags: { json: true } });
  const left = [{ member: 'u', op: 'remove', why: 'changed_since', newer: 'source/0/3' }];
  expect(JSON.parse(out)).toMatchObject({ left });
});

test('with --yes it is as before, by one event that says who and why; then nothing differs, and nothing is left to undo', async () => {
  const { world, one, night } = await afterTheNight();
  const { code, lines } = await undone(world, night);
  expect(code).toBe(EXIT.done);
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(/^written {2}g {2}event undo\/[0-9a-f-]{36}$/),
    '1 group changed then, 1 written: adds 2, removes 1; 1 request',
  ]);
  expect(written(world).slice(3)).toEqual([
    {
      group_id: 'g',
      add_members: expect.arrayContaining(['u', 'v']),
      remove_members: ['x'],
      event_id: expect.stringMatching(/^undo\//),
      occurred_at: expect.any(String),
      actor: { displayName: 'jane' },
      reason: 'INC-10',
    },
  ]);
  const record = world.records(topics.source).at(-1);
  expect(record?.headers.map(([name]) => name)).toEqual(['rollcall-undo']);
  expect(actorsIn(record?.value ?? null, 1)('any')).toBe('jane');
  await world.expectRest(one);
  expect(members(world)).toEqual(['u', 'v', 'w']);
  const context = aContext();
  expect(await diffGroups({ all: true, rate: FAST }, driftSources(world, context), context)).toBe(EXIT.done);
  const again = await undone(world, night);
  expect(again.code).toBe(EXIT.done);
  expect(again.lines.at(-1)).toBe('1 group changed then, 0 written; left: 3 changed_since; 1 request');
});

test('an undo can be undone', async () => {
  const { world, one, night } = await afterTheNight();
  const morning = await during(world, one, () => undone(world, night));
  expect(members(world)).toEqual(['u', 'v', 'w']);
  expect(await undone(world, morning)).toMatchObject({ code: EXIT.done });
  await world.expectRest(one);
  expect(members(world)).toEqual(['w', 'x']);
});

test('what came and went within the time is as before, also where it was over in several events', async () => {
  const world = await aWorld();
  const one = await world.start();
  const night = await during(world, one, async () => {
    for (const change of [{ add: ['u'] }, { remove: ['u'] }, { add: ['v'] }, { remove: ['v'] }, { add: ['v'] }]) {
      world.change('g', change);
      await world.expectRest(one);
    }
  });
  expect(await undone(world, night)).toMatchObject({ code: EXIT.done });
  await world.expectRest(one);
  expect(members(world)).toEqual([]);
  expect(written(world).at(-1)).toMatchObject({ add_members: [], remove_members: ['v'] });
});

test('what was applied before the time, or after it, stays', async () => {
  const world = await aWorld();
  const one = await world.start();
  world.change('g', { add: ['before'] });
  await world.expectRest(one);
  const night = await during(world, one, () => world.change('g', { add: ['then'] }));
  world.change('g', { add: ['after'] });
  await world.expectRest(one);
  expect(await undone(world, night)).toMatchObject({ code: EXIT.done });
  await world.expectRest(one);
  expect(members(world)).toEqual(['after', 'before']);
});

describe('what has changed since', () => {
  test('is left, and the newer event is named: it is applied, found so, waits, or is not read yet', async () => {
    const { world, one, night } = await afterTheNight();
    world.change('g', { add: ['u'] });
    await world.expectRest(one);
    one.kill();
    world.change('g', { remove: ['v'] });
    const { code, lines } = await undone(world, night);
    expect(code).toBe(EXIT.done);
    expect(lines).toContainEqual(
      expect.stringMatching(/^left {2}g {2}u {2}removed .*; since then an event says something .*, at source\/0\/3$/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^left {2}g {2}v {2}removed .*, at source\/0\/4$/));
    expect(lines.at(-1)).toBe('1 group changed then, 1 written: adds 0, removes 1; left: 2 changed_since; 1 request');
    expect(written(world).at(-1)).toMatchObject({ add_members: [], remove_members: ['x'] });
  });

  test('by a full state of the group: all of it is left', async () => {
    const { world, one, night } = await afterTheNight();
    world.state('g', ['w', 'x']);
    await world.expectRest(one);
    const { code, lines } = await undone(world, night);
    expect(code).toBe(EXIT.done);
    expect(lines.at(-1)).toBe('1 group changed then, 0 written; left: 3 changed_since; 1 request');
  });

  test('by an event that was given up: it can be woken', async () => {
    const { world, one, night } = await afterTheNight();
    const fault = { kind: 'status', status: 400, body: 'scim' } as const;
    const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault });
    world.change('g', { remove: ['x'] });
    await world.expectRest(one);
    world.sandbox.removeRule(rule);
    const { lines } = await undo(world, night);
    expect(lines).toContainEqual(expect.stringMatching(/^left {2}g {2}x {2}added .*, at source\/0\/3$/));
  });

  test('by others: Genesys Cloud does not show it any more', async () => {
    const { world, night } = await afterTheNight();
    world.sandbox.setMembers('g', ['u', 'w']);
    const { code, lines } = await undone(world, night);
    expect(code).toBe(EXIT.done);
    expect(lines.at(-1)).toBe('1 group changed then, 1 written: adds 1, removes 0; left: 2 not_there; 1 request');
    expect(written(world).at(-1)).toMatchObject({ add_members: ['v'], remove_members: [] });
  });

  test('by an event that cannot be read, before the changes: it says nothing newer', async () => {
    const world = await aWorld();
    const one = await world.start();
    event(world, { add_members: 'all' });
    const night = await during(world, one, () => world.change('g', { add: ['u'] }));
    expect(await undone(world, night)).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject({ remove_members: ['u'] });
  });

  test('by an event of the group that cannot be read: nothing of it is undone', async () => {
    const { world, one, night } = await afterTheNight();
    world.produce({ topic: topics.source, partition: null, key: 'g', value: '{"group_id":"g",', headers: [] });
    event(world, { add_members: 'all' });
    await world.expectRest(one);
    const { code, lines } = await undone(world, night);
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}an event of the group, .*could not be read/));
    expect(lines.at(-1)).toContain('; 1 refused; ');
  });

  test('while the plan is made: the group has moved, and nothing is written', async () => {
    const { world, night } = await afterTheNight();
    let reads = 0;
    const tools = ({ read }: LogTools): Partial<LogTools> => ({
      read: (topic, how) => {
        if (topic === topics.source && (reads += 1) === 3) world.change('g', { add: ['u'] });
        return read(topic, how);
      },
    });
    const { code, lines } = await undone(world, night, { tools });
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toContainEqual(expect.stringMatching(/^moved {2}g {2}nothing is written/));
  });
});

describe('who made the change', () => {
  test.each([
    ['hr@example.com', { add_members: expect.arrayContaining(['u', 'v']), remove_members: [] }],
    ['bob@example.com', { add_members: [], remove_members: ['x'] }],
  ])('only what %s has brought is undone', async (author, change) => {
    const { world, night } = await afterTheNight();
    expect(await undone(world, night, { flags: { author } })).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject(change);
  });

  test('where it is another, the ones that there are are named', async () => {
    const { world, night } = await afterTheNight();
    const { code, err } = await undo(world, night, { flags: { author: 'eve' } });
    expect(code).toBe(EXIT.done);
    expect(err).toMatch(/^nothing to undo: .*is not by eve: they are by hr@example.com, bob@example.com$/m);
  });

  test('an approval counts as well', async () => {
    const people = Array.from({ length: 12 }, (_, i) => `p${i}`);
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: people }] } } });
    const one = await world.start();
    const night = await during(world, one, async () => {
      world.state('g', [], { deleted: true });
      await until(() => heldIn(world).length === 12, 'it is held');
      askTo('approve', partDecision(heldIn(world)), world);
      await until(() => members(world).length === 0, 'it is applied');
    });
    // The record of the event does not say who made it.
    const byEve = await undone(world, night, { flags: { author: 'eve' } });
    expect(byEve.code).toBe(EXIT.someFailed);
    expect(byEve.lines.at(-1)).toBe('1 group changed then, 0 written; left: 12 author_unknown; 1 request');
    expect(written(world)).toHaveLength(1);
    expect(await undone(world, night, { flags: { author: 'jane' } })).toMatchObject({ code: EXIT.done });
    await world.expectRest(one);
    expect(members(world)).toEqual(people.toSorted());
  });

  test('where the record is gone that says it, the member is left', async () => {
    const { world, night } = await afterTheNight();
    world.broker.deleteRecordsBefore(topics.source, 0, 2n);
    const { code, lines } = await undone(world, night, { flags: { author: 'bob@example.com' } });
    expect(code).toBe(EXIT.someFailed);
    expect(lines.at(-1)).toBe('1 group changed then, 1 written: adds 0, removes 1; left: 2 author_unknown; 1 request');
  });
});

test('where an earlier change of the member has no known author, that one is named', async () => {
  const world = await aWorld();
  const one = await world.start();
  const night = await during(world, one, async () => {
    event(world, { add_members: ['u'] });
    await world.expectRest(one);
    event(world, { remove_members: ['u'], actor: { email: 'hr@example.com' } });
    await world.expectRest(one);
    event(world, { add_members: ['u'], actor: { email: 'hr@example.com' } });
  });
  const asked = { flags: { author: 'hr@example.com' } };
  const { code, lines } = await undo(world, night, asked);
  expect(code).toBe(EXIT.someFailed);
  expect(lines[0]).toMatch(
    /^left {2}g {2}u {2}added .*, report source\/0\/2\/u; no record says who has added the member before, at .*Z by report source\/0\/0\/u; ask without --author$/,
  );
  const { out } = await undo(world, night, { flags: { ...asked.flags, json: true } });
  const left = [{ member: 'u', report: 'source/0/2/u', why: 'author_unknown', unknown_report: 'source/0/0/u' }];
  expect(JSON.parse(out)).toMatchObject({ left });
});

test('the guard holds an undo that removes most of a group, and the plan says so', async () => {
  const world = await aWorld();
  const guard = { ...quickOptions.guard, groupPercent: 20, groupFloor: 5 };
  const one = await world.start({ pipeline: { guard } });
  world.change('g', { add: ['u'] });
  await world.expectRest(one);
  const people = Array.from({ length: 9 }, (_, i) => `p${i}`);
  const night = await during(world, one, () => world.change('g', { add: people }));
  const { code, lines } = await undone(world, night, { guard });
  expect(code).toBe(EXIT.done);
  expect(lines).toContain('undo  g  adds 0, removes 9; the guard holds 9 (group_percent)');
  expect(lines.at(-1)).toBe(
    '1 group changed then, 1 written: adds 0, removes 9, of which the guard holds 9 removals; 1 request',
  );
  await until(() => heldIn(world).length === 9, 'they are held');
  expect(members(world)).toHaveLength(10);
});

/** Written as an instance that ended before its commit leaves them. */
function report(world: World, like: ReportRecord | undefined, more: Partial<ReportRecord>): void {
  const value = JSON.stringify({ ...like, ...more });
  world.produce({ topic: topics.report, partition: null, key: 'g', value, headers: [] });
}

test('a report that is repeated once the change is found made counts as what it was', async () => {
  const { world, night } = await afterTheNight();
  const first = world.reports().find(({ id }) => id === 'source/0/1/u');
  const later = new Date(night.until + 1000).toISOString();
  report(world, first, { outcome: 'already_synced', request: null, epoch: 9, reported_at: later });
  report(world, first, { epoch: 0 });
  expect((await undo(world, night)).lines.at(-1)).toContain('1 to undo: adds 2, removes 1');
});

test('outcomes of others are no changes: found so, given up, replaced, and what only a newer version knows', async () => {
  const { world, night } = await afterTheNight();
  const like = world.reports().find(({ id }) => id === 'source/0/1/u');
  for (const outcome of ['already_synced', 'failed', 'superseded', 'drift'])
    report(world, like, { id: `source/0/0/${outcome}`, source_member: outcome, member: outcome, outcome });
  expect((await undo(world, night)).lines.at(-1)).toContain('1 to undo: adds 2, removes 1');
});

test('what was tried before it was applied is undone; where it may have been others, the member is left', async () => {
  const world = await aWorld();
  const one = await world.start();
  const night = await during(world, one, async () => {
    const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
    world.change('g', { add: ['u'] });
    await until(() => world.reports().length > 0, 'it waits');
    world.sandbox.removeRule(rule);
  });
  const like = world.reports().find(({ final }) => final);
  expect(like).toMatchObject({ outcome: 'recovered', request: { patch_id: expect.any(String) } });
  report(world, like, { id: 'source/0/0/v', source_member: 'v', member: 'v', request: null });
  world.sandbox.setMembers('g', ['u', 'v']);
  const { code, lines } = await undone(world, night);
  expect(code).toBe(EXIT.someFailed);
  expect(lines).toContainEqual(expect.stringMatching(/^left {2}g {2}v {2}added .*others may have made it so/));
  expect(written(world).at(-1)).toMatchObject({ remove_members: ['u'] });
});

describe('with an id map', () => {
  async function mapped() {
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'T', members: ['U-1'] }] } } });
    const ids = new Table().set('group', 'g', 'T').set('user', 'u', 'U-1').set('user', 'v', 'U-2');
    ids.set('user', 'u-alias', 'U-1');
    const one = await world.start({ ids });
    const night = await during(world, one, () => world.change('g', { remove: ['u'], add: ['v'] }));
    return { world, ids, one, night };
  }

  test.each(['g', 'T'])('members and the group %s are named as the source does', async (group) => {
    const { world, ids, one, night } = await mapped();
    expect(await undone(world, night, { ids, flags: { group: [group] } })).toMatchObject({ code: EXIT.done });
    expect(written(world).at(-1)).toMatchObject({ group_id: 'g', add_members: ['u'], remove_members: ['v'] });
    await world.expectRest(one);
    expect(members(world, 'T')).toEqual(['U-1']);
  });

  test('a newer event by another name of the member counts', async () => {
    const { world, ids, one, night } = await mapped();
    world.change('g', { add: ['u-alias'] });
    await world.expectRest(one);
    const { lines } = await undo(world, night, { ids });
    expect(lines).toContainEqual(expect.stringMatching(/^left {2}g {2}u \(U-1\) {2}.*, at source\/0\/1$/));
  });

  test('whose name means another one by now is left', async () => {
    const { world, ids, one, night } = await mapped();
    one.kill();
    ids.set('user', 'v', 'U-3');
    const { code, lines } = await undone(world, night, { ids });
    expect(code).toBe(EXIT.someFailed);
    expect(lines.at(-1)).toBe('1 group changed then, 1 written: adds 1, removes 0; left: 1 renamed; 1 request');
  });

  /** A process that has looked nothing up yet. @param unanswered of which the target says nothing */
  function lookingUp(table: Table, unanswered: readonly string[] = []): IdMap {
    const known = new Map<string, Resolution>();
    const answer: HttpAnswer = {
      kind: 'no_response',
      sent: true,
      code: 'timeout',
      message: 'timeout',
      sentAt: 0,
      durationMs: 1,
    };
    return {
      known: (kind, id) => known.get(`${kind}/${id}`) ?? null,
      lookUp: async (kind, id) => {
        const resolution = unanswered.includes(id) ? { kind: 'unanswered' as const, answer } : table.known(kind, id);
        known.set(`${kind}/${id}`, resolution);
        return resolution;
      },
      onChange: () => undefined,
      close: async () => undefined,
    };
  }

  test('that looks up, the names of the plan are looked up, so that no report of then decides', async () => {
    const { world, ids, one, night } = await mapped();
    one.kill();
    const before = await undo(world, night, { ids: lookingUp(ids) });
    expect(before.lines.at(-1)).toBe('1 group changed then, 1 to undo: adds 1, removes 1; 4 requests; --yes writes it');
    expect((await undo(world, night, { ids: lookingUp(ids, ['v']) })).lines.at(-1)).toContain('left: 1 renamed; ');
    ids.set('user', 'v', 'U-3');
    const { code, lines } = await undone(world, night, { ids: lookingUp(ids) });
    expect(code).toBe(EXIT.someFailed);
    expect(lines.at(-1)).toBe('1 group changed then, 1 written: adds 1, removes 0; left: 1 renamed; 4 requests');
    ids.set('group', 'g', 'T-2');
    world.sandbox.putGroup({ id: 'T-2', members: ['U-2'] });
    const other = await undo(world, night, { ids: lookingUp(ids) });
    expect(other.lines.at(-1)).toContain('0 to undo; left: 1 changed_since, 1 renamed; ');
  });

  test('a newer event by another name counts, also where that name means another one by now', async () => {
    const { world, ids, one, night } = await mapped();
    world.change('g', { add: ['u-alias'] });
    await world.expectRest(one);
    one.kill();
    ids.set('user', 'u-alias', 'U-9');
    const { lines } = await undo(world, night, { ids });
    expect(lines).toContainEqual(expect.stringMatching(/^left {2}g {2}u \(U-1\) {2}.*, at source\/0\/1$/));
  });

  test('a report that was too large to name its member: the group is refused, and the report is named', async () => {
    const { world, ids, one, night } = await mapped();
    one.kill();
    const like = world.reports().find(({ source_member: name }) => name === 'v');
    const cut = { id: 'source/0/0/x', group: null, member: null, source_group: null, source_member: null };
    report(world, like, { ...cut, request: null });
    const { code, err, lines } = await undone(world, night, { ids });
    expect(code).toBe(EXIT.someFailed);
    expect(err).toContain('warning: report source/0/0/x was too large for its topic and names no member');
    expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}report source\/0\/0\/x/));
    expect(written(world)).toHaveLength(1);
  });

  test('of a group whose name means another one by now nothing is undone', async () => {
    const { world, ids, one, night } = await mapped();
    one.kill();
    ids.set('group', 'g', 'T-2');
    world.sandbox.putGroup({ id: 'T-2', members: ['U-2'] });
    const { code, lines } = await undone(world, night, { ids });
    expect(code).toBe(EXIT.someFailed);
    expect(lines.at(-1)).toBe('1 group changed then, 0 written; left: 2 renamed; 1 request');
  });

  test('whom a full state has removed without a name of the source is left', async () => {
    const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'T', members: ['U-1', 'X'] }] } } });
    const ids = new Table().set('group', 'g', 'T').set('user', 'u', 'U-1');
    const one = await world.start({ ids });
    const night = await during(world, one, () => world.state('g', ['u']));
    expect(members(world, 'T')).toEqual(['U-1']);
    const { code, lines } = await undone(world, night, { ids });
    expect(code).toBe(EXIT.someFailed);
    expect(lines.at(-1)).toBe('1 group changed then, 0 written; left: 1 no_name; 1 request');
  });
});

test('a group that Genesys Cloud has no more has failed; others go on', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g' }, { id: 'h' }] } } });
  const one = await world.start();
  const night = await during(world, one, () => {
    world.change('g', { add: ['u'] });
    world.change('h', { add: ['u'] });
  });
  world.sandbox.deleteGroup('g');
  const { code, lines } = await undone(world, night);
  expect(code).toBe(EXIT.someFailed);
  expect(lines).toContainEqual(expect.stringMatching(/^failed {2}g {2}/));
  expect(written(world).at(-1)).toMatchObject({ group_id: 'h', remove_members: ['u'] });
});

test('a signal ends it before the next event', async () => {
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g' }, { id: 'h' }] } } });
  const one = await world.start();
  const night = await during(world, one, () => {
    world.change('g', { add: ['u'] });
    world.change('h', { add: ['u'] });
  });
  const onOutput: Asked['onOutput'] = (text, stop) => void (text.startsWith('written  g') && stop());
  const { code } = await undone(world, night, { onOutput });
  expect(code).toBe('ExitError: stopped after 2 of 2 groups, before 1 event was written: ask again for the rest');
  expect(written(world)).toHaveLength(3);
});

describe('evidence', () => {
  test('reports of the time that may be gone: it refuses, and says from when on it can', async () => {
    const { world, night } = await afterTheNight();
    const keeping =
      (ms: string, bytes: string) =>
      ({ describeTopic }: LogTools): Partial<LogTools> => ({
        describeTopic: async (topic) => {
          const description = await describeTopic(topic);
          const settings = new Map([
            ...(description?.settings ?? []),
            ['retention.ms', ms],
            ['retention.bytes', bytes],
          ]);
          return description === null ? null : { ...description, settings };
        },
      });
    world.broker.deleteRecordsBefore(topics.report, 0, 1n);
    expect((await undo(world, night, { tools: keeping('1000', '-1') })).code).toMatch(
      /undo: reports of .* may be gone from reports, .* --since from 2/,
    );
    // The settings may have been others then.
    const long = { tools: keeping('604800000', '-1') };
    expect((await undo(world, night, long)).code).toMatch(
      /may be gone from reports, .* --since from 2.*\n.*--reports-kept/,
    );
    const kept = { flags: { reportsKept: true } } as const;
    expect(await undo(world, night, { ...long, ...kept })).toMatchObject({ code: EXIT.someFailed });
    // Nothing that is said of them stands against the settings.
    expect((await undo(world, night, { tools: keeping('1000', '-1'), ...kept })).code).toMatch(
      /may be gone from reports/,
    );
    world.broker.deleteRecordsBefore(topics.report, 0, world.broker.topic(topics.report).partition(0).end);
    for (const [ms, bytes] of [
      ['1000', '-1'],
      ['604800000', '1000000'],
    ] as const)
      expect((await undo(world, night, { tools: keeping(ms, bytes), ...kept })).code).toMatch(
        /of partition 0 none is left/,
      );
    // It never says that there is nothing to undo unless the operator has said that nothing was deleted.
    expect((await undo(world, night, long)).code).toMatch(/of partition 0 none is left.*\n.*--reports-kept/);
    expect(await undo(world, night, { ...long, ...kept })).toMatchObject({ code: EXIT.done });
  });

  test.each([0, -1])('the oldest report that is left has the time %i: it does not reach back', async (timestamp) => {
    const { world, night } = await afterTheNight();
    world.broker.deleteRecordsBefore(topics.report, 0, 4n);
    const tools = ({ read }: LogTools): Partial<LogTools> => ({
      async *read(topic, how) {
        for await (const record of read(topic, how))
          yield topic === topics.report && record.offset === 4n ? { ...record, timestamp } : record;
      },
    });
    expect((await undo(world, night, { tools })).code).toMatch(/may be gone from reports, .* --since from 2/);
    world.broker.deleteRecordsBefore(topics.report, 0, 5n);
    const timeless = ({ read }: LogTools): Partial<LogTools> => ({
      async *read(topic, how) {
        for await (const record of read(topic, how)) yield topic === topics.report ? { ...record, timestamp } : record;
      },
    });
    expect((await undo(world, night, { tools: timeless })).code).toMatch(
      /may be gone from reports, .*: of partition 0 none is left whose time is known/,
    );
  });

  test('reports that cannot be read: they are named, and more may be to undo', async () => {
    const { world, night } = await afterTheNight();
    world.produce({ topic: topics.report, partition: null, key: 'other', value: '{', headers: [] });
    const { code, err, lines } = await undone(world, night);
    expect(code).toBe(EXIT.someFailed);
    expect(err).toMatch(/^warning: a record of reports, at 0\/\d+, is no report that this version reads$/m);
    expect(lines.at(-1)).toContain('1 written');
    // What is of another group does not concern this one.
    expect(await undone(world, night, { flags: { group: ['g'] } })).toMatchObject({ code: EXIT.done });
    world.produce({ topic: topics.report, partition: null, key: 'g', value: '{', headers: [] });
    expect(await undone(world, night, { flags: { group: ['g'] } })).toMatchObject({ code: EXIT.someFailed });
  });

  test('a batch of reports that cannot be unpacked: it may be of any group of the partition', async () => {
    const { world, night } = await afterTheNight();
    const tools = ({ read }: LogTools): Partial<LogTools> => ({
      async *read(topic, how) {
        for await (const record of read(topic, how)) {
          const isBroken = topic === topics.report && record.offset === 0n;
          const unreadable = { code: 'batch_unreadable', message: 'broken' } as const;
          yield isBroken ? { ...record, key: null, value: null, headers: [], unreadable } : record;
        }
      },
    });
    const { code, err, lines } = await undone(world, night, { tools });
    expect(code).toBe(EXIT.someFailed);
    expect(err).toContain('warning: reports: broken');
    expect(lines).toContainEqual(expect.stringMatching(/^refused {2}g {2}reports: broken/));
    expect(written(world)).toHaveLength(3);
  });

  test('source records that are gone after the change: its members are left', async () => {
    const { world, night } = await afterTheNight();
    world.broker.deleteRecordsBefore(topics.source, 0, 3n);
    const { code, lines } = await undone(world, night);
    expect(code).toBe(EXIT.someFailed);
    expect(lines.at(-1)).toBe('1 group changed then, 1 written: adds 0, removes 1; left: 2 source_gone; 1 request');
  });

  test('of the topics only what is needed is read', async () => {
    const { world, night } = await afterTheNight();
    const first = new Map<string, ReadOptions['from']>();
    const tools = ({ read }: LogTools): Partial<LogTools> => ({
      read: (topic, how) => {
        if (!first.has(topic)) first.set(topic, how.from);
        return read(topic, how);
      },
    });
    await undo(world, night, { tools, flags: { group: ['g'] } });
    expect(first.get(topics.report)).toEqual({ since: night.since - 600_000 });
    // Of the reports that were read the oldest is about the first event.
    expect(first.get(topics.source)).toEqual({ offsets: new Map([[0, 0n]]) });
    first.clear();
    const day = 86_400_000;
    const later = { since: night.since + day, until: night.until + day };
    const { code, err } = await undo(world, later, { tools, clock: clockAhead(2 * day) });
    expect(code).toBe(EXIT.done);
    expect(err).toContain('nothing to undo: no report says');
    expect(first.get(topics.source)).toEqual({ offsets: new Map([[0, world.committed()]]) });
  });
});

test('times in the wrong order, and a time that is not over, are refused', () => {
  const context = aContext();
  expect(() => scopeOf({ since: 2, until: 2 }, context)).toThrow('--until is to be later than --since');
  const later = context.clock.now().wall + 60_000;
  expect(() => scopeOf({ since: 2, until: later }, context)).toThrow(/--until is to be over: it is 2/);
});
