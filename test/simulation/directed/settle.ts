/** Directed scenarios of settling, of what is dead, of a target with a mind of its own, and of too much at once. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { TargetFate, Weights } from '../engine/fault-model.ts';
import type { Event } from '../script.ts';
import { fixed } from '../settings.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

const targetFates = (from: number, to: number, fates: Weights<TargetFate>): Event => ({
  kind: 'target',
  at: from,
  fates,
  forMs: to - from,
});

/** The live record says something old when what has replaced it is done (spec: record-first). */
export const settle = (random: SeededRandom): DirectedScenario => random.pick([recordUnknown, recordBehind])(random);

/** The answer to the live record is lost, and no other one is written. */
function recordUnknown(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const turnsAt = at + random.between(2_500, 5_000);
  return {
    settings: {},
    events: [
      started,
      { kind: 'refuse', at, what: 'record answer', forMs: turnsAt - at },
      targetFates(at, turnsAt, { error_before: 1 }),
      changed(at + 10, 0, random.pick([[0], [0, 1]]), 'add'),
      { kind: 'refuse', at: turnsAt, what: 'record', forMs: 25_000 },
      changed(turnsAt + random.between(0, 500), 0, [0], 'remove'),
      ...(random.happens(0.5) ? [{ kind: 'drop_member', at: turnsAt + 15_000, instance: 0 } as const] : []),
    ],
  };
}

/** Reports are written at last, all in one batch, and the live record that is to follow is not. */
function recordBehind(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const turnsAt = at + random.between(2_500, 5_000);
  // The end of the doubt, and a look.
  const doneAt = turnsAt + random.between(6_500, 9_000);
  return {
    settings: {},
    events: [
      started,
      targetFates(at, turnsAt, { error_before: 1 }),
      changed(at + 10, 0, random.pick([[0], [0, 1]]), 'add'),
      { kind: 'refuse', at: turnsAt, what: 'report', forMs: doneAt - turnsAt },
      { kind: 'refuse', at: doneAt - 100, what: 'record', forMs: 20_000 },
      changed(turnsAt + random.between(0, 500), 0, [0], 'remove'),
      ...(random.happens(0.5) ? [{ kind: 'drop_member', at: doneAt + 10_000, instance: 0 } as const] : []),
    ],
  };
}

/** A record stays open since its live record is too large, and what comes after it is complete (spec: ranges). */
export function crowded(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const unknown = [2, 3, 4, 5, 6, 7];
  const lostAt = at + random.between(8_000, 20_000);
  return {
    settings: {
      members: 8,
      unknownMembers: unknown.length,
      slowScheduleMs: [60_000],
      retryRecordMaxBytes: random.pick([620, 630, 640]),
    },
    events: [
      started,
      changed(at, 0, [0, ...unknown], 'add'),
      changed(at + random.between(3_000, 5_000), 0, [0], 'remove'),
      { kind: 'drop_member', at: lostAt, instance: 0 },
    ],
  };
}

/**
 * A group is written again for a late duplicate; while that is on its way its owner reads a change of it that is complete,
 * and one that it has to park. Then that first write fails.
 */
export function metAgain(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  // Recovered, with a live record and its tombstone.
  const stuckAt = at + 8_000;
  const lostAt = stuckAt + random.between(2_000, 3_000);
  // Neither the owner that goes writes its state again, nor the next one its fence, before all of it is there to be read.
  const fencedAt = lostAt + random.between(1_000, 2_000);
  return {
    settings: { groups: 2, slowScheduleMs: [60_000] },
    events: [
      started,
      targetFates(at, at + 300, { error_before: 1 }),
      changed(at + 10, 0, [0], 'add'),
      // One is not complete, and the next one is.
      { kind: 'deny', at: stuckAt, group: 1, forMs: 30_000 },
      { kind: 'refuse', at: stuckAt, what: 'record', forMs: fencedAt - stuckAt },
      changed(stuckAt + 10, 1, [0], 'add'),
      changed(stuckAt + 500, 0, [1], 'add'),
      { kind: 'drop_member', at: lostAt, instance: 0 },
      { kind: 'append_late', at: lostAt + 10, back: 2 },
      targetFates(lostAt, lostAt + 20_000, { error_before: 1 }),
      changed(lostAt + 700, 0, [2], 'add'),
      { kind: 'broker', at: fencedAt, fates: { lost: 1, done: random.pick([1, 3]) }, forMs: 12_000 },
    ],
  };
}

/** What is parked is on its way when its owner fences again: it may lie behind the fence (protocol.md 4.4). */
export function rejoins(random: SeededRandom): DirectedScenario {
  const events: Event[] = [
    started,
    targetFates(4_000, 60_000, { error_before: 3, answered: 1 }),
    { kind: 'broker', at: 4_000, fates: { slow: 1, done: random.pick([1, 3]) }, forMs: 56_000 },
  ];
  for (let at = 4_000; at < 60_000; at += random.between(500, 3_000))
    events.push(changed(at, 0, [random.int(0, 7)], random.pick(['add', 'remove'])));
  for (let at = 5_000; at < 60_000; at += random.between(2_000, 8_000)) events.push({ kind: 'rebalance', at });
  return { settings: { members: 8 }, events };
}

/** A late duplicate lies behind the live record when the cleaner comes. */
export const cleaner = (random: SeededRandom): DirectedScenario =>
  random.happens(0.25) ? cleanedWhenDone(random) : cleanedWhileParked(random);

