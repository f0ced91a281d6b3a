/** Plans in a process whose heap is limited: what is kept is the memberships, neither the changes nor a group for each request. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SeedInput } from '../../src/lab/sandbox/seed.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { program } from '../support/program.ts';

const LIMIT_MB = 256;
const GROUPS = 100;
const USERS = 2_000;
const MEMBERS_PER_LINE = 50;
const LINES = 50_000;

const user = (i: number): string => `00000000-0000-4000-8000-${String(i % USERS).padStart(12, '0')}`;

interface Planned {
  readonly code: unknown;
  /** What was printed first. */
  readonly head: string;
}

async function planIn(seed: SeedInput, changes: Iterable<string>, bytesMin: number): Promise<Planned> {
  const directory = await mkdtemp(join(tmpdir(), 'rollcall-plan-'));
  const file = join(directory, 'changes.ndjson');
  const sandbox = await startSandbox({ users: 'any', seed, limits: 'off' });
  try {
    await pipeline(Readable.from(changes), createWriteStream(file));
    expect((await stat(file)).size).toBeGreaterThan(bytesMin);
    const args = [`--max-old-space-size=${LIMIT_MB}`, ...program, 'plan', file];
    const child = spawn(process.execPath, args, {
      env: {
        PATH: process.env['PATH'],
        ...environmentOf(sandbox),
        GUARD_GROUP_PERCENT: '100',
        GUARD_GROUP_COUNT: '1000000',
        GUARD_WINDOW_COUNT: '1000000',
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let head = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (head.length < 200) head += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as unknown[];
    return { code, head };
  } finally {
    await sandbox.stop();
    await rm(directory, { recursive: true });
  }
}

/** Each user comes into, and goes out of, each group again and again. */
function* lines(): Generator<string> {
  for (let line = 0; line < LINES; line += 1) {
    const round = Math.floor(line / GROUPS);
    const members = Array.from({ length: MEMBERS_PER_LINE }, (_, i) => user(round * MEMBERS_PER_LINE + i));
    const isAdding = Math.floor((round * MEMBERS_PER_LINE) / USERS) % 2 === 0;
    const group_id = `group-${line % GROUPS}`;
    yield `${JSON.stringify({ group_id, [isAdding ? 'add_members' : 'remove_members']: members })}\n`;
  }
}

test('plan: plan needs what the memberships need', { timeout: 600_000 }, async () => {
  const groups = Array.from({ length: GROUPS }, (_, i) => ({ id: `group-${i}` }));
  const { code, head } = await planIn({ groups }, lines(), 95_000_000);
  expect(head).toMatch(/^100 groups, \d+ requests, about \d+ (s|min)/);
  expect(code).toBe(EXIT.done);
});

test(
  'plan: a full state that replaces all members of a large group needs what its members need',
  { timeout: 600_000 },
  async () => {
    const of = (kind: string): string[] =>
      Array.from({ length: 60_001 }, (_, i) => `${kind}-${String(i).padStart(30, '0')}`);
    const state = `${JSON.stringify({ group_id: 'g', members: of('new'), complete: true })}\n`;
    const { code, head } = await planIn({ groups: [{ id: 'g', members: of('old') }] }, [state], 2_000_000);
    expect(head).toMatch(/^1 group, 2402 requests, about \d+ (s|min)/);
    expect(code).toBe(EXIT.done);
  },
);
