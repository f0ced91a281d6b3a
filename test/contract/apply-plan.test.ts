// `rollcall plan --out` and `rollcall apply --plan` against the sandbox.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyFile, type ApplyFlags } from '../../src/commands/apply.ts';
import { planFile, type PlanFlags } from '../../src/commands/plan.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { aContext } from '../support/command-context.ts';

let sandbox: Sandbox;
let directory: string;
let path: string;

beforeEach(async () => {
  const groups = [{ id: 'g', members: ['old'], version: 7 }, { id: 'h' }, { id: 'full', members: ['a', 'b'] }];
  sandbox = await startSandbox({ users: 'any', unknownUsers: ['nobody'], seed: { groups }, limits: 'off' });
  directory = await mkdtemp(join(tmpdir(), 'rollcall-plan-'));
  path = join(directory, 'plan.ndjson');
});

afterEach(async () => {
  await sandbox.stop();
  await rm(directory, { recursive: true });
});

const event = (group: string, add: readonly string[], remove: readonly string[] = []): string =>
  JSON.stringify({ group_id: group, add_members: add, remove_members: remove });

const environment = (more: Record<string, string> = {}) => ({
  ...environmentOf(sandbox),
  LATE_APPLY_MS: '0',
  RETRY_BASE_MS: '1',
  RETRY_CAP_MS: '1',
  ...more,
});

async function plan(lines: readonly string[], more: Record<string, string> = {}, flags: PlanFlags = {}) {
  const context = aContext({ environment: environment(more), stdin: lines.join('\n') });
  const code = await planFile('-', { out: path, json: true, ...flags }, context);
  return { code, out: context.out(), err: context.err() };
}

async function apply(flags: ApplyFlags = {}, more: Record<string, string> = {}) {
  const context = aContext({ environment: environment(more) });
  const code = await applyFile(undefined, { json: true, plan: path, ...flags }, context);
  const summary = JSON.parse(context.out()) as Summary;
  const outcomes = Object.fromEntries(
    summary.operations.map(({ id, outcome, reason }) => [id, reason === null ? outcome : `${outcome} ${reason.code}`]),
  );
  const advice = summary.operations.flatMap(({ reason }) => reason?.advice ?? []);
  return { code, outcomes, advice, err: context.err() };
}

/** Of the file; tests put into it what they like. */
// oxlint-disable-next-line typescript/no-explicit-any
type Line = any;

/** The digest of what is held of a group, by its line. */
async function heldIn(line: number): Promise<string> {
  const text = (await readFile(path, 'utf8')).split('\n')[line] ?? '';
  return (JSON.parse(text) as { held: { digest: string } }).held.digest;
}

/** Each PATCH that the target gets from now on. */
const patchCount = (): number =>
  Object.values(sandbox.stats.requests['PATCH'] ?? {}).reduce((sum, count) => sum + count, 0);

const MEMBERS = Array.from({ length: 120 }, (_, i) => `m${i}`);

