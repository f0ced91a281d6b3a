/**
 * How all of it is, put together from what running instances say and what Kafka says: a row for each partition of the source, and
 * their sums. Where no instance answers for a partition, Kafka alone tells: committed offsets, the first record that is not
 * finished, and the retry topic.
 */
import { earlier, noteAge, noneWaits, standing, type Oldest } from '../change/pending.ts';
import { idKey, type Intent } from '../change/change.ts';
import type { Rewind } from '../log/commit-metadata.ts';
import type { Pause, PausesOf } from '../log/pause-record.ts';
import type { InstanceStatus, PartitionStatus, PausedStatus } from './instance-status.ts';

export interface KafkaFacts {
  readonly group: GroupFacts;
  readonly partitions: readonly PartitionFacts[];
}

interface GroupFacts {
  /** Kafka's word: `Stable`, `Empty`, … */
  readonly state: string;
  readonly members: readonly MemberFacts[];
}

export interface MemberFacts {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  /** Of the source. */
  readonly partitions: readonly number[];
}

/** As of before the instances were asked. */
export interface PartitionFacts {
  readonly partition: number;
  /** Of what lies in it; null: it has no leader. */
  readonly bounds: { readonly start: bigint; readonly end: bigint } | null;
  /** null: none. */
  readonly committed: bigint | null;
  /** Who has moved that back last, as the commit says; null: it says nothing of it. */
  readonly rewound: Rewind | null;
}

export interface Reply {
  readonly url: string;
  readonly answer: InstanceStatus | null;
  /** null: it has answered. */
  readonly problem: string | null;
}

/** What Kafka says waits in a partition that no instance has answered for. */
export interface WaitingFacts {
  readonly due: number;
  readonly held: number;
  readonly waiting: number;
  readonly paused: number;
  readonly dead: number;
  readonly oldest: Oldest;
  readonly pauses: PausesOf;
}

/** Since when the oldest change of each kind waits, epoch ms; null: there is none; absent: not known. */
type Ages = { readonly [Kind in keyof Oldest]?: number | null };

export interface PartitionRow {
  readonly partition: number;
  /** Of the instance that has answered for it; null: none. */
  readonly url: string | null;
  /** null: not known. */
  readonly phase: string | null;
  /** Source records that are not read; null: not known. */
  readonly unread: number | null;
  /** Source records from the committed offset on; null: not known. */
  readonly unfinished: number | null;
  readonly ages: Ages;
  /** What keeps it, as Kafka shows it; null: nothing. */
  readonly problem: string | null;
  /** Who has moved the committed offset back last; null: not known. */
  readonly rewound: Rewind | null;
  /** Where no instance has answered, what the retry topic has; null: not known. */
  readonly counts: Counts | null;
}

type Counts = Pick<
  PartitionStatus,
  'pending' | 'due' | 'tried' | 'parked' | 'held' | 'waiting' | 'next_wait_ends_at' | 'paused' | 'dead'
>;

export interface Totals extends Counts {
  readonly paused: number;
  readonly in_flight: number;
  /** Source records; of partitions that no instance has answered for, those that are not finished. */
  readonly unread: number;
}

type PartitionPause = PausedStatus['partitions'][number];
type GroupPause = PausedStatus['groups'][number];

export interface Overview {
  /** null: Kafka was not reached. */
  readonly group: GroupFacts | null;
  readonly replies: readonly Reply[];
  /** Those that own a partition. */
  readonly owners: readonly InstanceStatus[];
  readonly rows: readonly PartitionRow[];
  /** Of partitions that are known. */
  readonly totals: Totals;
  /** Of the instances that own them. */
  readonly pausedPartitions: readonly PartitionPause[];
  /** Each once. */
  readonly pausedGroups: readonly GroupPause[];
  /** Of these, and of those that an instance has not listed. */
  readonly pausedGroupCount: number;
  /** Members of the consumer group for whose partitions no instance has answered. */
  readonly unanswered: readonly MemberFacts[];
  readonly requestsAhead: number;
  /** Of the instance that takes longest; null: not known. */
  readonly convergesInMs: number | null;
}

interface Owner {
  readonly url: string;
  readonly answer: InstanceStatus;
  readonly status: PartitionStatus;
}

/**
 * Who has answered for each partition. Of two, the one with the higher epoch; none where the consumer group has given it to another
 * member meanwhile.
 */
