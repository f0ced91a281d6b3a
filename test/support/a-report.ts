import type { ReportRecord } from '../../src/core/report/report.ts';

/** Of one member of group `g`, whom the source and the target call the same; null: of the whole group. The change is at `s/0/offset`. */
export const aReport = (offset: bigint, member: string | null, change: Partial<ReportRecord> = {}): ReportRecord => ({
  v: 1,
  id: member === null ? `s/0/${offset}` : `s/0/${offset}/${member}`,
  final: true,
  group: 'g',
  member,
  source_member: member,
  op: member === null ? null : 'add',
  outcome: 'applied',
  reason: null,
  attempt: 0,
  conflicts: 0,
  source: { topic: 's', partition: 0, offset: String(offset), event_id: null, timestamp: 1 },
  request: null,
  superseded_by: null,
  next_attempt_at: null,
  lag_ms: { queue: null, apply: null },
  epoch: 1,
  reported_at: '2026-09-21T00:00:00.000Z',
  ...change,
});

/** A PATCH that was answered, unless `change` says otherwise. */
export const aRequest = (
  patchId: string | null,
  change: Partial<NonNullable<ReportRecord['request']>> = {},
): NonNullable<ReportRecord['request']> => ({
  patch_id: patchId,
  etag_before: null,
  etag_after: null,
  status: 200,
  correlation_id: null,
  duration_ms: 1,
  verified: true,
  ...change,
});
