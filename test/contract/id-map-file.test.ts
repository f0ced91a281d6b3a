/** A file of ids while an operator edits it, on a clock that the test moves. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FileIdMap } from '../../src/adapters/ids/file.ts';
import { IdMapError } from '../../src/adapters/ids/tables.ts';
import { aLog, atEnd } from '../support/genesys.ts';
import { found } from '../support/id-map-suite.ts';
import { ManualClock } from '../support/manual-clock.ts';

const table = (...rows: readonly string[]): string =>
  ['type,source_id,genesys_id', ...rows.map((row) => `user,${row}`)].join('\n');

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ids-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function given(content = table('a,u1')) {
  const folder = await aFolder();
  const path = join(folder, 'ids.csv');
  await writeFile(path, content);
  return { ...(await open(path)), folder, path };
}

async function open(path: string) {
  const clock = new ManualClock();
  // What is repeated is written for who debugs.
  const logger = { ...aLog(), debug: () => undefined };
  const map = await FileIdMap.open(path, { clock, logger });
  atEnd(() => map.close());
  let changes = 0;
  map.onChange(() => (changes += 1));
  /** The map looks at its file so many times; each look has ended when the next one is scheduled. */
  const look = async (times: number): Promise<void> => {
    for (let looks = 0; looks < times; looks += 1) {
      await clock.advance(1_000);
      while (clock.scheduledCount === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  const messages = (): string[] => logger.lines.map(({ message }) => message);
  return { map, clock, logger, look, messages, changes: () => changes };
}

const KEPT = 'the id table cannot be used: the one that was loaded before is kept';
const LOADED = 'the id table has changed and is loaded';
const SHARED = 'several groups of the id table have one genesys_id';

describe('a change of the file', () => {
  test('is taken once it has rested for one look, and reported once', async () => {
    const { map, path, look, changes } = await given();
    await writeFile(path, table('a,u1', 'b,u2'));
    await look(1);
    expect(map.known('user', 'b')).toEqual({ kind: 'unmapped' });
    await look(1);
    expect([map.known('user', 'b'), changes()]).toEqual([found('u2'), 1]);
    await look(3);
    expect(changes()).toBe(1);
  });

  test('that never rests is said to be written all the time', async () => {
    const { path, look, logger } = await given();
    for (let writes = 0; writes < 30; writes += 1) {
      await writeFile(path, table('a,u1', `b,${'u'.repeat(writes + 1)}`));
      await look(1);
    }
    const problem = 'it is being written continuously; write another file beside it, and rename that';
    expect(logger.lines.filter(({ message }) => message === KEPT)).toEqual([
      { message: KEPT, fields: { path, problem } },
    ]);
  });

  test('to a path that cannot be looked at is logged once a minute', async () => {
    const { path, look, messages } = await given();
    await unlink(path);
    await symlink('ids.csv', path);
    await look(50);
    expect(messages().filter((message) => message === KEPT)).toHaveLength(1);
  });

  test('to a named pipe that has no writer is no table, and the next file is', async () => {
    const { map, path, look, logger } = await given();
    await unlink(path);
    execFileSync('mkfifo', [path]);
    await look(2);
    const { fields } = logger.lines.find(({ message }) => message === KEPT) ?? {};
    expect(fields).toMatchObject({ problem: 'this is not a regular file' });
    await unlink(path);
    await writeFile(path, table('a,u9'));
    await look(2);
    expect(map.known('user', 'a')).toEqual(found('u9'));
  });

  test('by atomic renaming is seen, and who is not in the new table is not known any more', async () => {
    const { map, folder, path, look } = await given();
    await writeFile(join(folder, 'new'), table('b,u2'));
    await rename(join(folder, 'new'), path);
    await look(2);
    expect([map.known('user', 'a'), map.known('user', 'b')]).toEqual([{ kind: 'unmapped' }, found('u2')]);
  });

  test('that gives two groups one target is warned of, once for as long as they have it', async () => {
    const row = (group: string, target: string): string => `group,${group},${target}`;
    const header = 'type,source_id,genesys_id';
    const apart = [header, row('a', 'g1'), row('b', 'g2')].join('\n');
    const shared = [header, row('a', 'g1'), row('b', 'g1')].join('\n');
    const { path, look, messages } = await given(apart);
    const warnings = (): number => messages().filter((message) => message.startsWith(SHARED)).length;
    expect(warnings()).toBe(0);
    for (const [content, expected] of [
      [shared, 1],
      [`${shared}\n${row('c', 'g3')}`, 1],
      [apart, 1],
      [shared, 2],
    ] as const) {
      await writeFile(path, content);
      await look(2);
      expect(warnings()).toBe(expected);
    }
  });

  test('behind the symbolic links of a mounted volume is seen', async () => {
    const folder = await aFolder();
    for (const [version, row] of [
      ['v1', 'a,u1'],
      ['v2', 'a,u2'],
    ] as const) {
      // prettier-ignore
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, 'ids.csv'), table(row));
    }
    await symlink('v1', join(folder, '..data'));
    await symlink('..data/ids.csv', join(folder, 'ids.csv'));
    const { map, look } = await open(join(folder, 'ids.csv'));
    expect(map.known('user', 'a')).toEqual(found('u1'));
    await symlink('v2', join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, '..data'));
    await look(2);
    expect(map.known('user', 'a')).toEqual(found('u2'));
  });

  test('that goes on is waited for: half a table is never taken', async () => {
    const { map, path, look, changes } = await given();
    for (let rows = 1; rows <= 5; rows += 1) {
      await writeFile(path, table(...Array.from({ length: rows }, (_, index) => `b${index},u2`)));
      await look(1);
    }
    expect([map.known('user', 'a'), changes()]).toEqual([found('u1'), 0]);
    await look(1);
    expect([map.known('user', 'b4'), changes()]).toEqual([found('u2'), 1]);
  });
});

