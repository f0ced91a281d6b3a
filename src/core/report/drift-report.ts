/** What the report of a member that differs says: a comparison has found it (protocol.md 14); nothing was done. */
import { isSameId, positionText, type ChangeSource, type Op } from '../change/change.ts';
import type { Failure } from '../target/refusals.ts';
import type { DriftEvidenceKind, ReportRecord } from './report.ts';

export type DriftKind = 'missing' | 'extra' | 'undone';

/** A member of whom the target shows the opposite of what the source wants. */
export interface DriftFacts {
  readonly kind: DriftKind;
  /** What the source wants. */
  readonly op: Op;
  /** As the source names the member; null: it does not. */
  readonly member: string | null;
  /** As the target names it; null: not known. */
  readonly target: string | null;
  readonly evidence: DriftEvidenceKind;
  /** The id of the report that says so; null: none does. */
  readonly report: string | null;
  /** As the target has shown the group. */
  readonly version: string | null;
  /** Evidence that may say otherwise cannot be read. */
  readonly isDoubtful: boolean;
}

/** The same each time that the same is found of the same version of the group; no change has such an id. */
export const driftId = (source: ChangeSource, group: string, { kind, member, target, version }: DriftFacts): string =>
  ['drift', kind, idPart(group), idPart(member ?? target ?? ''), positionText(source), idPart(version ?? '')].join('/');

/** Total, as `encodeURIComponent` is not. */
const idPart = (text: string): string => text.replaceAll('%', '%25').replaceAll('/', '%2F');

export const driftJson = ({ op, member, target, evidence, report, version }: DriftFacts): Partial<ReportRecord> => ({
  op,
  // Without an id map both ids are the source's.
  member: member !== null && target !== null && isSameId(member, target) ? member : target,
  source_member: member,
  drift: { evidence, report, version },
});

export function driftFailure({ kind, op, evidence, report, isDoubtful }: DriftFacts): Failure {
  const [shown, done] = op === 'add' ? ['does not show', 'added'] : ['shows', 'removed'];
  const found = `Genesys Cloud ${shown} the member`;
  const says: Readonly<Record<DriftEvidenceKind, string>> = {
    done: `${found}, whom Rollcall has ${done} or found ${done}: another client has changed that since`,
    no_report: `${found}, and no report says that it was ever ${done}`,
    failed: `${found}, since the change was given up, as the report ${report} says`,
  };
  const doubt = isDoubtful ? '; records of the group that cannot be read may say otherwise' : '';
  return { code: kind, message: `${says[evidence]}${doubt}.`, status: null, scimType: null, advice: DRIFT_ADVICE };
}

const DRIFT_ADVICE =
  '`rollcall diff` shows what differs now, `rollcall resync` repairs it; or let the source write the change again.';
