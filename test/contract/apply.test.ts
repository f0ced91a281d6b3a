// `rollcall apply` against the sandbox.
import { existsSync } from 'node:fs';
import { readFile, mkdtemp, rm, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system.ts';
import { applyCommand, applyFile, type ApplyFlags } from '../../src/commands/apply.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { Clock } from '../../src/ports.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { aContext, type TestContext } from '../support/command-context.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  const groups = [{ id: 'g', members: ['old'] }, { id: 'h' }];
  sandbox = await startSandbox({ users: 'any', unknownUsers: ['nobody'], seed: { groups }, limits: 'off' });
});

afterEach(() => sandbox.stop());

const event = (group: string, add: readonly string[], remove: readonly string[] = []): string =>
  JSON.stringify({ group_id: group, add_members: add, remove_members: remove });

interface Given {
  readonly environment?: Record<string, string>;
  readonly clock?: Clock;
}

function aContextFor(lines: readonly string[], { environment = {}, clock = systemClock }: Given = {}): TestContext {
  return aContext({
    environment: { ...environmentOf(sandbox), USER: 'jane', ...environment },
    stdin: lines.join('\n'),
    clock,
  });
}

async function apply(lines: readonly string[], given: Given = {}, flags: ApplyFlags = {}) {
  const context = aContextFor(lines, given);
  const code = await applyFile('-', { json: true, ...flags }, context);
  return { code, summary: JSON.parse(context.out()) as Summary, err: context.err() };
}

const oktaEvent = (group: string, user: string) => ({
  eventType: 'group.user_membership.add',
  outcome: { result: 'SUCCESS' },
  target: [
    { id: user, type: 'User' },
    { id: group, type: 'UserGroup' },
  ],
});

/** As the command line gives them. */
const run = (command: Command, parameters: readonly string[]): Promise<Command> =>
  command.parseAsync([...parameters], { from: 'user' });

const outcomes = ({ operations }: Summary): Record<string, string> =>
  Object.fromEntries(operations.map(({ id, outcome }) => [id, outcome]));

