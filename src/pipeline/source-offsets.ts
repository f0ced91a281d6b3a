/**
 * Where the source partition is read from, what of it is complete, and what the next commit says of that (protocol.md 3).
 *
 *   start unknown ──noteStart──▶ start known ──open──▶ read and completed in the ledger ──commit──▶ committed
 */
import {
  encodeCommit,
  NO_MARK,
  stampOf,
  type Comparison,
  type RecordStamp,
  type SourceMark,
} from '../core/log/commit-metadata.ts';
import {
  committable,
  completedRanges,
  firstUnknown,
  openLedger,
  RANGES_MAX,
  type Ledger,
  type Range,
} from '../core/log/ledger.ts';
import type { Commit } from '../ports.ts';

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

  constructor(number: number) {
    this.#number = number;
  }

  /** Of a partition that is refused: as far as it was read before. */
  static unread(number: number, { start, ledger }: SourceOffsets): SourceOffsets {
    const offsets = new SourceOffsets(number);
    // With the position that was reached: from there on the source is unread.
    offsets.#start = start === null ? null : { ...start, position: ledger?.next ?? start.position };
    return offsets;
  }

  get start(): Start | null {
    return this.#start;
  }

  /** null: nothing is read yet. */
  get ledger(): Ledger | null {
    return this.#ledger;
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

  /** Of the present fence. A partition that is kept goes on from where it began. */
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
    this.#ledger = openLedger(position, known, recordedEnd);
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
    return this.#ledger !== null && this.#ledger.open.size === 0 && this.#lastCommit?.offset === this.#ledger.next;
  }

  /** null: nothing is read yet. @param retry the epoch of the owner, and whether live records of a topic that is gone are missing. */
  commit(retry: { readonly epoch: number; readonly hasLost: boolean }): DueCommit | null {
    const ledger = this.#ledger;
    if (ledger === null) return null;
    const offset = committable(ledger);
    const mark = { ...this.#mark, ...this.#retryOf(retry) };
    const metadata = encodeCommit(offset, { ranges: completedRanges(ledger, RANGES_MAX), mark });
    const { retryEpoch } = mark;
    return { commit: { partition: this.#number, offset, metadata }, progress: ledger.progress, retryEpoch };
  }

  /** It is acknowledged. */
  noteCommitted({ commit: { offset }, progress, retryEpoch }: DueCommit): void {
    this.#mark = { ...this.#mark, retryEpoch };
    this.#lastCommit = { offset, progress };
  }

  /** What is not in a recreated topic again yet is missed by the next owner. */
  #retryOf({ epoch, hasLost }: { epoch: number; hasLost: boolean }): Pick<SourceMark, 'retryTopicId' | 'retryEpoch'> {
    return hasLost && this.#goneRetry !== null
      ? { retryTopicId: this.#goneRetry.topicId, retryEpoch: this.#goneRetry.epoch }
      : { retryTopicId: this.#mark.retryTopicId, retryEpoch: epoch };
  }
}
