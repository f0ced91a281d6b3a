/**
 * Directed scenarios of the guard's window: removals that each alone are few, and what an owner may forget or count twice of them
 * (protocol.md 11.3).
 */
import type { SaltedRandom, SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import { drawDecision, type Event } from '../script.ts';
import type { GuardSettings } from '../settings.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };
const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Nothing leaves the window before the history is over. */
const lax: GuardSettings = {
  groupPercent: 100,
  groupFloor: 4,
  groupCount: 1_000,
  windowCount: 1_000,
  windowMs: 3_600_000,
};

const MEMBERS = 12;
const everybody = numbers(MEMBERS);

/** One member after the other goes, with owners that go, too. */
export function drip(random: SaltedRandom): DirectedScenario {
  const decisions = random.fork('decisions');
  const events: Event[] = [started, changed(4_000, 0, everybody, 'add')];
  let at = 8_000;
  for (const member of everybody) {
    at += random.between(200, 5_000);
    events.push(changed(at, 0, [member], 'remove'));
    if (random.happens(0.15)) events.push(changed(at + random.between(10, 2_000), 0, [member], 'add'));
    if (random.happens(0.1)) events.push({ kind: 'refuse', at, what: 'record', forMs: random.between(500, 6_000) });
    if (random.happens(0.1)) events.push({ kind: 'append_late', at: at + 500, back: random.int(1, 6) });
    if (random.happens(0.1)) events.push({ kind: 'clean', at: at + random.between(10, 2_000) });
    if (random.happens(0.1)) events.push({ kind: 'approve', at: at + 3_000, group: 0, ...drawDecision(decisions) });
    if (random.happens(0.1)) events.push({ kind: 'drop_member', at: at + random.between(10, 2_000), instance: 0 });
    if (!random.happens(0.3)) continue;
    const goesAt = at + random.between(10, 2_000);
    const point = random.pick(['now', 'now', 'effect', 'record', 'commit', 'report'] as const);
    events.push({ kind: 'kill', at: goesAt, instance: 0, point });
    events.push({ kind: 'start', at: goesAt + random.between(500, 4_000), instance: 0 });
  }
  const guard = { ...lax, ...random.pick([{ groupPercent: 30 }, { groupPercent: 50 }, { groupCount: 3 }]) };
  return { settings: { members: MEMBERS, guard }, events };
}

/** Removals wait for another try, and one more comes that alone would be few. */
export function spread(random: SeededRandom): DirectedScenario {
  const at = random.between(8_000, 12_000);
  const forMs = random.between(500, 4_000);
  return {
    settings: { members: MEMBERS, guard: { ...lax, groupPercent: 30 }, knowsParked: true },
    events: [
      started,
      changed(4_000, 0, everybody, 'add'),
      { kind: 'sick', at, group: 0, what: 'changes', status: 500, forMs },
      changed(at + 10, 0, [0, 1, 2, 3], 'remove'),
      changed(at + forMs + random.between(0, 3_000), 0, [4], 'remove'),
    ],
  };
}

/** Two groups share the limit of their owner to the last removal: of one in pieces, or of one that never sends them. */
export function shared(random: SeededRandom): DirectedScenario {
  const at = random.between(15_000, 20_000);
  const [many, few] = [random.int(4, 8), random.int(1, 3)];
  const settings = { groups: 2, members: MEMBERS, concurrency: 5, membersPerPatchMax: 1 };
  const added = [changed(4_000, 0, numbers(many), 'add'), changed(4_000, 1, numbers(few), 'add')];
  if (random.happens(0.5)) {
    return {
      settings: { ...settings, guard: { ...lax, windowCount: many + few } },
      events: [
        started,
        ...added,
        changed(at, 0, numbers(many), 'remove'),
        changed(at + random.between(50, 1_500), 1, numbers(few), 'remove'),
      ],
    };
  }
  return {
    settings: { ...settings, attemptsMax: 3, guard: { ...lax, windowCount: many } },
    events: [
      started,
      ...added,
      { kind: 'sick', at, group: 0, what: 'changes', status: 500, forMs: 60_000 },
      changed(at + 10, 0, numbers(many), 'remove'),
      changed(at + 1_000, 0, numbers(many), 'add'),
      changed(at + 6_000 + random.between(0, 5_000), 1, numbers(few), 'remove'),
    ],
  };
}
