/** Directed scenarios of members that the target refuses: they are isolated, and the others land (protocol.md 7.7). */
import type { SeededRandom } from '../../support/random.ts';
import type { DirectedScenario } from '../scenarios.ts';
import type { Event, Refused } from '../script.ts';
import type { Settings } from '../settings.ts';
import { changed } from './ownership.ts';

const started: Event = { kind: 'start', at: 0, instance: 0 };

/** In generic words: no word of it says that it is about a member. */
const refusals: readonly Refused[] = [
  { status: 400 },
  { status: 400, scimType: 'invalidSyntax' },
  { status: 402 },
  { status: 404 },
  { status: 406 },
  { status: 409, scimType: 'uniqueness' },
  { status: 410 },
  { status: 413 },
  { status: 418 },
  { status: 422 },
  { status: 451 },
  { status: 500 },
  { status: 501 },
];

export const isolated = (random: SeededRandom): DirectedScenario => random.pick([some, some, many])(random);

/** Without a scimType a 409 is a version conflict. */
const shapeOf = (random: SeededRandom, { status }: Refused): Settings['errorShape'] =>
  status === 409 ? 'scim' : random.pick(['vendor', 'scim', 'platform', 'mixed']);

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Some of one change are bad, and the good ones land in the first round; what waits for another waits for long. */
function some(random: SeededRandom): DirectedScenario {
  const members = random.pick([6, 12, 20]);
  const refused = random.pick(refusals);
  const isPatient = refused.status < 500 && random.happens(0.5);
  const bad = isPatient
    ? manyOf(random, members)
    : numbers(members)
        .filter(() => random.happens(0.3))
        .slice(0, 3);
  const events: Event[] = [
    started,
    { kind: 'refuse_members', at: 1_000, members: bad, refused, forMs: 1_000_000 },
    changed(4_000, 0, numbers(members), 'add'),
  ];
  // A 5xx has all tries of the group before the halves, and a doubt after each.
  const landedAt = refused.status < 500 && !isPatient ? 40_000 : 85_000;
  for (const member of numbers(members).filter((each) => !bad.includes(each)))
    events.push({ kind: 'expect_landed', at: landedAt, group: 0, member });
  const membersPerPatchMax = random.pick([members, 50]);
  const settings = { members, membersPerPatchMax, slowScheduleMs: [600_000], isolates: true as const };
  return { settings: { ...settings, errorShape: shapeOf(random, refused) }, events };
}

/** Every second one; or more than half of them in a row, so that no half is good for long. */
const manyOf = (random: SeededRandom, members: number): number[] =>
  numbers(members).filter(random.pick([(each: number) => each % 2 === 0, (each: number) => each < members * 0.6]));

/** Any number of them are bad, up to all, through changes, full states and restarts. */
function many(random: SeededRandom): DirectedScenario {
  const members = random.pick([4, 8, 12]);
  const share = random.pick([0.2, 0.5, 0.8, 1]);
  const bad = numbers(members).filter(() => random.happens(share));
  const refused = random.pick(refusals);
  const named = (): number[] => numbers(members).filter(() => random.happens(0.7));
  const events: Event[] = [
    started,
    { kind: 'refuse_members', at: 1_000, members: bad, refused, forMs: random.pick([40_000, 1_000_000]) },
  ];
  for (let at = 4_000; at < 60_000; at += random.between(2_000, 20_000)) {
    const isState = random.happens(0.2);
    events.push(
      isState
        ? { kind: 'state', at, group: 0, members: [-1, -2, ...named()] }
        : changed(at, 0, named(), random.pick(['add', 'add', 'remove'])),
    );
    if (random.happens(0.2))
      events.push({ kind: 'kill', at: at + random.between(0, 3_000), instance: 0, point: 'now' });
    events.push({ kind: 'start', at: at + 3_500, instance: 0 });
  }
  const slowScheduleMs = random.pick([[], [5_000], [5_000, 20_000]]);
  const settings = { members, membersPerPatchMax: random.pick([1, 3, 50]), slowScheduleMs, isolates: true as const };
  return {
    settings: { ...settings, attemptsMax: random.pick([1, 2, 3, 5]), errorShape: shapeOf(random, refused) },
    events,
  };
}
