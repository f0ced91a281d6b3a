/**
 * A program that is started on a backlog, 20 ms a request and no request limit: Rollcall beside `batch`, which folds within what
 * Kafka hands over in one batch. Ideal is the arithmetic of the requests that are needed, 20 at a time.
 */
import { ratio, single, type Figure, type Goal } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { drain, type Drained } from '../world/drain.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

const LATENCY_MS = 20;
const CONCURRENCY = 20;
const PARTITIONS = 6;
const MEMBERS_PER_GROUP = 500;
const LIMIT_SECONDS = 180;

interface Size {
  readonly events: number;
  readonly groups: number;
  readonly timeOfIdeal: Goal | null;
  readonly timeOfBatch: Goal | null;
  readonly cpuOfBatch: Goal | null;
}

const SIZES: readonly Size[] = [
  { events: 10_000, groups: 500, timeOfIdeal: { atMost: 1.5 }, timeOfBatch: { atMost: 0.9 }, cpuOfBatch: null },
  { events: 100_000, groups: 500, timeOfIdeal: null, timeOfBatch: { atMost: 0.6 }, cpuOfBatch: { atMost: 1.5 } },
];
const QUICK: Size = { events: 500, groups: 50, timeOfIdeal: null, timeOfBatch: null, cpuOfBatch: null };

export const backlog: Part = {
  name: 'backlog',
  isQuick: true,
  measure: async (bench) => {
    const [own, other] = [await rollcall(), await peer('batch')];
    const figures: Figure[] = [];
    for (const size of bench.isQuick ? [QUICK] : SIZES) figures.push(...(await measureSize(bench, size, [own, other])));
    return figures;
  },
};

async function measureSize(
  bench: Bench,
  size: Size,
  [own, other]: readonly [Subject, Subject],
): Promise<readonly Figure[]> {
  const workload = drawWorkload({ ...size, membersPerGroup: MEMBERS_PER_GROUP });
  const kafka = await bench.kafka();
  const once = (subject: Subject) => () =>
    drain(subject, {
      kafka,
      workload,
      target: { limits: 'off', latencyMs: LATENCY_MS },
      partitions: PARTITIONS,
      limitSeconds: LIMIT_SECONDS,
    });
  const pairs = await inPairs(bench, once(own), once(other));
  const { events, groups } = size;
  const name = (what: string) => `backlog of ${events.toLocaleString('en')} events on ${groups} groups: ${what}`;
  const each = (value: (run: Drained, peerRun: Drained) => number) => pairs.map(([a, b]) => value(a, b));
  const ideal = (workload.idealRequests * LATENCY_MS) / CONCURRENCY / 1000;
  const seconds = { values: each((a) => a.seconds), unit: 's', digits: 2, goal: null };
  return [
    ratio(
      name('requests ÷ ideal'),
      each((a) => a.requests / workload.idealRequests),
      { atMost: 1.02 },
    ),
    ratio(
      name('requests of batch ÷ ideal'),
      each((_, b) => b.requests / workload.idealRequests),
      null,
    ),
    { ...seconds, name: name('time from process start to the last write') },
    ratio(
      name('time ÷ ideal'),
      each((a) => a.seconds / ideal),
      size.timeOfIdeal,
    ),
    ratio(
      name('time ÷ batch'),
      each((a, b) => a.seconds / b.seconds),
      size.timeOfBatch,
    ),
    ratio(
      name('from the first request on, time ÷ ideal'),
      each((a) => (a.seconds - a.startSeconds) / ideal),
      null,
    ),
    ratio(
      name('processor time ÷ batch'),
      each((a, b) => a.cpuSeconds / b.cpuSeconds),
      size.cpuOfBatch,
    ),
    ratio(
      name('peak memory ÷ batch'),
      each((a, b) => a.peakMib / b.peakMib),
      null,
    ),
    { ...seconds, name: name('peak memory'), values: each((a) => a.peakMib), unit: 'MiB', digits: 0 },
    single(name('groups that batch left wrong'), Math.max(...each((_, b) => b.wrongGroups)), {}),
  ];
}
