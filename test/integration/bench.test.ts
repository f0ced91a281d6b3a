import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import type { Result } from '../../bench/output/page.ts';

const [version] = inject('kafka').startable;
const isCi = process.env['CI'] === 'true';
const isLinux = process.platform === 'linux';
if (!isLinux && isCi) throw new Error('the benchmark reads /proc, which only Linux has');
if (!isLinux) process.stderr.write('SKIPPED: THE BENCHMARK: it reads /proc, which only Linux has\n');

/** The others, and the peers in other languages, take minutes: `npm run nightly` measures all of them once. */
const PARTS = ['backlog', 'stream'];

/** It exits 1 where Rollcall leaves a group wrong. */
test.skipIf(version === undefined || !isLinux)(
  'npm run bench -- --quick measures Rollcall beside a peer',
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
    try {
      const args = ['--import', 'tsx', 'bench/bench.ts', ...PARTS, '--quick', '--out', folder];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const { command, measured } = JSON.parse(await readFile(join(folder, 'bench.json'), 'utf8')) as Result;
      expect(command).toBe(`npm run bench -- ${PARTS.join(' ')} --quick --out ${folder}`);
      expect(measured.map(({ part, figures }) => [part, figures.length > 0])).toEqual(
        PARTS.map((part) => [part, true]),
      );
      const page = await readFile(join(folder, 'bench.html'), 'utf8');
      // A machine without PyPI or a JDK measures without those peers.
      const skipped = measured.flatMap((part) => part.skipped);
      for (const { what, why } of skipped) process.stderr.write(`SKIPPED: the peer ${what}: ${why}\n`);
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
  },
);
