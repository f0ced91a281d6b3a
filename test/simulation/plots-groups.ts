/** Dramas of groups: two of the source that mean one of the target, until the table is corrected. */
import type { Chance } from './engine/chance.ts';
import type { Plot } from './dramas.ts';
import { changed } from './plots-ownership.ts';
import type { Event } from './script.ts';

/** Both groups change while they share a target, full states among the changes; nothing of either may land there. */
export function twins(chance: Chance): Plot {
  const events: Event[] = [{ kind: 'start', at: 0, instance: 0 }];
  const sharedFrom = chance.pick([-1, chance.between(5_000, 20_000)]);
  events.push({ kind: 'name_group', at: Math.max(0, sharedFrom), group: 1, to: 0 });
  for (let at = 4_000; at < 60_000; at += chance.between(500, 5_000)) {
    const group = chance.int(0, 2);
    if (chance.happens(0.3)) events.push({ kind: 'state', at, group, members: chance.pick([[0], [1, 2], [0, -1]]) });
    else events.push(changed(at, group, [chance.int(0, 2)], chance.pick(['add', 'remove'])));
  }
  const correctedAt = chance.between(25_000, 70_000);
  events.push({ kind: 'name_group', at: correctedAt, group: 1, to: 1 });
  // Again, while what waited is on its way.
  if (chance.happens(0.3)) {
    events.push({ kind: 'name_group', at: correctedAt + chance.between(0, 300), group: 1, to: 0 });
    events.push({ kind: 'name_group', at: correctedAt + chance.between(1_000, 15_000), group: 1, to: 1 });
  }
  for (let i = 0; i < 2; i++) {
    const goesAt = chance.between(8_000, 75_000);
    events.push({ kind: 'kill', at: goesAt, instance: 0, point: 'now' });
    events.push({ kind: 'start', at: goesAt + chance.between(500, 4_000), instance: 0 });
  }
  events.push({ kind: 'target', at: 10_000, weather: { answered: 3, error_before: 1, late: 1 }, forMs: 50_000 });
  return {
    settings: { groups: 3, idMap: 'table', slowScheduleMs: chance.pick([[], [20_000], [10_000, 60_000]]) },
    events,
  };
}
