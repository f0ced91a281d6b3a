/** The built program as the image for production has it: without the lab, which no other command needs. */
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../src/exit-codes.ts';
import { buildProgram } from '../support/built-program.ts';

const execute = promisify(execFile);
let folder = '';

beforeAll(async () => {
  folder = await buildProgram();
  await rm(join(folder, 'dist/lab'), { recursive: true });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function rollcall(...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const ended = execute(process.execPath, [join(folder, 'dist/cli.js'), ...args], { env });
  ended.child.stdin?.end('{"key":"g","value":{"group_id":"g","add_members":["u"],"remove_members":[]}}\n');
  return await ended.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

test('--help lists all commands', async () => {
  const { code, out } = await rollcall('--help');
  expect(code).toBe(EXIT.done);
  expect(out).toMatch(/^ {2}demo \[options\] {2,}everything on this machine/m);
  expect(out).toMatch(/^ {2}sandbox \[options\] {2,}an emulator of Genesys Cloud/m);
});

test('every other command is there', async () => {
  const names = (await readdir(join(folder, 'dist/commands'))).flatMap(
    (file) => /^([a-z]+)\.js$/.exec(file)?.[1] ?? [],
  );
  expect(names).toEqual(expect.arrayContaining(['run', 'doctor', 'ingest']));
  for (const name of names) {
    const { code, out, err } = await rollcall(name, '--help');
    expect({ code, err }).toEqual({ code: EXIT.done, err: '' });
    expect(out).toContain(`Usage: rollcall ${name} `);
  }
});

test.each([['run'], ['ingest', 'webhook'], ['topics', 'check'], ['plan', '-']])(
  '%s names what is missing of its configuration',
  async (...args) => {
    const { code, err } = await rollcall(...args);
    expect(code).toBe(EXIT.configuration);
    expect(err).toContain('the configuration is not usable');
  },
);

test('doctor and decode do their work', async () => {
  const examined = await rollcall('doctor');
  expect(examined.code).toBe(EXIT.configuration);
  expect(examined.out).toContain('GENESYS_CLIENT_ID');
  const decoded = await rollcall('decode', '-');
  expect(decoded).toMatchObject({ code: EXIT.done, err: '' });
});

test.each([
  [['demo']],
  [['demo', '--seed', '7']],
  [['demo', '--help']],
  [['--allow-insecure', 'help', 'demo']],
  [['sandbox']],
  [['sandbox', '--any-user', '--port', '1']],
])('%j is a usage error that says where to find it', async (args) => {
  const { code, out, err } = await rollcall(...args);
  expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
  const name = args.includes('demo') ? 'demo' : 'sandbox';
  const remedy = `use the image target "lab", or the npm package (npx rollcall ${name})`;
  expect(err).toBe(`rollcall: ${name} is not part of this image: ${remedy}\n`);
});
