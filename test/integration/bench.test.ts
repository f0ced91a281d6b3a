import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

interface Result {
  readonly measured: readonly {
    readonly part: string;
    readonly figures: readonly { readonly name: string; readonly values: readonly number[] }[];
  }[];
}

/** It exits 1 where Rollcall leaves a group wrong. */
test('npm run bench -- --quick measures Rollcall beside its peers', { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  try {
    const args = ['--import', 'tsx', 'bench/bench.ts', '--quick', '--out', folder];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { measured } = JSON.parse(await readFile(join(folder, 'bench.json'), 'utf8')) as Result;
    expect(measured.map(({ part, figures }) => [part, figures.length > 0])).toEqual(
      ['backlog', 'peers', 'stream', 'waves'].map((part) => [part, true]),
    );
    const page = await readFile(join(folder, 'bench.html'), 'utf8');
    for (const { name, values } of measured.flatMap(({ figures }) => figures)) {
      expect(values.length, name).toBeGreaterThan(0);
      expect(values.every(Number.isFinite), name).toBe(true);
      if (name.includes('left wrong')) expect(values, name).toEqual([0]);
      expect(stdout).toContain(name);
      expect(page).toContain(name);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
