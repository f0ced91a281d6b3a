/** Directed scenarios of those who can write to the retry topic, and are no operators (protocol.md 12.3). */
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
