/**
 * What a former source topic has left of one group: reports, and changes that wait. Its places have no order among those of the
 * present one (core/report/former-source.ts), so they are left out of all else.
 */
import { readIntentId, type Intent } from '../change/change.ts';
import type { ReportRecord } from '../report/report.ts';
import { operationId } from '../report/summary.ts';

export class FormerChanges {
  readonly #isAsked: ((name: string) => boolean) | null;
  #reportCount = 0;
  #waitingCount = 0;
  #report: ReportRecord | undefined;
  #waiting: Intent | undefined;

  /** @param isAsked any name of the one member that is asked for; null: all members are, and no report of one is kept. */
  constructor(isAsked: ((name: string) => boolean) | null) {
    this.#isAsked = isAsked;
  }

  get reportCount(): number {
    return this.#reportCount;
  }

  /** No instance tries them. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** The newest about the one member that is asked for. */
  get report(): ReportRecord | undefined {
    return this.#report;
  }

  /** As above. */
  get waiting(): Intent | undefined {
    return this.#waiting;
  }

  takeReport(record: ReportRecord): void {
    this.#reportCount += 1;
    const name = record.source_member ?? readIntentId(operationId(record))?.member ?? record.member;
    if (name === null || this.#isAsked?.(name) !== true) return;
    if (this.#report === undefined || newestFirst(record, this.#report) < 0) this.#report = record;
  }

  takeWaiting(intent: Intent): void {
    this.#waitingCount += 1;
    if (this.#isAsked?.(intent.member) !== true) return;
    if (this.#waiting === undefined || intent.source.timestamp >= this.#waiting.source.timestamp)
      this.#waiting = intent;
  }
}

/** Of reports of one operation. */
export const newestFirst = (a: ReportRecord, b: ReportRecord): number =>
  b.epoch - a.epoch || Date.parse(b.reported_at) - Date.parse(a.reported_at) || Number(b.final) - Number(a.final);
