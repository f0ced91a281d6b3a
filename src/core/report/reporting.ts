/** Fills report records (report.ts) with what is known of an intent, or of a whole source record. */
import type { Failure, RequestFacts } from '../target/refusals.ts';
import {
  intentId,
  offsetText,
  positionText,
  sourceGroup,
  sourceMember,
  type Approval,
  type ChangeSource,
  type Intent,
} from '../change/change.ts';
import { ADVICE, thenReplay } from '../target/refusals.ts';
import type { FinalOutcome, ReportRecord } from './report.ts';

/** null where no request was sent. */
interface LagMs {
  readonly queue: number | null;
  readonly apply: number | null;
}

interface Written {
  readonly epoch: number;
  /** Epoch ms. */
  readonly reportedAt: number;
}

interface Worked extends Written {
  /** What the target calls the group; null: not resolved. */
  readonly groupTarget: string | null;
  readonly request: RequestFacts | null;
  readonly lag: LagMs;
}

export interface FinalFacts extends Worked {
  readonly outcome: FinalOutcome;
  /** null where it succeeded; of `superseded` it may be null: it follows from `supersededBy`. */
  readonly reason: Failure | null;
  /** Id of the newer intent. */
  readonly supersededBy: string | null;
}

export interface RetryReportFacts extends Worked {
  readonly reason: Failure;
  /** Epoch ms. */
  readonly nextAttemptAt: number;
}

export interface HeldReportFacts extends Worked {
  readonly reason: Failure;
}

export interface EventFacts extends Written {
  readonly source: ChangeSource;
  /** null where it could not be read. */
  readonly group: string | null;
  /** What the target calls it; null: not resolved. */
  readonly groupTarget: string | null;
  readonly outcome: 'no_changes' | 'invalid';
  /** null for `no_changes`. */
  readonly reason: Failure | null;
}

/** The one final record of an intent; a repetition carries the same id. */
export const finalReport = (intent: Intent, facts: FinalFacts): ReportRecord => ({
  ...ofIntent(intent, facts),
  final: true,
  outcome: facts.outcome,
  reason: reasonJson(givenUp(intent, facts) ?? supersededFailure(facts.supersededBy)),
  superseded_by: facts.supersededBy,
});

/** It does not land by itself any more. */
function givenUp(intent: Intent, { reason, outcome }: FinalFacts): Failure | null {
  if (reason === null || (outcome !== 'failed' && outcome !== 'permanent_failure')) return reason;
  const { code, advice } = whereGone(intent, reason);
  return { ...reason, advice: ENDS_OTHERWISE.has(code) ? advice : thenReplay(advice, intentId(intent)) };
}

/** A group that the source has deleted need not be made at the target. */
function whereGone(intent: Intent, reason: Failure): Failure {
  if (intent.whole?.deleted !== true) return reason;
  if (reason.code === 'group_missing') return { ...reason, advice: ADVICE.unfound };
  return reason.advice === ADVICE.group ? { ...reason, advice: ADVICE.gone } : reason;
}

/** An operator has refused the removal; a full state, or a delta, is to be sent. */
const ENDS_OTHERWISE: ReadonlySet<string> = new Set(['refused', 'members_not_shown']);

/** `intent` as it is parked: its `attempt` counts the failure that is reported. */
export const retryReport = (intent: Intent, facts: RetryReportFacts): ReportRecord => ({
  ...ofIntent(intent, facts),
  id: `${intentId(intent)}#${intent.attempt}`,
  final: false,
  outcome: 'retry_scheduled',
  reason: reasonJson(whereGone(intent, facts.reason)),
  next_attempt_at: timeText(facts.nextAttemptAt),
});

/** The removal waits for an operator. */
export const heldReport = (intent: Intent, facts: HeldReportFacts): ReportRecord => ({
  ...ofIntent(intent, facts),
  id: `${intentId(intent)}#held`,
  final: false,
  outcome: 'held',
  reason: reasonJson(facts.reason),
});

/** The one record of a source record that holds no intents, or none that could be read. */
export const eventReport = ({ source, group, groupTarget, outcome, reason, ...written }: EventFacts): ReportRecord => ({
  ...blank(source, written),
  id: positionText(source),
  group: groupTarget,
  source_group: group,
  outcome,
  reason: reasonJson(reason),
});

