/**
 * Where the source partition is read from, what of it is complete, and what the next commit says of that (protocol.md 3). And what
 * bounds the intake: `Inbox`, what is read and not folded.
 *
 *   start unknown ──noteStart──▶ start known ──open──▶ read and completed in the ledger ──commit──▶ committed
 */
import assert from 'node:assert/strict';
import type { Intent } from '../../core/change/change.ts';
import type { EventIntents } from '../../core/change/pending.ts';
import {
  NO_MARK,
  encodeCommit,
  stampOf,
  type Comparison,
  type RecordStamp,
  type SourceMark,
} from '../../core/log/commit-metadata.ts';
import { Ledger, RANGES_MAX, firstUnknown, type Range } from '../../core/log/ledger.ts';
import type { Commit } from '../../ports.ts';

/** Where the source is to be read from, once the own fence is written. */
export interface Start extends Comparison {
  readonly committed: bigint | null;
  readonly position: bigint;
  readonly known: readonly Range[];
  /** The end of the source at the fence. */
  readonly goal: bigint;
}

/** What a commit says, and what it proves once it is acknowledged. */
export interface DueCommit {
  readonly commit: Commit;
  readonly progress: number;
  /** That it names. */
  readonly retryEpoch: number | null;
}

/** A retry topic that is gone, and the epoch under which it was used. */
export type FormerRetry = Comparison['formerRetry'];

export class SourceOffsets {
  readonly #number: number;
  #start: Start | null = null;
  #ledger: Ledger | null = null;
  #mark: SourceMark = NO_MARK;
  #comparison: Comparison | null = null;
  #goneRetry: FormerRetry = null;
  /** `progress`: of the ledger, as of then. */
  #lastCommit: { readonly offset: bigint; readonly progress: number } | null = null;

  /** @param refused of a partition that is refused: from the position that was reached on, the source is unread. */
  constructor(number: number, refused?: SourceOffsets) {
    this.#number = number;
    const { start = null, position = null } = refused ?? {};
    if (start !== null) this.#start = { ...start, position: position ?? start.position };
  }

  get start(): Start | null {
    return this.#start;
  }

  /** What is remembered of the source. */
  get mark(): SourceMark {
    return this.#mark;
  }

  /** Of the source with what is remembered of it; null: not compared since the last fence. */
  get comparison(): Comparison | null {
    return this.#comparison;
  }

  /** The next source offset to read; null: not known yet. */
  get position(): bigint | null {
    return this.#ledger?.next ?? this.#start?.position ?? null;
  }

