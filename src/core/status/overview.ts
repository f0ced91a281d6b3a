/**
 * How all of it is, put together from what running instances say and what Kafka says: a row for each partition of the source, and
 * how far all of them are behind. Where no instance answers for a partition, Kafka alone tells: committed offsets, the first
 * record that is not finished, and the retry topic.
 */
import { idKey } from '../change/change.ts';
import { earlier, noneWaits, type Oldest } from '../change/pending.ts';
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
  readonly clientId: string;
  readonly host: string;
  /** Of the source. */
  readonly partitions: readonly number[];
}

export interface PartitionFacts {
  readonly partition: number;
  /** Source records from the committed offset on; null: not known, it has no leader at present. */
  readonly unfinished: number | null;
}

export interface Reply {
  readonly url: string;
  readonly answer: InstanceStatus | null;
  /** null: it has answered. */
  readonly problem: string | null;
}

/** What Kafka says of a partition that no instance has answered for. */
export interface WaitingFacts {
  readonly parked: number;
  readonly held: number;
  readonly dead: number;
  readonly waiting: number;
  readonly oldest: Oldest;
}

export interface PartitionRow {
  readonly partition: number;
  /** The instance that has answered for it; null: none. */
  readonly url: string | null;
  /** null: not known. */
  readonly phase: string | null;
  /** Source records that are not read; null: not known. */
  readonly unread: number | null;
  /** Source records from the committed offset on; null: not known. */
  readonly unfinished: number | null;
  /** Since when, epoch ms; a kind is null: there is none. Where no instance has answered, as far as Kafka tells. */
  readonly oldest: Readonly<Oldest>;
  readonly refusal: string | null;
}

export interface Totals {
  /** Neither final nor given up. */
  readonly pending: number;
  readonly parked: number;
  readonly held: number;
  readonly waiting: number;
  readonly dead: number;
  readonly inFlight: number;
  readonly unread: number;
  /** Pending ones that wait for an operator to resume. */
  readonly paused: number;
}

type PartitionPause = PausedStatus['partitions'][number];
type GroupPause = PausedStatus['groups'][number];

export interface Overview {
  /** null: Kafka was not reached. */
  readonly group: GroupFacts | null;
  readonly replies: readonly Reply[];
  readonly rows: readonly PartitionRow[];
  /** Of what has answered; of other partitions what the retry topic has. */
  readonly totals: Totals;
  /** Of the instances that own them. */
  readonly pausedPartitions: readonly PartitionPause[];
  /** Each once. */
  readonly pausedGroups: readonly GroupPause[];
  /** Members of the consumer group for whose partitions no instance has answered. */
  readonly silent: readonly MemberFacts[];
  readonly requestsAhead: number;
  /** Of the instance that takes longest; null: not known. */
  readonly convergesInMs: number | null;
  /** Until the first change ends its wait by the slow schedule, epoch ms; null: none waits, or that is not known. */
  readonly nextWaitEndsAt: number | null;
}

interface Owner extends PartitionStatus {
  readonly url: string;
}

/** Who has answered for each partition: of two, the one with the higher epoch. */
export function ownersIn(replies: readonly Reply[]): ReadonlyMap<number, Owner> {
  const owners = new Map<number, Owner>();
  for (const { url, answer } of replies) {
    for (const partition of answer?.partitions ?? []) {
      const known = owners.get(partition.partition);
      if (known === undefined || partition.epoch > known.epoch) owners.set(partition.partition, { ...partition, url });
    }
  }
  return owners;
}

interface Found {
  /** null: Kafka was not reached. */
  readonly kafka: KafkaFacts | null;
  readonly replies: readonly Reply[];
  /** Of partitions that no instance has answered for. */
  readonly waiting: ReadonlyMap<number, WaitingFacts>;
}

