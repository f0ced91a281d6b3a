// `rollcall demo` whole, in this process.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playDemo } from '../../src/lab/commands/demo.ts';
import { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext } from '../support/command-context.ts';

test('demo: every membership is what 10,000 events say, in spite of every fault', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-demo-'));
  try {
    // A real organisation in the environment must not be touched.
    const context = aContext({ environment: { GENESYS_API_URL: 'http://127.0.0.1:1', GENESYS_CLIENT_SECRET: 'real' } });
    const report = join(folder, 'report.json');
    const code = await playDemo({ report, seed: 1 }, context);
    expect(context.out()).toContain('verdict:   all 500 groups have exactly the members that the events ask for');
    expect(code).toBe(EXIT.done);
    const summary = Summary.parse(JSON.parse(await readFile(report, 'utf8')));
    // The unknown user alone.
    expect(summary.by_outcome).toMatchObject({ permanent_failure: 1 });
    expect(summary.failure_count).toBe(1);
    expect(summary.success_count).toBe(summary.total_operations - 1);
    const faults = /^mishaps: {3}(.*)$/m.exec(context.out())?.[1] ?? '';
    expect(faults).toMatch(/foreignWriter.*503.*500.*429.*resetAfterApply.*resetBeforeApply.*garbage.*lateApply/);
    expect(faults).not.toMatch(/\b0 /);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

test('demo: a report that cannot be written is refused before it begins', async () => {
  const context = aContext();
  const report = join(tmpdir(), 'rollcall-is-not-there', 'report.json');
  await expect(playDemo({ report, seed: 1 }, context)).rejects.toMatchObject({ code: EXIT.usage });
  expect(context.out()).toBe('');
});

test('demo: asked to stop midway it says so and does not claim success', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-demo-'));
  try {
    const context = aContext();
    const playing = playDemo({ report: join(folder, 'report.json'), seed: 2 }, context);
    await new Promise<void>((resolve) => context.stdout.once('data', () => resolve()));
    context.ask();
    expect(await playing).toBe(EXIT.someFailed);
    expect(context.out()).toContain('verdict:   stopped before every change was settled');
  } finally {
    await rm(folder, { recursive: true });
  }
});
