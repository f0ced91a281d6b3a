/**
 * One member of one group: what is pending of it, what the acknowledged live record says of it, and which of its source
 * offsets are unfinished. Every change of `pending` goes to the lists of its group, which keep the counters.
 *
 *   pending   none ──replace──▶ an intent ──advance──▶ the same in another state: parked, held, approved, due again
 *             an intent ──replace──▶ a newer one | dead | none (final)      dead ──revive──▶ pending
 */
import {
  isSamePosition,
  type ChangeSource,
  type DeadReason,
  type Intent,
  type Position,
} from '../../core/change/change.ts';
import type { Report } from '../../core/report/reporting.ts';
import type { Failure, RequestFacts } from '../../core/target/refusals.ts';

/** An intent of a record that was read and is not complete; in a list, since one is the norm and an array takes more memory. */
export interface Unfinished {
  readonly source: ChangeSource;
  /** Its final report is acknowledged. */
  readonly isReported: boolean;
}

interface Link extends Unfinished {
  isReported: boolean;
  next: Link | null;
}

/** Tried for the last time: it is given up unless the last look shows that it is satisfied. */
export interface Exhausted {
  readonly intent: Intent;
  /** Failed tries, the last one included. */
  readonly attempt: number;
  readonly failure: Failure;
  readonly outcome: 'failed' | 'permanent_failure';
  /** Absent: it follows from the outcome. */
  readonly deadReason?: DeadReason;
  readonly request: RequestFacts | null;
}

/** What has to know of each change. */
export interface MemberLists {
  notePending(member: Member, before: Intent | null, after: Intent | null): void;
  noteRecorded(member: Member): void;
}

/** One for all: there are hundreds of thousands of members. */
const NO_REPORTS: readonly Report[] = [];

export class Member {
  readonly name: string;
  readonly #lists: MemberLists;
  #pending: Intent | null = null;
  #isPendingReported = false;
  #recorded: Intent | null = null;
  #isRecordedReported = false;
  #exhausted: Exhausted | null = null;
  #revived: Intent | null = null;
  #requestedAt: number | null = null;
  #deferredReports = NO_REPORTS;
  #firstUnfinished: Link | null = null;
  #lastUnfinished: Link | null = null;

  constructor(name: string, lists: MemberLists) {
    this.name = name;
    this.#lists = lists;
  }

  /** The newest intent, if it is not final, or dead. */
  get pending(): Intent | null {
    return this.#pending;
  }

  /** The final report of `pending` (which is dead then) is acknowledged. */
  get isPendingReported(): boolean {
    return this.#isPendingReported;
  }

  /** What the acknowledged live record says. */
  get recorded(): Intent | null {
    return this.#recorded;
  }

  /** The final report of `recorded` is acknowledged. */
  get isRecordedReported(): boolean {
    return this.#isRecordedReported;
  }

  /** Its `intent` is the pending one, or one that was parked since. */
  get exhausted(): Exhausted | null {
    return this.#exhausted;
  }

  /** What a replay revived last: a report or a mark of it that is still on its way proves nothing. */
  get revived(): Intent | null {
    return this.#revived;
  }

  /** When the first request that concerned `pending` was sent, epoch ms. */
  get requestedAt(): number | null {
    return this.#requestedAt;
  }

  /** The first of its intents that are not complete, in the order of the source. */
  get unfinished(): Unfinished | null {
    return this.#firstUnfinished;
  }

  /** Nothing of it is pending, recorded or unfinished. */
  get isEmpty(): boolean {
    return this.#pending === null && this.#recorded === null && this.#firstUnfinished === null;
  }

  /** Another intent takes the place of the pending one; null: none does. */
  replace(intent: Intent | null): void {
    this.#setPending(intent);
    this.#isPendingReported = false;
    this.#exhausted = null;
    this.#deferredReports = NO_REPORTS;
    if (intent?.dead === null) this.#requestedAt = null;
  }

  /** The pending intent goes on in another state. */
  advance(next: Intent): void {
    this.#setPending(next);
  }

