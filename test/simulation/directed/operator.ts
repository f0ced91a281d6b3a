/** Directed scenarios of operators: of those who are none (protocol.md 12.3), and of one who has the source read again (12.5). */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

const HELD_AT = 10_000;

/** Removals are held; their approval is forged, before and after the owner changes, and perhaps an operator decides at last. */
export function forged(random: SeededRandom): DirectedScenario {
  const ways = ['unsigned', 'other key', 'other value', 'late'] as const;
  const forgeries = Array.from({ length: random.int(1, 4) }, (): Event => {
    const kind = random.pick(['approve', 'approve', 'reject'] as const);
    return { kind, at: random.between(HELD_AT + 3_000, 50_000), group: 0, forged: random.pick(ways) };
  });
  const decision: Event = { kind: random.pick(['approve', 'reject'] as const), at: 55_000, group: 0 };
  const handover: readonly Event[] = [
    { kind: 'kill', at: 25_000, instance: 0, point: 'now' },
    { kind: 'start', at: 28_000, instance: 0 },
  ];
  return {
    settings: {
      operatorKey: true,
      members: 4,
      guard: { groupPercent: 100, groupFloor: 2, groupCount: 2, windowCount: 1_000, windowMs: 60_000 },
    },
    events: [
      { kind: 'start', at: 0, instance: 0 },
      changed(4_000, 0, [0, 1, 2, 3], 'add'),
      changed(HELD_AT, 0, [0, 1, 2], 'remove'),
      ...forgeries,
      ...(random.happens(0.5) ? handover : []),
      ...(random.happens(0.5) ? [decision] : []),
    ],
  };
}

/** Changes that are done, parked, held or dead are read again from some offset on, after others have changed the groups. */
export function readAgain(random: SeededRandom): DirectedScenario {
  const [instances, groups] = [random.pick([1, 2]), random.int(1, 3)];
  const changes: Event[] = [];
  for (let at = 4_000; at < 40_000; at += random.between(500, 5_000)) {
    const group = random.int(0, groups - 1);
    if (random.happens(0.15)) changes.push({ kind: 'state', at, group, members: [random.int(0, 3), random.int(0, 3)] });
    else changes.push(changed(at, group, [random.int(0, 3)], random.pick(['add', 'remove'])));
    if (random.happens(0.2)) changes.push({ kind: 'foreign', at: at + 1_000, group, members: [random.int(0, 3)] });
  }
  const fates = random.pick([
    { error_before: 1 },
    { error_after: 1, answered: 1 },
    { lost: 1, answered: 2 },
    { answered: 1 },
  ]);
  const stopsAt = random.between(20_000, 45_000);
  const startsAt = stopsAt + random.between(15_000, 25_000);
  const each = (event: (instance: number) => Event): Event[] => Array.from({ length: instances }, (_, i) => event(i));
  return {
    settings: { instances, groups, partitions: random.pick([1, 2]), members: 4, unknownMembers: random.pick([0, 1]) },
    events: [
      ...each((instance) => ({ kind: 'start', at: 0, instance })),
      ...changes,
      { kind: 'target', at: stopsAt - 10_000, fates, forMs: random.pick([5_000, 9_000, 40_000]) },
      ...each((instance) => ({ kind: 'stop', at: stopsAt, instance })),
      { kind: 'rewind', at: startsAt - 1_000, back: random.int(1, 20) },
      ...each((instance) => ({ kind: 'start', at: startsAt + random.between(0, 4_000), instance })),
    ],
  };
}
