/**
 * How many PATCHes a second reach distinct groups, 20 in flight: of Rollcall, which knows the groups from an event before, and of
 * undici alone. The target is a process like this one, so that at 0 ms it is the limit of both.
 */
import { ratio, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { Run } from '../world/run.ts';
import { groupName } from '../world/stream.ts';
import { sendEvents } from '../world/send-events.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { nativeValue } from '../world/workload.ts';

const GROUPS = 3_000;
const LIMIT_SECONDS = 120;

export const requests: Part = { name: 'requests', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [latencyMs, atLeast] of [
    [20, 0.95],
    [0, 0.5],
  ] as const) {
    const own = await rollcall();
    const raw = await peer('raw-requests', { GROUPS: String(GROUPS) });
    const pairs = await inPairs(
      bench,
      () => ofRollcall(bench, own, latencyMs),
      () => ofUndici(bench, raw, latencyMs),
    );
    const name = (what: string) => `PATCH/s to distinct groups at ${latencyMs} ms: ${what}`;
    figures.push(
      ratio(
        name('÷ undici alone'),
        pairs.map(([a, b]) => a / b),
        { atLeast },
      ),
      { name: name('of undici alone'), values: pairs.map(([, b]) => b), unit: '/s', digits: 0, goal: null },
    );
  }
  return figures;
}

async function ofRollcall(bench: Bench, subject: Subject, latencyMs: number): Promise<number> {
  const kafka = await bench.kafka();
  return withRun(bench, latencyMs, async (run) => {
    run.start(subject);
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, additions('first'));
    await run.committed(GROUPS, LIMIT_SECONDS);
    const rate = writeRate(run);
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, additions('second'));
    await run.committed(2 * GROUPS, LIMIT_SECONDS);
    return rate();
  });
}

async function ofUndici(bench: Bench, subject: Subject, latencyMs: number): Promise<number> {
  return withRun(bench, latencyMs, async (run) => {
    const rate = writeRate(run);
    let written = 0;
    run.sandbox.onRequest(({ phase }) => {
      if (phase === 'applied') written += 1;
    });
    run.start(subject);
    await run.until(() => written === GROUPS, { what: 'all groups are patched', limitSeconds: LIMIT_SECONDS });
    return rate();
  });
}

async function withRun(bench: Bench, latencyMs: number, work: (run: Run) => Promise<number>): Promise<number> {
  const initial = new Map(Array.from({ length: GROUPS }, (_, index) => [groupName(index), new Set<string>()]));
  const target = { limits: 'off', latencyMs } as const;
  const run = await Run.open({ kafka: await bench.kafka(), target, initial, partitions: 6 });
  try {
    return await work(run);
  } finally {
    await run.close();
  }
}

const additions = (member: string) =>
  Array.from({ length: GROUPS }, (_, index) => {
    const group = groupName(index);
    return { group, value: nativeValue(`${member}-${group}`, group, { add: member }) };
  });

/** From now on: writes a second between the first and the last. */
function writeRate({ sandbox }: Run): () => number {
  let [firstAt, lastAt, count] = [Number.NaN, Number.NaN, 0];
  const stopListening = sandbox.onRequest(({ phase }) => {
    if (phase !== 'applied') return;
    lastAt = performance.now();
    if (count === 0) firstAt = lastAt;
    count += 1;
  });
  return () => {
    stopListening();
    return ((count - 1) * 1000) / (lastAt - firstAt);
  };
}
