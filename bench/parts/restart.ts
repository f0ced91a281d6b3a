/**
 * A restart with 100,000 changes that wait for groups that the target does not have: from the start of the process to its first
 * PATCH, beside 3 s and twice the time in which kafkajs alone reads and parses so many events.
 */
import { ratio, single, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { drain } from '../world/drain.ts';
import { Metrics } from '../world/metrics.ts';
import { Run } from '../world/run.ts';
import { groupName } from '../world/stream.ts';
import { sendEvents } from '../world/send-events.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { nativeValue, type Workload, type WorkloadEvent } from '../world/workload.ts';

const CHANGES = 100_000;
const GROUPS = 500;
const PARTITIONS = 6;
const LIMIT_SECONDS = 300;
const FIXED_SECONDS = 3;
const SHARE_OF_RAW = 0.5;

export const restart: Part = { name: 'restart', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const metrics = await Metrics.onFreePort();
  const own = await rollcall(metrics.environment);
  const raw = await peer('raw-intake', { REPORTS: 'off' });
  const pairs = await inPairs(
    bench,
    () => ofRollcall(bench, own, metrics),
    () => ofKafkajs(bench, raw),
  );
  const allowed = (rawSeconds: number) => FIXED_SECONDS + rawSeconds / SHARE_OF_RAW;
  const seconds = { unit: 's', digits: 2, goal: null };
  const name = (what: string) => `restart with 100,000 parked: ${what}`;
  return [
    ratio(
      name('time to the first PATCH ÷ what it may take'),
      pairs.map(([a, b]) => a / allowed(b)),
      { atMost: 1 },
    ),
    { ...seconds, name: name('time to the first PATCH'), values: pairs.map(([a]) => a) },
    { ...seconds, name: name('time of kafkajs alone for as many events'), values: pairs.map(([, b]) => b) },
    single(name('in each of so many groups'), CHANGES / GROUPS, {}),
  ];
}

/** Of another process than the one that parked them, which loses none. */
async function ofRollcall(bench: Bench, subject: Subject, metrics: Metrics): Promise<number> {
  const kafka = await bench.kafka();
  const target = { limits: 'off' } as const;
  const run = await Run.open({ kafka, target, initial: new Map([['known', new Set()]]), partitions: PARTITIONS });
  try {
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, events());
    const first = run.start(subject);
    const isParked = async () => (await metrics.sum('rollcall_parked')) === CHANGES;
    await run.until(isParked, { what: 'all is parked', limitSeconds: LIMIT_SECONDS });
    await run.committed(CHANGES, LIMIT_SECONDS);
    await first.stop();
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, [
      { group: 'known', value: nativeValue('last', 'known', { add: 'user' }) },
    ]);
    const written = run.sandbox.nextRequest(({ method, group }) => method === 'PATCH' && group === 'known', 'applied');
    const { startedAt } = run.start(subject);
    await written;
    const seconds = (performance.now() - startedAt) / 1000;
    await run.until(isParked, { what: 'all is parked again', limitSeconds: LIMIT_SECONDS });
    await run.committed(CHANGES + 1, LIMIT_SECONDS);
    run.wrongGroups(new Map([['known', new Set(['user'])]]), subject);
    return seconds;
  } finally {
    await run.close();
  }
}

/** Seconds for as many events, its own start taken off. */
async function ofKafkajs(bench: Bench, subject: Subject): Promise<number> {
  const of = async (some: readonly WorkloadEvent[]): Promise<number> => {
    const workload: Workload = { initial: new Map(), events: some, expected: new Map(), idealRequests: 0 };
    const options = {
      kafka: await bench.kafka(),
      workload,
      target: { limits: 'off' },
      partitions: PARTITIONS,
    } as const;
    return (await drain(subject, { ...options, limitSeconds: LIMIT_SECONDS })).committedSeconds;
  };
  return (await of(events())) - (await of(events().slice(0, GROUPS)));
}

const events = (): readonly WorkloadEvent[] =>
  Array.from({ length: CHANGES }, (_, index) => {
    const group = groupName(index % GROUPS);
    return { group, value: nativeValue(`event-${index}`, group, { add: `user-${index}` }) };
  });
