/**
 * 1,000,000 events on 1,000 groups and a target without latency: events a second through the whole service, reports included,
 * beside a kafkajs consumer that parses each event and sends a record of a report's size for it, and does nothing else.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ratio, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { drain, type Drained } from '../world/drain.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

const EVENTS = 1_000_000;
const LIMIT_SECONDS = 600;
const LOOP_WATCH = fileURLToPath(new URL('../world/loop-watch.js', import.meta.url));

export const throughput: Part = { name: 'throughput', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  try {
    return await measureIn(bench, join(folder, 'longest-block'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** See loop-watch.js; ms. */
interface Blocks {
  readonly loading: number;
  readonly running: number;
}

async function measureIn(bench: Bench, file: string): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: EVENTS, groups: 1_000, membersPerGroup: 500 });
  const kafka = await bench.kafka();
  const blocks: Blocks[] = [];
  const once = (subject: Subject) => () =>
    drain(subject, { kafka, workload, target: { limits: 'off' }, partitions: 6, limitSeconds: LIMIT_SECONDS });
  const own = await rollcall({ NODE_OPTIONS: `--import=${LOOP_WATCH}`, LOOP_WATCH_FILE: file });
  const ownRun = async (): Promise<Drained> => {
    const drained = await once(own)();
    blocks.push(JSON.parse(await readFile(file, 'utf8')) as Blocks);
    return drained;
  };
  const pairs = await inPairs(bench, ownRun, once(await peer('raw-intake')));
  const each = (value: (run: Drained, rawRun: Drained) => number) => pairs.map(([a, b]) => value(a, b));
  const name = (what: string) => `1,000,000 events on 1,000 groups: ${what}`;
  const mib = { unit: 'MiB', digits: 0 };
  const ms = { unit: 'ms', digits: 0 };
  return [
    ratio(
      name('events/s ÷ kafkajs alone'),
      each((a, b) => b.committedSeconds / a.committedSeconds),
      { atLeast: 0.5 },
    ),
    ratio(
      name('processor time ÷ kafkajs alone'),
      each((a, b) => a.cpuSeconds / b.cpuSeconds),
      null,
    ),
    { ...mib, name: name('peak memory'), values: each((a) => a.peakMib), goal: { atMost: 300 } },
    {
      ...ms,
      name: name('longest block of the event loop'),
      values: blocks.map(({ loading, running }) => Math.max(loading, running)),
      goal: { atMost: 100 },
    },
    {
      ...ms,
      name: name('longest block after the first second, in which the program is loaded'),
      values: blocks.map(({ running }) => running),
      goal: null,
    },
  ];
}