/** Of a group that is done with, and forgotten (spec: seq, repair). */
function cleanedWhenDone(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const lateAt = at + random.between(16_000, 18_000);
  const cleanedAt = lateAt + fixed.compactionLagMs + 10_000;
  return {
    settings: { durationMs: cleanedAt + 20_000 },
    events: [
      started,
      targetFates(at, at + 300, { error_before: 1 }),
      changed(at + 10, 0, [0], 'add'),
      // It was recovered, with a live record and its tombstone; this takes none.
      changed(at + 12_000, 0, [0], 'remove'),
      { kind: 'append_late', at: lateAt, back: 2 },
      { kind: 'clean', at: cleanedAt },
      { kind: 'drop_member', at: cleanedAt + 1_000, instance: 0 },
    ],
  };
}

/** spec: eager-cleaner, repair. */
function cleanedWhileParked(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started, targetFates(4_000, 60_000, { error_before: 1 })];
  for (let at = 4_000; at < 40_000; at += random.between(500, 4_000))
    events.push(changed(at, 0, [random.int(0, 2)], random.pick(['add', 'remove'])));
  for (let at = 6_000; at < 60_000; at += random.between(500, 6_000)) {
    events.push({ kind: 'append_late', at, back: random.int(1, 5) });
    events.push({ kind: 'clean', at: at + random.between(0, 2) });
  }
  if (random.happens(0.3)) events.push({ kind: 'drop_member', at: random.between(6_000, 60_000), instance: 0 });
  return { settings: {}, events };
}

/** What is dead, and is not quite: reported and not known to be, named by an old list, dropped by age or number. */
export const afterlife = (random: SeededRandom): DirectedScenario =>
  random.pick([wokenEarly, wokenByName, dropped])(random);

/** An operator wakes what the reports call failed before its owner knows that they are written. */
function wokenEarly(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  // Given up after one try and a look out of doubt.
  const deadAt = at + 6_000;
  const wokenAt = deadAt + random.between(300, 1_500);
  return {
    settings: { attemptsMax: 1 },
    events: [
      started,
      targetFates(at, at + 1_000, { error_before: 1 }),
      changed(at + 10, 0, [0], 'add'),
      { kind: 'refuse', at, what: 'report answer', forMs: 6_000 + random.between(500, 4_000) },
      targetFates(wokenAt - 100, wokenAt + 15_000, { error_before: 1 }),
      { kind: 'replay', at: wokenAt, by: 'reports' },
    ],
  };
}

/** An old list names what something newer has replaced, which is dead too by now. */
function wokenByName(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const [first, second] = [random.between(2_000, 6_000), random.between(2_000, 6_000)];
  return {
    settings: { unknownMembers: 1, slowScheduleMs: [] },
    events: [
      started,
      changed(at, 0, [2], 'add'),
      { kind: 'replay', at: at + first },
      changed(at + first + 2_000, 0, [2], 'add'),
      { kind: 'replay', at: at + first + 2_000 + second, by: 'an old list' },
    ],
  };
}

/** The sweep finds dead ones whose reports cannot be written. */
function dropped(random: SeededRandom): DirectedScenario {
  const at = 60_000 - random.between(18_000, 24_000);
  return {
    settings: { attemptsMax: 2, deadKeepCount: 1, members: 5 },
    events: [
      started,
      targetFates(at, at + random.between(5_000, 7_000), { error_before: 1 }),
      changed(at + 10, 0, [0, 1, 2, 3], 'add'),
      { kind: 'refuse', at: at + 6_000, what: 'report', forMs: 30_000 },
      // Meanwhile the live record is written, for another one.
      targetFates(at + 12_000, at + 13_500, { error_before: 1 }),
      changed(at + 12_010, 0, [4], 'add'),
    ],
  };
}

/** The target says yes and does nothing, so its version has not moved past what may still land (6.3). */
export function ignored(random: SeededRandom): DirectedScenario {
  const at = random.between(8_000, 12_000);
  return {
    settings: { patchAnswer: 'group' },
    events: [
      started,
      changed(at - 4_000, 0, [2], 'add'),
      targetFates(at, at + 500, { late: 1 }),
      changed(at + 10, 0, [0], 'add'),
      targetFates(at + 600, at + 9_000, { ignored: 1 }),
      { kind: 'change', at: at + random.between(600, 2_900), group: 0, add: [1], remove: [0] },
    ],
  };
}

/**
 * The target is away as a whole, again and again: that says nothing of any change (protocol.md 9.2). An outage that ends
 * before the breaker opens uses up a PATCH and one read of it, so that three of these in a row would have to meet the same
 * change.
 */
export function outage(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started];
  const away: Weights<TargetFate> = { error_before: 1, reset_before: 1, lost: 0.3 };
  for (let at = 5_000; at < 80_000;) {
    const forMs = random.between(2_000, 12_000);
    events.push(targetFates(at, at + forMs, away));
    events.push(changed(at + random.between(0, forMs), 0, [random.int(0, 2)], random.pick(['add', 'remove'])));
    at += forMs + random.between(300, 3_000);
  }
  return { settings: { attemptsMax: 5, breakerFailures: 2, outagesOnly: true }, events };
}

/** More than may be held: nothing can be reported, or a burst comes (protocol.md 6.3). */
export function flood(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started, { kind: 'refuse', at: 5_000, what: 'report', forMs: 50_000 }];
  const some = (): number[] => [random.int(0, 7), random.int(0, 7)];
  for (let at = 4_000; at < 60_000; at += random.between(200, 1_500))
    events.push(changed(at, random.int(0, 2), some(), random.pick(['add', 'remove'])));
  const burstAt = random.between(60_000, 80_000);
  for (let i = 0; i < 60; i++)
    events.push(changed(burstAt + i * random.between(0, 3), random.int(0, 2), some(), random.pick(['add', 'remove'])));
  return { settings: { groups: 3, members: 8, pendingIntentsMax: random.pick([3, 20]) }, events };
}