/** The reason of an `invalid` record, for its report and its dead letter. */
export const invalidFailure = (code: string, message: string): Failure => ({
  code,
  message,
  status: null,
  scimType: null,
  advice: 'Correct the producer and send the change again; the bytes are in the dead-letter topic.',
});

/** The reason of a record that tells of a change without saying which. */
export const hintFailure = (code: string, message: string): Failure => ({
  code,
  message,
  status: null,
  scimType: null,
  advice:
    'Read the group at the source and send its full state, while nothing changes the group; `rollcall ingest poll` reads it by itself.',
});

/**
 * The next smaller form of a report that the broker refuses as too large: without message, request and the source's own
 * names, then without group and member. Id and outcome stay. null: there is no smaller one.
 */
export function smallerReport(report: ReportRecord): ReportRecord | null {
  const withoutDetails: ReportRecord = {
    ...report,
    source_group: null,
    source_member: null,
    request: null,
    reason: report.reason && { ...report.reason, message: '' },
    source: { ...report.source, event_id: null },
  };
  if (JSON.stringify(withoutDetails).length < JSON.stringify(report).length) return withoutDetails;
  const { approval: _, ...rest } = withoutDetails;
  const { reason } = report;
  const least: ReportRecord = {
    ...rest,
    group: null,
    member: null,
    reason: reason && { code: reason.code, message: '', status: reason.status, scim_type: null, advice: '' },
  };
  return JSON.stringify(least).length < JSON.stringify(report).length ? least : null;
}

const ofIntent = (intent: Intent, { request, lag, groupTarget, ...written }: Worked): ReportRecord => ({
  ...blank(intent.source, written),
  id: intentId(intent),
  // Without an id map both ids are the source's.
  group: groupTarget === intent.group ? sourceGroup(intent) : groupTarget,
  member: intent.target === intent.member ? sourceMember(intent) : intent.target,
  source_group: sourceGroup(intent),
  source_member: intent.op === 'state' ? null : sourceMember(intent),
  op: intent.op === 'state' ? null : intent.op,
  attempt: intent.attempt,
  conflicts: intent.conflicts,
  request: request === null ? null : requestJson(request),
  lag_ms: { queue: lag.queue, apply: lag.apply },
  ...(intent.guard?.kind === 'approved' && { approval: approvalJson(intent.guard) }),
});

const approvalJson = ({ digest, author, at }: Approval): ReportRecord['approval'] => ({
  digest,
  author,
  at: timeText(at),
});

/** In the order of the fields in the documentation. */
const blank = (source: ChangeSource, { epoch, reportedAt }: Written): ReportRecord => ({
  v: 1,
  id: '',
  final: true,
  group: null,
  member: null,
  source_group: null,
  source_member: null,
  op: null,
  outcome: 'no_changes',
  reason: null,
  attempt: 0,
  conflicts: 0,
  source: {
    topic: source.topic,
    partition: source.partition,
    offset: offsetText(source),
    event_id: source.eventId,
    timestamp: source.timestamp,
  },
  request: null,
  superseded_by: null,
  next_attempt_at: null,
  lag_ms: { queue: null, apply: null },
  epoch,
  reported_at: timeText(reportedAt),
});

const requestJson = (request: RequestFacts): ReportRecord['request'] => ({
  patch_id: request.patchId,
  etag_before: request.etagBefore,
  etag_after: request.etagAfter,
  status: request.status,
  correlation_id: request.correlationId,
  duration_ms: request.durationMs,
  verified: request.verified,
});

const reasonJson = (failure: Failure | null): ReportRecord['reason'] =>
  failure && {
    code: failure.code,
    message: failure.message,
    status: failure.status,
    scim_type: failure.scimType,
    advice: failure.advice,
    ...(failure.targetCode !== undefined && { target_code: failure.targetCode }),
  };

const supersededFailure = (supersededBy: string | null): Failure | null =>
  supersededBy === null
    ? null
    : {
        code: 'superseded',
        message: 'A newer change of the same member took its place before it was applied.',
        status: null,
        scimType: null,
        advice: 'Nothing to do.',
      };

/** RFC 3339 has four digits for the year. */
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');

/** Total: a time that cannot be written becomes the nearest one that can, since records may hold any number. */
export const timeText = (epochMs: number): string => {
  const within = Number.isNaN(epochMs) ? 0 : Math.min(Math.max(epochMs, 0), TIME_MAX);
  return new Date(within).toISOString();
};
