/** Directed scenarios of waiting: how long a refused member waits, and how long the target takes to show what it has done. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

/** An unknown user waits on the slow schedule while its group is busy, and its owner goes again and again (protocol.md 9.1). */
export function patient(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started, changed(4_000, 0, [4], 'add')];
  for (let at = 7_000; at < 80_000; at += random.between(4_000, 9_000)) {
    const goesAt = at + random.between(0, 2_000);
    events.push(changed(at, 0, [random.int(0, 3)], random.pick(['add', 'remove'])));
    if (random.happens(0.3)) events.push(changed(at + 100, 0, [4], 'add'));
    events.push(
      random.happens(0.5)
        ? { kind: 'kill', at: goesAt, instance: 0, point: 'now' }
        : { kind: 'stop', at: goesAt, instance: 0 },
    );
    events.push({ kind: 'start', at: goesAt + random.between(500, 2_000), instance: 0 });
  }
  const slowScheduleMs = random.pick([[30_000, 60_000], [90_000], [20_000, 20_000, 20_000]]);
  return { settings: { members: 5, unknownMembers: 1, slowScheduleMs, ownWaits: true }, events };
}

/** Reads, and the bodies of answers, show what was so a while ago (protocol.md 7.6). */
export function lagging(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started];
  for (let at = 4_000; at < 60_000; at += random.between(500, 12_000)) {
    const op = random.pick(['add', 'add', 'remove'] as const);
    const members = random.pick([[0], [1], [0, 2]]);
    events.push(changed(at, 0, members, op));
    // The opposite, or a full state, before the target shows the one.
    if (random.happens(0.3))
      events.push(changed(at + random.between(50, 6_000), 0, members, op === 'add' ? 'remove' : 'add'));
    if (random.happens(0.1))
      events.push({ kind: 'state', at: at + random.between(50, 6_000), group: 0, members: [-1, -2, random.int(0, 2)] });
    if (random.happens(0.1)) events.push({ kind: 'drop_member', at: at + random.between(50, 3_000), instance: 0 });
  }
  return {
    settings: {
      patchAnswer: random.pick(['group', 'groupWithoutEtag', 'emptyWithoutEtag']),
      snapshotMembersMax: 200_000,
      readsLagMs: random.between(500, 5_000),
    },
    events,
  };
}
