/** Spreads a run over processes: each takes every n-th seed. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, Tally } from './run.ts';
import { newTally } from './run.ts';
import type { Message } from './worker.ts';

/** Most of what a history allocates is garbage at its next step: with room for that, a worker takes a tenth less time. */
export const WORKER_ARGV = ['--max-semi-space-size=64', '--import', 'tsx'];

/** @param onProgress histories played so far, by all processes. */
export async function runInProcesses(
  job: Omit<Job, 'step'>,
  processes: number,
  onProgress: (histories: number) => void,
): Promise<Tally> {
  const progress = Array.from({ length: processes }, () => 0);
  const total = newTally();
  await Promise.all(
    progress.map(async (_, index) => {
      const own: Job = { ...job, from: job.from + index, step: processes };
      const done = await runInProcess(own, (histories) => {
        progress[index] = histories;
        onProgress(progress.reduce((sum, each) => sum + each, 0));
      });
      total.histories += done.tally.histories;
      total.steps += done.tally.steps;
      total.virtualMs += done.tally.virtualMs;
      total.requests += done.tally.requests;
      total.intents += done.tally.intents;
      total.broken.push(...done.tally.broken);
      total.counts.addAll(done.counts);
    }),
  );
  total.broken.sort((a, b) => a.seed - b.seed);
  return total;
}

function runInProcess(job: Job, onProgress: (histories: number) => void): Promise<Extract<Message, { kind: 'done' }>> {
  const file = fileURLToPath(new URL('worker.ts', import.meta.url));
  const child = fork(file, [JSON.stringify(job)], { execArgv: WORKER_ARGV });
  return new Promise((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.kind === 'progress') onProgress(message.histories);
      else resolve(message);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a process ended with ${code} before it was done`)));
  });
}