  /** From `next` on: of what follows some may be complete already. */
  firstUnknown(next: bigint): bigint {
    return firstUnknown({ next, known: this.#ledger?.known ?? this.#start?.known ?? [] });
  }

  /** The source is read again from there. */
  get committed(): bigint {
    return this.#lastCommit?.offset ?? this.#start?.committed ?? 0n;
  }

  /** Of the present fence. A partition that is retained keeps its first start. */
  noteStart(start: Start): void {
    this.#start ??= start;
    this.#comparison = start;
    this.#mark = start.mark;
  }

  /** Another fence is to be sent. */
  forgetComparison(): void {
    this.#comparison = null;
  }

  forgetStart(): void {
    this.#start = null;
  }

  /** @param recordedEnd the offset after the highest one in a restored live record. */
  open({ position, known }: Start, recordedEnd: bigint): void {
    this.#ledger = new Ledger(position, known, recordedEnd);
  }

  /** `open` was called: records may be read and completed. */
  get isOpen(): boolean {
    return this.#ledger !== null;
  }

  /** Completed by the commit metadata already; of an offset that is not read yet. */
  isKnownComplete(offset: bigint): boolean {
    return this.#opened.isKnownComplete(offset);
  }

  /** The record at `offset` is read; it is complete when `intentCount` intents are. */
  begin(offset: bigint, intentCount: number): void {
    this.#opened.begin(offset, intentCount);
  }

  /** Everything below `next` is read, records or not. */
  advance(next: bigint): void {
    this.#opened.advance(next);
  }

  /** One intent of the record at `offset` is complete. */
  complete(offset: bigint): void {
    this.#opened.complete(offset);
  }

  isRead(offset: bigint): boolean {
    return this.hasReadTo(offset + 1n);
  }

  /** Everything below `end` is read. */
  hasReadTo(end: bigint): boolean {
    return this.#ledger !== null && this.#ledger.next >= end;
  }

  /** The source is read to the end that it had at the fence. */
  get hasReadGoal(): boolean {
    return this.#start !== null && this.hasReadTo(this.#start.goal);
  }

  /** All that was complete when the partition was gained is read again. */
  get hasReadKnown(): boolean {
    return this.hasReadTo(this.#opened.knownEnd);
  }

  /** How many source records are read and not complete. */
  get openCount(): number {
    return this.#ledger?.openCount ?? 0;
  }

  /** How many ranges of the commit metadata are not read past. */
  get knownRangeCount(): number {
    return this.#ledger?.known.length ?? 0;
  }

  get #opened(): Ledger {
    assert(this.#ledger !== null, `the source offsets of partition ${this.#number} are not open yet`);
    return this.#ledger;
  }

  /** The last record of a batch. */
  noteRead(last: RecordStamp): void {
    this.#mark = { ...this.#mark, last: stampOf(last) };
  }

  /** The retry topic was recreated while it was read. Answers what it was. */
  forgetRetryTopic(): FormerRetry {
    const { retryTopicId: topicId, retryEpoch: epoch } = this.#mark;
    // The next owner would take what is written again for lost.
    this.#mark = { ...this.#mark, retryTopicId: null };
    return topicId === null ? null : { topicId, epoch };
  }

  /** The live records of this topic are being written again; null: it is not known. */
  noteGoneRetry(gone: FormerRetry): void {
    this.#goneRetry = gone;
  }

  /** What the last commit says does not hold any more. */
  commitAgain(): void {
    this.#lastCommit = null;
  }

  get isCommitDue(): boolean {
    return this.#ledger?.progress !== this.#lastCommit?.progress;
  }

  /** All that was read is complete and committed. */
  get isSettled(): boolean {
    return this.#ledger !== null && this.#ledger.openCount === 0 && this.#lastCommit?.offset === this.#ledger.next;
  }

  /** null: nothing is read yet. @param retry the epoch of the owner, and whether live records of a topic that is gone are missing. */
  commit(retry: { readonly epoch: number; readonly hasLost: boolean }): DueCommit | null {
    const ledger = this.#ledger;
    if (ledger === null) return null;
    const offset = ledger.committable;
    // What is not in a recreated topic again yet is missed by the next owner.
    const retryTopic =
      retry.hasLost && this.#goneRetry !== null
        ? { retryTopicId: this.#goneRetry.topicId, retryEpoch: this.#goneRetry.epoch }
        : { retryEpoch: retry.epoch };
    const mark = { ...this.#mark, ...retryTopic };
    const metadata = encodeCommit(offset, { ranges: ledger.completedRanges(RANGES_MAX), mark });
    const { retryEpoch } = mark;
    return { commit: { partition: this.#number, offset, metadata }, progress: ledger.progress, retryEpoch };
  }

  /** It is acknowledged. */
  noteCommitted({ commit: { offset }, progress, retryEpoch }: DueCommit): void {
    this.#mark = { ...this.#mark, retryEpoch };
    this.#lastCommit = { offset, progress };
  }
}

/*
 * Intents of source records that are begun in the ledger and not folded yet. One record may bring 100,000, and a whole batch
 * more: so many are folded in one turn of the event loop, and nothing more of the partition is read before the rest.
 */

/** About 25 ms. A batch of usual records stays below it. */
const TURN_MAX = 5_000;

/** `known`: complete already, as the commit metadata says. */
type Standing = 'known' | 'new';

export class Inbox {
  readonly #waiting: { readonly intents: EventIntents; readonly standing: Standing; takenCount: number }[] = [];
  /** Of the present turn. */
  #takenCount = 0;

  /** Everything that was put in is taken. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The turn has taken as many as it may. */
  get isFull(): boolean {
    return this.#takenCount >= TURN_MAX;
  }

  /** A turn of the event loop begins. */
  begin(): void {
    this.#takenCount = 0;
  }

  put(intents: EventIntents, standing: Standing): void {
    this.#waiting.push({ intents, standing, takenCount: 0 });
    // Reading so large a record has taken the time of a turn.
    if (intents.count > TURN_MAX) this.#takenCount = TURN_MAX;
  }

  /** In their order, as many as the turn may still take. */
  take(task: (intent: Intent, standing: Standing) => void): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.isFull; first = this.#waiting[0]) {
      if (first.takenCount === first.intents.count) {
        this.#waiting.shift();
        continue;
      }
      const intent = first.intents.at(first.takenCount);
      first.takenCount += 1;
      this.#takenCount += 1;
      task(intent, first.standing);
    }
  }
}
