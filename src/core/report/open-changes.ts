/**
 * The changes that have failed, wait or are held, each with what its record says of why: about 0.8 kB each (`npm run bench -- report`).
 * Of those that are selected all are kept, however few are shown: what is newest now may succeed by a later record, and then an older
 * one is shown in its place.
 */
import { standingOf, type ChangeStanding, type Selected } from './breakdown.ts';
import { operationId, standsSince } from './summary.ts';
import type { ReportRecord } from './report.ts';

/** null where it is not known, or there is none. */
export interface OpenChange {
  readonly id: string;
  readonly standing: Exclude<ChangeStanding, 'succeeded' | 'other'>;
  readonly outcome: string;
  /** RFC 3339: when it was reported, of what is held since when it is. */
  readonly since: string;
  readonly sourceGroup: string | null;
  readonly group: string | null;
  readonly sourceMember: string | null;
  readonly member: string | null;
  readonly op: string | null;
  readonly reason: Pick<NonNullable<ReportRecord['reason']>, 'code' | 'message' | 'advice' | 'status'> | null;
  readonly attempt: number;
  readonly nextAttemptAt: string | null;
  readonly correlationId: string | null;
}

export class OpenChanges {
  readonly #isSelected: Selected;
  readonly #changes = new Map<string, OpenChange>();

  constructor(isSelected: Selected) {
    this.#isSelected = isSelected;
  }

  /** @param record one that counts of its operation from now on. @param key the source's id of the group; null: not known. */
  note(record: ReportRecord, key: string | null): void {
    const id = operationId(record);
    const standing = standingOf(record);
    if (standing === 'succeeded' || standing === 'other' || !this.#isSelected(record)) {
      this.#changes.delete(id);
      return;
    }
    const { reason } = record;
    this.#changes.set(id, {
      id,
      standing,
      outcome: record.outcome,
      since: standsSince(record),
      sourceGroup: record.source_group ?? key,
      group: record.group,
      sourceMember: record.source_member ?? null,
      member: record.member,
      op: record.op,
      reason: reason && { code: reason.code, message: reason.message, advice: reason.advice, status: reason.status },
      attempt: record.attempt,
      nextAttemptAt: record.next_attempt_at,
      correlationId: record.request?.correlation_id ?? null,
    });
  }

  /** How many there are, and at most so many of them, the newest first. */
  newest(max: number): { readonly count: number; readonly changes: readonly OpenChange[] } {
    const changes = [...this.#changes.values()].toSorted(compareAge);
    return { count: changes.length, changes: changes.slice(0, max) };
  }
}

const compareAge = (left: OpenChange, right: OpenChange): number =>
  Date.parse(right.since) - Date.parse(left.since) || Number(left.id > right.id) - Number(left.id < right.id);
