/** Which report records a reader asks for. Every criterion that is given has to hold; of one with several values any. */
import { idKey } from '../core/change/id-key.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { operationId } from '../core/report/summary.ts';

/** null: any. Groups and members by their `idKey`, of the identity provider or of Genesys Cloud. */
export interface ReportSelection {
  readonly groups: ReadonlySet<string> | null;
  readonly members: ReadonlySet<string> | null;
  readonly outcomes: ReadonlySet<string> | null;
  /** Epoch ms: reported then or later. */
  readonly since: number | null;
}

/** A record of the report topic, and its key: the source's id of the group, also where the record was too large to hold it. */
export interface KeyedReport {
  readonly record: ReportRecord;
  readonly key: string | null;
}

/** Holds for all records of an operation or for none: those that do not matter need not be kept. */
export const concernsSelected = (selection: ReportSelection, report: KeyedReport): boolean =>
  isNamed(selection.groups, groupIds(report)) &&
  isNamed(selection.members, [report.record.member, sourceMemberOf(report.record)]);

/** All ids that the record's group goes by. */
export const groupIds = ({ record, key }: KeyedReport): readonly (string | null | undefined)[] => [
  record.group,
  record.source_group,
  key,
];

/** Of a record that is shown as it is, or that counts of its operation. */
export const endedAsSelected = ({ outcomes, since }: ReportSelection, record: ReportRecord): boolean =>
  (outcomes?.has(record.outcome) ?? true) && (since === null || Date.parse(record.reported_at) >= since);

/** A record that was too large holds it in its id alone. */
function sourceMemberOf(record: ReportRecord): string | null {
  const { source_member: member = null, source } = record;
  const position = `${source.topic}/${source.partition}/${source.offset}/`;
  const id = operationId(record);
  return member ?? (id.startsWith(position) ? id.slice(position.length) : null);
}

const isNamed = (wanted: ReadonlySet<string> | null, ids: readonly (string | null | undefined)[]): boolean =>
  wanted === null || ids.some((id) => typeof id === 'string' && wanted.has(idKey(id)));