describe('a file that cannot be used', () => {
  test.each([
    ['is wrong', table('a,u2', ',u3'), 'line 3: source_id is empty'],
    [
      'contradicts itself',
      table('a,u2', 'a,u3'),
      'line 3: user "a" is "u3" here and "u2" in line 2: keep one of the two',
    ],
    ['is empty', '', 'the file names no id'],
    ['is not UTF-8', Buffer.from([0x74, 0xff]), 'it is not UTF-8; save it as UTF-8'],
  ])('since it %s changes nothing, and is logged once', async (_name, content, problem) => {
    const { map, path, look, logger, changes } = await given();
    await writeFile(path, content);
    await look(5);
    expect([map.known('user', 'a'), changes()]).toEqual([found('u1'), 0]);
    expect(logger.lines.filter(({ message }) => message === KEPT)).toEqual([
      { message: KEPT, fields: { path, problem } },
    ]);
  });

  test('since it is gone changes nothing, and is taken when it is back', async () => {
    const { map, path, look, messages } = await given();
    await unlink(path);
    await look(3);
    expect(map.known('user', 'a')).toEqual(found('u1'));
    expect(messages().filter((message) => message === KEPT)).toHaveLength(1);
    await writeFile(path, table('a,u2'));
    await look(2);
    expect(map.known('user', 'a')).toEqual(found('u2'));
    expect(messages().at(-1)).toBe(LOADED);
  });

  test('to something that cannot be read at all is taken once the file is corrected', async () => {
    const { map, path, look, messages } = await given();
    await unlink(path);
    await mkdir(path);
    await look(3);
    expect(map.known('user', 'a')).toEqual(found('u1'));
    expect(messages()).toContain(KEPT);
    await rmdir(path);
    await writeFile(path, table('a,u2'));
    await look(2);
    expect(map.known('user', 'a')).toEqual(found('u2'));
  });

  test('since its path leads in a circle changes nothing, is logged, and is looked at again', async () => {
    const { map, path, look, messages } = await given();
    await unlink(path);
    await symlink(path, path);
    await look(2);
    expect([map.known('user', 'a'), messages().at(-1)]).toEqual([found('u1'), KEPT]);
    await unlink(path);
    await writeFile(path, table('a,u2'));
    await look(2);
    expect(map.known('user', 'a')).toEqual(found('u2'));
  });

  test('is taken once it is corrected', async () => {
    const { map, path, look } = await given();
    await writeFile(path, 'nonsense');
    await look(2);
    await writeFile(path, table('a,u3'));
    await look(2);
    expect(map.known('user', 'a')).toEqual(found('u3'));
  });
});

describe('at the start', () => {
  const opening = (path: string) => FileIdMap.open(path, { clock: new ManualClock(), logger: aLog() });

  test('a missing file is an error that names the remedy', async () => {
    const path = join(await aFolder(), 'none.csv');
    await expect(opening(path)).rejects.toThrow(IdMapError);
    await expect(opening(path)).rejects.toThrow(
      `ID_MAP: ${path}: cannot be read (ENOENT); write the table there, or correct ID_MAP; example: ID_MAP=file:`,
    );
  });

  test('a wrong line is an error that names it', async () => {
    const path = join(await aFolder(), 'ids.csv');
    await writeFile(path, table('a,u1', 'a,u2'));
    await expect(opening(path)).rejects.toThrow(`ID_MAP: ${path}: line 3: user "a" is "u2" here and "u1" in line 2`);
  });

  test('a folder is none', async () => {
    await expect(opening(await aFolder())).rejects.toThrow(/this is not a regular file|EISDIR/);
  });

  test('a byte order mark is passed over', async () => {
    const { map } = await given(`\ufeff${table('a,u1')}`);
    expect(map.known('user', 'a')).toEqual(found('u1'));
  });
});

describe('after close', () => {
  test('nothing is looked at any more', async () => {
    const { map, clock } = await given();
    await map.close();
    expect(clock.scheduledCount).toBe(0);
  });

  test('nothing is reported: it waits for a look that is under way', async () => {
    // given a look that will take a new table
    const { map, path, clock, look, changes } = await given();
    await writeFile(path, table('a,u2'));
    await look(1);
    const advanced = clock.advance(1_000);
    while (clock.scheduledCount > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    // when
    await map.close();
    // then
    expect([changes(), map.known('user', 'a')]).toEqual([1, found('u2')]);
    await advanced;
    expect(clock.scheduledCount).toBe(0);
  });
});
