/** The demo's stream in front of a sandbox where nothing goes wrong, but that one user of the stream is unknown. */
import { drawStream, UNKNOWN_USER, type Stream } from '../../src/lab/demo/stream.ts';
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { checkMemberships } from './memberships.ts';

const SEED = 1;

/** @throws Error where a membership is not what the events ask for. */
export async function withStream<T>(
  options: Pick<SandboxOptions, 'limits' | 'latencyMs'>,
  work: (stream: Stream, sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const stream = drawStream({ next: seededRandom(SEED) });
  const sandbox = await startSandbox({
    users: 'any',
    unknownUsers: [UNKNOWN_USER],
    seed: { groups: [...stream.initial].map(([id, members]) => ({ id, members: [...members] })) },
    randomSeed: SEED,
    ...options,
  });
  try {
    const result = await work(stream, sandbox);
    checkMemberships(sandbox, stream.expected);
    return result;
  } finally {
    await sandbox.stop();
  }
}
