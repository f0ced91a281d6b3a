/**
 * Who owns a partition, as its retry partition proves it: the epoch that this owner writes under, its own fence, and what the
 * records say of other owners (protocol.md 4). What a record means is decided by core/log/ownership.ts. And `Lease`: what the
 * consumer group grants this instance.
 *
 *   no fence ──begin──▶ fence sent ──own fence read──▶ fence read ──prepare (join, higher epoch)──▶ no fence
 */
import type { Comparison } from '../../core/log/commit-metadata.ts';
import {
  COUNT_MAX,
  emptyView,
  endGroup,
  epochOf,
  isOvertaken,
  isUsed,
  readFence,
  readState,
  seqAfter,
  type RetryView,
  type Stamp,
} from '../../core/log/ownership.ts';
import type { Assignment, Clock, Heartbeat, Instant } from '../../ports.ts';

/** A fence that was read. */
export interface ReadFence {
  readonly fenceId: string;
  readonly stamp: Stamp;
}

/** A record of a group, or of a slice of the guard's window, that was read. */
export interface KeyedRecord {
  readonly key: string;
  readonly stamp: Stamp;
  /** A tombstone. */
  readonly isEnd: boolean;
}

/** `base` is added to the generation of the consumer group, so that epochs only go up. The rest: of the fence that is there already. */
export type OwnershipStart = Pick<Ownership, 'base'> & Partial<Pick<Ownership, 'epoch' | 'fenceId'>>;

export class Ownership {
  readonly #owner: string;
  #base: number;
  #epoch: number;
  #seq = 0;
  #fenceId: string | null;
  #isFenceRead = false;
  #isEpochUsed = false;
  #former: Omit<RetryView, 'groups'> | null = null;
  #hasForeignFence = false;
  #overtakenAt: Instant | null = null;
  readonly #view = emptyView();
  #nextOffset = 0n;
  readonly #stale = new Set<string>();

  constructor(owner: string, { base, epoch = 0, fenceId = null }: OwnershipStart) {
    this.#owner = owner;
    this.#base = base;
    this.#epoch = epoch;
    this.#fenceId = fenceId;
  }