describe('apply', () => {
  test('lands the changes; ids count every line from 0, blank ones too', async () => {
    const { code, summary } = await apply([event('g', ['a', 'b']), '', ' \r', event('g', [], ['old', 'b'])]);
    expect(code).toBe(EXIT.done);
    expect(sandbox.members('g')).toEqual(['a']);
    expect(Object.keys(outcomes(summary)).toSorted()).toEqual([
      'apply/0/0/a',
      'apply/0/0/b',
      'apply/0/3/b',
      'apply/0/3/old',
    ]);
    expect(summary).toMatchObject({ total_operations: 4, success_count: 4, failure_count: 0 });
  });

  test('reports lines that are not valid, and the rest lands', async () => {
    const { code, summary } = await apply(['{', event('g', ['a']), '{"group_id":""}', event('h', ['a'])]);
    expect(code).toBe(EXIT.someFailed);
    expect(outcomes(summary)).toEqual({
      'apply/0/0': 'invalid',
      'apply/0/1/a': 'applied',
      'apply/0/2': 'invalid',
      'apply/0/3/a': 'applied',
    });
  });

  test('gives up unknown users and missing groups at the first failure', async () => {
    const { code, summary } = await apply([event('g', ['a', 'nobody']), event('nowhere', ['a'])]);
    expect(code).toBe(EXIT.someFailed);
    expect(outcomes(summary)).toEqual({
      'apply/0/0/a': 'applied',
      'apply/0/0/nobody': 'permanent_failure',
      'apply/0/1/a': 'permanent_failure',
    });
  });

  test.each([
    { status: 410, outcome: 'failed' },
    { status: 413, outcome: 'failed' },
    { status: 409, outcome: 'permanent_failure' },
  ])('gives a group up that is refused with $status whenever it is read', async ({ status, outcome }) => {
    sandbox.addRule({ match: { method: 'GET' }, fault: { kind: 'status', status } });
    const { code, summary } = await apply([event('g', ['a', 'b'])], {
      environment: { RETRY_BASE_MS: '1', RETRY_CAP_MS: '1' },
    });
    expect(code).toBe(EXIT.someFailed);
    expect(outcomes(summary)).toEqual({ 'apply/0/0/a': outcome, 'apply/0/0/b': outcome });
    expect(sandbox.members('g')).toEqual(['old']);
  });

  test('tries again what may pass', async () => {
    sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault: { kind: 'status', status: 503 } });
    const { code, summary } = await apply([event('g', ['a'])], {
      environment: { RETRY_BASE_MS: '10', LATE_APPLY_MS: '0' },
    });
    expect(code).toBe(EXIT.done);
    expect(outcomes(summary)).toEqual({ 'apply/0/0/a': 'recovered' });
  });

  test('reads a full state beside any SOURCE_FORMAT with --format native', async () => {
    const environment = { SOURCE_FORMAT: 'debezium', GUARD_GROUP_PERCENT: '100' };
    const state = JSON.stringify({ group_id: 'g', members: ['b'], complete: true });
    expect((await apply([state], { environment })).code).toBe(EXIT.someFailed);
    const context = aContextFor([state], { environment });
    await run(applyCommand(context), ['-', '--json', '--format', 'native']);
    expect([context.exitCode(), sandbox.members('g')]).toEqual([EXIT.done, ['b']]);
  });

  test.each(['okta', 'debezium', 'auto'])(
    'takes --format %s before a SOURCE_FORMAT that needs more',
    async (format) => {
      const lines = {
        okta: oktaEvent('g', 'c'),
        debezium: { op: 'c', before: null, after: { group_id: 'g', user_id: 'c' }, source: {} },
        auto: oktaEvent('g', 'c'),
      };
      const context = aContextFor([JSON.stringify(lines[format as keyof typeof lines])], {
        environment: { SOURCE_FORMAT: 'mapping' },
      });
      await run(applyCommand(context), ['-', '--format', format]);
      expect([context.exitCode(), sandbox.members('g')]).toEqual([EXIT.done, ['old', 'c']]);
    },
  );

  test('knows the names of SOURCE_FORMAT alone', async () => {
    const command = applyCommand(aContextFor([]))
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    await expect(run(command, ['-', '--format', 'csv'])).rejects.toThrow(/Allowed choices are native, debezium/);
  });

  test('an empty file is done at once', async () => {
    const { code, summary } = await apply(['', '']);
    expect(code).toBe(EXIT.done);
    expect(summary.total_operations).toBe(0);
  });

  test('ends with 78 where the client is refused, and lists what is left', async () => {
    sandbox.refuseClient();
    const { code, summary, err } = await apply([event('g', ['a'])]);
    expect(code).toBe(EXIT.configuration);
    expect(outcomes(summary)).toEqual({ 'apply/0/0/a#0': 'retry_scheduled' });
    expect(summary).toMatchObject({ total_operations: 1, success_count: 0, failure_count: 0 });
    expect(err).toContain('the target cannot be used');
  });

  test('ends with 69 where the target has been down for 60 s', async () => {
    sandbox.addRule({ match: {}, fault: { kind: 'status', status: 503 } });
    const given = { environment: { RETRY_BASE_MS: '1', RETRY_CAP_MS: '1', BREAKER_FAILURES: '1' }, clock: hurried() };
    const { code, summary, err } = await apply([event('g', ['a']), event('h', ['b'])], given);
    expect(code).toBe(EXIT.unavailable);
    expect(new Set(Object.values(outcomes(summary)))).toEqual(new Set(['retry_scheduled']));
    expect(summary.total_operations).toBe(2);
    expect(err).toContain('down for 60 s');
  });

  describe('what the guard holds', () => {
    const people = Array.from({ length: 12 }, (_, i) => `m${i}`);
    const lines = [
      JSON.stringify({ group_id: 'gone', members: [], complete: true, deleted: true }),
      JSON.stringify({ group_id: 'empty', members: [], complete: true }),
      event('shrunk', [], people.slice(0, 5)),
      event('h', ['a']),
    ];

    beforeEach(async () => {
      await sandbox.stop();
      const groups = ['gone', 'empty', 'shrunk'].map((id) => ({ id, members: people }));
      sandbox = await startSandbox({ users: 'any', seed: { groups: [...groups, { id: 'h' }] }, limits: 'off' });
    });

    const digestsIn = (text: string): string[] =>
      [...text.matchAll(/^ {2}(?:--approve [0-9a-f]+ ?)+$/gm)].flatMap(([line]) =>
        [...line.matchAll(/--approve (\S+)/g)].map(([, digest]) => digest ?? ''),
      );

    test('is listed with what lets it pass here, and leads nowhere else', async () => {
      const context = aContextFor(lines);
      expect(await applyFile('-', {}, context)).toBe(EXIT.someFailed);
      expect(context.out()).toMatch(
        /^ {2}[0-9a-f]{12} {2}group gone {2}12 removals, of 12 members when first held \(100 %\) {2}held since /m,
      );
      expect(context.out()).toContain('group_percent: too large a share');
      expect(digestsIn(context.out())).toHaveLength(3);
      for (const nowhere of ['held show', 'held approve', 'dead-letter topic', 'replay'])
        expect(context.out()).not.toContain(nowhere);
      expect(sandbox.members('h')).toEqual(['a']);
      expect(sandbox.members('gone')).toHaveLength(12);
    });

    test('passes where the same command is run with the digests, and nothing but that', async () => {
      const first = aContextFor(lines);
      await applyFile('-', { json: true }, first);
      const [one = '', two = '', three = ''] = digestsIn(first.err());
      const second = await apply(lines, {}, { approve: [one, two] });
      expect(second.code).toBe(EXIT.someFailed);
      const sizes = ['gone', 'empty', 'shrunk'].map((group) => sandbox.members(group).length);
      expect(sizes.filter((size) => size === 12)).toHaveLength(1);
      expect(second.summary.operations.filter(({ approval }) => approval?.author === 'jane').length).toBeGreaterThan(0);
      const third = await apply(lines, {}, { approve: [three] });
      expect(third.code).toBe(EXIT.done);
      expect(['gone', 'empty', 'shrunk'].map((group) => sandbox.members(group).length)).toEqual([0, 0, 7]);
    });

    test('passes by the limits of the guard, but for what is always held', async () => {
      const { summary } = await apply(lines, { environment: { GUARD_GROUP_PERCENT: '100' } });
      expect(summary.by_outcome).toMatchObject({ held: 24, applied: 6 });
    });

    test('a digest of another set releases nothing, and says so', async () => {
      const { code, err } = await apply(lines, {}, { approve: ['0123456789ab'] });
      expect(code).toBe(EXIT.someFailed);
      expect(err).toContain('--approve 0123456789ab: nothing is held under it');
      expect(sandbox.members('gone')).toHaveLength(12);
      await expect(apply(lines, {}, { approve: ['yes'] })).rejects.toMatchObject({ code: EXIT.usage });
    });
  });

  test('advice names what works here', async () => {
    const context = aContextFor(['{', event('g', ['nobody']), event('nowhere', ['a'])]);
    await applyFile('-', {}, context);
    expect(context.out()).toContain('Correct the line of the file and apply it again');
    expect(context.out().match(/then apply the file again\./g)).toHaveLength(2);
    for (const nowhere of ['dead-letter topic', 'replay', 'by itself']) expect(context.out()).not.toContain(nowhere);
  });

  test('ends at once, with nothing sent, where it is stopped while it reads', async () => {
    const host = { ...aContextFor([]), stdin: new PassThrough() };
    const applying = applyFile('-', {}, host);
    host.stdin.write(`${event('g', ['a'])}\n`);
    host.ask();
    await expect(applying).rejects.toMatchObject({ code: EXIT.someFailed, message: 'stopped' });
    expect(sandbox.stats.requests).toEqual({});
  });

  test('stops between two requests when it is asked to, and lists what is left', async () => {
    sandbox.addRule({ match: {}, fault: { kind: 'latency', latencyMs: 50 } });
    const context = aContextFor([event('g', ['a']), event('h', ['b'])], { environment: { CONCURRENCY: '1' } });
    const reached = sandbox.nextRequest(({ endpoint }) => endpoint === 'group', 'arrived');
    const applying = applyFile('-', { json: true }, context);
    await reached;
    context.ask();
    expect(await applying).toBe(EXIT.someFailed);
    const { operations } = JSON.parse(context.out()) as Summary;
    expect(operations).toHaveLength(2);
    expect(operations.some(({ outcome }) => outcome === 'retry_scheduled')).toBe(true);
  });
});

