/** A new file is there as a whole, or not at all. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type * as Synchronous from 'node:fs';
import type * as FileSystem from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkPrivateFile, writeNewPrivateFile } from '../../src/adapters/private-file.ts';
import { openCompared } from '../../src/console/drift-file.ts';
import { writeNewFile } from '../../src/console/new-file.ts';
import { writeSummary } from '../../src/console/report-text.ts';
import { summarize } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';

let folder: string;
let path: string;
const never = new AbortController().signal;
/** Of the file system; null: it works. */
let failing: { readonly call: 'link' | 'write' | 'sync' | 'rm' | 'write-and-rm'; readonly code: string } | null = null;

const refusal = (code: string): Error => Object.assign(new Error(`${code}: refused`), { code });

/** Opened last. */
let opened: FileSystem.FileHandle | null = null;
/** At the call, before it does anything. */
let atLink: () => void = () => undefined;

vi.mock('node:fs', async (original) => {
  const real = await original<typeof Synchronous>();
  return {
    ...real,
    rmSync: (...which: Parameters<typeof real.rmSync>) => {
      if (failing?.call === 'rm' || failing?.call === 'write-and-rm') throw refusal(failing.code);
      real.rmSync(...which);
    },
  };
});

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof FileSystem>();
  return {
    ...real,
    link: async (...paths: Parameters<typeof real.link>) => {
      atLink();
      if (failing?.call === 'link') throw refusal(failing.code);
      await real.link(...paths);
    },
    open: async (...how: Parameters<typeof real.open>) => {
      const file = await real.open(...how);
      opened = file;
      const rejecting = async (): Promise<void> => Promise.reject(refusal(failing?.code ?? ''));
      if (failing?.call === 'write' || failing?.call === 'write-and-rm') file.appendFile = rejecting;
      if (failing?.call === 'sync') file.sync = rejecting;
      return file;
    },
  };
});

beforeEach(async () => {
  failing = null;
  atLink = () => undefined;
  folder = await mkdtemp(join(tmpdir(), 'rollcall-new-file-'));
  path = join(folder, 'page.html');
});
afterEach(() => rm(folder, { recursive: true }));

const write = (stop = never): Promise<string> =>
  writeNewPrivateFile(path, stop, async (file) => {
    for (const part of ['all ', 'of it']) await file.append(part);
    return 'done';
  });

test('holds all that was written, for its owner alone, and nothing is beside it', async () => {
  const umask = process.umask(0);
  try {
    expect(await write()).toBe('done');
  } finally {
    process.umask(umask);
  }
  expect(await readFile(path, 'utf8')).toBe('all of it');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['page.html']);
});

test('is not there while it is written', async () => {
  await writeNewPrivateFile(path, never, async (file) => {
    await file.append('half');
    const [name, ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect(name).toMatch(/^page\.html\.[0-9a-f-]{36}\.unfinished$/);
    expect((await stat(join(folder, name ?? ''))).mode & 0o777).toBe(0o600);
  });
});

test.each([
  ['a file', () => writeFile(path, 'mine')],
  ['a link to nothing', () => symlink(join(folder, 'nowhere'), path)],
])('where %s is there it is refused before the work', async (_, make) => {
  await make();
  const names = await readdir(folder);
  let worked = false;
  const written = writeNewPrivateFile(path, never, async () => void (worked = true));
  await expect(written).rejects.toThrow('it exists already: name another file, or remove it');
  expect([worked, await readdir(folder)]).toEqual([false, names]);
});

test('what came there meanwhile stays as it is', async () => {
  const written = writeNewPrivateFile(path, never, async (file) => {
    await file.append('ours');
    await writeFile(path, 'mine');
  });
  await expect(written).rejects.toThrow('exists already');
  expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['mine', ['page.html']]);
});

test('nothing is left of a work that fails, and its error is what comes of it', async () => {
  const error = new Error('the topic is gone');
  const written = writeNewPrivateFile(path, never, async (file) => {
    await file.append('half');
    throw error;
  });
  await expect(written).rejects.toBe(error);
  expect(await readdir(folder)).toEqual([]);
});

const OPTION = 'report --html';
const stoppedError = () => ({ code: EXIT.someFailed, message: `stopped before ${path} was complete` });

test('where it is stopped it ends as other stopped commands do, and nothing is left, though the work goes on', async () => {
  const stop = new AbortController();
  const written = writeNewFile({ option: OPTION, path }, { stop: stop.signal }, async (file) => {
    await file.append('half');
    stop.abort();
    expect(await readdir(folder)).toEqual([]);
    await file.append('the other half');
  });
  await expect(written).rejects.toMatchObject(stoppedError());
  expect(await readdir(folder)).toEqual([]);
});

test('a command that was stopped before does no work, and makes no file', async () => {
  let worked = false;
  const context = { stop: AbortSignal.abort() };
  const written = writeNewFile({ option: OPTION, path }, context, async () => void (worked = true));
  await expect(written).rejects.toMatchObject(stoppedError());
  expect([worked, await readdir(folder)]).toEqual([false, []]);
});

