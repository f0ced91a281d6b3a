/** How much memory `rollcall plan` takes with a file of 200 MB, as it is installed. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { startSandbox } from '../../src/lab/sandbox/sandbox.ts';
import { single, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import { peakOf } from '../world/peak.ts';
import { buildProgram } from '../world/program.ts';

/** 2 kB a line. */
const LINES = { whole: 100_000, quick: 1_000 };
const GROUPS = 100;
const USERS = 2_000;
const MEMBERS_PER_LINE = 50;
const MEMORY_MAX_MIB = 300;

export const plan: Part = { name: 'plan', isQuick: true, measure };

async function measure({ isQuick }: Bench): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-plan-'));
  const groups = Array.from({ length: GROUPS }, (_, i) => ({ id: `group-${i}` }));
  const sandbox = await startSandbox({ users: 'any', seed: { groups }, limits: 'off' });
  try {
    const file = join(folder, 'changes.ndjson');
    const written = createWriteStream(file);
    await pipeline(Readable.from(lines(isQuick ? LINES.quick : LINES.whole)), written);
    const guard = { GUARD_GROUP_PERCENT: '100', GUARD_GROUP_COUNT: '1000000', GUARD_WINDOW_COUNT: '1000000' };
    const environment = { ...environmentOf(sandbox), ...guard };
    const peak = async (...args: string[]) => peakOf([await buildProgram(), 'plan', ...args, file], environment);
    const megabytes = Math.round(written.bytesWritten / 1e6);
    const mib = (name: string, value: number, atMost: number | null) => single(name, value, { unit: 'MiB', atMost });
    return [
      mib(`plan of ${megabytes} MB: peak memory`, await peak(), MEMORY_MAX_MIB),
      mib(`the same with --out: peak memory`, await peak('--out', join(folder, 'plan.ndjson')), null),
    ];
  } finally {
    await sandbox.stop();
    await rm(folder, { recursive: true });
  }
}

/** Each user comes into, and goes out of, each group again and again. */
function* lines(count: number): Generator<string> {
  for (let line = 0; line < count; line += 1) {
    const first = Math.floor(line / GROUPS) * MEMBERS_PER_LINE;
    const members = Array.from({ length: MEMBERS_PER_LINE }, (_, i) => user(first + i));
    const isAdding = Math.floor(first / USERS) % 2 === 0;
    const change = { [isAdding ? 'add_members' : 'remove_members']: members };
    yield `${JSON.stringify({ group_id: `group-${line % GROUPS}`, ...change })}\n`;
  }
}

const user = (i: number): string => `00000000-0000-4000-8000-${String(i % USERS).padStart(12, '0')}`;
