/** Dramas of writing: what a topic does not take, or takes of some partitions only. */
import type { Chance } from './engine/chance.ts';
import type { Plot } from './dramas.ts';
import { changed } from './plots-ownership.ts';
import type { Event } from './script.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

export const unwritable = (chance: Chance): Plot => chance.pick([tooLarge, sickPartition, partlyWritten])(chance);

/** Dead letters of bad records and of failed changes that fit only when they are cut. */
function tooLarge(chance: Chance): Plot {
  const events: Event[] = [started];
  for (let at = 4_000; at < 40_000; at += chance.between(1_000, 6_000)) {
    const isBad = chance.happens(0.5);
    events.push(isBad ? { kind: 'broken', at, group: 0, what: 'long' } : changed(at, 0, [2], 'add'));
  }
  if (chance.happens(0.3)) events.push({ kind: 'drop_member', at: chance.between(6_000, 40_000), instance: 0 });
  return {
    settings: {
      unknownMembers: 1,
      slowScheduleMs: [],
      deadLetterMaxBytes: chance.pick([700, 900, 1_500]),
    },
    events,
  };
}

/** Partitions of the output topics that cannot be written to for a while, one after the other. */
function sickPartition(chance: Chance): Plot {
  const events: Event[] = [started];
  for (let at = 4_000; at < 60_000; at += chance.between(500, 5_000))
    events.push(changed(at, chance.int(0, 4), [chance.int(0, 3)], chance.pick(['add', 'remove'])));
  for (let at = 5_000; at < 60_000; at += chance.between(5_000, 20_000)) {
    const topic = chance.pick(['report', 'report', 'retry', 'deadLetter'] as const);
    const forMs = chance.pick([2_000, 15_000, 40_000]);
    events.push({ kind: 'sicken', at, topic, partition: chance.int(0, 2), forMs });
  }
  events.push({ kind: 'target', at: 10_000, weather: { answered: 1, error_before: 1 }, forMs: 30_000 });
  if (chance.happens(0.3)) events.push({ kind: 'drop_member', at: chance.between(6_000, 60_000), instance: 0 });
  return { settings: { partitions: 3, groups: 5, members: 4, unknownMembers: 1, slowScheduleMs: [] }, events };
}

/** Sends of which some partitions are written and the answer is an error, for so long that repeating adds up. */
function partlyWritten(chance: Chance): Plot {
  const events: Event[] = [started];
  for (let at = 4_000; at < 60_000; at += chance.between(500, 5_000))
    for (let group = 0; group < 5; group += 1)
      events.push(changed(at, group, [chance.int(0, 2)], chance.pick(['add', 'remove'])));
  // Slow answers, so that what is to be written gathers.
  events.push({ kind: 'broker', at: 5_000, weather: { slow: 1, done: 3 }, forMs: 60_000 });
  for (let at = 6_000; at < 60_000; at += chance.between(2_000, 20_000)) {
    const what = chance.pick(['report part', 'report part', 'report answer', 'record part'] as const);
    events.push({ kind: 'refuse', at, what, forMs: chance.pick([500, 3_000, 60_000]) });
  }
  // Lost between two sends of one round.
  for (let at = 8_000; at < 60_000; at += chance.between(5_000, 20_000))
    events.push({ kind: 'drop_member', at, instance: 0 });
  events.push({ kind: 'target', at: 10_000, weather: { answered: 1, error_before: 1 }, forMs: 30_000 });
  return { settings: { partitions: 3, groups: 5, members: 3 }, events };
}
