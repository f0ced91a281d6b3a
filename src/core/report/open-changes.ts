/** The changes that have failed, wait or are held, each with what its record says of why: about 1 kB each. */
import { standingOf, type ChangeStanding } from './breakdown.ts';
import { operationId } from './summary.ts';
import type { ReportRecord } from './report.ts';

/** null where it is not known, or there is none. */
export interface OpenChange {
  readonly id: string;
  readonly standing: Exclude<ChangeStanding, 'succeeded' | 'other'>;
  readonly outcome: string;
  /** RFC 3339. */
  readonly reported_at: string;
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
  readonly #changes = new Map<string, OpenChange>();

  /** @param record one that counts of its operation from now on. @param key the source's id of the group; null: not known. */
  note(record: ReportRecord, key: string | null): void {
    const id = operationId(record);
    const standing = standingOf(record);
    if (standing === 'succeeded' || standing === 'other') {
      this.#changes.delete(id);
      return;
    }
    const { reason } = record;
    this.#changes.set(id, {
      id,
      standing,
      outcome: record.outcome,
      reported_at: record.reported_at,
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

  /** Of those that are selected: how many there are, and at most so many of them, the newest first. */
  newest(
    max: number,
    isSelected: (change: OpenChange) => boolean,
  ): { readonly count: number; readonly changes: readonly OpenChange[] } {
    const selected = [...this.#changes.values()].filter(isSelected);
    return { count: selected.length, changes: selected.toSorted(compareAge).slice(0, max) };
  }
}

const compareAge = (left: OpenChange, right: OpenChange): number =>
  Date.parse(right.reported_at) - Date.parse(left.reported_at) ||
  Number(left.id > right.id) - Number(left.id < right.id);
