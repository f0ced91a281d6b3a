/** How long the demo's stream takes, faults and rate limit included, by its own account. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Figure } from './figure.ts';

const BOUND_SECONDS = 30;

export async function measureDemo(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  try {
    const args = ['--import', 'tsx', 'src/cli.ts', 'demo', '--report', join(folder, 'report.json')];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const seconds = Number(/^duration: +([\d.]+) s$/m.exec(stdout)?.[1]);
    return [{ name: "the demo's stream", value: seconds, unit: 's', digits: 1, bound: BOUND_SECONDS }];
  } finally {
    await rm(folder, { recursive: true });
  }
}
