/** Dramas of the source: a topic that is not the one that was read any more. */
import type { Chance } from './engine/chance.ts';
import type { Plot } from './dramas.ts';
import { changed } from './plots-ownership.ts';
import type { Event } from './script.ts';

const OTHER_AT = 45_000;

/** All is done and committed when the source becomes another log, under its owner or between two (spec: refused-committed). */
export function replaced(chance: Chance): Plot {
  const count = chance.int(1, 6);
  const changes = Array.from({ length: count }, (_, i) =>
    changed(4_000 + i * chance.between(500, 3_000), 0, [i % 3], chance.pick(['add', 'remove'])),
  );
  const way = chance.pick(['recreated', 'truncated'] as const);
  const grow = chance.int(0, 4);
  const replacement: Event = { kind: 'source_other', at: OTHER_AT, way, cut: chance.int(1, count), grow };
  return {
    settings: { instances: chance.pick([1, 2]) },
    events: [{ kind: 'start', at: 0, instance: 0 }, ...changes, replacement, ...owners(chance)],
  };
}

/** Who has the partition by then. */
function owners(chance: Chance): readonly Event[] {
  const restart = (at: number): Event[] => [
    { kind: 'stop', at, instance: 0 },
    { kind: 'start', at: at + chance.between(3_000, 5_000), instance: 0 },
  ];
  switch (chance.pick(['the same', 'dropped', 'restarted', 'restarted before', 'other'] as const)) {
    case 'the same':
      return [];
    case 'dropped':
      return [{ kind: 'drop_member', at: OTHER_AT + chance.between(0, 2_000), instance: 0 }];
    case 'restarted':
      return [
        { kind: 'kill', at: OTHER_AT - 1_000, instance: 0, point: 'now' },
        { kind: 'start', at: OTHER_AT + 1_000, instance: 0 },
      ];
    case 'restarted before':
      return [...restart(OTHER_AT - 24_000), ...restart(OTHER_AT - 12_000), ...restart(OTHER_AT + 1_000)];
    case 'other':
      return [
        { kind: 'start', at: chance.between(1_000, 60_000), instance: 1 },
        { kind: 'kill', at: OTHER_AT + chance.between(0, 20_000), instance: 0, point: 'now' },
      ];
  }
}
