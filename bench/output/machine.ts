/** Where something was measured: figures of two machines are not to be compared. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { packageVersion } from '../../src/version.ts';

export interface Machine {
  readonly at: string;
  readonly rollcall: string;
  /** null: not in a git checkout. */
  readonly commit: string | null;
  readonly node: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGib: number;
}

export const machineOf = (): Machine => ({
  at: new Date().toISOString(),
  rollcall: packageVersion(),
  commit: commitOf(),
  node: process.version,
  cores: cpus().length,
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGib: Math.round(totalmem() / 2 ** 30),
});

function commitOf(): string | null {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return null;
  }
}
