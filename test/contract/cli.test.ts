// The program as a process: what only a process has. Starting one is slow, so that everything else is tested in process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/exit-codes.ts';
import { program } from '../support/program.ts';

function start(args: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [...program, ...args], {
    // Nothing of the environment may configure what is tested.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, out, err }));
  return { child, ended };
}

const rollcall = (...args: readonly string[]) => start(args).ended;

test('--help teaches: commands, examples and exit codes', async () => {
  const { code, out } = await rollcall('--help');
  expect(code).toBe(EXIT.done);
  for (const name of ['run', 'demo', 'apply', 'plan', 'report', 'replay', 'topics', 'doctor', 'sandbox']) {
    expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
  }
  expect(out).toContain('$ rollcall demo');
  expect(out).toContain('78  configuration');
});

test.each([
  [['demo', '--help'], 'demo [options]', '--kafka'],
  [['--allow-insecure', 'help', 'sandbox'], 'sandbox [options]', '--any-user'],
])('%j explains a command of the lab', async (args, usage, option) => {
  const { code, out } = await rollcall(...args);
  expect(code).toBe(EXIT.done);
  expect(out).toContain(`Usage: rollcall ${usage}\n`);
  expect(out).toContain(option);
});

test.each([[['run', '--help']], [['help', 'held']], [['held', 'approve', '--help']]])(
  '%j explains the options of all commands, too',
  async (args) => {
    const { code, out } = await rollcall(...args);
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(/^ {2}--shadow +work with the shadow/m);
    expect(out).toMatch(/^ {2}--allow-insecure +plain http/m);
  },
);

test.each([
  [['bogus'], "unknown command 'bogus'"],
  [['topics', 'bogus'], "unknown command 'bogus'"],
  [['apply'], 'name a file of changes, or a plan with --plan'],
  [['plan'], 'say what is planned'],
  [['replay', 'now', '--bogus'], "unknown option '--bogus'"],
  [['diff', '--group', ''], "option '--group <id>' argument '' is invalid. Give a value: it is empty"],
  [['undo', '--since', '2026-02-30'], "option '--since <time>' argument '2026-02-30' is invalid. Give a time"],
  [['held', 'approve', '--cause', ' '], "option '--cause <cause>' argument ' ' is invalid. Give a value: it is empty"],
])('command line: %j is a usage error', async (args, message) => {
  const { code, out, err } = await rollcall(...args);
  expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
  expect(err).toContain(message);
});

test('configuration: all problems are reported together, each with an example', async () => {
  const { code, err } = await start(['run'], { LINGER_MS: 'soon' }).ended;
  expect(code).toBe(EXIT.configuration);
  for (const name of ['KAFKA_BROKERS', 'GENESYS_CLIENT_ID', 'GENESYS_CLIENT_SECRET', 'LINGER_MS']) {
    expect(err).toMatch(new RegExp(`^${name} .*example: ${name}=`, 'm'));
  }
});

test('command line: no error repeats a secret', async () => {
  const target = { GENESYS_CLIENT_ID: 'id', GENESYS_CLIENT_SECRET: 'hunter2-is-secret' };
  const { code, err } = await start(['apply', '/nowhere/hunter2-is-secret.ndjson'], target).ended;
  expect(code).toBe(EXIT.usage);
  expect(err).toContain('/nowhere/[redacted].ndjson: cannot be read');
});

test.each([
  [['apply', '/nowhere/\u001b[2K\u202e.ndjson'], String.raw`/nowhere/\u{1b}[2K\u{202e}.ndjson`],
  [['bogus\u009b31m'], String.raw`bogus\u{9b}31m`],
])('command line: no error holds what a terminal would obey: %j', async (args, shown) => {
  const target = { GENESYS_CLIENT_ID: 'id', GENESYS_CLIENT_SECRET: 'hunter2-is-secret' };
  const { code, err } = await start(args, target).ended;
  expect(code).toBe(EXIT.usage);
  expect(err).toContain(shown);
  expect(err).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
});

test('command line: sandbox prints the environment that points at it, and SIGTERM ends it well', async () => {
  const { child, ended } = start(['sandbox', '--client-secret', 's3cret']);
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  const { code, out } = await ended;
  expect(code).toBe(EXIT.done);
  expect(out).toMatch(/^GENESYS_API_URL=http:\/\/127\.0\.0\.1:\d+$/m);
  expect(out).toContain('GENESYS_CLIENT_SECRET=s3cret\n');
});

test('command line: a seed that makes no sense is a configuration error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-seed-'));
  const file = join(folder, 'seed.json');
  await writeFile(file, '{"groups":[{"id":"g","members":["stranger"]}]}');
  const { code, err } = await rollcall('sandbox', '--seed', file);
  await rm(folder, { recursive: true });
  expect(code).toBe(EXIT.configuration);
  expect(err).toContain('stranger');
});

