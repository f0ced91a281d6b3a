/** Dramas of settling, of what is dead, of a target with a mind of its own, and of too much at once. */
import type { Chance } from './engine/chance.ts';
import type { TargetFate, Weights } from './engine/weather.ts';
import type { Plot } from './dramas.ts';
import { changed } from './plots-ownership.ts';
import { fixed } from './settings.ts';
import type { Event } from './script.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

const weather = (from: number, to: number, fates: Weights<TargetFate>): Event => ({
  kind: 'target',
  at: from,
  weather: fates,
  forMs: to - from,
});

/** The live record says something old when what has replaced it is done (spec: record-first). */
export const settle = (chance: Chance): Plot => chance.pick([recordUnknown, recordBehind])(chance);

/** The answer to the live record is lost, and no other one is written. */
function recordUnknown(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  const turnsAt = at + chance.between(2_500, 5_000);
  return {
    settings: {},
    events: [
      started,
      { kind: 'refuse', at, what: 'record answer', forMs: turnsAt - at },
      weather(at, turnsAt, { error_before: 1 }),
      changed(at + 10, 0, chance.pick([[0], [0, 1]]), 'add'),
      { kind: 'refuse', at: turnsAt, what: 'record', forMs: 25_000 },
      changed(turnsAt + chance.between(0, 500), 0, [0], 'remove'),
      ...(chance.happens(0.5) ? [{ kind: 'drop_member', at: turnsAt + 15_000, instance: 0 } as const] : []),
    ],
  };
}

/** Reports are written at last, all in one batch, and the live record that is to follow is not. */
function recordBehind(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  const turnsAt = at + chance.between(2_500, 5_000);
  // The end of the doubt, and a look.
  const doneAt = turnsAt + chance.between(6_500, 9_000);
  return {
    settings: {},
    events: [
      started,
      weather(at, turnsAt, { error_before: 1 }),
      changed(at + 10, 0, chance.pick([[0], [0, 1]]), 'add'),
      { kind: 'refuse', at: turnsAt, what: 'report', forMs: doneAt - turnsAt },
      { kind: 'refuse', at: doneAt - 100, what: 'record', forMs: 20_000 },
      changed(turnsAt + chance.between(0, 500), 0, [0], 'remove'),
      ...(chance.happens(0.5) ? [{ kind: 'drop_member', at: doneAt + 10_000, instance: 0 } as const] : []),
    ],
  };
}

/** A record stays open since its live record is too large, and what comes after it is complete (spec: ranges). */
export function crowded(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  const unknown = [2, 3, 4, 5, 6, 7];
  const lostAt = at + chance.between(8_000, 20_000);
  return {
    settings: {
      members: 8,
      unknownMembers: unknown.length,
      slowScheduleMs: [60_000],
      retryRecordMaxBytes: chance.pick([620, 630, 640]),
    },
    events: [
      started,
      changed(at, 0, [0, ...unknown], 'add'),
      changed(at + chance.between(3_000, 5_000), 0, [0], 'remove'),
      { kind: 'drop_member', at: lostAt, instance: 0 },
    ],
  };
}

/**
 * A group is written again for a late duplicate; while that is on its way its owner reads a change of it that is complete,
 * and one that it has to park. Then that first write fails.
 */
export function metAgain(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  // Recovered, with a live record and its tombstone.
  const stuckAt = at + 8_000;
  const lostAt = stuckAt + chance.between(2_000, 3_000);
  // Neither the owner that goes writes its state again, nor the next one its fence, before all of it is there to be read.
  const fencedAt = lostAt + chance.between(1_000, 2_000);
  return {
    settings: { groups: 2, slowScheduleMs: [60_000] },
    events: [
      started,
      weather(at, at + 300, { error_before: 1 }),
      changed(at + 10, 0, [0], 'add'),
      // One is not complete, and the next one is.
      { kind: 'deny', at: stuckAt, group: 1, forMs: 30_000 },
      { kind: 'refuse', at: stuckAt, what: 'record', forMs: fencedAt - stuckAt },
      changed(stuckAt + 10, 1, [0], 'add'),
      changed(stuckAt + 500, 0, [1], 'add'),
      { kind: 'drop_member', at: lostAt, instance: 0 },
      { kind: 'append_late', at: lostAt + 10, back: 2 },
      weather(lostAt, lostAt + 20_000, { error_before: 1 }),
      changed(lostAt + 700, 0, [2], 'add'),
      { kind: 'broker', at: fencedAt, weather: { lost: 1, done: chance.pick([1, 3]) }, forMs: 12_000 },
    ],
  };
}

/** What is parked is on its way when its owner fences again: it may lie behind the fence (protocol.md 4.4). */
export function rejoins(chance: Chance): Plot {
  const events: Event[] = [
    started,
    weather(4_000, 60_000, { error_before: 3, answered: 1 }),
    { kind: 'broker', at: 4_000, weather: { slow: 1, done: chance.pick([1, 3]) }, forMs: 56_000 },
  ];
  for (let at = 4_000; at < 60_000; at += chance.between(500, 3_000))
    events.push(changed(at, 0, [chance.int(0, 7)], chance.pick(['add', 'remove'])));
  for (let at = 5_000; at < 60_000; at += chance.between(2_000, 8_000)) events.push({ kind: 'rebalance', at });
  return { settings: { members: 8 }, events };
}

