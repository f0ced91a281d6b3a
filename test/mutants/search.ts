/** Plays a broken copy, seed after seed, until the simulation notices; or runs the tests that are to notice. */
import type { ChildProcess } from 'node:child_process';
import { fork, spawn } from 'node:child_process';
import { join } from 'node:path';
import { WORKER_ARGV } from '../simulation/processes.ts';
import type { Job } from '../simulation/run.ts';
import type { Message } from '../simulation/worker.ts';
import type { OriginalCode } from './broken-copy.ts';
import { makeBrokenCopy, removeCopy, root } from './broken-copy.ts';
import type { Mutant } from './mutant.ts';

export interface Caught {
  /** An invariant, `throws` or `hangs`. */
  readonly by: string;
  readonly seed: number;
  readonly scenario: string;
  readonly message: string;
}

/** A history takes milliseconds; a process that reports nothing for so long is in an endless loop. */
const SILENT_MS = 120_000;

const FIRST_SEED = 1;

/** null: nothing was noticed. */
export async function search(code: OriginalCode, mutant: Mutant, seeds: number): Promise<Caught | null> {
  const copy = await makeBrokenCopy(code, mutant);
  const job: Job = {
    from: FIRST_SEED,
    to: FIRST_SEED + seeds,
    step: 1,
    scenario: mutant.scenario ?? null,
    stopsAtFirst: true,
  };
  try {
    return await (mutant.tests === undefined ? playCopy(copy, job) : testCopy(copy, mutant.tests));
  } finally {
    await removeCopy(copy);
  }
}

/** How many histories it took; seeds are played in their order. */
export const historiesUntil = ({ seed }: Caught): number => seed - FIRST_SEED + 1;

function playCopy(copy: string, job: Job): Promise<Caught | null> {
  const child = fork(join(copy, 'test/simulation/worker.ts'), [JSON.stringify(job)], {
    execArgv: WORKER_ARGV,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  return new Promise((resolve, reject) => {
    let played = 0;
    const watch = whenSilent(child, () => resolve({ ...unknown, by: 'hangs', seed: job.from + played }));
    child.on('message', (message: Message) => {
      watch.refresh();
      if (message.kind === 'progress') played = message.histories;
      else resolve(firstOf(message));
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(watch);
      // The simulator names the seed when an error is not caught.
      const seed = /seed (\d+) cannot be played/.exec(errors)?.[1];
      if (seed === undefined) reject(new Error(`the copy could not be played: ${errors}`));
      else resolve({ ...unknown, by: 'throws', seed: Number(seed), message: errors });
    });
  });
}

/** Something of them fails. */
function testCopy(copy: string, tests: readonly string[]): Promise<Caught | null> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--root', copy, '--bail', '1', ...tests], { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve(code === 0 ? null : { ...unknown, by: tests.join(' '), seed: FIRST_SEED, scenario: 'a test' }),
    );
  });
}

const unknown = { scenario: '', message: '' };

/** All seeds below the lowest broken one were played to their end, so it does not depend on timing. */
function firstOf({ tally }: Extract<Message, { kind: 'done' }>): Caught | null {
  const [first] = tally.broken.toSorted((a, b) => a.seed - b.seed);
  return first === undefined ? null : { ...first, by: first.invariant };
}

function whenSilent(child: ChildProcess, tell: () => void): NodeJS.Timeout {
  return setTimeout(() => {
    tell();
    child.kill('SIGKILL');
  }, SILENT_MS);
}