describe('apply --plan', () => {
  test('sends what was planned; the file is for its owner alone and holds no secret', async () => {
    const lines = ['', event('g', ['a', 'b'], ['old']), event('g', [], ['b']), event('h', MEMBERS)];
    expect(await plan(lines)).toMatchObject({ code: EXIT.done });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const text = await readFile(path, 'utf8');
    for (const [name, value] of Object.entries(environmentOf(sandbox)))
      if (/SECRET/.test(name)) expect(text).not.toContain(value);
    const { code, outcomes } = await apply();
    expect(code).toBe(EXIT.done);
    expect(outcomes).toMatchObject({ 'apply/0/1/a': 'applied', 'apply/0/1/old': 'applied', 'apply/0/3/m7': 'applied' });
    expect(sandbox.members('g')).toEqual(['a']);
    expect(sandbox.members('h')).toHaveLength(120);
    expect(patchCount()).toBe(4);
  });

  test('refuses a group that has moved as a whole, and sends the others', async () => {
    await plan([event('g', ['a'], ['old']), event('h', ['a'])]);
    sandbox.putGroup({ id: 'g', members: ['old', 'new'], version: 8 });
    const { code, outcomes, err } = await apply();
    expect(code).toBe(EXIT.someFailed);
    expect(outcomes).toEqual({
      'apply/0/0/a': 'failed version_moved',
      'apply/0/0/old': 'failed version_moved',
      'apply/0/1/a': 'applied',
    });
    expect(err).toContain(
      '1 group moved since the plan was made, and nothing more of them was sent; plan again:\n  g\n',
    );
    expect(sandbox.members('g')).toEqual(['old', 'new']);
  });

  test('also where it is so already by now, or was not there', async () => {
    await plan([event('g', ['old']), event('later', ['a'])]);
    sandbox.putGroup({ id: 'g', members: ['old'], version: 8 });
    sandbox.putGroup({ id: 'later' });
    const { code, outcomes, advice } = await apply();
    expect(code).toBe(EXIT.someFailed);
    expect(outcomes).toEqual({ 'apply/0/0/old': 'failed version_moved', 'apply/0/1/a': 'failed version_moved' });
    // The remedy is said once.
    expect(new Set(advice)).toEqual(new Set(['Make a new plan with `plan --out`, and apply that.']));
    expect(patchCount()).toBe(0);
  });

  test('stops in the middle of a group where its version moves there', async () => {
    await plan([event('h', MEMBERS)]);
    const second = sandbox.pauseAt(({ method }) => method === 'PATCH' && patchCount() >= 1);
    const applying = apply();
    await second.arrived;
    sandbox.putGroup({ id: 'h', members: ['other'], version: 9 });
    second.release();
    const { code, outcomes } = await applying;
    expect(code).toBe(EXIT.someFailed);
    expect(Object.values(outcomes).filter((each) => each === 'failed version_moved').length).toBeGreaterThanOrEqual(70);
    expect(sandbox.members('h')).toEqual(['other']);
  });

  test('knows its own request whose answer was lost', async () => {
    await plan([event('h', MEMBERS)]);
    sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault: { kind: 'resetAfterApply' } });
    const { code, outcomes } = await apply();
    expect(new Set(Object.values(outcomes))).toEqual(new Set(['recovered', 'applied']));
    expect(code).toBe(EXIT.done);
    expect(sandbox.members('h')).toHaveLength(120);
  });

  test('sends no halves of a request that is refused', async () => {
    await plan([event('h', ['a', 'nobody']), event('g', ['a'])]);
    const { code, outcomes } = await apply();
    expect(code).toBe(EXIT.someFailed);
    expect(outcomes).toEqual({
      'apply/0/0/a': 'failed not_planned',
      'apply/0/0/nobody': 'failed not_planned',
      'apply/0/1/a': 'applied',
    });
    expect(sandbox.members('h')).toEqual([]);
  });

  test('holds what the plan held, and lets an approved set pass', async () => {
    const guard = { GUARD_GROUP_FLOOR: '1' };
    await plan([event('full', ['c'], ['a', 'b'])], guard);
    const digest = await heldIn(1);
    // The limits are those of the plan.
    expect(await apply()).toMatchObject({
      code: EXIT.someFailed,
      outcomes: { 'apply/0/0/a#held': 'held group_percent' },
    });
    expect(sandbox.members('full')).toEqual(['a', 'b', 'c']);
    await rm(path);
    await plan([event('full', ['c'], ['a', 'b'])], guard);
    const { code } = await apply({ approve: [digest] });
    expect(code).toBe(EXIT.done);
    expect(sandbox.members('full')).toEqual(['c']);
  });

  test('sends what the plan held only by its own approval, also where the guard would let it pass by now', async () => {
    const guard = { GUARD_WINDOW_COUNT: '1' };
    sandbox.putGroup({ id: 'full', members: ['a', 'b'], version: 3 });
    await plan([event('g', [], ['old']), event('full', [], ['a'])], guard);
    const held = await heldIn(2);
    // Nothing of it is removed, so that there is room for the other group.
    sandbox.putGroup({ id: 'g', members: ['old', 'new'], version: 8 });
    expect(await apply()).toMatchObject({
      code: EXIT.someFailed,
      outcomes: { 'apply/0/0/old': 'failed version_moved', 'apply/0/1/a': 'failed not_planned' },
    });
    expect(patchCount()).toBe(0);
    expect(await apply({ approve: [held.slice(0, 12).toUpperCase()] })).toMatchObject({
      outcomes: { 'apply/0/1/a': 'applied' },
    });
    expect(sandbox.members('full')).toEqual(['b']);
  });

  test('has the names of the plan: no id is looked up again', async () => {
    const table = join(directory, 'ids.csv');
    await writeFile(table, 'type,source_id,genesys_id,active\ngroup,Sales,h,true\nuser,ada,u-1,true\n');
    const ids = { ID_MAP: `file:${table}` };
    await plan([event('Sales', ['ada'])], ids);
    await rm(table);
    expect(await apply({}, ids)).toMatchObject({ code: EXIT.done, outcomes: { 'apply/0/0/ada': 'applied' } });
    expect(sandbox.members('h')).toEqual(['u-1']);
  });

  test('lets pass what `plan` has named a digest of', async () => {
    const { out, err } = await plan([event('full', [], ['a', 'b'])], { GUARD_GROUP_FLOOR: '1' });
    expect(out).not.toContain('--approve');
    const [, digest = ''] = /^ {2}--approve ([0-9a-f]{12}) {2}group full$/m.exec(err) ?? [];
    expect(await apply({ approve: [digest] })).toMatchObject({ code: EXIT.done });
    expect(sandbox.members('full')).toEqual([]);
  });

  test('names remedies that work with a plan', async () => {
    await plan([event('full', [], ['a', 'b'])], { GUARD_GROUP_FLOOR: '1' });
    const { advice, err } = await apply();
    const [first] = advice;
    expect(first).toBe(
      'Make a new plan with `plan --out`, and run `apply --plan` on it with --approve and the digest that `plan` prints.',
    );
    expect(err).toContain('make a new plan with `plan --out`, then run `apply --plan` on it with\n  --approve ');
  });

  test('exits as `apply` does where records of the file are no changes', async () => {
    expect(await plan([event('g', ['a']), '{'])).toMatchObject({ code: EXIT.someFailed });
    const { code, err } = await apply();
    expect(code).toBe(EXIT.someFailed);
    expect(err).toContain('1 record of the planned file is no valid change, and not in the plan');
    expect(sandbox.members('g')).toContain('a');
  });

  test('of a guard that was made stricter since, holds what that holds', async () => {
    await plan([event('full', [], ['a', 'b'])]);
    expect(await apply({}, { GUARD_GROUP_FLOOR: '1' })).toMatchObject({
      outcomes: { 'apply/0/0/a#held': expect.any(String) },
    });
    expect(patchCount()).toBe(0);
  });

  test('a plan that comes from standard input can be stopped while it is read', async () => {
    const stdin = new PassThrough();
    const context = { ...aContext({ environment: environment() }), stdin };
    const applying = applyFile(undefined, { plan: '-' }, context);
    context.ask();
    await expect(applying).rejects.toMatchObject({ code: EXIT.someFailed, message: 'stopped' });
    stdin.end();
  });

  test('replaces no file', async () => {
    await writeFile(path, 'mine');
    await expect(plan([event('g', ['a'])])).rejects.toMatchObject({
      code: EXIT.usage,
      message: expect.stringContaining('exists already'),
    });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  test.each<[string, (header: Line, g: Line, h: Line) => void, string]>([
    ['the path of another group', (_, g) => (g.requests[0].path = '/api/v2/scim/v2/groups/h'), 'names another group'],
    ['another version', (_, g) => (g.requests[0].if_match = '"9"'), 'another version'],
    ['the target of another line', (_, g, h) => (h.target = g.target), 'two groups have the target g'],
    ['another method', (_, g) => (g.requests[0].method = 'PUT'), 'damaged'],
    ['no target', (_, g) => (g.target = null), 'no target'],
    ['a target that is no id', (_, g) => (g.target = '\uD800'), 'damaged'],
    ['the path of the API', (header) => (header.target += '/gateway'), 'it was made for'],
    ['another client', (header) => (header.client_id = 'other'), 'it was made for'],
  ])('refuses a file whose hash is right, and that says %s', async (_, edit, why) => {
    await plan([event('g', ['a']), event('h', ['a'])]);
    const [header, g, h] = (await readFile(path, 'utf8'))
      .split('\n')
      .slice(0, 3)
      .map((line): Line => JSON.parse(line));
    edit(header, g, h);
    const text = [header, g, h].map((line) => `${JSON.stringify(line)}\n`).join('');
    const last = { groups: 2, requests: 2, sha256: createHash('sha256').update(text).digest('hex') };
    await writeFile(path, `${text}${JSON.stringify(last)}\n`);
    await expect(apply()).rejects.toMatchObject({ code: EXIT.usage, message: expect.stringContaining(why) });
    expect(patchCount()).toBe(0);
  });

  test.each([
    ['a member', (text: string) => text.replace('"value":"a"', '"value":"z"'), 'it is damaged, or cut'],
    ['its end', (text: string) => text.slice(0, -40), 'last line is missing'],
    ['a group', (text: string) => text.split('\n').toSpliced(1, 1).join('\n'), 'it is damaged, or cut'],
    ['everything', () => 'hello', 'last line is missing'],
  ])('refuses a file without sending, of which %s was changed', async (_, edit, why) => {
    await plan([event('g', ['a']), event('h', ['a'])]);
    await writeFile(path, edit(await readFile(path, 'utf8')));
    await expect(apply()).rejects.toMatchObject({ code: EXIT.usage, message: expect.stringContaining(why) });
    expect(patchCount()).toBe(0);
  });

  test('refuses a plan of another target, and a file beside it', async () => {
    await plan([event('g', ['a'])]);
    await expect(apply({}, { GENESYS_DOMAIN: 'mypurecloud.de' })).rejects.toMatchObject({
      code: EXIT.usage,
      message: expect.stringContaining('it was made for'),
    });
    const context = aContext({ environment: environment() });
    await expect(applyFile('-', { plan: path }, context)).rejects.toMatchObject({ code: EXIT.usage });
    await expect(applyFile(undefined, {}, context)).rejects.toMatchObject({ code: EXIT.usage });
  });
});
