/**
 * Events of the native format, drawn from a seed, with the memberships that they ask for and the fewest requests that
 * get there.
 */
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { differences, type Memberships } from './memberships.ts';

/** The changes of a benchmark turn groups over many times, which no guard would let pass. */
export const NO_GUARD = {
  GUARD_GROUP_PERCENT: '100',
  GUARD_GROUP_COUNT: '1000000000',
  GUARD_WINDOW_COUNT: '1000000000',
} as const;

export interface WorkloadSize {
  readonly events: number;
  readonly groups: number;
  /** Different members that the events of one group are about. */
  readonly membersPerGroup: number;
}

/** A source record: its key is the group. */
export interface WorkloadEvent {
  readonly group: string;
  readonly value: string;
}

export interface Workload {
  readonly initial: Memberships;
  readonly events: readonly WorkloadEvent[];
  readonly expected: Memberships;
  /** One GET for each group that has events, and as many PATCHes as its net changes need. */
  readonly idealRequests: number;
}

const SEED = 1;
const REMOVE_SHARE = 0.3;
const INITIAL_SHARE = 0.1;
const MEMBERS_PER_PATCH = 50;

/** One member per event; some groups have far more events than others: the busiest a twentieth of all, where there are 500. */
export function drawWorkload({ events: count, groups, membersPerGroup }: WorkloadSize): Workload {
  const random = seededRandom(SEED);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pools = Array.from({ length: groups }, (_, index) => ({
    group: uuid(random),
    members: Array.from({ length: membersPerGroup }, (_unused, at) => memberId(index, at)),
  }));
  const initial = new Map(
    pools.map(({ group, members }) => [group, new Set(members.filter(() => random() < INITIAL_SHARE))] as const),
  );
  const expected = new Map([...initial].map(([group, members]) => [group, new Set(members)] as const));
  const changed = new Set<string>();
  const events = Array.from({ length: count }, (_, index) => {
    const { group, members } = pools[Math.floor(groups * random() ** 2)] ?? nothing();
    const member = members[below(members.length)] ?? nothing();
    const isRemoval = random() < REMOVE_SHARE;
    if (isRemoval) expected.get(group)?.delete(member);
    else expected.get(group)?.add(member);
    changed.add(group);
    return { group, value: nativeValue(`event-${index + 1}`, group, isRemoval ? { remove: member } : { add: member }) };
  });
  return { initial, events, expected, idealRequests: idealRequests({ initial, expected, changed }) };
}

/** The value of a source record that changes one member. */
export const nativeValue = (
  id: string,
  group: string,
  change: { readonly add: string } | { readonly remove: string },
): string =>
  JSON.stringify({
    event_id: id,
    group_id: group,
    add_members: 'add' in change ? [change.add] : [],
    remove_members: 'remove' in change ? [change.remove] : [],
  });

function idealRequests(of: Pick<Workload, 'initial' | 'expected'> & { readonly changed: ReadonlySet<string> }): number {
  let requests = 0;
  for (const group of of.changed)
    requests += 1 + Math.ceil(differences(of.initial.get(group), of.expected.get(group)) / MEMBERS_PER_PATCH);
  return requests;
}

function uuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** As long as an id of the target. */
const memberId = (group: number, member: number): string =>
  `${String(group).padStart(8, '0')}-0000-4000-8000-${String(member).padStart(12, '0')}`;

function nothing(): never {
  throw new Error('a workload has at least one group, and a group at least one member');
}