export function overviewOf({ kafka, replies, waiting }: Found): Overview {
  const owners = ownersIn(replies);
  const facts = new Map((kafka?.partitions ?? []).map((each) => [each.partition, each]));
  const numbers = [...new Set([...facts.keys(), ...owners.keys()])].toSorted((a, b) => a - b);
  const rows = numbers.map((partition) =>
    rowOf(partition, { facts: facts.get(partition), owner: owners.get(partition), waiting: waiting.get(partition) }),
  );
  const answers = replies.flatMap(({ answer }) => answer ?? []);
  const isKnown = numbers.length > 0 && rows.every(({ url, unread }) => url !== null && unread !== null);
  const times = answers.map(({ converges_in_ms: ms }) => ms);
  return {
    group: kafka?.group ?? null,
    replies,
    rows,
    totals: totalsOf(answers, [...waiting.values()], rows),
    ...pausedIn(replies, owners),
    silent: (kafka?.group.members ?? []).filter(({ partitions }) => partitions.some((each) => !owners.has(each))),
    requestsAhead: sum(answers, ({ requests_ahead: requests }) => requests),
    convergesInMs: isKnown ? longest(times) : null,
    nextWaitEndsAt: answers.reduce<number | null>((at, answer) => earlier(at, answer.next_wait_ends_at), null),
  };
}

function pausedIn(replies: readonly Reply[], owners: ReadonlyMap<number, Owner>) {
  const groups = new Map<string, GroupPause>();
  const pausedPartitions: PartitionPause[] = [];
  for (const { url, answer } of replies) {
    pausedPartitions.push(
      ...(answer?.paused?.partitions ?? []).filter(({ partition }) => owners.get(partition)?.url === url),
    );
    for (const pause of answer?.paused?.groups ?? []) {
      const known = groups.get(idKey(pause.group));
      if (known === undefined || pause.since < known.since) groups.set(idKey(pause.group), pause);
    }
  }
  return {
    pausedPartitions: pausedPartitions.toSorted((a, b) => a.partition - b.partition),
    pausedGroups: [...groups.values()].toSorted((a, b) => a.since - b.since),
  };
}

interface RowFacts {
  readonly facts: PartitionFacts | undefined;
  readonly owner: Owner | undefined;
  readonly waiting: WaitingFacts | undefined;
}

function rowOf(partition: number, { facts, owner, waiting }: RowFacts): PartitionRow {
  const unfinished = facts?.unfinished ?? null;
  if (owner === undefined) {
    const oldest = waiting?.oldest ?? noneWaits();
    return { partition, url: null, phase: null, unread: null, unfinished, oldest, refusal: null };
  }
  const { url, phase, unread = null, refusal = null } = owner;
  const oldest = {
    unapplied: owner.oldest_unapplied_at ?? null,
    held: owner.oldest_held_at ?? null,
    waiting: owner.oldest_waiting_at ?? null,
  };
  return { partition, url, phase, unread, unfinished, oldest, refusal };
}

function totalsOf(
  answers: readonly InstanceStatus[],
  waiting: readonly WaitingFacts[],
  rows: readonly PartitionRow[],
): Totals {
  const parked = sum(waiting, (each) => each.parked);
  return {
    pending: sum(answers, (each) => each.pending) + parked,
    parked: sum(answers, (each) => each.parked) + parked,
    held: sum(answers, (each) => each.held) + sum(waiting, (each) => each.held),
    waiting: sum(answers, (each) => each.waiting) + sum(waiting, (each) => each.waiting),
    dead: sum(answers, (each) => each.dead) + sum(waiting, (each) => each.dead),
    inFlight: sum(answers, (each) => each.in_flight),
    unread: sum(rows, ({ unread }) => unread ?? 0),
    paused: sum(answers, ({ paused }) => paused?.changes ?? 0),
  };
}

/** null: one of them is not known. */
const longest = (times: readonly (number | null)[]): number | null =>
  times.reduce((most, ms) => (most === null || ms === null ? null : Math.max(most, ms)), 0);

function sum<T>(list: readonly T[], sizeOf: (each: T) => number): number {
  let total = 0;
  for (const each of list) total += sizeOf(each);
  return total;
}
