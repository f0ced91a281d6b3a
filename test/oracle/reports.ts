/** The reports as their consumers read them (protocol.md 3.5), without any code of `src`. */
export interface Report {
  readonly id: string;
  readonly final: boolean;
  readonly group: string | null;
  readonly member: string | null;
  /** As the source names it, where there is an id map: `group` is the target's. */
  readonly source_group?: string | null;
  readonly source_member?: string | null;
  readonly op: string | null;
  readonly outcome: string;
  readonly superseded_by: string | null;
  readonly attempt?: number;
  readonly next_attempt_at?: string | null;
  readonly reason?: { readonly code: string; readonly status: number | null } | null;
  readonly request?: { readonly patch_id: string | null; readonly unseen?: true } | null;
  /** By which an operator has let a removal pass. */
  readonly approval?: SaidDecision;
  /** By which an operator has refused it. */
  readonly refusal?: SaidDecision;
  readonly epoch: number;
  readonly reported_at: string;
}

/** A decision of an operator, as reports and live records say it. */
export interface SaidDecision {
  readonly digest: string;
  readonly author: string;
  readonly reason?: string | null;
}

/** As the source names them. */
export const namedIn = ({ group, member, source_group, source_member }: Report) => ({
  group: source_group ?? group,
  member: source_member ?? member,
});

/** An operation is the id up to the `#` that only a non-final report has. */
export const operationOf = ({ id, final }: Report): string => (final ? id : id.slice(0, id.lastIndexOf('#')));

/** The report that counts, by operation: a final one beats a non-final one, then the highest (epoch, reported_at). */
export function countingReports(reports: readonly Report[]): ReadonlyMap<string, Report> {
  const counting = new Map<string, Report>();
  for (const report of reports) {
    const operation = operationOf(report);
    const known = counting.get(operation);
    if (known === undefined || !isSupersededBy(report, known)) counting.set(operation, report);
  }
  return counting;
}

function isSupersededBy(report: Report, by: Report): boolean {
  if (report.final !== by.final) return by.final;
  if (report.epoch !== by.epoch) return report.epoch < by.epoch;
  return Date.parse(report.reported_at) < Date.parse(by.reported_at);
}

export const isFailure = (outcome: string): boolean => outcome === 'failed' || outcome === 'permanent_failure';

/**
 * Operations of which one owner has said two different things. A replay may wake what has failed, so that something
 * else comes after a failure.
 */
export function contradictions(reports: readonly Report[]): readonly string[] {
  const ends = new Map<string, Report[]>();
  for (const report of reports.filter(({ final }) => final)) {
    const key = `${report.epoch} ${report.id}`;
    const known = ends.get(key);
    if (known === undefined) ends.set(key, [report]);
    else known.push(report);
  }
  return [...ends.values()].filter(contradict).map(([report]) => report?.id ?? '');
}

function contradict(reports: readonly Report[]): boolean {
  const ends = reports.filter(({ outcome }) => !isFailure(outcome));
  if (new Set(ends.map(({ outcome }) => outcome)).size > 1) return true;
  const firstEnd = Math.min(...ends.map(timeOf));
  return reports.some((report) => isFailure(report.outcome) && timeOf(report) > firstEnd);
}

const timeOf = ({ reported_at }: Report): number => Date.parse(reported_at);
