/** Directed scenarios of groups: two of the source that mean one of the target, until the table is corrected. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

/** Both groups change while they share a target, full states among the changes; nothing of either may land there. */
export function twins(random: SeededRandom): DirectedScenario {
  const events: Event[] = [{ kind: 'start', at: 0, instance: 0 }];
  const sharedFrom = random.pick([-1, random.between(5_000, 20_000)]);
  events.push({ kind: 'name_group', at: Math.max(0, sharedFrom), group: 1, to: 0 });
  for (let at = 4_000; at < 60_000; at += random.between(500, 5_000)) {
    const group = random.int(0, 2);
    if (random.happens(0.3)) events.push({ kind: 'state', at, group, members: random.pick([[0], [1, 2], [0, -1]]) });
    else events.push(changed(at, group, [random.int(0, 2)], random.pick(['add', 'remove'])));
  }
  const correctedAt = random.between(25_000, 70_000);
  events.push({ kind: 'name_group', at: correctedAt, group: 1, to: 1 });
  // Again, while what waited is on its way.
  if (random.happens(0.3)) {
    events.push({ kind: 'name_group', at: correctedAt + random.between(0, 300), group: 1, to: 0 });
    events.push({ kind: 'name_group', at: correctedAt + random.between(1_000, 15_000), group: 1, to: 1 });
  }
  for (let i = 0; i < 2; i++) {
    const goesAt = random.between(8_000, 75_000);
    events.push({ kind: 'kill', at: goesAt, instance: 0, point: 'now' });
    events.push({ kind: 'start', at: goesAt + random.between(500, 4_000), instance: 0 });
  }
  events.push({ kind: 'target', at: 10_000, fates: { answered: 3, error_before: 1, late: 1 }, forMs: 50_000 });
  return {
    settings: { groups: 3, idMap: 'table', slowScheduleMs: random.pick([[], [20_000], [10_000, 60_000]]) },
    events,
  };
}
