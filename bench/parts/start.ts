/** From the start of the process to the first request about a group, with a small backlog. */
import { ratio, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { drain, type Drained } from '../world/drain.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

export const start: Part = { name: 'start', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: 500, groups: 500, membersPerGroup: 10 });
  const kafka = await bench.kafka();
  const target = { limits: 'off', latencyMs: 20 } as const;
  const once = (subject: Subject) => () => drain(subject, { kafka, workload, target, partitions: 6, limitSeconds: 60 });
  const pairs = await inPairs(bench, once(await rollcall()), once(await peer('batch')));
  const each = (value: (run: Drained, peerRun: Drained) => number) => pairs.map(([a, b]) => value(a, b));
  const seconds = { unit: 's', digits: 2, goal: null };
  return [
    ratio(
      'process start → first request ÷ batch',
      each((a, b) => a.startSeconds / b.startSeconds),
      { atMost: 1.5 },
    ),
    { ...seconds, name: 'process start → first request', values: each((a) => a.startSeconds) },
    { ...seconds, name: 'process start → first request of batch', values: each((_, b) => b.startSeconds) },
  ];
}
