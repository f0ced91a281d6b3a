/** The peers that work event by event, on a backlog that they can do in a minute: what Rollcall saves beside each. */
import { ratio, single, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import { PeerSetupError } from '../peers/program.ts';
import type { PeerName } from '../peers/peers.ts';
import { drain, type Drained } from '../world/drain.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

const NAMES: readonly PeerName[] = ['naive', 'seed', 'parallel-consumer'];

export const peers: Part = { name: 'peers', isQuick: true, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const name of NAMES) figures.push(...(await beside(bench, name)));
  return figures;
}

async function beside(bench: Bench, peerName: PeerName): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: bench.isQuick ? 100 : 1_000, groups: 50, membersPerGroup: 100 });
  const kafka = await bench.kafka();
  const target = { limits: 'off', latencyMs: 20 } as const;
  const once = (subject: Subject) => () =>
    drain(subject, { kafka, workload, target, partitions: 6, limitSeconds: 180 });
  const other = await subjectOf(peerName);
  if (other === null) return [];
  const pairs = await inPairs(bench, once(await rollcall()), once(other));
  const each = (value: (run: Drained, peerRun: Drained) => number) => pairs.map(([a, b]) => value(a, b));
  const name = (what: string) => `backlog of ${workload.events.length} events on 50 groups, ${what} ÷ ${peerName}`;
  return [
    ratio(
      name('requests'),
      each((a, b) => a.requests / b.requests),
      null,
    ),
    ratio(
      name('time'),
      each((a, b) => a.seconds / b.seconds),
      null,
    ),
    ratio(
      name('processor time'),
      each((a, b) => a.cpuSeconds / b.cpuSeconds),
      null,
    ),
    single(`groups that ${peerName} left wrong`, Math.max(...each((_, b) => b.wrongGroups)), {}),
  ];
}

/** null: this machine lacks what it needs, which is said. */
async function subjectOf(name: PeerName): Promise<Subject | null> {
  try {
    return await peer(name);
  } catch (error) {
    if (!(error instanceof PeerSetupError)) throw error;
    process.stderr.write(`!!! SKIPPED: ${name}: ${error.message}\n`);
    return null;
  }
}