/** A late duplicate lies behind the live record when the cleaner comes. */
export const cleaner = (chance: Chance): Plot =>
  chance.happens(0.25) ? cleanedWhenDone(chance) : cleanedWhileParked(chance);

/** Of a group that is done with, and forgotten (spec: seq, repair). */
function cleanedWhenDone(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  const lateAt = at + chance.between(16_000, 18_000);
  const cleanedAt = lateAt + fixed.compactionLagMs + 10_000;
  return {
    settings: { durationMs: cleanedAt + 20_000 },
    events: [
      started,
      weather(at, at + 300, { error_before: 1 }),
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
function cleanedWhileParked(chance: Chance): Plot {
  const events: Event[] = [started, weather(4_000, 60_000, { error_before: 1 })];
  for (let at = 4_000; at < 40_000; at += chance.between(500, 4_000))
    events.push(changed(at, 0, [chance.int(0, 2)], chance.pick(['add', 'remove'])));
  for (let at = 6_000; at < 60_000; at += chance.between(500, 6_000)) {
    events.push({ kind: 'append_late', at, back: chance.int(1, 5) });
    events.push({ kind: 'clean', at: at + chance.between(0, 2) });
  }
  if (chance.happens(0.3)) events.push({ kind: 'drop_member', at: chance.between(6_000, 60_000), instance: 0 });
  return { settings: {}, events };
}

/** What is dead, and is not quite: reported and not known to be, named by an old list, dropped by age or number. */
export const afterlife = (chance: Chance): Plot => chance.pick([wokenEarly, wokenByName, dropped])(chance);

/** An operator wakes what the reports call failed before its owner knows that they are written. */
function wokenEarly(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  // Given up after one try and a look out of doubt.
  const deadAt = at + 6_000;
  const wokenAt = deadAt + chance.between(300, 1_500);
  return {
    settings: { attemptsMax: 1 },
    events: [
      started,
      weather(at, at + 1_000, { error_before: 1 }),
      changed(at + 10, 0, [0], 'add'),
      { kind: 'refuse', at, what: 'report answer', forMs: 6_000 + chance.between(500, 4_000) },
      weather(wokenAt - 100, wokenAt + 15_000, { error_before: 1 }),
      { kind: 'replay', at: wokenAt, by: 'reports' },
    ],
  };
}

/** An old list names what something newer has replaced, which is dead too by now. */
function wokenByName(chance: Chance): Plot {
  const at = chance.between(4_000, 8_000);
  const [first, second] = [chance.between(2_000, 6_000), chance.between(2_000, 6_000)];
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
function dropped(chance: Chance): Plot {
  const at = 60_000 - chance.between(18_000, 24_000);
  return {
    settings: { attemptsMax: 2, deadKeepCount: 1, members: 5 },
    events: [
      started,
      weather(at, at + chance.between(5_000, 7_000), { error_before: 1 }),
      changed(at + 10, 0, [0, 1, 2, 3], 'add'),
      { kind: 'refuse', at: at + 6_000, what: 'report', forMs: 30_000 },
      // Meanwhile the live record is written, for another one.
      weather(at + 12_000, at + 13_500, { error_before: 1 }),
      changed(at + 12_010, 0, [4], 'add'),
    ],
  };
}

/** The target says yes and does nothing, so its version has not moved past what may still land (6.3). */
export function ignored(chance: Chance): Plot {
  const at = chance.between(8_000, 12_000);
  return {
    settings: { patchAnswer: 'group' },
    events: [
      started,
      changed(at - 4_000, 0, [2], 'add'),
      weather(at, at + 500, { late: 1 }),
      changed(at + 10, 0, [0], 'add'),
      weather(at + 600, at + 9_000, { ignored: 1 }),
      { kind: 'change', at: at + chance.between(600, 2_900), group: 0, add: [1], remove: [0] },
    ],
  };
}

/**
 * The target is away as a whole, again and again: that says nothing of any change (protocol.md 9.2). An outage that ends
 * before the breaker opens uses up a PATCH and one read of it, so that three of these in a row would have to meet the same
 * change.
 */
export function outage(chance: Chance): Plot {
  const events: Event[] = [started];
  const away: Weights<TargetFate> = { error_before: 1, reset_before: 1, lost: 0.3 };
  for (let at = 5_000; at < 80_000;) {
    const forMs = chance.between(2_000, 12_000);
    events.push(weather(at, at + forMs, away));
    events.push(changed(at + chance.between(0, forMs), 0, [chance.int(0, 2)], chance.pick(['add', 'remove'])));
    at += forMs + chance.between(300, 3_000);
  }
  return { settings: { attemptsMax: 5, breakerFailures: 2, outagesOnly: true }, events };
}

/** More than may be held: nothing can be reported, or a burst comes (protocol.md 6.3). */
export function flood(chance: Chance): Plot {
  const events: Event[] = [started, { kind: 'refuse', at: 5_000, what: 'report', forMs: 50_000 }];
  const some = (): number[] => [chance.int(0, 7), chance.int(0, 7)];
  for (let at = 4_000; at < 60_000; at += chance.between(200, 1_500))
    events.push(changed(at, chance.int(0, 2), some(), chance.pick(['add', 'remove'])));
  const burstAt = chance.between(60_000, 80_000);
  for (let i = 0; i < 60; i++)
    events.push(changed(burstAt + i * chance.between(0, 3), chance.int(0, 2), some(), chance.pick(['add', 'remove'])));
  return { settings: { groups: 3, members: 8, pendingIntentsMax: chance.pick([3, 20]) }, events };
}
