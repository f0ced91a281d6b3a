/**
 * What the instances in one process share: topics and consumer groups. It lives on when an instance "crashes".
 * Besides what clients ask for, it does on request what a real broker does to a log in its own time; `ConsumerGroup` is the coordinator of one group.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Commit, Committed, OutRecord, Random, SendOutcome, TopicSpecification } from '../../ports.ts';
import { MemoryTopic } from './memory-topic.ts';

export interface CompactOptions {
  /** Default: all. */
  readonly partition?: number;
  /** Only records below this offset. */
  readonly before?: bigint;
  /** Neither `min.compaction.lag.ms` nor `delete.retention.ms` hold the cleaner back. */
  readonly forced?: true;
}

export class MemoryBroker {
  readonly clock: Clock;
  readonly #random: Random;
  readonly #topics = new Map<string, MemoryTopic>();
  /** By the name of the topic: they outlive its deletion. */
  readonly #listeners = new Map<string, Set<() => void>>();
  #topicsCreated = 0;
  readonly #groups = new Map<string, ConsumerGroup>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  createTopic(specification: TopicSpecification): 'created' | 'exists' {
    const { topic } = specification;
    if (this.#topics.has(topic)) return 'exists';
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    this.#topics.set(topic, new MemoryTopic(specification, { id: `topic-${++this.#topicsCreated}`, listeners }));
    return 'created';
  }

  /** Committed offsets stay: a real broker deletes them, but a late commit of a member brings them back. */
  deleteTopic(topic: string): void {
    this.#topics.delete(topic);
  }

  /** Deleted, and created with the same settings. */
  recreateTopic(name: string): void {
    const { partitionCount, replicationFactor, settings } = this.topic(name).description;
    this.deleteTopic(name);
    this.createTopic({ topic: name, partitionCount, replicationFactor, settings: Object.fromEntries(settings) });
    this.topic(name).notify();
  }

  /** @throws when there is no such topic. */
  topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new Error(`UNKNOWN_TOPIC_OR_PARTITION: there is no topic ${name}`);
    return topic;
  }

  hasTopic(name: string): boolean {
    return this.#topics.has(name);
  }

  /** Made when it is first asked for. */
  group(groupId: string): ConsumerGroup {
    const group = this.#groups.get(groupId) ?? new ConsumerGroup(this.clock, this.#random);
    this.#groups.set(groupId, group);
    return group;
  }

  /** Its generation restarts at 1, its offsets are gone. @throws while it has members. */
  deleteGroup(groupId: string): void {
    if (this.group(groupId).memberIds.length > 0) throw new Error(`NON_EMPTY_GROUP: ${groupId}`);
    this.#groups.delete(groupId);
  }

  /** All at once, in order. @throws before anything is written, where the request as a whole is refused. */
  append(records: readonly OutRecord[]): readonly SendOutcome[] {
    for (const record of records) this.topic(record.topic).check(record);
    const { wall } = this.clock.now();
    return records.map((record) => this.topic(record.topic).append(record, wall));
  }

  /** Runs the cleaner once. */
  compact(topic: string, { partition, before, forced }: CompactOptions = {}): void {
    const found = this.topic(topic);
    const cleaning = {
      now: this.clock.now().wall,
      before: before ?? null,
      lagMs: forced ? -Infinity : found.setting('min.compaction.lag.ms'),
      deleteRetentionMs: forced ? 0 : found.setting('delete.retention.ms'),
    };
    const all = Array.from({ length: found.description.partitionCount }, (_, index) => index);
    for (const one of partition === undefined ? all : [partition]) found.partition(one).compact(cleaning);
  }

  /** Retention passes `offset`. */
  deleteRecordsBefore(topic: string, partition: number, offset: bigint): void {
    this.topic(topic).partition(partition).deleteBefore(offset);
  }

  /** An unclean leader election loses what lies at `end` and beyond. */
  truncate(topic: string, partition: number, end: bigint): void {
    const found = this.topic(topic);
    found.partition(partition).truncate(end);
    found.notify();
  }

  /** A producer's retry arrives late: the record at `offset` is appended once more. */
  duplicate(topic: string, partition: number, offset: bigint): void {
    const found = this.topic(topic);
    const [record] = found.partition(partition).read(offset, 1).records;
    if (record?.offset !== offset) throw new Error(`no record at ${topic}/${partition}/${offset}`);
    found.partition(partition).append({ ...record, timestamp: this.clock.now().wall });
    found.notify();
  }

  /** Offsets that no reader ever gets a record for, as control records have. */
  skipOffsets(topic: string, partition: number, count: number): void {
    const found = this.topic(topic);
    found.partition(partition).skip(count);
    found.notify();
  }
}

/*
 * How one instance reaches the broker in this process, and its own event loop: the seam at which a simulation puts a
 * network and an order of events of its own.
 */

export interface Link {
  /** The instance's own; the broker has another one. */
  readonly clock: Clock;
  readonly batchRecordsMax: number;
  /** A request to the broker: `act` takes effect there, its result comes back in a later turn of the event loop. */
  call<T>(act: () => T): Promise<T>;
  /** A message of the broker: `task` runs in a later turn of the event loop. */
  later(task: () => void): void;
}

/** What is called takes effect at once, in the tick of the call. */
export const directLink = (clock: Clock): Link => ({
  clock,
  batchRecordsMax: 500,
  call: async (act) => {
    try {
      return act();
    } finally {
      await nextTurn();
    }
  },
  later: (task) => void setImmediate(task),
});