  get base(): number {
    return this.#base;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Of the present attempt; null: no fence was sent yet. */
  get fenceId(): string | null {
    return this.#fenceId;
  }

  /** The own fence of the present attempt has been read back. */
  get isFenceRead(): boolean {
    return this.#isFenceRead;
  }

  /** Epochs and number of the records before the first own fence; null: that was not read yet. */
  get former(): Pick<RetryView, 'epochMin' | 'stateEpochMax' | 'recordCount'> | null {
    return this.#former;
  }

  /** Another owner's fence was read since the own one was prepared: of a kept partition, one that lies between the two own ones. */
  get hasForeignFence(): boolean {
    return this.#hasForeignFence;
  }

  /** When the own fence was read although another owner has this epoch, or a higher one; null: it was not. */
  get overtakenAt(): Instant | null {
    return this.#overtakenAt;
  }

  /** A record of a higher epoch was read. */
  get isOvertaken(): boolean {
    return isOvertaken(this.#view, this.#epoch);
  }

  /** Another owner may have written under the own epoch: of a partition that is kept only where a foreign fence says so. */
  sharesEpoch(isKept: boolean): boolean {
    return this.#isEpochUsed && (!isKept || this.#hasForeignFence);
  }

  /** The epochs of commits only go up, also in a recreated consumer group, so that they tell which retry topic was used later. */
  isBelowCommit({ mark }: Comparison): boolean {
    return this.#epoch <= (mark.retryEpoch ?? 0) && this.#epoch < COUNT_MAX;
  }

  /** Another fence is to be sent. */
  prepare(): void {
    this.#fenceId = null;
    this.#isFenceRead = false;
    this.#hasForeignFence = false;
    this.#overtakenAt = null;
  }

  /** The fence is about to be sent, under the epoch of this generation. */
  begin(fenceId: string, generation: number): void {
    this.#fenceId = fenceId;
    this.#epoch = epochOf(this.#base, generation);
  }

  noteOvertaken(now: Instant): void {
    this.#overtakenAt = now;
  }

  /** The consumer group was recreated, so its generations count from 1 again. A second fence does not undo an owner in between. */
  rebase(commit: Comparison | null): void {
    this.#base = Math.max(this.#view.epochMax, commit?.mark.retryEpoch ?? 0);
    const hadForeignFence = this.#hasForeignFence;
    this.prepare();
    this.#hasForeignFence = hadForeignFence;
  }

  /** The next offset of the retry partition to read. */
  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  /** @param next the offset after the last that was read. */
  noteReadTo(next: bigint): void {
    if (next > this.#nextOffset) this.#nextOffset = next;
  }

  /** The retry topic was recreated: its records are read from the beginning. */
  readFromBeginning(): void {
    this.#nextOffset = 0n;
  }

  readFence({ fenceId, stamp }: ReadFence): void {
    const isOwn = fenceId === this.#fenceId;
    if (isOwn && !this.#isFenceRead) this.#isEpochUsed = isUsed(this.#view, this.#epoch);
    // Before the first own fence; a later one has that before it.
    if (isOwn) this.#former ??= { ...this.#view };
    if (stamp.owner !== this.#owner) this.#hasForeignFence = true;
    readFence(this.#view, stamp);
    this.#isFenceRead ||= isOwn;
  }

  /** Answers whether it is to be taken over at the restore. @param isKnown the state of the partition is in memory. */
  readLive({ key, stamp, isEnd }: KeyedRecord, isKnown: boolean): boolean {
    const reading = readState(this.#view, key, stamp);
    const counts = reading === 'counts' && (!isKnown || stamp.owner === this.#owner);
    if (counts) this.#stale.delete(key);
    // Before the restore its place in the order decides what counts; afterwards only what is to be written again.
    if (counts && isKnown && isEnd) endGroup(this.#view, key);
    if (!counts) this.#stale.add(key);
    return reading === 'counts' && !isKnown;
  }

  /** A fence of a higher epoch lies before it. @param stamp null: it has none, as what operators write. */
  isVoid(stamp: Stamp | null): boolean {
    return stamp !== null && stamp.epoch < this.#view.fenceEpoch;
  }

  /** The last record of this key does not count. */
  noteStale(key: string): void {
    this.#stale.add(key);
  }

  /** Groups, and slices of the guard's window, whose last record does not count: they are to be written again. */
  get stale(): ReadonlySet<string> {
    return this.#stale;
  }

  clearStale(): void {
    this.#stale.clear();
  }

  /** Keys of which the order of records is remembered. */
  get orderedKeys(): readonly string[] {
    return [...this.#view.groups.keys()];
  }

  /** Of the record that is written next. */
  nextStamp(): Stamp {
    this.#seq = seqAfter(this.#seq, this.#view, this.#epoch);
    return { owner: this.#owner, epoch: this.#epoch, seq: this.#seq };
  }
}

/*
 * What the consumer group grants this instance: its member id, its generation, and the lease within which requests to the
 * target may start (protocol.md 4; spec: lease, halt).
 *
 *   halted ──assigned──▶ granted, while the lease holds ──joining──▶ halted      any ──lost──▶ halted, no member
 *   any ──end──▶ ending: nothing starts any more
 */

export class Lease {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #leaseMs: number;
  #memberId: string | null = null;
  #partitionCount = 0;
  #generation: number | null = null;
  #isHalted = true;
  #joiningAt: Instant | null = null;
  #from: Instant | null = null;
  #isEnding = false;

  /** @param leaseMs after the last good heartbeat. */
  constructor(clock: Pick<Clock, 'now'>, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** null: not a member. */
  get memberId(): string | null {
    return this.#memberId;
  }

  /** Of the source topic. */
  get partitionCount(): number {
    return this.#partitionCount;
  }

  /** Of the consumer group, as the last heartbeat names it; null: there was none since the assignment. */
  get generation(): number | null {
    return this.#generation;
  }

  /** Between the building of a JoinGroup request and the assignment. */
  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** This instance ends: nothing is read and no request starts. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** By the later of both clocks: one stands still while a machine sleeps, the other may be set back (spec: lease). */
  get holds(): boolean {
    return this.#from !== null && elapsedMs(this.#from, this.#clock.now()) <= this.#leaseMs;
  }

  /** May a request to the target start now? Asked in the tick that writes to the socket (spec: lease, halt). */
  get mayAsk(): boolean {
    return !this.#isHalted && !this.#isEnding && this.holds;
  }

  joining(): void {
    this.#isHalted = true;
    this.#joiningAt = this.#clock.now();
  }

  assigned({ memberId, partitionCount }: Assignment): void {
    this.#memberId = memberId;
    this.#partitionCount = partitionCount;
    this.#generation = null;
    this.#isHalted = false;
    this.#from = this.#joiningAt;
  }

  /** It names the generation, proves that we are a member, and is the lease. */
  heartbeat({ generation, sentAt }: Heartbeat): void {
    this.#from = sentAt;
    this.#generation = generation;
  }

  lost(): void {
    this.#isHalted = true;
    this.#from = null;
    this.#memberId = null;
  }

  end(): void {
    this.#isEnding = true;
  }
}

const elapsedMs = (from: Instant, to: Instant): number => Math.max(to.wall - from.wall, to.monotonic - from.monotonic);
