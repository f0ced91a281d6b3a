/** Directed scenarios of the breaker: groups that fail alone, beside others that do not (protocol.md 9.3). */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event } from '../script.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };
const untilMs = 88_000;

const sick = (at: number, group: number, how: { what: 'all' | 'changes'; status: number | null }): Event => ({
  kind: 'sick',
  at,
  group,
  ...how,
  forMs: untilMs - at,
});

const settings = { groups: 10, members: 8, concurrency: 5, breakerFailures: 5, slowScheduleMs: [10_000, 60_000] };

/** The target fails at some groups only, and nothing else is to be done until the breaker is open; then others change. */
export function alone(random: SeededRandom): DirectedScenario {
  const count = random.int(2, 4);
  const what = random.pick(['all', 'all', 'changes'] as const);
  const status = what === 'all' ? random.pick([403, 503]) : 403;
  const events: Event[] = [started];
  for (let group = 0; group < count; group++) {
    events.push(sick(2_000, group, { what, status }));
    events.push(changed(4_000 + group, group, [0, 1], 'add'));
  }
  for (let group = count; group < 10; group++) {
    const at = random.between(10_000, 45_000);
    events.push(changed(at, group, [0], 'add'));
    // The longest pause, and what a request takes.
    events.push({ kind: 'expect_landed', at: at + 37_000, group, member: 0 });
  }
  const openings = what === 'changes' ? 0 : 12;
  events.push({ kind: 'expect_bounded', at: untilMs, requests: 120, openings });
  return { settings: { ...settings, rateAllowed: 300 }, events };
}

/** The target fails at some groups while others change all the time. */
export const beside = (random: SeededRandom): DirectedScenario => random.pick([failing, forbidden])(random);

/** What fails never fails often enough in a row, since requests succeed in between. */
function failing(random: SeededRandom): DirectedScenario {
  const others = { changeEveryMs: 250, status: 503, openings: 2, requests: 1_000 };
  return besideOthers(random.int(2, 3), others);
}

/** What is forbidden opens the breaker as long as it is tried, so it is tried more and more seldom. */
const forbidden = (random: SeededRandom): DirectedScenario =>
  besideOthers(random.int(3, 5), { changeEveryMs: 1_000, status: 403, openings: 10, requests: 400 });

interface Beside {
  readonly changeEveryMs: number;
  readonly status: number;
  readonly openings: number;
  readonly requests: number;
}

function besideOthers(count: number, { changeEveryMs, status, openings, requests }: Beside): DirectedScenario {
  const events: Event[] = [started];
  for (let group = 0; group < count; group++) {
    events.push(sick(2_000, group, { what: 'all', status }));
    events.push(changed(3_000 + group, group, [0, 1], 'add'));
  }
  const others = 10 - count;
  for (let i = 0; 4_000 + i * changeEveryMs < 70_000; i++) {
    const op = Math.floor(i / others) % 2 === 0 ? 'add' : 'remove';
    events.push(changed(4_000 + i * changeEveryMs, count + (i % others), [0], op));
  }
  events.push({ kind: 'expect_bounded', at: untilMs, requests, openings });
  return { settings: { ...settings, rateAllowed: 300 }, events };
}

/** Every group can be read, and no change of any is answered. */
export function unpatchable(random: SeededRandom): DirectedScenario {
  const events: Event[] = [started];
  const at = random.between(10_000, 12_000);
  // So that each group is known, and the next request is a change.
  for (let group = 0; group < 10; group++) {
    events.push(changed(4_000 + group * 100, group, [1], 'add'));
    events.push(sick(at - 100, group, { what: 'changes', status: null }));
    events.push(changed(at + group, group, [0], 'add'));
  }
  // Twice where no token could be had at the start.
  events.push({ kind: 'expect_bounded', at: untilMs, requests: 100, openings: 2 });
  return { settings: { ...settings, snapshotMembersMax: 200_000, patchAnswer: 'group' }, events };
}
