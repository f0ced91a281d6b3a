/** Directed scenarios of rest: what is in memory while nothing comes in, and after hours in which everything has failed once. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

const QUIET_FROM = 30_000;
/** Of both groups that a full state would empty: two that were added, and two that were there. */
const HELD = 8;

/** Unknown users, dead changes and held removals wait, nothing comes in, and their owners join again and again. */
export function standstill(random: SeededRandom): DirectedScenario {
  const groups = 6;
  const events: Event[] = [
    { kind: 'start', at: 0, instance: 0 },
    { kind: 'start', at: random.between(1_000, 3_000), instance: 1 },
  ];
  // Of six members the last two are unknown; the states of two groups would empty them.
  for (let group = 0; group < groups; group++) {
    const at = 4_000 + group * random.between(0, 500);
    events.push(changed(at, group, [0, 1, 4, 5], 'add'));
    if (group < 2) events.push({ kind: 'state', at: at + 5_000, group, members: [] });
  }
  let joins = 0;
  const quietTo = QUIET_FROM + random.pick([30_000, 60_000, 120_000]);
  for (let at = QUIET_FROM + 1_000; at < quietTo; at += random.between(1_000, 15_000)) {
    const instance = random.int(0, 1);
    joins += 1;
    events.push(
      random.pick<Event>([
        { kind: 'rebalance', at },
        { kind: 'rebalance', at },
        { kind: 'drop_member', at, instance },
        { kind: 'fall_back', at, commits: 0, generations: 0 },
      ]),
    );
  }
  events.push({ kind: 'expect_unchanged', at: QUIET_FROM, live: 0, reports: 0 });
  // At most three generations each (a visitor comes and goes), each with a fence a partition. A new owner reports again what is held there.
  const [live, reports] = [3 * 2 * joins, 3 * 2 * HELD * joins];
  events.push({ kind: 'expect_unchanged', at: quietTo + 60_000, live, reports });
  return {
    settings: {
      partitions: 2,
      instances: 2,
      groups,
      members: 6,
      unknownMembers: 2,
      slowScheduleMs: random.pick([[], [600_000]]),
      ownWaits: true,
      durationMs: quietTo + 60_001,
    },
    events,
  };
}

const SLOT_MS = 600_000;

/** Faults of all kinds for two minutes, then quiet: each time memory is back at what live records keep. */
export function hours(random: SeededRandom): DirectedScenario {
  const slots = 5;
  const groups = 30;
  const events: Event[] = [{ kind: 'start', at: 0, instance: 0 }];
  for (let slot = 0; slot < slots; slot++) {
    const from = slot * SLOT_MS + 4_000;
    const within = (): number => from + random.between(0, 110_000);
    const op = random.pick(['add', 'remove'] as const);
    for (let group = slot; group < groups; group += 2) events.push(changed(within(), group, [random.int(0, 5)], op));
    events.push({
      kind: 'target',
      at: from,
      fates: { answered: 3, error_before: 1, late: 1, throttled: 0.1 },
      forMs: 100_000,
    });
    events.push({ kind: 'broker', at: within(), fates: { done: 3, slow: 1, lost: 0.1 }, forMs: 20_000 });
    events.push({ kind: 'drop_member', at: within(), instance: 0 });
    events.push({ kind: 'rebalance', at: within() });
    events.push({ kind: 'append_late', at: within(), back: random.int(1, 6) });
    if (random.happens(0.3)) events.push({ kind: 'clean', at: within() });
    const goesAt = within();
    events.push(
      random.happens(0.5)
        ? { kind: 'kill', at: goesAt, instance: 0, point: 'now' }
        : { kind: 'stop', at: goesAt, instance: 0 },
      { kind: 'start', at: goesAt + random.between(6_000, 20_000), instance: 0 },
    );
    // One minute for the sweep, and all schedules.
    events.push({ kind: 'expect_rest', at: from + SLOT_MS - 5_000 });
  }
  return {
    settings: {
      partitions: 3,
      groups,
      members: 6,
      unknownMembers: 1,
      slowScheduleMs: [30_000],
      durationMs: slots * SLOT_MS + 5_000,
    },
    events,
  };
}