test('command line: run waits for brokers that cannot be reached; a signal ends it with 0', async () => {
  const { child, ended } = start(['run'], unreachable);
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  expect((await ended).code).toBe(EXIT.done);
});

test('command line: a second signal ends it at once with 1', async () => {
  const { child, ended } = start(['run'], unreachable);
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  child.kill('SIGINT');
  expect((await ended).code).toBe(EXIT.someFailed);
});

describe('a signal ends at once', () => {
  /** Started up as far as the command line can be read: then it waits for what never comes. */
  async function stoppedBy(signal: NodeJS.Signals, args: readonly string[], environment: Record<string, string>) {
    const child = spawn(process.execPath, [...program, ...args], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment, LOG_LEVEL: 'debug' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = once(child, 'close');
    const reading = once(child.stdout, 'data');
    if (args.includes('-')) {
      // Its answer to a line shows that it reads; there is no end of the input.
      child.stdin.write(args[0] === 'decode' ? '{"value":{}}\n' : '{\n');
      await (args[0] === 'decode' ? reading : once(child.stderr, 'data'));
    } else await once(child.stderr, 'data');
    const at = performance.now();
    child.kill(signal);
    const [code] = (await ended) as unknown[];
    return { code, err, tookMs: performance.now() - at };
  }

  test.each([
    ['SIGINT', ['decode', '-']],
    ['SIGINT', ['plan', '-']],
    ['SIGTERM', ['report']],
    ['SIGINT', ['held', 'approve', '--all', '--yes', '--author', 'jane']],
  ] as const)('%s %j', { timeout: 60_000 }, async (signal, args) => {
    const { code, err, tookMs } = await stoppedBy(signal, args, unreachable);
    expect(err).toContain('rollcall: stopped');
    expect(code).toBe(EXIT.someFailed);
    // Ten tries to reach a broker take longer by far.
    expect(tookMs).toBeLessThan(5_000);
  });
});

/** No process listens on port 1. */
const unreachable = {
  KAFKA_BROKERS: '127.0.0.1:1',
  GENESYS_API_URL: 'http://127.0.0.1:1',
  GENESYS_LOGIN_URL: 'http://127.0.0.1:1',
  GENESYS_CLIENT_ID: 'id',
  GENESYS_CLIENT_SECRET: 'secret',
  ADMIN_PORT: '0',
};

test('command line: a reader that has seen enough is no error', async () => {
  const { child, ended } = start(['--help']);
  child.stdout.destroy();
  expect(await ended).toMatchObject({ code: EXIT.done, err: '' });
});

test.runIf(existsSync('/dev/full'))('command line: a full disk behind standard output ends it with 69', async () => {
  const full = openSync('/dev/full', 'w');
  try {
    const child = spawn(process.execPath, [...program, '--help'], { stdio: ['ignore', full, 'pipe'] });
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as unknown[];
    expect({ code, err }).toEqual({
      code: EXIT.unavailable,
      err: 'rollcall: standard output cannot be written: ENOSPC: no space left on device, write\n',
    });
  } finally {
    closeSync(full);
  }
});
