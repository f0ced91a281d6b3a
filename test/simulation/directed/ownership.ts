/** Directed scenarios of ownership: who may still send, and what a new owner must know before it does. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { REBALANCE_MIN_MS } from '../settings.ts';

type Op = 'add' | 'remove';

export const changed = (at: number, group: number, members: readonly number[], op: Op): Event => ({
  kind: 'change',
  at,
  group,
  add: op === 'add' ? members : [],
  remove: op === 'remove' ? members : [],
});

/** Of all groups the same. */
const changedAll = (at: number, groups: number, members: readonly number[], op: Op): Event[] =>
  Array.from({ length: groups }, (_, group) => changed(at + group, group, members, op));

const failing = (from: number, to: number): Event => ({
  kind: 'target',
  at: from,
  fates: { error_before: 1 },
  forMs: to - from,
});

/** An owner is frozen with a PATCH in its hand until another owner has done and reported the opposite (spec: lease). */
export function zombie(random: SeededRandom): DirectedScenario {
  const at = random.between(8_000, 12_000);
  const op = random.pick(['add', 'remove'] as const);
  const members = random.pick([[0], [0, 1]]);
  const before = op === 'remove' ? [changed(at - 3_000, 0, members, 'add')] : [];
  return {
    settings: { instances: 2 },
    events: [
      { kind: 'start', at: 0, instance: 0 },
      { kind: 'start', at: random.between(1_000, 4_000), instance: 1 },
      ...before,
      { kind: 'freeze', at, instance: 0, point: 'patch', forMs: random.between(20_000, 45_000) },
      changed(at + 10, 0, members, op),
      changed(at + random.between(100, 15_000), 0, members, op === 'add' ? 'remove' : 'add'),
    ],
  };
}

/** An owner that joins does not hear that its partition has a new owner, and its retries come due (spec: halt). */
export function halted(random: SeededRandom): DirectedScenario {
  const joins = random.between(8_000, 12_000);
  const at = joins - random.between(500, 5_000);
  // It asks to join at its next heartbeat.
  const joined = joins + 2_100;
  return {
    settings: { partitions: 2, instances: 2, groups: 5 },
    events: [
      { kind: 'start', at: 0, instance: 0 },
      failing(at, joined),
      ...changedAll(at + 10, 5, [0], 'add'),
      { kind: 'cut', at: joins - 1, instance: 0, point: 'join', only: 'broker', forMs: 12_000 },
      { kind: 'start', at: joins, instance: 1 },
      ...changedAll(joined, 5, [0], 'remove'),
    ],
  };
}

/**
 * An owner does not hear of a rebalance at all, and the brokers drop it when the rebalance time-out is over: nothing but
 * its lease keeps its retries, which come due meanwhile, from the target (config/kafka.ts).
 */
export function excluded(random: SeededRandom): DirectedScenario {
  const joins = random.between(8_000, 12_000);
  const at = joins - random.between(500, 5_000);
  return {
    settings: { partitions: 2, instances: 2, groups: 5, rebalanceTimeoutMs: REBALANCE_MIN_MS },
    events: [
      { kind: 'start', at: 0, instance: 0 },
      failing(at, joins + 2_100),
      // The groups have no such member yet, so the addition changes the target and is final with its answer.
      ...changedAll(at + 10, 5, [0], 'remove'),
      { kind: 'cut', at: joins - 1, instance: 0, only: 'broker', forMs: 20_000 },
      { kind: 'start', at: joins, instance: 1 },
      ...changedAll(joins + 2_100, 5, [0], 'add'),
    ],
  };
}

/** A member does not hear of a generation in which its partition had another owner, and has it again (spec: refence). */
export function missed(random: SeededRandom): DirectedScenario {
  const joins = random.between(8_000, 12_000);
  const at = joins - random.between(500, 4_000);
  const joined = joins + 2_100;
  return {
    settings: { partitions: 2, instances: 2, groups: 5 },
    events: [
      { kind: 'start', at: 0, instance: 0 },
      failing(at, joined),
      ...changedAll(at + 10, 5, [0], 'add'),
      // Longer than its session, after which it asks again under the same member id.
      { kind: 'cut', at: joins - 1, instance: 0, point: 'join', only: 'broker', forMs: 15_500 },
      { kind: 'start', at: joins, instance: 1 },
      ...changedAll(joined, 5, [0], 'remove'),
      { kind: 'stop', at: joins + random.between(9_000, 14_500), instance: 1 },
      { kind: 'broker', at: joins + 15_000, fates: { slow: 1 }, forMs: 12_000 },
    ],
  };
}

/** Everything is done and nothing of it committed when its owner has to restart, slowly (spec: barrier, ranges). */
export function reread(random: SeededRandom): DirectedScenario {
  const at = random.between(5_000, 8_000);
  const count = random.int(2, 6);
  const stepMs = random.between(200, 1_000);
  const ops = Array.from({ length: count }, (_, i) => changed(at + i * stepMs, 0, [0], i % 2 === 0 ? 'add' : 'remove'));
  const lostAt = at + count * stepMs + random.between(500, 3_000);
  return {
    settings: { instances: random.pick([1, 2]) },
    events: [
      { kind: 'start', at: 0, instance: 0 },
      // A later owner finds the first one there.
      { kind: 'start', at: random.between(1_000, 60_000), instance: 1 },
      { kind: 'refuse', at: at - 100, what: 'commit', forMs: 60_000 },
      ...ops,
      { kind: 'drop_member', at: lostAt, instance: 0 },
      { kind: 'broker', at: lostAt, fates: { slow: 1, done: random.pick([1, 3]) }, forMs: 25_000 },
    ],
  };
}

/** A partition goes while its requests are on their way and its work is not committed (spec: owner-commit). */
export function bereft(random: SeededRandom): DirectedScenario {
  const events: Event[] = [
    { kind: 'start', at: 0, instance: 0 },
    { kind: 'start', at: random.between(1_000, 4_000), instance: 1 },
    { kind: 'refuse', at: random.between(3_000, 30_000), what: 'commit', forMs: random.between(3_000, 20_000) },
    { kind: 'target', at: 4_000, fates: { slow: 1, answered: 1 }, forMs: 60_000 },
  ];
  for (let at = 5_000; at < 60_000; at += random.between(1_500, 6_000)) {
    const op = random.pick(['add', 'remove'] as const);
    for (let group = 0; group < 5; group++) events.push(changed(at + group, group, [random.int(0, 2)], op));
    const lost = at + random.between(0, 600);
    if (random.happens(0.5)) events.push({ kind: 'drop_member', at: lost, instance: random.int(0, 1) });
    else events.push({ kind: 'rebalance', at: lost });
  }
  return { settings: { partitions: 2, instances: 2, groups: 5 }, events };
}

/** The fence of a former owner arrives late, and the present one goes on parking until it is lost too (spec: epoch). */
export function fenced(random: SeededRandom): DirectedScenario {
  const [second, third] = [random.between(6_000, 10_000), random.between(25_000, 40_000)];
  const late = second + random.between(3_000, 8_000);
  const parked = Array.from({ length: 6 }, (_, i) => changed(late + i * random.between(0, 2_000), 0, [i % 3], 'add'));
  return {
    settings: {},
    events: [
      { kind: 'start', at: 0, instance: 0 },
      failing(second + 2_500, third + 4_000),
      { kind: 'drop_member', at: second, instance: 0 },
      { kind: 'append_late', at: late, back: random.int(2, 4) },
      ...parked,
      { kind: 'drop_member', at: third, instance: 0 },
    ],
  };
}
