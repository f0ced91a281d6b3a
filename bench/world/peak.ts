/** The most memory that a command takes until it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { pause } from '../../src/time.ts';
import type { Environment } from './measured-process.ts';
import { context } from './service.ts';

const LOOK_MS = 20;
/** `plan` and `diff` exit so where something is left to do. */
const SOMETHING_LEFT = 1;

/** As Linux counts it (VmHWM), in MiB. @throws Error where it fails */
export async function peakOf(args: readonly string[], environment: Environment): Promise<number> {
  const child = spawn(process.execPath, args, {
    env: { ...environment, PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peak = Math.max(peak, await peakNow(child.pid));
    await pause(context.clock, LOOK_MS);
  }
  const [code] = await ended;
  if (code !== 0 && code !== SOMETHING_LEFT) throw new Error(`${args.join(' ')} has ended with ${code}`);
  return peak;
}

/** 0: it has ended just now. */
async function peakNow(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}
