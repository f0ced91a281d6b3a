/**
 * Resident memory of `rollcall run` with 200,000 changes pending, and how fast it reads them from Kafka. Every change is
 * for another member, and the target is down, so that nothing folds and nothing leaves. Each round starts a new process.
 */
import { pause } from '../../src/time.ts';
import type { Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import type { Memberships } from '../world/memberships.ts';
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
  const workload = drawAdditions();
  const results = (await rounds(bench, [() => measureOnce(bench, workload)])).flat();
  const values = (value: (run: Measured) => number) => results.map(value);
  const name = (what: string) => `memory with ${EVENTS.toLocaleString('en')} changes pending, ${what}`;
  const mib = { unit: 'MiB', digits: 0, goal: { atMost: BOUND_MIB } };
  return [
    { ...mib, name: name('at its peak'), values: values(({ peakMib }) => peakMib) },
    { ...mib, name: name('afterwards'), values: values(({ residentMib }) => residentMib) },
    {
      name: 'intake from Kafka',
      values: values(({ recordsPerSecond }) => recordsPerSecond),
      unit: 'records/s',
      digits: 0,
      goal: null,
    },
  ];
}

interface Measured {
  readonly peakMib: number;
  readonly residentMib: number;
  readonly recordsPerSecond: number;
}

interface Additions {
  readonly events: readonly WorkloadEvent[];
  readonly expected: Memberships;
}

/** Of one process. When its memory is read, the target comes back, and the changes are applied. */
async function measureOnce(bench: Bench, { events, expected }: Additions): Promise<Measured> {
  const kafka = await bench.kafka();
  const initial = new Map([...expected.keys()].map((group) => [group, new Set<string>()]));
  const run = await Run.open({ kafka, target: { limits: 'off' }, initial, partitions: PARTITIONS });
  try {
    await run.sandbox.goDown();
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, events);
    const metrics = await Metrics.onFreePort();
    const subject = await rollcall(metrics.environment);
    const instance = run.start(subject);
    const recordsPerSecond = await readAll(run, () => metrics.sum('rollcall_pending'));
    await pause(context.clock, SETTLE_MS);
    const { peak, resident } = await instance.memoryMib();
    await run.sandbox.goUp();
    await run.committed(EVENTS, LIMIT_SECONDS);
    run.wrongGroups(expected, subject);
    return { peakMib: peak, residentMib: resident, recordsPerSecond };
  } finally {
    await run.close();
  }
}

/** Ids as long as the target's, a single addition per event. */
function drawAdditions(): Additions {
  const { random } = context;
  const groups = Array.from({ length: GROUPS }, () => ({ group: random.uuid(), members: new Set<string>() }));
  const events = Array.from({ length: EVENTS }, (_, index) => {
    const { group, members } = groups[index % GROUPS] as (typeof groups)[number];
    const member = random.uuid();
    members.add(member);
    return { group, value: nativeValue(random.uuid(), group, { add: member }) };
  });
  return { events, expected: new Map(groups.map(({ group, members }) => [group, members])) };
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
