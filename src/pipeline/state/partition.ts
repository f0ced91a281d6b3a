/**
 * One source partition and its retry partition, from the assignment to the loss: its phase, its groups, and the owners of what
 * belongs to it.
 *
 *   fencing ──own fence sent──▶ restoring ──own fence read──▶ loading ──all in memory──▶ catching_up ──goal read──▶ running
 *   restoring ──own fence read, kept──▶ catching_up
 *   catching_up | running ──join, kept──▶ fencing      restoring ──overtaken, group recreated──▶ fencing
 *   any ──lost──▶ forgotten      any ──records of another source──▶ forgotten, and refused until the next join
 */
import assert from 'node:assert/strict';
import { isOver, type Doubt } from '../../core/target/doubt.ts';
import { FinalMarks } from './final-marks.ts';
import { IntentTally, type Members } from './members.ts';
import { HeldDigests, OperatorRequests } from './operator-requests.ts';
import type { PipelineOptions } from './options.ts';
import { Pauses } from './pauses.ts';
import { Ownership, type OwnershipStart } from './ownership.ts';
import { RecordsToWrite, Unacknowledged } from './records-to-write.ts';
import { RemovalWindow } from './removal-window.ts';
import { FormerKeys, OwnRecords, RestoredRecords } from './restored-records.ts';
import { Inbox, SourceOffsets, type DueCommit, type FormerRetry } from './source-offsets.ts';
import { UnresolvedMembers } from './unresolved-members.ts';

export type Phase = 'fencing' | 'restoring' | 'loading' | 'catching_up' | 'running' | 'refused';

const moves: Readonly<Record<Phase, readonly Phase[]>> = {
  fencing: ['fencing', 'restoring'],
  restoring: ['fencing', 'loading', 'catching_up'],
  loading: ['catching_up'],
  catching_up: ['fencing', 'running'],
  running: ['fencing'],
  refused: [],
};

/** Why it does not start, with the remedy. */
export interface PartitionRefusal {
  readonly text: string;
  /** `/readyz` names the retry topic, and not the source. */
  readonly isForRetry: boolean;
}

/** What is done in Kafka on behalf of a partition. */
export type Act = 'write' | 'commit' | 'read';

export type PartitionOptions = Pick<PipelineOptions, 'owner' | 'guard' | 'membersPerPatchMax' | 'requestsPerPiece'>;

/** How it begins: acquired, unless something else is said. */
interface Beginning {
  /** Of its epochs: see `Ownership`. */
  readonly base?: number | undefined;
  /** It is restored once more up to the fence that is there already. */
  readonly again?: OwnershipStart;
  /** It stands for one that is refused, until the next join. */
  readonly refused?: { readonly refusal: PartitionRefusal; readonly offsets: SourceOffsets };
}

interface AnyGroup {
  readonly id: string;
  readonly target: string | null;
  readonly members: Members;
  readonly expansions: readonly unknown[];
}

/** @typeParam G the class of its groups, which know their partition: see `Partition` in group.ts. */
export class PartitionOf<G extends AnyGroup> {
  readonly number: number;
  readonly ownership: Ownership;
  readonly offsets: SourceOffsets;
  readonly refusal: PartitionRefusal | null;
  readonly restored = new RestoredRecords();
  readonly inbox = new Inbox();
  readonly tally = new IntentTally();
  readonly counts = this.tally.counts;
  readonly requests = new OperatorRequests<G>();
  readonly pauses = new Pauses();
  readonly finals = new FinalMarks<G>();
  readonly formerKeys = new FormerKeys();
  readonly unresolved = new UnresolvedMembers();
  readonly digests = new HeldDigests<G>();
  readonly ownRecords = new OwnRecords();
  readonly toWrite: RecordsToWrite<G>;
  readonly removals: RemovalWindow;
  readonly #groups = new Map<string, G>();
  readonly #unacknowledged = new Unacknowledged<G>();
  #phase: Phase;
  #isKept = false;
  #dispatchesEarly = false;
  #takeoverDoubt: Doubt | null = null;

