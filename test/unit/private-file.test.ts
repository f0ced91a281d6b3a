import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writePrivateFile } from '../../src/adapters/private-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-private-'));
});
afterEach(() => rm(folder, { recursive: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test('a new file is readable for its owner alone, with any umask', async () => {
  const umask = process.umask(0);
  try {
    const path = join(folder, 'new.json');
    await writePrivateFile(path, '{}');
    expect(await modeOf(path)).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe('{}');
  } finally {
    process.umask(umask);
  }
});

test.each([0o644, 0o640, 0o666])('a file of mode %i that was there is closed to others, and replaced', async (mode) => {
  const path = join(folder, 'old.json');
  await writeFile(path, 'something longer');
  await chmod(path, mode);
  await writePrivateFile(path, '{}');
  expect(await modeOf(path)).toBe(0o600);
  expect(await readFile(path, 'utf8')).toBe('{}');
});

test('a file that its owner alone may read keeps its mode', async () => {
  const path = join(folder, 'old.json');
  await writeFile(path, 'x');
  await chmod(path, 0o700);
  await writePrivateFile(path, '{}');
  expect(await modeOf(path)).toBe(0o700);
});

test('what is no file is written to as it is', async () => {
  await writePrivateFile('/dev/null', '{}');
});

test.runIf(existsSync('/dev/full'))('what is no file is not removed where it cannot be written', async () => {
  const path = join(folder, 'full');
  await symlink('/dev/full', path);
  await expect(writePrivateFile(path, '{}')).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await readdir(folder)).toEqual(['full']);
});
