/** The peers that work event by event, on a backlog that they can do in a minute: what Rollcall takes beside each. */
import { ratio, single, type Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import type { PeerName } from '../peers/peers.ts';
import { drain, type Drained } from '../world/drain.ts';
import { peersOnHand, rollcall, type Subject } from '../world/subject.ts';
import { drawWorkload } from '../world/workload.ts';

const NAMES: readonly PeerName[] = ['naive', 'seed', 'parallel-consumer'];

export const peers: Part = { name: 'peers', isQuick: true, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const workload = drawWorkload({ events: bench.isQuick ? 100 : 1_000, groups: 50, membersPerGroup: 100 });
  const kafka = await bench.kafka();
  const target = { limits: 'off', latencyMs: 20 } as const;
  const once = (subject: Subject) => () =>
    drain(subject, { kafka, workload, target, partitions: 6, limitSeconds: 180 });
  const found = await peersOnHand(bench, NAMES);
  const results = await rounds(bench, [once(await rollcall()), ...found.map(({ subject }) => once(subject))]);
  return found.flatMap(({ name }, index) =>
    figuresOf(
      `backlog of ${workload.events.length.toLocaleString('en')} events on 50 groups, ÷ ${name}`,
      results.map((round) => [round[0], round[index + 1]] as readonly [Drained, Drained]),
    ),
  );
}

function figuresOf(name: string, pairs: readonly (readonly [Drained, Drained])[]): readonly Figure[] {
  const each = (value: (run: Drained) => number) => pairs.map(([a, b]) => value(a) / value(b));
  const wrong = Math.max(...pairs.map(([, { wrongGroups }]) => wrongGroups));
  return [
    ratio(
      `${name}: requests`,
      each(({ requests }) => requests),
      null,
    ),
    ratio(
      `${name}: time`,
      each(({ seconds }) => seconds),
      null,
    ),
    ratio(
      `${name}: processor time`,
      each(({ cpuSeconds }) => cpuSeconds),
      null,
    ),
    single(`${name}: groups that it left wrong`, wrong, {}),
  ];
}
