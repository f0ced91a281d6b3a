/**
 * What a report says until it is written, and its record (report.ts), rendered then: 100,000 may wait, and as records they would
 * take several times the memory.
 */
import type { Failure, RequestFacts } from '../target/refusals.ts';
import {
  intentId,
  offsetText,
  positionText,
  sourceGroup,
  sourceMember,
  type ChangeSource,
  type Intent,
  type OperatorDecision,
} from '../change/change.ts';
import { ADVICE, thenReplay } from '../target/refusals.ts';
import { withNamedCommands } from '../text/named-commands.ts';
import { driftFailure, driftId, driftJson, type DriftFacts } from './drift-report.ts';
import type { FinalOutcome, ReportOutcome, ReportRecord } from './report.ts';

/** Of an intent, or of a source record that holds none, or none that could be read. */
export interface Report {
  /** null: it is about the source record as a whole. */
  readonly intent: Intent | null;
  readonly source: ChangeSource;
  /** As the source spells it; null where it could not be read. */
  readonly group: string | null;
  /** What the target calls the group; null: not resolved. */
  readonly groupTarget: string | null;
  readonly outcome: ReportOutcome;
  /** null where it succeeded; of `superseded` it may be null: it follows from `supersededBy`. */
  readonly reason: Failure | null;
  readonly request: RequestFacts | null;
  readonly lag: LagMs;
  /** Id of the newer intent. */
  readonly supersededBy: string | null;
  /** Epoch ms. */
  readonly nextAttemptAt: number | null;
  /** Epoch ms. */
  readonly reportedAt: number;
  /** Of a pause, and of its end; absent: it is about something else. */
  readonly pause?: PauseFacts;
  /** Of a member that differs; absent: it is about something else. */
  readonly drift?: DriftFacts;
}

/** `at` in epoch ms. */
interface PauseFacts {
  readonly author: string;
  readonly reason: string | null;
  readonly at: number;
  /** What the operator is answered (protocol.md 12.4). */
  readonly result: string;
}

/** null where no request was sent. */
export interface LagMs {
  readonly queue: number | null;
  readonly apply: number | null;
}

export const NO_LAG: LagMs = { queue: null, apply: null };

/** What is known of an intent. */
type Facts = Pick<Report, 'groupTarget' | 'request' | 'lag' | 'reason' | 'reportedAt'>;

export interface FinalFacts extends Facts {
  readonly outcome: FinalOutcome;
  readonly supersededBy: string | null;
}

export interface RetryReportFacts extends Facts {
  readonly reason: Failure;
  readonly nextAttemptAt: number;
}

export interface HeldReportFacts extends Facts {
  readonly reason: Failure;
}

export interface EventFacts extends Pick<Report, 'source' | 'group' | 'groupTarget' | 'reason' | 'reportedAt'> {
  readonly outcome: 'no_changes' | 'invalid';
}

export interface PauseReportFacts extends Pick<Report, 'source' | 'group' | 'groupTarget' | 'reportedAt'> {
  readonly outcome: 'paused' | 'resumed';
  readonly pause: PauseFacts;
}

/** The one final report of an intent; a repetition carries the same id. */
export const finalReport = (intent: Intent, facts: FinalFacts): Report =>
  ofIntent(intent, facts, { outcome: facts.outcome, supersededBy: facts.supersededBy, nextAttemptAt: null });

/** `intent` as it is parked: its `attempt` counts the failure that is reported. */
export const retryReport = (intent: Intent, facts: RetryReportFacts): Report =>
  ofIntent(intent, facts, { outcome: 'retry_scheduled', supersededBy: null, nextAttemptAt: facts.nextAttemptAt });

/** The removal waits for an operator. */
export const heldReport = (intent: Intent, facts: HeldReportFacts): Report =>
  ofIntent(intent, facts, { outcome: 'held', supersededBy: null, nextAttemptAt: null });

/** The one report of a source record that holds no intents, or none that could be read. */
export const eventReport = (facts: EventFacts): Report => ({
  intent: null,
  request: null,
  lag: NO_LAG,
  supersededBy: null,
  nextAttemptAt: null,
  ...facts,
});

/** Of an operator's request, which `source` names in the retry topic. */
export const pauseReport = (facts: PauseReportFacts): Report => ({
  intent: null,
  request: null,
  lag: NO_LAG,
  supersededBy: null,
  nextAttemptAt: null,
  reason: null,
  ...facts,
});

// Field by field, since copies by `...` take several times as long.
const ofIntent = (
  intent: Intent,
  { groupTarget, reason, request, lag, reportedAt }: Facts,
  { outcome, supersededBy, nextAttemptAt }: Pick<Report, 'outcome' | 'supersededBy' | 'nextAttemptAt'>,
): Report => ({
  intent,
  source: intent.source,
  group: sourceGroup(intent),
  groupTarget,
  outcome,
  reason,
  request,
  lag,
  supersededBy,
  nextAttemptAt,
  reportedAt,
});

/** `source` names the newest event about the member, else about the group. */
export interface DriftReportFacts extends Pick<Report, 'source' | 'group' | 'groupTarget' | 'reportedAt'> {
  readonly drift: DriftFacts;
}

/** It says what a comparison has found; nothing was done. */
export const driftReport = (facts: DriftReportFacts): Report => ({
  intent: null,
  request: null,
  lag: NO_LAG,
  supersededBy: null,
  nextAttemptAt: null,
  outcome: 'drift',
  reason: driftFailure(facts.drift),
  ...facts,
});

export const isFinal = ({ outcome }: Report): boolean => outcome !== 'retry_scheduled' && outcome !== 'held';

