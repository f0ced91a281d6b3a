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
  type Intent,
  type OperatorDecision,
  type Position,
  type WaitReason,
} from '../../core/change/change.ts';
import type { Report } from '../../core/report/reporting.ts';
import type { Failure, RequestFacts } from '../../core/target/refusals.ts';
import { OpenSources, isWithin } from './open-sources.ts';

/** Tried for the last time: it is given up unless the last look shows that it is satisfied. */
export interface Exhausted {
  readonly intent: Intent;
  /** Failed tries, the last one included. */
  readonly attempt: number;
  readonly failure: Failure;
  readonly outcome: 'failed' | 'permanent_failure';
  /** An operator has refused it; absent: the outcome says why it is given up. */
  readonly refusal?: OperatorDecision;
  readonly request: RequestFacts | null;
}

/** What has to know of each change. */
export interface MemberLists {
  notePending(member: Member, before: Intent | null, after: Intent | null): void;
  noteRecorded(member: Member): void;
}

/** Shared: there are hundreds of thousands of members. */
const NO_REPORTS: readonly Report[] = [];

/** What a member has only once a change of it had to wait, or was given up. */
class RetryState {
  isPendingReported = false;
  recorded: Intent | null = null;
  isRecordedReported = false;
  exhausted: Exhausted | null = null;
  revived: Intent | null = null;
  deferredReports = NO_REPORTS;
}

