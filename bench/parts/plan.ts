/** How much memory `rollcall plan` takes with a file of 200 MB, as it is installed. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EXIT } from '../../src/exit-codes.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { startSandbox } from '../../src/lab/sandbox/sandbox.ts';
import { single, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import { emptyGroups, turningLines } from '../world/plan-input.ts';
import { buildProgram } from '../world/program.ts';
import { runToEnd } from '../world/run-to-end.ts';
import { NO_GUARD } from '../world/workload.ts';

const LINES = { whole: 100_000, quick: 1_000 };
const MEMORY_MAX_MIB = 300;

export const plan: Part = { name: 'plan', isQuick: true, measure };

async function measure({ isQuick }: Bench): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-plan-'));
  const sandbox = await startSandbox({ users: 'any', seed: emptyGroups(), limits: 'off' });
  try {
    const file = join(folder, 'changes.ndjson');
    const written = createWriteStream(file);
    await pipeline(Readable.from(turningLines(isQuick ? LINES.quick : LINES.whole)), written);
    const environment = { ...environmentOf(sandbox), ...NO_GUARD };
    const program = await buildProgram();
    const peak = async (...args: string[]): Promise<number> => {
      const { code, peakMib } = await runToEnd([program, 'plan', ...args, file], environment);
      if (code !== EXIT.done) throw new Error(`plan ${args.join(' ')} has ended with ${code}`);
      return peakMib;
    };
    const megabytes = Math.round(written.bytesWritten / 1e6);
    const mib = (name: string, value: number) => single(name, value, { unit: 'MiB', atMost: MEMORY_MAX_MIB });
    return [
      mib(`plan of ${megabytes} MB: peak memory`, await peak()),
      mib(`the same with --out: peak memory`, await peak('--out', join(folder, 'plan.ndjson'))),
    ];
  } finally {
    await sandbox.stop();
    await rm(folder, { recursive: true });
  }
}