describe('for people', () => {
  test('the summary is text, and --report writes the JSON beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-apply-'));
    try {
      const context = aContextFor([event('g', ['nobody'])]);
      const file = join(folder, 'report.json');
      expect(await applyFile('-', { report: file }, context)).toBe(EXIT.someFailed);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(context.out()).toContain('1 changes: 0 done, 1 failed');
      expect(context.out()).toContain('add nobody in group g (apply/0/0/nobody): ');
      expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ failure_count: 1 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test('a --report that cannot be written is refused before the first request', async () => {
  const report = join(tmpdir(), 'rollcall-is-not-there', 'report.json');
  await expect(applyFile('-', { report }, aContextFor([event('g', ['a'])]))).rejects.toMatchObject({
    code: EXIT.usage,
    message: expect.stringContaining(`${report}: the report cannot be written: ENOENT`),
  });
  expect(sandbox.stats.requests).toEqual({});
});

describe.runIf(existsSync('/dev/full'))('where --report can no longer be written', () => {
  const report = '/dev/full';
  const message = `${report}: the report cannot be written: ENOSPC`;

  test('what was done is printed all the same', async () => {
    const context = aContextFor([event('g', ['a'])]);
    await expect(applyFile('-', { report }, context)).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: expect.stringContaining(message),
    });
    expect(sandbox.members('g')).toContain('a');
    expect(context.out()).toContain('1 changes: 1 done');
  });

  test('it says why the target could not be used, and ends with the code of that', async () => {
    sandbox.refuseClient();
    const { code, err } = await apply([event('g', ['a'])], {}, { report });
    expect(code).toBe(EXIT.configuration);
    expect(err).toContain('rollcall: the target cannot be used: ');
    expect(err).toContain(`rollcall: ${message}`);
  });
});

/** A minute of this clock passes in 60 ms; its timers fire as early. */
function hurried(): Clock {
  const started = systemClock.now();
  const sped = (from: number, to: number): number => from + (to - from) * 1000;
  return {
    now: () => {
      const { wall, monotonic } = systemClock.now();
      return { wall: sped(started.wall, wall), monotonic: sped(started.monotonic, monotonic) };
    },
    schedule: (delayMs, task) => systemClock.schedule(delayMs / 1000, task),
  };
}
