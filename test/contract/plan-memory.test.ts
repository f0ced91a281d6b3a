/** Plans in a process whose heap is limited: what is kept is the memberships, neither the changes nor a group for each request. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { emptyGroups, turningLines } from '../../bench/world/plan-input.ts';
import { runToEnd, type CommandRun } from '../../bench/world/run-to-end.ts';
import { NO_GUARD } from '../../bench/world/workload.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SeedInput } from '../../src/lab/sandbox/seed.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { program } from '../support/program.ts';

/** A heap that the memberships of the long file fit in, and that maps which are written again for each change do not. */
const NARROW_HEAP_MB = 56;
/** With that heap, what is beside it included: columns that grow with each change do not fit. */
const PEAK_MAX_MIB = 185;
const WIDE_HEAP_MB = 256;
const LINES = 50_000;

interface Planning {
  readonly heapMb: number;
  readonly seed: SeedInput;
  readonly changes: Iterable<string>;
  /** Of the changes, in bytes. */
  readonly sizeMin: number;
}

async function planIn({ heapMb, seed, changes, sizeMin }: Planning): Promise<CommandRun> {
  const directory = await mkdtemp(join(tmpdir(), 'rollcall-plan-'));
  const file = join(directory, 'changes.ndjson');
  const sandbox = await startSandbox({ users: 'any', seed, limits: 'off' });
  try {
    await pipeline(Readable.from(changes), createWriteStream(file));
    expect((await stat(file)).size).toBeGreaterThan(sizeMin);
    const args = [`--max-old-space-size=${heapMb}`, ...program, 'plan', file];
    return await runToEnd(args, { ...environmentOf(sandbox), ...NO_GUARD });
  } finally {
    await sandbox.stop();
    await rm(directory, { recursive: true });
  }
}

test('plan: plan needs what the memberships need', { timeout: 600_000 }, async () => {
  const { code, stdout, peakMib } = await planIn({
    heapMb: NARROW_HEAP_MB,
    seed: emptyGroups(),
    changes: turningLines(LINES),
    sizeMin: 95_000_000,
  });
  expect(stdout).toMatch(/^100 groups, \d+ requests, about \d+ (s|min)/);
  expect(code).toBe(EXIT.done);
  expect(peakMib).toBeLessThan(PEAK_MAX_MIB);
});

test(
  'plan: a full state that replaces all members of a large group needs what its members need',
  { timeout: 600_000 },
  async () => {
    const of = (kind: string): string[] =>
      Array.from({ length: 60_001 }, (_, i) => `${kind}-${String(i).padStart(30, '0')}`);
    const state = `${JSON.stringify({ group_id: 'g', members: of('new'), complete: true })}\n`;
    const { code, stdout } = await planIn({
      heapMb: WIDE_HEAP_MB,
      seed: { groups: [{ id: 'g', members: of('old') }] },
      changes: [state],
      sizeMin: 2_000_000,
    });
    expect(stdout).toMatch(/^1 group, 2402 requests, about \d+ (s|min)/);
    expect(code).toBe(EXIT.done);
  },
);
