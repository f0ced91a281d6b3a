/** The demo's stream in front of a sandbox where nothing goes wrong, but that one user of the stream is unknown. */
import { drawStream, UNKNOWN_USER, type Stream } from '../../src/lab/demo/stream.ts';
import { deviations, readMemberships } from '../../src/lab/demo/verdict.ts';
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';

const SEED = 1;

/** @throws Error when a membership is not what the events ask for: figures of a wrong end would mean nothing. */
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
    const found = await readMemberships(sandbox.url, [...stream.expected.keys()]);
    const wrong = deviations(stream.expected, found);
    if (wrong.length > 0) throw new Error(`${wrong.length} groups are wrong, ${wrong[0]?.group} among them`);
    return result;
  } finally {
    await sandbox.stop();
  }
}
