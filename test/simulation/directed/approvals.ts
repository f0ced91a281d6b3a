/** Directed scenarios of approvals: what an operator decides of, and what has become of it by then (protocol.md 11.2). */
import type { SaltedRandom, SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import { drawDecision, type Event } from '../script.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

/** An operator approves a removal by what was shown, and the row of the member in the id table is corrected meanwhile. */
export function corrected(random: SeededRandom): DirectedScenario {
  const at = random.between(4_000, 6_000);
  const correctedAt = at + random.between(6_000, 25_000);
  const approvedAt = at + random.between(6_000, 35_000);
  const goesAt = at + random.between(6_000, 35_000);
  const guard = { groupPercent: 30, groupFloor: 2, groupCount: 1_000, windowCount: 1_000, windowMs: 60_000 };
  const downMs = random.pick([0, 3_000, 12_000]);
  const away: Event[] =
    downMs === 0 ? [] : [{ kind: 'target', at: approvedAt - 100, fates: { error_before: 1 }, forMs: downMs }];
  // The operator approves what was shown before the correction, never what is shown after it.
  const shownBefore = approvedAt > correctedAt ? ({ isOld: true } as const) : {};
  const restart: Event[] = random.happens(0.6)
    ? [
        { kind: 'kill', at: goesAt, instance: 0, point: random.pick(['now', 'record', 'patch'] as const) },
        { kind: 'start', at: goesAt + random.between(1_000, 10_000), instance: 0 },
      ]
    : [];
  return {
    // While the target is away, nothing may be given up.
    settings: { guard, idMap: 'table', members: 2, attemptsMax: 100, notifies: true },
    events: [
      started,
      changed(at - 3_000, 0, [0], 'add'),
      changed(at, 0, [0], 'remove'),
      ...away,
      { kind: 'correct', at: correctedAt, member: 0, to: random.pick([-1, -2]) },
      { kind: 'approve', at: approvedAt, group: 0, ...shownBefore },
      ...restart,
    ],
  };
}

/** What is refused is replayed, and approved by its old digest: before the replay or behind it, while its owner stands still. */
export function reconsidered(random: SaltedRandom): DirectedScenario {
  const decisions = random.fork('decisions');
  const at = random.between(4_000, 6_000);
  const refusedAt = at + random.between(2_000, 4_000);
  const frozenAt = refusedAt + random.between(10, 4_000);
  const decidedAt = frozenAt + random.between(10, 2_000);
  const goesAt = decidedAt + random.between(10, 30_000);
  const replay = { kind: 'replay', at: random.between(decidedAt, decidedAt + 2_000) } as const;
  const approvedAt = random.between(decidedAt, decidedAt + 2_000);
  const approve = { kind: 'approve', at: approvedAt, group: 0, isOld: true, ...drawDecision(decisions) } as const;
  const restart: Event[] = random.happens(0.4)
    ? [
        { kind: 'kill', at: goesAt, instance: 0, point: random.pick(['now', 'record', 'patch'] as const) },
        { kind: 'start', at: goesAt + random.between(1_000, 10_000), instance: 0 },
      ]
    : [];
  const clumsy: Event[] = random.happens(0.3)
    ? [{ kind: 'reject', at: random.between(decidedAt, decidedAt + 4_000), group: 0, isOld: true }]
    : [];
  return {
    settings: {},
    events: [
      started,
      { kind: 'state', at, group: 0, members: [] },
      { kind: 'reject', at: refusedAt, group: 0, ...drawDecision(decisions) },
      // Also beyond its session: then another epoch takes up the requests.
      { kind: 'freeze', at: frozenAt, instance: 0, point: 'now', forMs: random.between(100, 25_000) },
      replay,
      ...(random.happens(0.8) ? [approve] : []),
      ...clumsy,
      ...restart,
    ],
  };
}
