/** Files that an operator names to be read: a pipe may be one, and what may have no end is refused. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { readLines } from '../../src/console/file-source.ts';
import { readText } from '../../src/console/kafka-tools.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext } from '../support/command-context.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-named-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function linesOf(path: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { bytes } of readLines(path, aContext())) lines.push(Buffer.from(bytes ?? []).toString());
  return lines;
}

test('a file of changes that is a device is refused, since it may have no end', async () => {
  await expect(linesOf('/dev/null')).rejects.toMatchObject({
    code: EXIT.usage,
    message: '/dev/null: it is a device, and no file; name a file, or - for standard input',
  });
});

test('a file of the configuration that is a device is a problem of its variable', () => {
  expect(() => readConfig({ ADMIN_TOKEN_FILE: '/dev/null' }, ['admin'], readText)).toThrow(
    'ADMIN_TOKEN_FILE names a file that cannot be read (it is a device, and no file)',
  );
});

test('a pipe is read to its end', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const [lines] = await Promise.all([linesOf(path), writeFile(path, 'one\ntwo\n')]);
  expect(lines).toEqual(['one', 'two']);
});
