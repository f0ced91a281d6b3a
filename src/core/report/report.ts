/**
 * Room core/report: the report record, the summary of many, and how they are counted in rows.
 * Not here: printing them (report).
 *
 * The report record: one final record per intent, one per scheduled retry, one per pause and its end, one per member that a
 * comparison finds to differ. reporting.ts fills it.
 * For consumers: `ReportRecord.parse(JSON.parse(value))` ignores unknown fields, as later versions only add optional ones,
 * and takes any `outcome` and `op`: count an outcome that is not known by itself, neither as a success nor as a failure.
 * Deduplicate by `id`: of several the highest (`epoch`, `reported_at`) counts; summary.ts does just that.
 */
import { z } from 'zod';

const time = z.iso.datetime().meta({ description: 'RFC 3339, UTC' });
const count = z.int().min(0);
/** No service counts or lasts so much: 1e9 tries, 300 years. */
const tries = count.max(1e9);
const MS_MAX = 1e13;
const ms = z.number().min(-MS_MAX).max(MS_MAX);

/** What this version writes (to add one: CONTRIBUTING.md). A later one may write others under `v: 1`, so readers take the set as open. */
export const REPORT_OUTCOMES = [
  'applied',
  'recovered',
  'already_synced',
  'superseded',
  'no_changes',
  'invalid',
  'failed',
  'permanent_failure',
  'retry_scheduled',
  'held',
  'paused',
  'resumed',
  'drift',
] as const;
export type ReportOutcome = (typeof REPORT_OUTCOMES)[number];

/** A value of a list that later versions may make longer: any text is read, and shown as it is. */
const openList = (known: readonly string[], description: string) =>
  z.string().meta({ examples: [...known], description: `${description}; later versions may add others` });

/** `done`: it was done, and another client has changed it since. `no_report`: none says so. `failed`: it was given up. */
const DRIFT_EVIDENCES = ['done', 'no_report', 'failed'] as const;
export type DriftEvidenceKind = (typeof DRIFT_EVIDENCES)[number];

const Reason = z.object({
  code: z.string(),
  message: z.string(),
  status: z.int().nullable().meta({ description: 'HTTP status; null: nothing was answered' }),
  scim_type: z.string().nullable(),
  advice: z.string(),
  target_code: z
    .string()
    .optional()
    .meta({ description: "the target's own code, or scimType, where it gave one and `code` is another" }),
});

/** Of an operator. */
const Decision = z.object({
  digest: z.string(),
  author: z.string(),
  reason: z.string().nullable().optional().meta({ description: 'null: none was given; absent: an older version' }),
  at: time,
});

export const ReportRecord = z
  .object({
    v: z.literal(1),
    id: z.string().meta({
      description:
        'topic/partition/offset[/member]; of a non-final one it ends in #attempt or #held; of `drift` it begins with drift/',
    }),
    final: z.boolean(),
    group: z.string().nullable().meta({ description: 'Genesys id; null: it could not be read, or is not resolved' }),
    member: z.string().nullable().meta({
      description: 'Genesys id; null: an event without members, a full state, an invalid record, or not resolved',
    }),
    source_group: z.string().nullable().optional().meta({ description: "the identity provider's id" }),
    source_member: z.string().nullable().optional().meta({ description: "the identity provider's id" }),
    op: openList(['add', 'remove'], 'what was wanted').nullable(),
    outcome: openList(REPORT_OUTCOMES, 'how it ended, or what it waits for'),
    reason: Reason.nullable(),
    attempt: tries.meta({ description: 'failed tries' }),
    conflicts: tries.meta({ description: 'version conflicts of this intent in all' }),
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
        etag_before: z.string().nullable().meta({ description: 'null in a shadow, too' }),
        etag_after: z.string().nullable().meta({ description: 'null: not known, or of a shadow' }),
        status: z.int().nullable().meta({ description: 'null: nothing was answered' }),
        correlation_id: z.string().nullable(),
        duration_ms: ms,
        verified: z.boolean().meta({ description: 'the answer, or a read after it, shows what was asked' }),
        unseen: z.literal(true).optional().meta({
          description:
            'the list of members before the request may have left out members of it, so it may have changed nothing; absent: it showed how they were',
        }),
      })
      .nullable(),
    superseded_by: z.string().nullable().meta({ description: 'id of the newer intent' }),
    next_attempt_at: time.nullable(),
    held_since: time.optional().meta({
      description:
        'of `held`: since when, the same in each repeated report; absent: another outcome, or an older version',
    }),
    approval: Decision.optional().meta({ description: 'who has let a held removal pass, and why' }),
    refusal: Decision.optional().meta({ description: 'who has refused a held removal, and why' }),
    pause: z
      .object({ author: z.string(), reason: z.string().nullable(), at: time, result: z.string() })
      .optional()
      .meta({
        description:
          'of `paused` and `resumed`: by whom, why, when, and the answer: `paused`, `resumed` and `still_paused` (its own pause has ended, another keeps the group) have changed something, `already`, `not_paused` and `is_paused` nothing',
      }),
    drift: z
      .object({
        evidence: openList(DRIFT_EVIDENCES, 'what says that the member is to be a member, or not'),
        report: z.string().nullable().meta({ description: 'id of the report that says so; null: none does' }),
        version: z.string().nullable().meta({ description: 'of the group, as Genesys Cloud has shown it' }),
      })
      .optional()
      .meta({
        description:
          'of `drift`: nothing was done; Genesys Cloud shows the opposite of `op`, and `reason.code` says which kind it is (`missing`, `extra`, `undone`)',
      }),
    lag_ms: z.object({
      queue: ms.nullable().meta({ description: 'read until its first request; null: none was sent' }),
      apply: ms.nullable().meta({ description: 'from there to the answer; null: none was sent' }),
    }),
    epoch: count,
    reported_at: time,
    shadow: z.literal(true).optional().meta({
      description:
        'of `run --shadow`: what it says was not sent, and no group was changed; absent: it was, or was to be',
    }),
  })
  .meta({ title: 'Rollcall report record' });

export type ReportRecord = z.infer<typeof ReportRecord>;
/** How an intent can end. */
export type FinalOutcome = Exclude<
  ReportOutcome,
  'retry_scheduled' | 'held' | 'no_changes' | 'invalid' | 'paused' | 'resumed' | 'drift'
>;
