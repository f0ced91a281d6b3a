/** From the sending of an event to its PATCH at the target, at 40 events a second: beside the peers, in the same round. */
import { ratio, single, type Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import { percentile } from '../world/percentile.ts';
import { drawStream, playStream, type Streamed } from '../world/stream.ts';
import { peersOnHand, rollcall, type Subject } from '../world/subject.ts';

const GROUPS = 500;

export const stream: Part = { name: 'stream', isQuick: true, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const groups = bench.isQuick ? 50 : GROUPS;
  const events = drawStream({ perSecond: 40, seconds: bench.isQuick ? 2 : 30, groups });
  const kafka = await bench.kafka();
  const target = { limits: 'off', latencyMs: 20 } as const;
  const once = (subject: Subject) => () => playStream(subject, { kafka, events, groups, target, partitions: 6 });
  const found = await peersOnHand(bench, ['batch', 'parallel-consumer']);
  const results = await rounds(bench, [once(await rollcall()), ...found.map(({ subject }) => once(subject))]);
  const name = (what: string) => `event → PATCH at 40 events/s: ${what}`;
  const own = (value: (run: Streamed) => number) => results.map(([first]) => value(first as Streamed));
  const toBest = (percent: number) =>
    results.map((round) => {
      const [first = Number.NaN, ...others] = round.map(({ latencies }) => percentile(latencies, percent));
      return first / Math.min(...others);
    });
  const ms = { unit: 'ms', digits: 0, goal: null };
  return [
    { ...ms, name: name('p50'), values: own(({ latencies }) => percentile(latencies, 50)) },
    { ...ms, name: name('p99'), values: own(({ latencies }) => percentile(latencies, 99)) },
    ratio(name('p50 ÷ the best peer’s'), toBest(50), { atMost: 0.8 }),
    ratio(name('p99 ÷ the best peer’s'), toBest(99), { atMost: 0.6 }),
    ratio(
      name('requests ÷ events'),
      own(({ requests }) => requests / events.length),
      { atMost: 1.05 },
    ),
    ...found.map((peer, index) =>
      single(
        name(`groups that ${peer.name} left wrong`),
        Math.max(...results.map((round) => round[index + 1]?.wrongGroups ?? Number.NaN)),
        {},
      ),
    ),
  ];
}
