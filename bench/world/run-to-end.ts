/** A command that is run to its end: what it prints, and the most memory that it takes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pause } from '../../src/time.ts';
import type { Environment } from './measured-process.ts';
import { memoryOf } from './process-memory.ts';
import { context } from './service.ts';

const LOOK_MS = 20;

export interface CommandRun {
  /** null: a signal has ended it. */
  readonly code: number | null;
  readonly stdout: string;
  /** 0 where /proc does not say it: beyond Linux. */
  readonly peakMib: number;
}

/** Of node. */
export async function runToEnd(args: readonly string[], environment: Environment): Promise<CommandRun> {
  const child = spawn(process.execPath, args, {
    env: { ...environment, PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const printed = text(child.stdout);
  let peakMib = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peakMib = (await memoryOf(child.pid))?.peak ?? peakMib;
    await pause(context.clock, LOOK_MS);
  }
  const [code] = await ended;
  return { code, stdout: await printed, peakMib };
}
