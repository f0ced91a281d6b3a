/**
 * Resident memory of `rollcall run` with 200,000 changes pending, and how fast it reads them from Kafka. Every change is
 * for another member, and the target is down, so that nothing folds and nothing leaves.
 */
import { pause } from '../../src/time.ts';
import { single, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import { Metrics } from '../world/metrics.ts';
import { Run } from '../world/run.ts';
import { sendEvents } from '../world/send-events.ts';
import { context } from '../world/service.ts';
import { rollcall } from '../world/subject.ts';
import { nativeValue, type WorkloadEvent } from '../world/workload.ts';

const EVENTS = 200_000;
const GROUPS = 500;
const PARTITIONS = 6;
const BOUND_MIB = 250;
/** Probes, sweeps and the last garbage have had their time. */
const SETTLE_MS = 5_000;
const LIMIT_SECONDS = 180;

export const memory: Part = { name: 'memory', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  if (process.platform !== 'linux') {
    process.stderr.write('!!! SKIPPED: memory, which only Linux tells in /proc\n');
    return [];
  }
  const kafka = await bench.kafka();
  const run = await Run.open({ kafka, target: { limits: 'off' }, initial: new Map(), partitions: PARTITIONS });
  try {
    await run.sandbox.goDown();
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, events());
    const metrics = await Metrics.onFreePort();
    const instance = run.start(await rollcall(metrics.environment));
    const recordsPerSecond = await readAll(run, () => metrics.sum('rollcall_pending'));
    await pause(context.clock, SETTLE_MS);
    const { peak, resident } = await instance.memoryMib();
    const name = (what: string) => `memory with ${EVENTS.toLocaleString('en')} changes pending, ${what}`;
    return [
      single(name('at its peak'), peak, { unit: 'MiB', atMost: BOUND_MIB }),
      single(name('afterwards'), resident, { unit: 'MiB', atMost: BOUND_MIB }),
      single('intake from Kafka', recordsPerSecond, { unit: 'records/s' }),
    ];
  } finally {
    await run.close();
  }
}

/** Ids as long as the target's, a single addition per event. */
function events(): readonly WorkloadEvent[] {
  const { random } = context;
  const groups = Array.from({ length: GROUPS }, () => random.uuid());
  return Array.from({ length: EVENTS }, (_, index) => {
    const group = groups[index % GROUPS] ?? '';
    return { group, value: nativeValue(random.uuid(), group, { add: random.uuid() }) };
  });
}

/** Until everything is pending; returns records per second from the first record on. */
async function readAll(run: Run, pending: () => Promise<number>): Promise<number> {
  let first: { readonly at: number; readonly count: number } | null = null;
  let perSecond = 0;
  const isRead = async (): Promise<boolean> => {
    const count = await pending();
    const at = performance.now();
    if (count > 0) first ??= { at, count };
    if (first !== null) perSecond = ((count - first.count) * 1000) / (at - first.at);
    return count >= EVENTS;
  };
  await run.until(isRead, { what: 'the backlog is read', limitSeconds: LIMIT_SECONDS });
  return perSecond;
}
