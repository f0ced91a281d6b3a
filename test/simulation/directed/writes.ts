/** Directed scenarios of writing: what a topic does not take, or takes of some partitions only. */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

export const unwritable = (random: SeededRandom): DirectedScenario =>
  random.pick([tooLarge, sickPartition, partlyWritten])(random);

/** Dead letters of bad records and of failed changes that fit only when they are cut. */
function tooLarge(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started];
  for (let at = 4_000; at < 40_000; at += random.between(1_000, 6_000)) {
    const isBad = random.happens(0.5);
    events.push(isBad ? { kind: 'broken', at, group: 0, what: 'long' } : changed(at, 0, [2], 'add'));
  }
  if (random.happens(0.3)) events.push({ kind: 'drop_member', at: random.between(6_000, 40_000), instance: 0 });
  return {
    settings: {
      unknownMembers: 1,
      slowScheduleMs: [],
      deadLetterMaxBytes: random.pick([700, 900, 1_500]),
    },
    events,
  };
}

/** Partitions of the output topics that cannot be written to for a while, one after the other. */
function sickPartition(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started];
  for (let at = 4_000; at < 60_000; at += random.between(500, 5_000))
    events.push(changed(at, random.int(0, 4), [random.int(0, 3)], random.pick(['add', 'remove'])));
  for (let at = 5_000; at < 60_000; at += random.between(5_000, 20_000)) {
    const topic = random.pick(['report', 'report', 'retry', 'deadLetter'] as const);
    const forMs = random.pick([2_000, 15_000, 40_000]);
    events.push({ kind: 'sicken', at, topic, partition: random.int(0, 2), forMs });
  }
  events.push({ kind: 'target', at: 10_000, fates: { answered: 1, error_before: 1 }, forMs: 30_000 });
  if (random.happens(0.3)) events.push({ kind: 'drop_member', at: random.between(6_000, 60_000), instance: 0 });
  return { settings: { partitions: 3, groups: 5, members: 4, unknownMembers: 1, slowScheduleMs: [] }, events };
}

/** Sends of which some partitions are written and the answer is an error, for so long that repeating adds up. */
function partlyWritten(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started];
  for (let at = 4_000; at < 60_000; at += random.between(500, 5_000))
    for (let group = 0; group < 5; group += 1)
      events.push(changed(at, group, [random.int(0, 2)], random.pick(['add', 'remove'])));
  // Slow answers, so that what is to be written gathers.
  events.push({ kind: 'broker', at: 5_000, fates: { slow: 1, done: 3 }, forMs: 60_000 });
  for (let at = 6_000; at < 60_000; at += random.between(2_000, 20_000)) {
    const what = random.pick(['report part', 'report part', 'report answer', 'record part'] as const);
    events.push({ kind: 'refuse', at, what, forMs: random.pick([500, 3_000, 60_000]) });
  }
  // Lost between two sends of one round.
  for (let at = 8_000; at < 60_000; at += random.between(5_000, 20_000))
    events.push({ kind: 'drop_member', at, instance: 0 });
  events.push({ kind: 'target', at: 10_000, fates: { answered: 1, error_before: 1 }, forMs: 30_000 });
  return { settings: { partitions: 3, groups: 5, members: 3 }, events };
}
