import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkPrivateFile, writePrivateFile } from '../../src/adapters/private-file.ts';

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

function* cut(): Generator<string> {
  yield 'half of';
  throw new Error('the disk is full');
}

test('a file that is cut is removed', async () => {
  const path = join(folder, 'report.json');
  await expect(writePrivateFile(path, cut())).rejects.toThrow('the disk is full');
  expect(await readdir(folder)).toEqual([]);
});

test('where the path is a link nothing of what is cut stays behind it, and the link does', async () => {
  const path = join(folder, 'latest.json');
  await symlink('report.json', path);
  await expect(writePrivateFile(path, cut())).rejects.toThrow('the disk is full');
  expect((await readdir(folder)).toSorted()).toEqual(['latest.json', 'report.json']);
  expect(await readFile(path, 'utf8')).toBe('');
});

test('a check changes nothing: neither a file, nor a link to none, nor what is no file', async () => {
  const [there, link] = [join(folder, 'there.json'), join(folder, 'link.json')];
  await writeFile(there, 'something');
  await chmod(there, 0o644);
  await symlink('nowhere.json', link);
  for (const path of [there, link, join(folder, 'new.json'), '/dev/null']) await checkPrivateFile(path);
  expect((await readdir(folder)).toSorted()).toEqual(['link.json', 'there.json']);
  expect([await readFile(there, 'utf8'), await modeOf(there)]).toEqual(['something', 0o644]);
});

test('a check rejects where the file could not be written', async () => {
  await expect(checkPrivateFile(join(folder, 'none', 'x.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(checkPrivateFile(folder)).rejects.toMatchObject({ code: 'EISDIR' });
});