export function reportId({ intent, source, outcome, group, drift }: Report): string {
  if (drift !== undefined) return driftId(source, group ?? '', drift);
  if (intent === null) return positionText(source);
  const id = intentId(intent);
  if (outcome === 'retry_scheduled') return `${id}#${intent.attempt}`;
  return outcome === 'held' ? `${id}#held` : id;
}

/** In the order of the fields in the documentation. @param epoch of the owner when the record is written. */
export function reportRecord(report: Report, epoch: number): ReportRecord {
  const { intent, source, group, groupTarget } = report;
  const ofMember = intent === null || intent.op === 'state' ? null : intent;
  const member = ofMember === null ? null : sourceMember(ofMember);
  const record: ReportRecord = {
    v: 1,
    id: reportId(report),
    final: isFinal(report),
    // Without an id map both ids are the source's.
    group: groupTarget === intent?.group ? group : groupTarget,
    member: ofMember === null || ofMember.target === ofMember.member ? member : ofMember.target,
    source_group: group,
    source_member: member,
    op: intent === null || intent.op === 'state' ? null : intent.op,
    outcome: report.outcome,
    reason: reasonJson(reasonOf(report)),
    attempt: intent?.attempt ?? 0,
    conflicts: intent?.conflicts ?? 0,
    source: {
      topic: source.topic,
      partition: source.partition,
      offset: offsetText(source),
      event_id: source.eventId,
      timestamp: source.timestamp,
    },
    request: report.request === null ? null : requestJson(report.request),
    superseded_by: report.supersededBy,
    next_attempt_at: report.nextAttemptAt === null ? null : timeText(report.nextAttemptAt),
    lag_ms: { queue: report.lag.queue, apply: report.lag.apply },
    epoch,
    reported_at: timeText(report.reportedAt),
  };
  if (report.pause !== undefined) return { ...record, pause: pauseJson(report.pause) };
  if (report.drift !== undefined) return { ...record, ...driftJson(report.drift) };
  return { ...record, ...guardFacts(report) };
}

/**
 * As a shadow reports it (protocol.md 15): nothing that it says was sent, its advice names commands of the shadow, and it names no version,
 * since those that a shadow shows are not those of the target.
 */
export const shadowReport = ({ reason, request, ...record }: ReportRecord): ReportRecord => ({
  ...record,
  reason: reason && { ...reason, advice: withNamedCommands({ isShadow: true }, reason.advice) },
  request: request && { ...request, etag_before: null, etag_after: null },
  shadow: true,
});

/** Since when a removal is held, or what operators have said of it. */
function guardFacts({ intent, outcome }: Report): Pick<ReportRecord, 'held_since' | 'approval' | 'refusal'> {
  const { guard = null, dead = null } = intent ?? {};
  return {
    ...(outcome === 'held' && guard?.kind === 'held' && { held_since: timeText(guard.since) }),
    ...(guard?.kind === 'approved' && { approval: decisionJson(guard, guard.at) }),
    ...(dead?.refusal !== undefined && { refusal: decisionJson(dead.refusal, dead.at) }),
  };
}

function reasonOf({ intent, outcome, reason, supersededBy }: Report): Failure | null {
  if (reason === null) return supersededBy === null ? null : SUPERSEDED;
  if (intent === null) return reason;
  if (outcome === 'retry_scheduled') return whereGone(intent, reason);
  return outcome === 'failed' || outcome === 'permanent_failure' ? givenUp(intent, reason) : reason;
}

/** Rollcall does not try the change again by itself. */
function givenUp(intent: Intent, reason: Failure): Failure {
  const { code, advice } = whereGone(intent, reason);
  return { ...reason, advice: ENDS_OTHERWISE.has(code) ? advice : thenReplay(advice, intentId(intent)) };
}

/** A group that the source has deleted need not be made at the target. */
function whereGone(intent: Intent, reason: Failure): Failure {
  if (intent.whole?.deleted !== true) return reason;
  if (reason.code === 'group_missing') return { ...reason, advice: ADVICE.unfound };
  return reason.advice === ADVICE.group ? { ...reason, advice: ADVICE.gone } : reason;
}

/** A replay is no remedy: an operator has refused the removal, or a full state or a delta is to be sent. */
const ENDS_OTHERWISE: ReadonlySet<string> = new Set(['refused', 'members_not_shown']);

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
  const { approval: _, refusal: __, pause: ___, drift: ____, ...rest } = withoutDetails;
  const { reason } = report;
  const least: ReportRecord = {
    ...rest,
    group: null,
    member: null,
    reason: reason && { code: reason.code, message: '', status: reason.status, scim_type: null, advice: '' },
  };
  return JSON.stringify(least).length < JSON.stringify(report).length ? least : null;
}

/** @param at epoch ms. */
const decisionJson = (
  { digest, author, reason }: OperatorDecision,
  at: number,
): NonNullable<ReportRecord['approval']> => ({ digest, author, reason, at: timeText(at) });

const pauseJson = ({ author, reason, at, result }: PauseFacts): ReportRecord['pause'] => ({
  author,
  reason,
  at: timeText(at),
  result,
});

const requestJson = (request: RequestFacts): ReportRecord['request'] => ({
  patch_id: request.patchId,
  etag_before: request.etagBefore,
  etag_after: request.etagAfter,
  status: request.status,
  correlation_id: request.correlationId,
  duration_ms: request.durationMs,
  verified: request.verified,
  ...(request.isUnseen && { unseen: true }),
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

const SUPERSEDED: Failure = {
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
