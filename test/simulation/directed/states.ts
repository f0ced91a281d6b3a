/** Directed scenarios of full states: what the live record says beside one, and what may still land beneath one (protocol.md 5.3). */
import type { SaltedRandom, SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import { drawDecision, type Event } from '../script.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

export const wholes = (random: SeededRandom): DirectedScenario =>
  random.pick([onSomethingOlder, beneathSomethingLate, beneathSomethingNewer, overtaken, readAgain])(random);

/** It takes the place of what is parked, and that cannot be reported yet; then its owner goes. */
function onSomethingOlder(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const stateAt = at + random.between(500, 1_500);
  const goesAt = stateAt + random.between(100, 15_000);
  return {
    settings: { instances: 1 },
    events: [
      started,
      { kind: 'target', at, fates: { error_before: 1 }, forMs: random.pick([1_000, 2_500, 4_000]) },
      changed(at + 10, 0, random.pick([[0], [0, 1]]), 'add'),
      { kind: 'refuse', at: stateAt - 100, what: 'report', forMs: random.between(2_000, 25_000) },
      { kind: 'state', at: stateAt, group: 0, members: random.pick([[1], [2], [-1, -2]]) },
      { kind: 'kill', at: goesAt, instance: 0, point: random.pick(['now', 'record', 'commit', 'answer'] as const) },
      { kind: 'start', at: goesAt + random.between(1_000, 20_000), instance: 0 },
    ],
  };
}

/** It changes nothing of the group as it is read, and a request without an answer has yet to land. */
function beneathSomethingLate(random: SeededRandom): DirectedScenario {
  const at = random.between(8_000, 12_000);
  return {
    settings: { patchAnswer: 'group', snapshotMembersMax: 200_000 },
    events: [
      started,
      // So that the group is known, and the next request is one that changes it.
      changed(at - 4_000, 0, [2], 'add'),
      { kind: 'target', at, fates: { late: 1 }, forMs: 500 },
      changed(at + 10, 0, random.pick([[0], [0, 1]]), 'add'),
      { kind: 'state', at: at + random.between(100, 3_500), group: 0, members: [2, -1, -2] },
    ],
  };
}

/** It waits in the live record together with a change that stands on it and finds nothing to do. */
function beneathSomethingNewer(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  return {
    settings: {},
    events: [
      started,
      { kind: 'target', at, fates: { error_before: 1 }, forMs: random.between(1_000, 3_000) },
      { kind: 'state', at: at + 10, group: 0, members: [1] },
      changed(at + random.between(20, 900), 0, [0], 'remove'),
    ],
  };
}

/** Nothing of what it came to could be recorded or reported when the next one takes its place. */
function overtaken(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const goesAt = at + random.between(1_500, 12_000);
  return {
    settings: {},
    events: [
      started,
      { kind: 'refuse', at, what: 'report', forMs: 20_000 },
      { kind: 'refuse', at, what: 'record', forMs: random.between(1_000, 4_000) },
      { kind: 'state', at: at + 10, group: 0, members: [1] },
      { kind: 'state', at: at + random.between(300, 3_000), group: 0, members: [2] },
      { kind: 'kill', at: goesAt, instance: 0, point: 'now' },
      { kind: 'start', at: goesAt + 1_000, instance: 0 },
    ],
  };
}

/** It cannot be recorded, what stands on it is done, and its owner goes. */
function readAgain(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const goesAt = at + random.between(2_000, 8_000);
  return {
    settings: {},
    events: [
      started,
      changed(at - 3_000, 0, [0], 'add'),
      { kind: 'refuse', at, what: 'record', forMs: 9_000 },
      { kind: 'state', at: at + 10, group: 0, members: random.pick([[1], [-1]]) },
      changed(at + random.between(20, 500), 0, [0], 'add'),
      { kind: 'kill', at: goesAt, instance: 0, point: 'now' },
      { kind: 'start', at: goesAt + 1_000, instance: 0 },
    ],
  };
}

/** Its removals are held, no report can be written, and its owner goes. */
export function unreported(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const goesAt = at + random.between(1_000, 5_000);
  return {
    settings: { notifies: true },
    events: [
      started,
      { kind: 'refuse', at, what: 'report', forMs: 9_000 },
      { kind: 'state', at: at + 10, group: 0, members: [] },
      { kind: 'kill', at: goesAt, instance: 0, point: 'now' },
      { kind: 'start', at: goesAt + random.between(1_000, 20_000), instance: 0 },
    ],
  };
}

/** It names members whom the target does not know, perhaps not yet; so does the next one, and an operator decides. */
export function strangers(random: SaltedRandom): DirectedScenario {
  const decisions = random.fork('decisions');
  const at = random.between(4_000, 8_000);
  const stateAgainAt = at + random.between(3_000, 40_000);
  const goesAt = at + random.between(100, 45_000);
  // Of five members the last two are unknown; bystanders are there.
  const named = (): readonly number[] => random.pick([[3], [4], [3, 4], [0, 4], [0, 1, 3], [-1, 4], [3, -1]]);
  const first = named();
  const away: Event[] = random.happens(0.4)
    ? [{ kind: 'target', at, fates: random.pick([{ error_before: 1 }, { answer_lost: 1 }]), forMs: 2_000 }]
    : [];
  const newer: Event[] = random.happens(0.4)
    ? [changed(at + random.between(20, 20_000), 0, [random.pick([0, 3, 4])], random.pick(['add', 'remove']))]
    : [];
  const known: Event[] = random.happens(0.5) ? [{ kind: 'provision', at: at + random.between(5_000, 60_000) }] : [];
  return {
    settings: {
      members: 5,
      unknownMembers: 2,
      slowScheduleMs: random.pick([[], [5_000], [10_000, 30_000]]),
      notifies: true,
      membersPerPatchMax: random.pick([1, 2, 50]),
    },
    events: [
      started,
      ...away,
      { kind: 'state', at: at + 10, group: 0, members: first },
      ...newer,
      ...known,
      ...[1, 2, 3].map((): Event => {
        const decidedAt = at + random.between(1_000, 50_000);
        return { kind: 'approve', at: decidedAt, group: 0, ...drawDecision(decisions) };
      }),
      { kind: 'foreign', at: stateAgainAt - 100, group: 0, members: [2] },
      { kind: 'state', at: stateAgainAt, group: 0, members: random.happens(0.6) ? first : named() },
      { kind: 'kill', at: goesAt, instance: 0, point: random.pick(['now', 'record', 'answer', 'patch'] as const) },
      { kind: 'start', at: goesAt + random.between(1_000, 10_000), instance: 0 },
      { kind: 'replay', at: at + random.between(20_000, 80_000) },
    ],
  };
}

/** What it comes to does not fit the live record, the target is away for a while, and its owner goes. */
export function pieces(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 8_000);
  const goesAt = at + random.between(100, 25_000);
  // So many that a record of all of them is clearly larger than a record of one: their short names compress well.
  const everybody = Array.from({ length: 40 }, (_, i) => i);
  const downMs = random.pick([0, 2_000, 9_000, 20_000]);
  const away: Event[] =
    downMs === 0
      ? []
      : [
          {
            kind: 'target',
            at,
            fates: random.pick([{ error_before: 1 }, { error_before: 3, answered: 1 }]),
            forMs: downMs,
          },
        ];
  const more: Event[] = random.happens(0.5)
    ? [changed(at + random.between(500, 15_000), 0, [random.int(0, 39)], random.pick(['add', 'remove']))]
    : [{ kind: 'state', at: at + random.between(500, 15_000), group: 0, members: [0, 2, 4, 6, 8, -1] }];
  const membersPerPatchMax = random.pick([5, 50]);
  // The smallest take a few; the largest the full state while it waits, too.
  const retryRecordMaxBytes = random.pick([510, 530, 550, 570, 600, 820, 900]);
  return {
    settings: {
      notifies: true,
      members: everybody.length,
      membersPerPatchMax,
      retryRecordMaxBytes,
      // Only the largest takes a removal that is held since an addition was given up; else `/readyz` names the group for ever.
      ...(retryRecordMaxBytes < 900 && { attemptsMax: 100 }),
    },
    events: [
      started,
      ...away,
      { kind: 'state', at: at + 10, group: 0, members: random.pick([everybody, [...everybody, -1]]) },
      ...more,
      {
        kind: 'kill',
        at: goesAt,
        instance: 0,
        point: random.pick(['now', 'record', 'answer', 'patch', 'report'] as const),
      },
      { kind: 'start', at: goesAt + random.between(1_000, 10_000), instance: 0 },
    ],
  };
}
