/** Directed scenarios of the log: a source that is not what was read any more, offsets that go back, records that no topic takes. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

const OTHER_AT = 45_000;

/** All is done and committed when the source becomes another log, under its owner or between two (spec: refused-committed). */
export function replaced(random: SeededRandom): DirectedScenario {
  const count = random.int(1, 6);
  const changes = Array.from({ length: count }, (_, i) =>
    changed(4_000 + i * random.between(500, 3_000), 0, [i % 3], random.pick(['add', 'remove'])),
  );
  const way = random.pick(['recreated', 'truncated'] as const);
  const grow = random.int(0, 4);
  const replacement: Event = { kind: 'source_other', at: OTHER_AT, way, cut: random.int(1, count), grow };
  return {
    settings: { instances: random.pick([1, 2]) },
    events: [{ kind: 'start', at: 0, instance: 0 }, ...changes, replacement, ...owners(random)],
  };
}

/** Who has the partition by then. */
function owners(random: SeededRandom): readonly Event[] {
  const restart = (at: number): Event[] => [
    { kind: 'stop', at, instance: 0 },
    { kind: 'start', at: at + random.between(3_000, 5_000), instance: 0 },
  ];
  switch (random.pick(['the same', 'dropped', 'restarted', 'restarted before', 'other'] as const)) {
    case 'the same':
      return [];
    case 'dropped':
      return [{ kind: 'drop_member', at: OTHER_AT + random.between(0, 2_000), instance: 0 }];
    case 'restarted':
      return [
        { kind: 'kill', at: OTHER_AT - 1_000, instance: 0, point: 'now' },
        { kind: 'start', at: OTHER_AT + 1_000, instance: 0 },
      ];
    case 'restarted before':
      return [...restart(OTHER_AT - 24_000), ...restart(OTHER_AT - 12_000), ...restart(OTHER_AT + 1_000)];
    case 'other':
      return [
        { kind: 'start', at: random.between(1_000, 60_000), instance: 1 },
        { kind: 'kill', at: OTHER_AT + random.between(0, 20_000), instance: 0, point: 'now' },
      ];
  }
}

/** The source becomes another log while changes of it are on their way, parked, or not committed. */
export function torn(random: SeededRandom): DirectedScenario {
  const at = random.between(12_000, 30_000);
  const events: Event[] = [
    { kind: 'start', at: 0, instance: 0 },
    {
      kind: 'target',
      at: 8_000,
      fates: random.pick([{ error_before: 1 }, { slow: 1 }, { late: 1, answered: 1 }]),
      forMs: at,
    },
  ];
  for (let changedAt = 4_000; changedAt < at; changedAt += random.between(500, 3_000))
    events.push(changed(changedAt, random.int(0, 2), [random.int(0, 2)], random.pick(['add', 'remove'])));
  const way = random.pick(['recreated', 'truncated'] as const);
  const grow = random.int(1, 6);
  if (random.happens(0.4)) {
    // What was read last is lost, and nothing that is committed.
    events.push({ kind: 'refuse', at: at - 5_000, what: 'commit', forMs: 5_000 });
    events.push({ kind: 'source_other', at, way: 'truncated', cut: 0, grow, isBusy: true });
    return { settings: { groups: 3 }, events };
  }
  events.push({ kind: 'source_other', at, way, cut: random.int(1, 3), grow, isBusy: true });
  if (random.happens(0.4)) events.push({ kind: 'drop_member', at: at + random.between(0, 3_000), instance: 0 });
  else if (random.happens(0.5)) {
    events.push({ kind: 'kill', at: at + random.between(-2_000, 2_000), instance: 0, point: 'now' });
    events.push({ kind: 'start', at: at + random.between(2_000, 4_000), instance: 0 });
  }
  return { settings: { groups: 3 }, events };
}