/*
 * The coordinator of one consumer group, classic eager protocol. A rebalance begins with a member that comes, leaves or
 * lets its session expire, and ends when every remaining member has sent its join: only then the generation grows. A
 * member that has not joined when the rebalance time-out is over (the longest of all members) is dropped.
 * Members learn of a rebalance from their heartbeats. Offsets outlive the members.
 */

export interface JoinRequest {
  /** null: a new member. */
  readonly memberId: string | null;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly partitionCount: number;
  /** The answer, when all have joined; called in the tick in which the last one has. */
  readonly synced: (answer: JoinAnswer) => void;
}

export interface JoinAnswer {
  readonly memberId: string;
  readonly generation: number;
  readonly partitions: readonly number[];
}

interface Member {
  readonly id: string;
  readonly request: JoinRequest;
  /** Its join waits for the others; meanwhile its session cannot expire. */
  readonly isWaiting: boolean;
  readonly cancelExpiry: () => void;
}

const metadataLengthMax = 4096;

export class ConsumerGroup {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #members = new Map<string, Member>();
  readonly #offsets = new Map<number, Commit>();
  #generation = 0;
  #isRebalancing = false;
  #cancelRebalanceLimit = (): void => {};

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get memberIds(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** @returns the member id: the same one while the group still knows it. */
  join(request: JoinRequest): string {
    const known = request.memberId === null ? undefined : this.#members.get(request.memberId);
    known?.cancelExpiry();
    const id = known?.id ?? `${request.clientId}-${this.#random.uuid()}`;
    this.#members.set(id, { id, request, isWaiting: true, cancelExpiry: () => {} });
    this.#beginRebalance();
    this.#completeWhenAllJoined();
    return id;
  }

  /** Of a generation that is over: `rebalancing`, as its member is to join again. */
  heartbeat({
    memberId,
    generation,
  }: Pick<JoinAnswer, 'memberId' | 'generation'>): 'ok' | 'rebalancing' | 'unknown_member' {
    const member = this.#members.get(memberId);
    if (member === undefined) return 'unknown_member';
    if (!member.isWaiting) this.#startSession(member);
    return this.#isRebalancing || generation !== this.#generation ? 'rebalancing' : 'ok';
  }

  leave(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    member.cancelExpiry();
    this.#members.delete(memberId);
    this.#beginRebalance();
    this.#completeWhenAllJoined();
  }

  /**
   * As the broker does, this checks the generation but not who owns a partition.
   * @throws when not everything was stored; what has metadata of a fitting length was.
   */
  commit(member: Pick<JoinAnswer, 'memberId' | 'generation'>, commits: readonly Commit[]): void {
    if (!this.#members.has(member.memberId)) throw new Error('UNKNOWN_MEMBER_ID: the group has dropped this member');
    if (member.generation !== this.#generation) throw new Error('ILLEGAL_GENERATION: the group has rebalanced');
    const fitting = commits.filter(({ metadata }) => metadata.length <= metadataLengthMax);
    for (const commit of fitting) this.#offsets.set(commit.partition, commit);
    if (fitting.length < commits.length) throw new Error('OFFSET_METADATA_TOO_LARGE');
  }

  /** By a tool. @throws while there are members */
  commitWithoutMembers(commits: readonly Commit[]): void {
    if (this.#members.size > 0) throw new Error('UNKNOWN_MEMBER_ID: the group has members, and this is none of them');
    for (const commit of commits) this.#offsets.set(commit.partition, commit);
  }

  committed(partition: number): Committed {
    const { offset, metadata } = this.#offsets.get(partition) ?? { offset: null, metadata: '' };
    return { offset, metadata };
  }

  /** A coordinator takes over that lags behind: it knows none of the members, and older generations and offsets. */
  fallBack({ generation, commits }: { readonly generation: number; readonly commits: readonly Commit[] }): void {
    for (const { cancelExpiry } of this.#members.values()) cancelExpiry();
    this.#members.clear();
    this.#cancelRebalanceLimit();
    this.#isRebalancing = false;
    this.#generation = generation;
    for (const commit of commits) this.#offsets.set(commit.partition, commit);
  }

  get generation(): number {
    return this.#generation;
  }

  #beginRebalance(): void {
    if (this.#isRebalancing) return;
    this.#isRebalancing = true;
    const members = [...this.#members.values()];
    const limitMs = Math.max(...members.map(({ request }) => request.rebalanceTimeoutMs));
    if (Number.isFinite(limitMs)) this.#cancelRebalanceLimit = this.#clock.schedule(limitMs, () => this.#dropLate());
  }

  #dropLate(): void {
    for (const { id, isWaiting, cancelExpiry } of this.#members.values()) {
      if (isWaiting) continue;
      cancelExpiry();
      this.#members.delete(id);
    }
    this.#completeWhenAllJoined();
  }

  #completeWhenAllJoined(): void {
    const members = [...this.#members.values()];
    if (members.some(({ isWaiting }) => !isWaiting)) return;
    this.#generation += 1;
    this.#isRebalancing = false;
    this.#cancelRebalanceLimit();
    for (const [index, member] of members.entries()) {
      const { partitionCount, synced } = member.request;
      const all = Array.from({ length: partitionCount }, (_, partition) => partition);
      const partitions = all.filter((partition) => partition % members.length === index);
      const answer = { memberId: member.id, generation: this.#generation, partitions };
      this.#startSession(member);
      synced(answer);
    }
  }

  #startSession({ id, request, cancelExpiry }: Member): void {
    cancelExpiry();
    const { sessionTimeoutMs } = request;
    const cancel =
      sessionTimeoutMs === Infinity ? () => {} : this.#clock.schedule(sessionTimeoutMs, () => this.leave(id));
    this.#members.set(id, { id, request, isWaiting: false, cancelExpiry: cancel });
  }
}
