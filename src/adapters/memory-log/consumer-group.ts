/**
 * The coordinator of one consumer group, classic eager protocol. A rebalance begins with a member that comes, leaves or
 * lets its session expire, and ends when every remaining member has sent its join: only then the generation grows. A
 * member that has not joined when the rebalance time-out is over (the longest of all members) is dropped.
 * Members learn of a rebalance from their heartbeats. Offsets outlive the members.
 */
import type { Clock, Commit, Committed, Random } from '../../ports.ts';

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