test('a signal after all is written leaves the file', async () => {
  const stop = new AbortController();
  atLink = () => stop.abort();
  expect(await write(stop.signal)).toBe('done');
  expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['all of it', ['page.html']]);
});

test('where the unfinished file cannot be removed the error of the work is what comes of it, and all is let go', async () => {
  const stop = new AbortController();
  const listeners = process.listenerCount('exit');
  const error = new Error('the topic is gone');
  const written = writeNewPrivateFile(path, stop.signal, async () => {
    failing = { call: 'rm', code: 'EACCES' };
    stop.abort();
    throw error;
  });
  await expect(written).rejects.toBe(error);
  expect([opened?.fd, process.listenerCount('exit')]).toEqual([-1, listeners]);
});

test.each([
  ['write', 'ENOSPC'],
  ['sync', 'EIO'],
] as const)('where the disk refuses %s it says so, and nothing is left', async (call, code) => {
  failing = { call, code };
  const written = writeNewFile({ option: 'plan --out', path }, { stop: never }, (file) => file.append('all'));
  await expect(written).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: `plan --out ${path}: ${code}: refused; make room, or name a file on another disk`,
  });
  expect(await readdir(folder)).toEqual([]);
});

const compared = { source_topic: 's', consumer_group: 'c', target: 't', from_sha256: null, started_at: '' };

test('diff --out: a full disk at its first line leaves no file, and an error names it', async () => {
  failing = { call: 'write', code: 'ENOSPC' };
  await expect(openCompared(path, false, compared)).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: `--out ${path}: ENOSPC: refused; make room, or name a file on another disk`,
  });
  expect(await readdir(folder)).toEqual([]);
});

test('diff --out: a disk that is full later leaves the groups before, and the error says how to go on', async () => {
  const file = await openCompared(path, false, compared);
  await file.close();
  failing = { call: 'write', code: 'ENOSPC' };
  const resumed = await openCompared(path, true, compared);
  await expect(resumed.append('half a group')).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: `--out ${path} (go on with it by --resume): ENOSPC: refused; make room, or name a file on another disk`,
  });
  await resumed.close();
  expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(compared)}\n`);
});

test('apply --report: a full disk is an error that names the file, and no file that is cut stays', async () => {
  failing = { call: 'write', code: 'ENOSPC' };
  const full = {
    code: EXIT.unavailable,
    message: expect.stringContaining(`${path}: the report cannot be written: ENOSPC`),
  };
  expect(await writeSummary(path, summarize([], 0))).toMatchObject(full);
  expect(await readdir(folder)).toEqual([]);
  // Also where it cannot be removed: the error of the disk is what is said.
  await writeFile(path, 'of before');
  failing = { call: 'write-and-rm', code: 'ENOSPC' };
  expect(await writeSummary(path, summarize([], 0))).toMatchObject(full);
  expect(await readFile(path, 'utf8')).toBe('');
});

test('a pipe is not opened by a check: its reader would take the end of that for the end', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Both ends, so that no opening waits.
  const ends = openSync(pipe, 'r+');
  opened = null;
  await checkPrivateFile(pipe);
  closeSync(ends);
  expect(opened).toBeNull();
});

test('a directory that is not there is an error of the user, before the work', async () => {
  let worked = false;
  const file = { option: 'report --html', path: join(folder, 'none', 'page.html') };
  const written = writeNewFile(file, { stop: never }, async () => void (worked = true));
  await expect(written).rejects.toMatchObject({
    code: EXIT.usage,
    message: expect.stringContaining(`report --html ${file.path}: ENOENT`),
  });
  expect(worked).toBe(false);
});

test.each(['EIO', 'EACCES', 'ENOSPC'])('where the name is refused with %s nothing is copied there', async (code) => {
  failing = { call: 'link', code };
  await expect(write()).rejects.toThrow(`${code}: refused`);
  expect(await readdir(folder)).toEqual([]);
});

test.each(['EPERM', 'EOPNOTSUPP'])('a file system without links (%s) has it, and nothing is replaced', async (code) => {
  failing = { call: 'link', code };
  await write();
  expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['all of it', ['page.html']]);
  await rm(path);
  const written = writeNewPrivateFile(path, never, () => writeFile(path, 'mine'));
  await expect(written).rejects.toThrow('exists already');
  expect(await readFile(path, 'utf8')).toBe('mine');
});

const WRITING = fileURLToPath(new URL('../support/writing-child.ts', import.meta.url));

async function aWriter() {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITING, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('a process that is killed leaves what it has, under a name that says so, and the next one is not refused', async () => {
  const child = await aWriter();
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^page\.html\..*\.unfinished$/)]);
  await write();
  expect(await readFile(path, 'utf8')).toBe('all of it');
});

test('a process that exits meanwhile leaves nothing', async () => {
  const child = await aWriter();
  child.stdin.write('.');
  await once(child, 'exit');
  expect(await readdir(folder)).toEqual([]);
});