  constructor(number: number, options: PartitionOptions, { base = 0, again, refused }: Beginning = {}) {
    this.number = number;
    this.ownership = new Ownership(options.owner, again ?? { base });
    this.offsets = new SourceOffsets(number, refused?.offsets);
    this.refusal = refused?.refusal ?? null;
    this.#phase = refused !== undefined ? 'refused' : again !== undefined ? 'restoring' : 'fencing';
    this.toWrite = new RecordsToWrite(options);
    this.removals = new RemovalWindow(options.guard.windowMs);
  }

  get phase(): Phase {
    return this.#phase;
  }

  move(to: Phase): void {
    assert(moves[this.#phase].includes(to), `partition ${this.number}: ${this.#phase} → ${to}`);
    assert(to !== 'running' || this.mayRun, `partition ${this.number} runs before it has caught up`);
    this.#phase = to;
    if (to !== 'running') return;
    this.#dispatchesEarly = false;
    this.restored.forgetTimestamps();
  }

  get isRestored(): boolean {
    return this.#phase === 'catching_up' || this.#phase === 'running';
  }

  /** Was owned without a break, as far as is known; the fence will prove it. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Its state is in memory: what the retry partition says besides is a repair, not news. */
  get isOwned(): boolean {
    return this.#isKept || this.isRestored;
  }

  /** Joined again: its state is in memory, and another fence is to be sent. */
  retain(): void {
    this.move('fencing');
    this.#isKept = true;
    this.prepareFence();
  }

  prepareFence(): void {
    this.ownership.prepare();
    this.offsets.forgetComparison();
  }

  /** The consumer group was recreated: another fence is to be sent. */
  rebase(): void {
    this.move('fencing');
    this.ownership.rebase(this.offsets.comparison);
    this.offsets.forgetComparison();
    if (!this.#isKept) this.offsets.forgetStart();
  }

  /** Its state is in memory and its fence is read. */
  endRestore(): void {
    this.move('catching_up');
    this.#isKept = false;
  }

  /** It is catching up, and all that its source had at the fence is read and folded (spec: barrier). */
  get mayRun(): boolean {
    return this.#phase === 'catching_up' && this.offsets.hasReadGoal && this.inbox.isEmpty;
  }

  /** Restored and caught up, or as good as that (spec: barrier). */
  get isDispatchable(): boolean {
    return this.#phase === 'running' || (this.#phase === 'catching_up' && this.#dispatchesEarly);
  }

  /** The intake limit was reached while catching up. */
  get dispatchesEarly(): boolean {
    return this.#dispatchesEarly;
  }

  /** It is catching up, and all that is known to be complete is read again. */
  get mayDispatchEarly(): boolean {
    const isWaiting = this.#phase === 'catching_up' && !this.#dispatchesEarly;
    return isWaiting && this.offsets.hasReadKnown && this.inbox.isEmpty;
  }

  dispatchEarly(): void {
    assert(this.mayDispatchEarly, `partition ${this.number} dispatches before what is complete is read`);
    this.#dispatchesEarly = true;
  }

  /** A former owner's requests may still land (monotonic ms in it); null: they may not. */
  get takeoverDoubt(): Doubt | null {
    return this.#takeoverDoubt;
  }

  doubtFormerOwner(doubt: Doubt | null): void {
    this.#takeoverDoubt = doubt;
  }

  /** Groups that are met after its end have nothing to fear from a former owner. */
  endTakeoverDoubt(nowMs: number): void {
    if (this.#takeoverDoubt !== null && isOver(this.#takeoverDoubt, nowMs)) this.#takeoverDoubt = null;
  }

  /** By `idKey` of the source's name. */
  get groups(): ReadonlyMap<string, G> {
    return this.#groups;
  }

  add(group: G): void {
    this.#groups.set(group.id, group);
  }

  /** Nothing of the group is pending, recorded or open, to be written, or sent and not acknowledged. */
  hasNothingOf(group: G): boolean {
    const { toWrite, groups, finals } = this;
    if (group.members.size > 0 || group.expansions.length > 0 || finals.has(group)) return false;
    return !toWrite.has(group) && !this.#unacknowledged.has(group) && groups.get(group.id) === group;
  }

  /** Nothing of the group is left. */
  remove(group: G): void {
    this.#groups.delete(group.id);
    this.unresolved.endRemovals(group.id);
    this.digests.forget(group);
  }

  /** A live record of the group stands under another spelling of it: its tombstone follows once the group's own says the same. */
  noteFormerKey(group: G, key: string): void {
    if (key === group.id) return;
    this.restored.takeOverForeign(group.id, key);
    this.unresolved.takeOver(group.id, key);
    this.formerKeys.note(key);
    this.toWrite.add(group);
  }

  /** How many groups have a report or a live record that is not acknowledged. */
  get unacknowledgedCount(): number {
    return this.#unacknowledged.size;
  }

  /** A report about a change of the group is to be written. */
  noteReportDue(group: G): void {
    this.#unacknowledged.add(group);
  }

  noteReportAcknowledged(group: G): void {
    this.#unacknowledged.remove(group);
  }

  /** The live record of the group is on its way. */
  noteRecordSent(group: G): void {
    this.toWrite.delete(group);
    this.#unacknowledged.add(group);
  }

  /** It is acknowledged. */
  noteRecordWritten(group: G): void {
    this.#unacknowledged.remove(group);
    // All that was in a topic that is gone is in the present one, which the next commit names.
    if (this.toWrite.noteWritten(group)) this.offsets.commitAgain();
  }

  /** It was not written, as far as is known, or is void: another one follows. */
  noteRecordUnwritten(group: G): void {
    this.#unacknowledged.remove(group);
    this.toWrite.add(group);
  }

  /**
   * Memory is all that is left of the live records: each is written again. Until all are, commits name the topic that is gone,
   * so that the next owner reports what it does not find; then one names the present topic.
   * @param gone is that topic; null: it is not known.
   */
  rewriteRecords(gone: FormerRetry): void {
    if (!this.toWrite.hasLost) this.offsets.noteGoneRetry(gone);
    for (const group of this.#groups.values()) this.toWrite.addLost(group);
    this.offsets.commitAgain();
    this.removals.rewriteAll();
    this.pauses.rewriteLost();
  }

  /** null: none. The guard of the next owner counts what completes the offsets (protocol.md 11.3). */
  dueCommit(): DueCommit | null {
    if (!this.hasDueCommit) return null;
    return this.offsets.commit({ epoch: this.ownership.epoch, hasLost: this.toWrite.hasLost });
  }

  /** `dueCommit` is not null. */
  get hasDueCommit(): boolean {
    return !this.removals.isOwing && this.#isCommitDue;
  }

  get #isCommitDue(): boolean {
    return this.isRestored && this.offsets.isCommitDue;
  }

  /** Something of it waits for that. A fence, or the start of a restore, ends its own trouble. */
  isWaitingFor(act: Act): boolean {
    if (!this.isRestored) return true;
    if (act === 'commit') return this.#isCommitDue;
    const { toWrite, requests, formerKeys, removals, pauses } = this;
    return (
      act === 'read' || removals.isDue || pauses.isDue || toWrite.size + requests.answerCount + formerKeys.size > 0
    );
  }

  /**
   * All that was read is folded and committed, and nothing is due. What is held, or paused, may wait for days; nothing happens to it
   * by itself.
   */
  get isAtRest(): boolean {
    const { offsets, toWrite, requests, counts, removals, pauses, inbox } = this;
    if (this.#phase !== 'running' || !offsets.isSettled || !inbox.isEmpty || pauses.isUnrecorded) return false;
    if (removals.isDue || removals.isOwing || toWrite.size + requests.answerCount > 0) return false;
    return counts.pending === counts.held + this.pausedCount;
  }

  /** Pending changes that wait for an operator to resume: those of paused groups that are not held. */
  get pausedCount(): number {
    const { pauses, counts } = this;
    if (pauses.all !== null) return counts.pending - counts.held;
    if (pauses.isEmpty) return 0;
    let count = 0;
    for (const group of this.#groups.values()) if (pauses.isPaused(group)) count += group.members.unheldCount;
    return count;
  }
}
