/** How many requests `rollcall diff --all` sends for each group. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { ratio, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import { buildProgram } from '../world/program.ts';
import { Run } from '../world/run.ts';
import { sendEvents } from '../world/send-events.ts';
import { requestCount } from '../world/service.ts';

const GROUPS = { whole: 2_000, quick: 50 };
const MEMBERS = 20;
const PARTITIONS = 6;
/** A token, and what is asked again. */
const REQUESTS_MAX = 1.02;

export const diff: Part = { name: 'diff', isQuick: true, measure };

async function measure({ kafka: start, isQuick }: Bench): Promise<readonly Figure[]> {
  const kafka = await start();
  const count = isQuick ? GROUPS.quick : GROUPS.whole;
  const members = Array.from({ length: MEMBERS }, (_, i) => `m${i}`);
  const groups = Array.from({ length: count }, (_, i) => `g${i}`);
  // In every second group one is missing, and in every third one is extra.
  const shown = new Map(groups.map((id, i) => [id, new Set([...members.slice(i % 2), ...(i % 3 === 0 ? ['x'] : [])])]));
  const target = { limits: 'off', latencyMs: 1 } as const;
  const run = await Run.open({ kafka, target, initial: shown, partitions: PARTITIONS });
  try {
    const events = groups.map((group) => ({
      group,
      value: JSON.stringify({ group_id: group, members, complete: true }),
    }));
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, events);
    const env = { ...run.topics, ...environmentOf(run.sandbox), PATH: process.env['PATH'] };
    const before = requestCount(run.sandbox);
    const args = [await buildProgram(), 'diff', '--all', '--json'];
    const lines = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 28 }).catch(
      (error: unknown) => {
        // 1: they differ.
        if (error instanceof Error && 'code' in error && error.code === 1 && 'stdout' in error) return error;
        throw error;
      },
    );
    const found = String(lines.stdout)
      .split('\n')
      .filter((line) => line.includes('"status":"compared"')).length;
    if (found !== count) throw new Error(`${found} of ${count} groups were compared`);
    const requests = requestCount(run.sandbox) - before;
    return [ratio(`diff of ${count} groups: requests ÷ groups`, [requests / count], { atMost: REQUESTS_MAX })];
  } finally {
    await run.close();
  }
}