export function ownersIn(replies: readonly Reply[], group: GroupFacts | null): ReadonlyMap<number, Owner> {
  const owners = new Map<number, Owner>();
  for (const { url, answer } of replies) {
    for (const status of answer?.partitions ?? []) {
      const known = owners.get(status.partition);
      if (answer === null || (known !== undefined && known.status.epoch >= status.epoch)) continue;
      owners.set(status.partition, { url, answer, status });
    }
  }
  if (group === null || !SETTLED.has(group.state)) return owners;
  const members = new Map(group.members.flatMap((member) => member.partitions.map((each) => [each, member.memberId])));
  return new Map([...owners].filter(([partition, { answer }]) => members.get(partition) === answer.member_id));
}

/** While a group is joined, its coordinator does not say who has what. */
const SETTLED: ReadonlySet<string> = new Set(['Stable', 'Empty', 'Dead']);

export const isJoining = (group: GroupFacts): boolean => !SETTLED.has(group.state);

interface Around {
  /** Of the first source record that is not finished, epoch ms; null: there is none. */
  readonly firstUnfinishedAt: number | null;
  readonly pauses: PausesOf;
  /** Epoch ms. */
  readonly now: number;
}

/** Of the intents in the live records of one partition. A group that is paused by the target's name is not known for it here. */
export function waitingFacts(intents: readonly Intent[], { firstUnfinishedAt, pauses, now }: Around): WaitingFacts {
  const named = new Set(pauses.groups.map(({ group }) => idKey(group)));
  const oldest = noneWaits();
  const counts = { unapplied: 0, held: 0, waiting: 0, dead: 0, paused: 0 };
  for (const intent of intents) {
    const kind = standing(intent, now);
    const isPaused = kind !== 'held' && kind !== 'dead' && (pauses.all !== null || named.has(idKey(intent.group)));
    counts[isPaused ? 'paused' : kind] += 1;
    if (!isPaused) noteAge(oldest, intent, now);
  }
  const { unapplied, ...rest } = counts;
  const ages = { ...oldest, unapplied: earlier(oldest.unapplied, firstUnfinishedAt) };
  return { ...rest, due: unapplied, oldest: ages, pauses };
}

interface Found {
  /** null: Kafka was not reached. */
  readonly kafka: KafkaFacts | null;
  readonly replies: readonly Reply[];
  /** Of partitions that no instance has answered for, as far as the retry topic can be read. */
  readonly waiting: ReadonlyMap<number, WaitingFacts>;
}

export function overviewOf({ kafka, replies, waiting }: Found): Overview {
  const group = kafka?.group ?? null;
  const owners = ownersIn(replies, group);
  const facts = new Map((kafka?.partitions ?? []).map((each) => [each.partition, each]));
  const numbers = [...new Set([...facts.keys(), ...owners.keys()])].toSorted((a, b) => a - b);
  const rows = numbers.map((partition) =>
    rowOf(partition, { facts: facts.get(partition), owner: owners.get(partition), waiting: waiting.get(partition) }),
  );
  const answers = [...new Set([...owners.values()].map(({ answer }) => answer))];
  const isKnown = kafka !== null && rows.every(({ url, problem }) => url !== null && problem === null);
  const isReady = answers.every(({ ready }) => ready);
  return {
    group,
    replies,
    owners: answers,
    rows,
    totals: totalsOf(rows, answers),
    ...pausedIn(owners, waiting),
    unanswered: (group?.members ?? []).filter(({ partitions }) => partitions.some((each) => !owners.has(each))),
    requestsAhead: sumOf(answers.map((answer) => answer.requests_ahead)),
    convergesInMs: isKnown && isReady && rows.length > 0 ? longest(answers.map((each) => each.converges_in_ms)) : null,
  };
}

type PausedFields = 'pausedPartitions' | 'pausedGroups' | 'pausedGroupCount';

/** As the owners say; of partitions that no instance has answered for, as the retry topic says. */
function pausedIn(
  owners: ReadonlyMap<number, Owner>,
  waiting: ReadonlyMap<number, WaitingFacts>,
): Pick<Overview, PausedFields> {
  const groups = new Map<string, GroupPause>();
  const pausedPartitions: PartitionPause[] = [];
  let listed = 0;
  for (const { answer, status } of owners.values()) {
    const { partitions = [], groups: named = [], group_count: count = 0 } = answer.paused ?? {};
    listed = Math.max(listed, count);
    pausedPartitions.push(...partitions.filter(({ partition }) => partition === status.partition));
    for (const pause of named) noteFirst(groups, pause);
  }
  for (const [partition, { pauses }] of waiting) {
    if (pauses.all !== null) pausedPartitions.push({ partition, ...shown(pauses.all) });
    for (const pause of pauses.groups) noteFirst(groups, { group: pause.group, ...shown(pause) });
  }
  return {
    pausedPartitions: pausedPartitions.toSorted((a, b) => a.partition - b.partition),
    pausedGroups: [...groups.values()].toSorted((a, b) => a.since - b.since),
    pausedGroupCount: Math.max(listed, groups.size),
  };
}

