/** How long the demo's stream takes, faults and rate limit included, by its own account. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';

const BOUND_SECONDS = 30;

export const demo: Part = { name: 'demo', isQuick: false, measure: measureDemo };

async function measureDemo(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  try {
    const args = ['--import', 'tsx', 'src/cli.ts', 'demo', '--report', join(folder, 'report.json')];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const seconds = Number(/^duration: +([\d.]+) s$/m.exec(stdout)?.[1]);
    return [single("the demo's stream", seconds, { unit: 's', digits: 1, atMost: BOUND_SECONDS })];
  } finally {
    await rm(folder, { recursive: true });
  }
}
