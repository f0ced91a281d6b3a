/** Counts reports out of an index in a process whose heap is limited: it keeps the rows, not the changes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { aFolder } from '../support/asking.ts';

/** In memory these changes would take more than twice the limit. */
const CHANGES = 200_000;
const LIMIT_MB = 64;

test('report: rows of an index need what the rows need', { timeout: 600_000 }, async () => {
  const args = [`--max-old-space-size=${LIMIT_MB}`, '--import', 'tsx', 'test/support/counting-child.ts'];
  const child = spawn(process.execPath, [...args, aFolder(), String(CHANGES)], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<unknown[]>]);
  expect(JSON.parse(out)).toMatchObject({ changes: CHANGES, succeeded: CHANGES, requests: CHANGES });
  expect(code).toBe(0);
});
