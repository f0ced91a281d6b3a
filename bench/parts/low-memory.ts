/** 1,000,000 events on 1,000 groups within less memory, by the two settings that docs/scaling.md names, beside V8's defaults. */
import { ratio, type Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import { drain, type Drained } from '../world/drain.ts';
import { rollcall } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

const SETTINGS = [
  { name: 'the defaults', environment: {} },
  { name: 'MAX_PENDING_INTENTS=20000', environment: { MAX_PENDING_INTENTS: '20000' } },
  {
    name: 'MAX_PENDING_INTENTS=20000 and --max-old-space-size=192',
    environment: { MAX_PENDING_INTENTS: '20000', NODE_OPTIONS: '--max-old-space-size=192' },
  },
] as const;

export const lowMemory: Part = { name: 'low-memory', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: 1_000_000, groups: 1_000, membersPerGroup: 500 });
  const kafka = await bench.kafka();
  const subjects = await Promise.all(SETTINGS.map(({ environment }) => rollcall(environment)));
  const options = { kafka, workload, target: { limits: 'off' }, partitions: 6, limitSeconds: 600 } as const;
  const results = await rounds(
    bench,
    subjects.map((subject) => () => drain(subject, options)),
  );
  const each = (index: number, value: (run: Drained) => number) =>
    results.map((runs) => (runs[index] === undefined ? Number.NaN : value(runs[index])));
  return SETTINGS.flatMap(({ name }, index) => [
    { name: `peak memory with ${name}`, values: each(index, (run) => run.peakMib), unit: 'MiB', digits: 0, goal: null },
    ratio(
      `time with ${name} ÷ time with the defaults`,
      results.map((runs) => (runs[index]?.committedSeconds ?? Number.NaN) / (runs[0]?.committedSeconds ?? Number.NaN)),
      null,
    ),
  ]);
}