const shown = ({ author, reason, at: since }: Pause) => ({ author, reason, since });

/** A pause of one group stands in each partition. */
function noteFirst(groups: Map<string, GroupPause>, pause: GroupPause): void {
  const known = groups.get(idKey(pause.group));
  if (known === undefined || pause.since < known.since) groups.set(idKey(pause.group), pause);
}

interface RowFacts {
  readonly facts: PartitionFacts | undefined;
  readonly owner: Owner | undefined;
  readonly waiting: WaitingFacts | undefined;
}

function rowOf(partition: number, { facts, owner, waiting }: RowFacts): PartitionRow {
  const common = {
    partition,
    unfinished: unfinishedOf(facts),
    problem: facts === undefined ? null : problemOf(facts),
    rewound: facts?.rewound ?? null,
  };
  if (owner === undefined) {
    const counts = waiting === undefined ? null : countsOf(waiting);
    return { ...common, url: null, phase: null, unread: null, ages: waiting?.oldest ?? {}, counts };
  }
  const { url, status } = owner;
  const { oldest_unapplied_at: unapplied, oldest_held_at: held, oldest_waiting_at: slow } = status;
  const ages = {
    ...(unapplied !== undefined && { unapplied }),
    ...(held !== undefined && { held }),
    ...(slow !== undefined && { waiting: slow }),
  };
  return { ...common, url, phase: status.phase, unread: unreadOf(status, facts), ages, counts: status };
}

/** What an instance knows of the end may be old. */
function unreadOf({ unread, next_offset: next }: PartitionStatus, facts: PartitionFacts | undefined): number | null {
  if (unread === undefined) return null;
  const end = facts?.bounds?.end ?? null;
  return end === null || next === null ? unread : Math.max(unread, Number(end - BigInt(next)));
}

function unfinishedOf(facts: PartitionFacts | undefined): number | null {
  const from = facts === undefined ? null : firstUnfinished(facts);
  const end = facts?.bounds?.end ?? null;
  return from === null || end === null ? null : Math.max(0, Number(end - from));
}

/** The offset of the first source record that is not finished, if there is one; null: not known. */
export function firstUnfinished({ bounds, committed }: Pick<PartitionFacts, 'bounds' | 'committed'>): bigint | null {
  if (bounds === null) return null;
  return committed === null || committed < bounds.start ? bounds.start : committed;
}

function problemOf({ bounds, committed }: PartitionFacts): string | null {
  if (bounds === null) return 'has no leader: start a broker that holds it';
  if (committed !== null && committed < bounds.start)
    return `has lost records that were not finished: it begins at ${bounds.start}, and ${committed} is committed`;
  if (committed !== null && committed > bounds.end)
    return `is another one than was read: it ends at ${bounds.end}, and ${committed} is committed`;
  return null;
}

const countsOf = ({ due, held, waiting, paused, dead }: WaitingFacts): Counts => {
  const pending = due + held + waiting + paused;
  return { pending, due, tried: due, parked: pending, held, waiting, next_wait_ends_at: null, paused, dead };
};

function totalsOf(rows: readonly PartitionRow[], answers: readonly InstanceStatus[]): Totals {
  const counts = rows.flatMap((row) => row.counts ?? []);
  const total = (name: Exclude<keyof Counts, 'next_wait_ends_at'>): number =>
    sumOf(counts.map((each) => each[name] ?? 0));
  return {
    unread: sumOf(rows.map(({ unread, unfinished }) => unread ?? unfinished ?? 0)),
    pending: total('pending'),
    due: total('due'),
    tried: total('tried'),
    in_flight: sumOf(answers.map((answer) => answer.in_flight)),
    parked: total('parked'),
    held: total('held'),
    waiting: total('waiting'),
    next_wait_ends_at: counts.reduce<number | null>((at, each) => earlier(at, each.next_wait_ends_at), null),
    paused: total('paused'),
    dead: total('dead'),
  };
}

/** null: one of them is not known. */
const longest = (times: readonly (number | null)[]): number | null =>
  times.reduce((most, ms) => (most === null || ms === null ? null : Math.max(most, ms)), 0);

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);
