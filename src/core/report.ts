/**
 * The report record (one final record per intent, one per scheduled retry): its schema, and the builders that fill it.
 * For consumers: `ReportRecord.parse(JSON.parse(value))` ignores unknown fields, as later versions only add optional ones.
 * Deduplicate by `id`: of several the highest (`epoch`, `reported_at`) counts; summary.ts does just that.
 */
import { z } from 'zod';
import { type ChangeSource, type Intent, intentId, positionText } from './change.ts';
import type { Failure } from './outcome.ts';

const time = z.iso.datetime().meta({ description: 'RFC 3339, UTC' });
const count = z.int().min(0);

const Reason = z.object({
  code: z.string(),
  message: z.string(),
  status: z.int().nullable().meta({ description: 'HTTP status; null: nothing was answered' }),
  scim_type: z.string().nullable(),
  advice: z.string(),
});

export const ReportRecord = z
  .object({
    v: z.literal(1),
    id: z.string().meta({ description: 'topic/partition/offset[/member]; of a non-final record it ends in #attempt' }),
    final: z.boolean(),
    group: z.string().nullable().meta({ description: 'null: it could not be read' }),
    member: z.string().nullable().meta({ description: 'null: an event without members, or an invalid one' }),
    op: z.enum(['add', 'remove']).nullable(),
    outcome: z.enum([
      'applied',
      'recovered',
      'already_synced',
      'superseded',
      'no_changes',
      'invalid',
      'failed',
      'permanent_failure',
      'retry_scheduled',
    ]),
    reason: Reason.nullable(),
    attempt: count.meta({ description: 'failed tries' }),
    conflicts: count.meta({ description: 'version conflicts of this intent in all' }),
    source: z.object({
      topic: z.string(),
      partition: count,
      offset: z.string(),
      event_id: z.string().nullable(),
      timestamp: z.number().meta({ description: "epoch ms, the source record's" }),
    }),
    request: z
      .object({
        patch_id: z.string().nullable().meta({ description: 'shared by the intents of one PATCH; null: a GET' }),
        etag_before: z.string().nullable(),
        etag_after: z.string().nullable(),
        status: z.int().nullable().meta({ description: 'null: nothing was answered' }),
        correlation_id: z.string().nullable(),
        duration_ms: z.number(),
        verified: z.boolean().meta({ description: 'the answer, or a read after it, shows what was asked' }),
      })
      .nullable(),
    superseded_by: z.string().nullable().meta({ description: 'id of the newer intent' }),
    next_attempt_at: time.nullable(),
    lag_ms: z.object({
      queue: z.number().nullable().meta({ description: 'read until its first request; null: none was sent' }),
      apply: z.number().nullable().meta({ description: 'from there to the answer; null: none was sent' }),
    }),
    epoch: count,
    reported_at: time,
  })
  .meta({ title: 'Rollcall report record' });

export type ReportRecord = z.infer<typeof ReportRecord>;
export type ReportOutcome = ReportRecord['outcome'];
/** How an intent can end. */
export type FinalOutcome = Exclude<ReportOutcome, 'retry_scheduled' | 'no_changes' | 'invalid'>;

/** The last request that carried the intent. Durations in ms. */
export interface RequestFacts {
  /** null: a GET. */
  readonly patchId: string | null;
  readonly etagBefore: string | null;
  readonly etagAfter: string | null;
  readonly status: number | null;
  readonly correlationId: string | null;
  readonly durationMs: number;
  readonly verified: boolean;
}

/** null where no request was sent. */
export interface LagMs {
  readonly queue: number | null;
  readonly apply: number | null;
}

interface Written {
  readonly epoch: number;
  /** Epoch ms. */
  readonly reportedAt: number;
}

interface Worked extends Written {
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

export interface EventFacts extends Written {
  readonly source: ChangeSource;
  /** null where it could not be read. */
  readonly group: string | null;
  readonly outcome: 'no_changes' | 'invalid';
  /** null for `no_changes`. */
  readonly reason: Failure | null;
}

/** The one final record of an intent; a repetition carries the same id. */
export const finalReport = (intent: Intent, facts: FinalFacts): ReportRecord => ({
  ...ofIntent(intent, facts),
  final: true,
  outcome: facts.outcome,
  reason: reasonJson(facts.reason ?? supersededFailure(facts.supersededBy)),
  superseded_by: facts.supersededBy,
});

/** `intent` as it is parked: its `attempt` counts the failure that is reported. */
export const retryReport = (intent: Intent, facts: RetryReportFacts): ReportRecord => ({
  ...ofIntent(intent, facts),
  id: `${intentId(intent)}#${intent.attempt}`,
  final: false,
  outcome: 'retry_scheduled',
  reason: reasonJson(facts.reason),
  next_attempt_at: rfc3339(facts.nextAttemptAt),
});

/** The one record of a source record that holds no intents, or none that could be read. */
export const eventReport = ({ source, group, outcome, reason, ...written }: EventFacts): ReportRecord => ({
  ...blank(source, written),
  id: positionText(source),
  group,
  outcome,
  reason: reasonJson(reason),
});

/** The reason of an `invalid` record, for its report and its dead letter. */
export const invalidFailure = (code: string, message: string): Failure => ({
  code,
  message,
  status: null,
  scimType: null,
  advice: 'Mend the producer and send the change again; the bytes are in the dead-letter topic.',
});

const ofIntent = (intent: Intent, { request, lag, ...written }: Worked): ReportRecord => ({
  ...blank(intent.source, written),
  id: intentId(intent),
  group: intent.group,
  member: intent.member,
  op: intent.op,
  attempt: intent.attempt,
  conflicts: intent.conflicts,
  request: request === null ? null : requestJson(request),
  lag_ms: { queue: lag.queue, apply: lag.apply },
});

/** In the order of the fields in the documentation. */
const blank = (source: ChangeSource, { epoch, reportedAt }: Written): ReportRecord => ({
  v: 1,
  id: '',
  final: true,
  group: null,
  member: null,
  op: null,
  outcome: 'no_changes',
  reason: null,
  attempt: 0,
  conflicts: 0,
  source: {
    topic: source.topic,
    partition: source.partition,
    offset: String(source.offset),
    event_id: source.eventId,
    timestamp: source.timestamp,
  },
  request: null,
  superseded_by: null,
  next_attempt_at: null,
  lag_ms: { queue: null, apply: null },
  epoch,
  reported_at: rfc3339(reportedAt),
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
const rfc3339 = (epochMs: number): string => new Date(Math.min(Math.max(epochMs, 0), TIME_MAX)).toISOString();