export class Member {
  readonly name: string;
  readonly #lists: MemberLists;
  #pending: Intent | null = null;
  #requestedAt: number | null = null;
  #retryState: RetryState | null = null;
  /** Sources of its intents that are not complete: usually one. */
  #unfinished: ChangeSource | OpenSources | null = null;
  /** Where that is one source: its final report is acknowledged. */
  #isReported = false;

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
    return this.#retryState?.isPendingReported === true;
  }

  /** What the acknowledged live record says. */
  get recorded(): Intent | null {
    return this.#retryState?.recorded ?? null;
  }

  /** The final report of `recorded` is acknowledged. */
  get isRecordedReported(): boolean {
    return this.#retryState?.isRecordedReported === true;
  }

  /** Its `intent` is the pending one, or one that was parked since. */
  get exhausted(): Exhausted | null {
    return this.#retryState?.exhausted ?? null;
  }

  /** What a replay revived last: a report or a mark of it that is still on its way proves nothing. */
  get revived(): Intent | null {
    return this.#retryState?.revived ?? null;
  }

  /** When the first request that concerned `pending` was sent, epoch ms. */
  get requestedAt(): number | null {
    return this.#requestedAt;
  }

  /** Of the first of its intents that are not complete, in the order of the source. */
  get firstUnfinished(): ChangeSource | null {
    return this.#unfinished instanceof OpenSources ? this.#unfinished.first : this.#unfinished;
  }

  /** Nothing of it is pending, recorded or unfinished. */
  get isEmpty(): boolean {
    return this.#pending === null && this.recorded === null && this.#unfinished === null;
  }

  /** Another intent takes the place of the pending one; null: none does. */
  replace(intent: Intent | null): void {
    this.#setPending(intent);
    if (this.#retryState !== null) {
      this.#retryState.isPendingReported = false;
      this.#retryState.exhausted = null;
      this.#retryState.deferredReports = NO_REPORTS;
    }
    if (intent?.dead === null) this.#requestedAt = null;
  }

  /** The pending intent goes on in another state. */
  advance(next: Intent): void {
    this.#setPending(next);
  }

  /** The pending intent waits for something else, or for nothing any more; a last look is still to come. */
  waitFor(waits: WaitReason | null): void {
    const { pending, exhausted } = this;
    if (pending === null) return;
    if (exhausted?.intent === pending) this.postponeLastLook({ ...pending, waits });
    else this.advance({ ...pending, waits });
  }

  /** The pending intent has its last look later. */
  postponeLastLook(next: Intent): void {
    this.#setPending(next);
    const { exhausted } = this;
    if (exhausted !== null) this.exhaust({ ...exhausted, intent: next });
  }

  /** The pending intent was tried for the last time. */
  exhaust(exhausted: Exhausted): void {
    this.#obtainRetryState().exhausted = exhausted;
  }

  /** Its last try does not count. */
  resumeTries(): void {
    if (this.#retryState !== null) this.#retryState.exhausted = null;
  }

  noteRequested(now: number): void {
    this.#requestedAt ??= now;
  }

  /** An operator has the dead or parked intent tried again: it is not reported any more. */
  revive(next: Intent): void {
    const state = this.#obtainRetryState();
    state.revived = this.#pending;
    this.replace(next);
    if (isSamePosition(state.recorded?.source, next.source)) state.isRecordedReported = false;
    this.#setReported((source) => isSamePosition(source, next.source), false);
  }

  /** As its live record says. A dead mark proves its report (spec: report-first). */
  restore(intent: Intent): void {
    this.replace(intent);
    this.#setRecorded(intent);
    const state = this.#obtainRetryState();
    state.isPendingReported = intent.dead !== null;
    state.isRecordedReported = intent.dead !== null;
  }

  /** The acknowledged live record says this. A dead mark proves its report (spec: report-first); what was parked again was not reported. */
  noteRecorded(intent: Intent | null): void {
    const before = this.recorded;
    if (intent === null && this.#retryState === null) return;
    this.#setRecorded(intent);
    const state = this.#obtainRetryState();
    if (intent?.dead) state.isRecordedReported = intent !== state.revived;
    else if (!isSamePosition(before?.source, intent?.source)) state.isRecordedReported = false;
  }

  /** The final report of the intent at this position is acknowledged. */
  noteReported(position: Position): void {
    if (isSamePosition(this.recorded?.source, position)) this.#obtainRetryState().isRecordedReported = true;
    if (isSamePosition(this.#pending?.source, position) && this.#pending?.dead)
      this.#obtainRetryState().isPendingReported = true;
  }

  /** The live record may forget what it says of the member. */
  endRecorded(): void {
    this.#obtainRetryState().isRecordedReported = true;
  }

  /** Reports that wait until the live record says what they say; else the next owner would not know of a wait to end. */
  deferReport(report: Report): void {
    const state = this.#obtainRetryState();
    state.deferredReports = [...state.deferredReports, report];
  }

  /** They are to be written now. */
  takeDeferredReports(): readonly Report[] {
    const reports = this.#retryState?.deferredReports ?? NO_REPORTS;
    this.dropDeferredReports();
    return reports;
  }

  dropDeferredReports(): void {
    if (this.#retryState !== null) this.#retryState.deferredReports = NO_REPORTS;
  }

  /** The newest of its intents is read. */
  begin(source: ChangeSource): void {
    if (this.#unfinished === null) {
      this.#unfinished = source;
      this.#isReported = false;
      return;
    }
    if (!(this.#unfinished instanceof OpenSources))
      this.#unfinished = new OpenSources(this.#unfinished, this.#isReported);
    this.#unfinished.add(source);
  }

  /** The final reports of unfinished intents are acknowledged. @param upTo offset of the last that is looked at; null: all are. */
  noteSourcesReported(isReported: (source: ChangeSource) => boolean, upTo: bigint | null = null): void {
    this.#setReported(isReported, true, upTo);
  }

  /**
   * Drops what is complete. @param upTo offset of the last that is looked at; null: all are.
   * @param isComplete its `isReported`: the final report is acknowledged.
   */
  closeUnfinished(upTo: bigint | null, isComplete: (source: ChangeSource, isReported: boolean) => boolean): void {
    const unfinished = this.#unfinished;
    if (unfinished === null) return;
    if (unfinished instanceof OpenSources) {
      unfinished.close(upTo, isComplete);
      if (unfinished.first === null) this.#unfinished = null;
    } else if (isWithin(unfinished, upTo) && isComplete(unfinished, this.#isReported)) this.#unfinished = null;
  }

  #obtainRetryState(): RetryState {
    return (this.#retryState ??= new RetryState());
  }

  #setPending(intent: Intent | null): void {
    const before = this.#pending;
    this.#pending = intent;
    if (before !== intent) this.#lists.notePending(this, before, intent);
  }

  #setRecorded(intent: Intent | null): void {
    this.#obtainRetryState().recorded = intent;
    this.#lists.noteRecorded(this);
  }

  #setReported(isAmong: (source: ChangeSource) => boolean, isReported: boolean, upTo: bigint | null = null): void {
    const unfinished = this.#unfinished;
    if (unfinished === null) return;
    if (unfinished instanceof OpenSources) unfinished.setReported(isAmong, isReported, upTo);
    else if (isWithin(unfinished, upTo) && isAmong(unfinished)) this.#isReported = isReported;
  }
}
