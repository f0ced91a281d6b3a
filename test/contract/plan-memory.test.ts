// A file of 100 MB in a process whose heap is limited: what is kept is the memberships, not the changes.
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
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { program } from '../support/program.ts';

const LIMIT_MB = 256;
const GROUPS = 100;
const USERS = 2_000;
const MEMBERS_PER_LINE = 50;
const LINES = 50_000;

const user = (i: number): string => `00000000-0000-4000-8000-${String(i % USERS).padStart(12, '0')}`;

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
  const directory = await mkdtemp(join(tmpdir(), 'rollcall-plan-'));
  const file = join(directory, 'changes.ndjson');
  const groups = Array.from({ length: GROUPS }, (_, i) => ({ id: `group-${i}` }));
  const sandbox = await startSandbox({ users: 'any', seed: { groups }, limits: 'off' });
  try {
    await pipeline(Readable.from(lines()), createWriteStream(file));
    expect((await stat(file)).size).toBeGreaterThan(95_000_000);
    const args = [`--max-old-space-size=${LIMIT_MB}`, ...program, 'plan', file];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'], ...environmentOf(sandbox) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let head = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (head.length < 200) head += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as unknown[];
    expect(head).toMatch(/^100 groups, \d+ requests, about \d+ (s|min)/);
    expect(code).toBe(EXIT.done);
  } finally {
    await sandbox.stop();
    await rm(directory, { recursive: true });
  }
});
