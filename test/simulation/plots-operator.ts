/** Dramas of those who can write to the retry topic, and are no operators (protocol.md 12.3). */
import type { Chance } from './engine/chance.ts';
import type { Plot } from './dramas.ts';
import { changed } from './plots-ownership.ts';
import type { Event } from './script.ts';

const HELD_AT = 10_000;

/** Removals are held; their approval is forged, before and after the owner changes, and perhaps an operator decides at last. */
export function forged(chance: Chance): Plot {
  const ways = ['unsigned', 'other key', 'other value', 'late'] as const;
  const forgeries = Array.from({ length: chance.int(1, 4) }, (): Event => {
    const kind = chance.pick(['approve', 'approve', 'reject'] as const);
    return { kind, at: chance.between(HELD_AT + 3_000, 50_000), group: 0, forged: chance.pick(ways) };
  });
  const decision: Event = { kind: chance.pick(['approve', 'reject'] as const), at: 55_000, group: 0 };
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
      ...(chance.happens(0.5) ? handover : []),
      ...(chance.happens(0.5) ? [decision] : []),
    ],
  };
}