/** The coordinator moves to a broker that lags behind, again and again: what was done is read again, full states too. */
export function rolledBack(random: SeededRandom): DirectedScenario {
  const events: Event[] = [{ kind: 'start', at: 0, instance: 0 }];
  for (let at = 4_000; at < 60_000; at += random.between(300, 4_000)) {
    const op = random.pick(['add', 'remove'] as const);
    if (random.happens(0.3))
      events.push({ kind: 'state', at, group: 0, members: random.pick([[0], [1, 2], [0, -1, -2]]) });
    else events.push(changed(at, random.int(0, 1), [random.int(0, 2)], op));
  }
  for (let at = 8_000; at < 80_000; at += random.between(2_000, 15_000))
    events.push({ kind: 'fall_back', at, commits: random.int(1, 12), generations: random.pick([0, 0, 1, 3]) });
  if (random.happens(0.5)) events.push({ kind: 'start', at: random.between(10_000, 40_000), instance: 1 });
  if (random.happens(0.5))
    events.push({ kind: 'target', at: 10_000, fates: { answered: 2, error_before: 1, late: 1 }, forMs: 40_000 });
  return { settings: { instances: 2, groups: 2 }, events };
}

/** Retention deletes records: those that are committed, or others that are unread, while an owner is away or behind. */
export function beheaded(random: SeededRandom): DirectedScenario {
  const deletedAt = random.between(20_000, 40_000);
  const events: Event[] = [{ kind: 'start', at: 0, instance: 0 }];
  for (let at = 4_000; at < 55_000; at += random.between(300, 3_000))
    events.push(changed(at, random.int(0, 2), [random.int(0, 4)], random.pick(['add', 'remove'])));
  events.push({ kind: 'target', at: 8_000, fates: { answered: 1, error_before: 2 }, forMs: 25_000 });
  const unread = random.pick([0, 1, 3, 1_000]);
  const isAway = random.happens(0.6);
  if (isAway) events.push({ kind: 'kill', at: deletedAt - random.between(100, 8_000), instance: 0, point: 'now' });
  events.push({ kind: 'delete_head', at: deletedAt, partition: 0, unread });
  events.push({ kind: 'start', at: deletedAt + random.between(10, 10_000), instance: 0 });
  return { settings: { groups: 3, members: 5, pendingIntentsMax: random.pick([3, 200_000]) }, events };
}

/** The report topic, or that of dead letters, refuses for good what has no key; everything else goes on. */
export function refusedKeys(random: SeededRandom): DirectedScenario {
  const forMs = random.between(40_000, 75_000);
  const events: Event[] = [
    { kind: 'start', at: 0, instance: 0 },
    { kind: 'compact_output', at: 5_000, topic: random.pick(['report', 'deadLetter']), forMs },
  ];
  for (let at = 6_000; at < 5_000 + forMs - 5_000; at += random.between(500, 4_000)) {
    if (random.happens(0.4)) events.push({ kind: 'broken', at, group: 0, what: 'keyless' });
    const [group, member] = [random.int(0, 2), random.int(0, 2)];
    events.push(changed(at + 10, group, [member], random.pick(['add', 'remove'])));
    events.push({ kind: 'expect_final', at: at + 8_000, group, member });
  }
  if (random.happens(0.4)) events.push({ kind: 'drop_member', at: 5_000 + forMs - 500, instance: 0 });
  return { settings: { groups: 3, concurrency: 5 }, events };
}

/** Batches that cannot be unpacked stand among changes: each is reported and passed over, and what stands around it is done. */
export function damaged(random: SeededRandom): DirectedScenario {
  const events: Event[] = [{ kind: 'start', at: 0, instance: 0 }];
  for (let at = 4_000; at < 50_000; at += random.between(300, 3_000)) {
    const group = random.int(0, 1);
    if (random.happens(0.35)) events.push({ kind: 'damaged_batch', at, group, count: random.pick([1, 2, 7]) });
    else events.push(changed(at, group, [random.int(0, 2)], random.pick(['add', 'remove'])));
  }
  if (random.happens(0.5)) {
    const at = random.between(5_000, 50_000);
    events.push({ kind: 'kill', at, instance: 0, point: random.pick(['now', 'report', 'commit']) });
    events.push({ kind: 'start', at: at + random.between(10, 8_000), instance: 0 });
  }
  if (random.happens(0.5)) events.push({ kind: 'drop_member', at: random.between(5_000, 50_000), instance: 0 });
  if (random.happens(0.5)) {
    const what = random.pick(['report', 'report answer', 'commit', 'record'] as const);
    events.push({ kind: 'refuse', at: random.between(4_000, 40_000), what, forMs: random.between(1_000, 12_000) });
  }
  if (random.happens(0.4))
    events.push({ kind: 'target', at: 8_000, fates: { answered: 2, error_before: 1 }, forMs: 30_000 });
  return { settings: { groups: 2 }, events };
}
