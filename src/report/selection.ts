/** Which report records a reader asks for. Every criterion that is given has to hold; of one with several values any. */
import { idKey } from '../core/id-key.ts';
import type { ReportOutcome, ReportRecord } from '../core/report.ts';

export interface ReportSelection {
  readonly groups: readonly string[] | null;
  readonly members: readonly string[] | null;
  readonly outcomes: readonly ReportOutcome[] | null;
  /** Epoch ms: reported then or later. */
  readonly since: number | null;
}

export const selectsReport = (selection: ReportSelection, record: ReportRecord): boolean =>
  concernsSelected(selection, record) && endedAsSelected(selection, record);

/** Holds for all records of an operation or for none: those that do not matter need not be kept. */
export const concernsSelected = ({ groups, members }: ReportSelection, { group, member }: ReportRecord): boolean =>
  isNamed(groups, group) && isNamed(members, member);

/** Only to be asked of the record that counts. */
export const endedAsSelected = ({ outcomes, since }: ReportSelection, record: ReportRecord): boolean =>
  isAmong(outcomes, record.outcome) && (since === null || Date.parse(record.reported_at) >= since);

const isNamed = (wanted: readonly string[] | null, id: string | null): boolean =>
  isAmong(wanted?.map(idKey) ?? null, id === null ? null : idKey(id));

const isAmong = (wanted: readonly string[] | null, value: string | null): boolean =>
  wanted === null || (value !== null && wanted.includes(value));