  /** The pending intent has its last look later. */
  postponeLastLook(next: Intent): void {
    this.#setPending(next);
    if (this.#exhausted !== null) this.#exhausted = { ...this.#exhausted, intent: next };
  }

  /** The pending intent was tried for the last time. */
  exhaust(exhausted: Exhausted): void {
    this.#exhausted = exhausted;
  }

  /** Its last try does not count. */
  resumeTries(): void {
    this.#exhausted = null;
  }

  noteRequested(now: number): void {
    this.#requestedAt ??= now;
  }

  /** An operator has the dead or parked intent tried again: it is not reported any more. */
  revive(next: Intent): void {
    this.#revived = this.#pending;
    this.replace(next);
    if (isSamePosition(this.#recorded?.source, next.source)) this.#isRecordedReported = false;
    this.#setReported((source) => isSamePosition(source, next.source), false);
  }

  /** As its live record says. A dead mark proves its report (spec: report-first). */
  restore(intent: Intent): void {
    this.replace(intent);
    this.#setRecorded(intent);
    this.#isPendingReported = intent.dead !== null;
    this.#isRecordedReported = intent.dead !== null;
  }

  /** The acknowledged live record says this. A dead mark proves its report (spec: report-first); what was parked again was not reported. */
  noteRecorded(intent: Intent | null): void {
    const before = this.#recorded;
    this.#setRecorded(intent);
    if (intent?.dead) this.#isRecordedReported = intent !== this.#revived;
    else if (!isSamePosition(before?.source, intent?.source)) this.#isRecordedReported = false;
  }

  /** The final report of the intent at this position is acknowledged. */
  noteReported(position: Position): void {
    if (isSamePosition(this.#recorded?.source, position)) this.#isRecordedReported = true;
    if (isSamePosition(this.#pending?.source, position) && this.#pending?.dead) this.#isPendingReported = true;
  }

  /** The live record may forget what it says of the member. */
  endRecorded(): void {
    this.#isRecordedReported = true;
  }

  /** Reports that wait until the live record says what they say; else the next owner would not know of a wait to end. */
  deferReport(report: Report): void {
    this.#deferredReports = [...this.#deferredReports, report];
  }

  /** They are to be written now. */
  takeDeferredReports(): readonly Report[] {
    const reports = this.#deferredReports;
    this.dropDeferredReports();
    return reports;
  }

  dropDeferredReports(): void {
    this.#deferredReports = NO_REPORTS;
  }

  /** The newest of its intents is read. */
  begin(source: ChangeSource): void {
    const unfinished: Link = { source, isReported: false, next: null };
    if (this.#lastUnfinished === null) this.#firstUnfinished = unfinished;
    else this.#lastUnfinished.next = unfinished;
    this.#lastUnfinished = unfinished;
  }

  /** The final reports of these unfinished intents are acknowledged. @param upTo offset of the last that is looked at; null: all are. */
  noteFinished(isReported: (source: ChangeSource) => boolean, upTo: bigint | null = null): void {
    this.#setReported(isReported, true, upTo);
  }

  /** Drops what is complete. @param upTo offset of the last that is looked at; null: all are. */
  closeUnfinished(upTo: bigint | null, isComplete: (unfinished: Unfinished) => boolean): void {
    let before: Link | null = null;
    for (let link = this.#firstUnfinished; link !== null; link = link.next) {
      if (upTo !== null && link.source.offset > upTo) return;
      if (!isComplete(link)) {
        before = link;
        continue;
      }
      if (before === null) this.#firstUnfinished = link.next;
      else before.next = link.next;
      if (link.next === null) this.#lastUnfinished = before;
    }
  }

  #setPending(intent: Intent | null): void {
    const before = this.#pending;
    this.#pending = intent;
    if (before !== intent) this.#lists.notePending(this, before, intent);
  }

  #setRecorded(intent: Intent | null): void {
    this.#recorded = intent;
    this.#lists.noteRecorded(this);
  }

  #setReported(isAmong: (source: ChangeSource) => boolean, isReported: boolean, upTo: bigint | null = null): void {
    for (let link = this.#firstUnfinished; link !== null; link = link.next) {
      if (upTo !== null && link.source.offset > upTo) return;
      if (isAmong(link.source)) link.isReported = isReported;
    }
  }
}
