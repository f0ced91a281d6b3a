import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schemaFiles } from '../../scripts/generate-schema.ts';
import type { Intent } from '../../src/core/change.ts';
import type { Failure } from '../../src/core/outcome.ts';
import { eventReport, finalReport, invalidFailure, ReportRecord, retryReport } from '../../src/core/report.ts';

const source = { topic: 'idp', partition: 2, offset: 2n ** 60n, eventId: 'e', timestamp: 1_790_000_000_000 };
const anIntent = (parts: Partial<Intent> = {}): Intent => ({
  group: 'g',
  member: 'm/#1',
  op: 'remove',
  source,
  attempt: 2,
  conflicts: 1,
  notBefore: 0,
  firstSeenAt: 0,
  dead: null,
  waits: null,
  ...parts,
});
const request = {
  patchId: 'p',
  etagBefore: '"7"',
  etagAfter: '"8"',
  status: 200,
  correlationId: 'c',
  durationMs: 12,
  verified: true,
};
const failure: Failure = { code: 'http_503', message: 'down', status: 503, scimType: null, advice: 'Wait.' };
const written = { epoch: 3, reportedAt: 1_790_000_001_000 };
const noLag = { queue: null, apply: null };

test('a final record has exactly the documented fields', () => {
  const facts = { ...written, outcome: 'recovered', reason: null, request, supersededBy: null } as const;
  const record = finalReport(anIntent(), { ...facts, lag: { queue: 3, apply: 14 } });
  expect(JSON.stringify(record)).toBe(
    '{"v":1,"id":"idp/2/1152921504606846976/m/#1","final":true,"group":"g","member":"m/#1","op":"remove",' +
      '"outcome":"recovered","reason":null,"attempt":2,"conflicts":1,' +
      '"source":{"topic":"idp","partition":2,"offset":"1152921504606846976","event_id":"e","timestamp":1790000000000},' +
      '"request":{"patch_id":"p","etag_before":"\\"7\\"","etag_after":"\\"8\\"","status":200,"correlation_id":"c","duration_ms":12,"verified":true},' +
      '"superseded_by":null,"next_attempt_at":null,"lag_ms":{"queue":3,"apply":14},"epoch":3,"reported_at":"2026-09-21T14:13:21.000Z"}',
  );
  expect(ReportRecord.parse(record)).toEqual(record);
});

test('a scheduled retry is not final and says when and why', () => {
  const facts = { ...written, reason: failure, request: null, lag: noLag, nextAttemptAt: 1_790_000_002_000 };
  expect(ReportRecord.parse(retryReport(anIntent(), facts))).toMatchObject({
    id: 'idp/2/1152921504606846976/m/#1#2',
    final: false,
    outcome: 'retry_scheduled',
    reason: { code: 'http_503', message: 'down', status: 503, scim_type: null, advice: 'Wait.' },
    next_attempt_at: '2026-09-21T14:13:22.000Z',
    request: null,
  });
});

test('what was superseded says by whom, and has a reason', () => {
  const facts = { ...written, outcome: 'superseded', reason: null, request: null, lag: noLag } as const;
  const record = ReportRecord.parse(finalReport(anIntent(), { ...facts, supersededBy: 'idp/2/9/m' }));
  expect(record).toMatchObject({ superseded_by: 'idp/2/9/m', reason: { code: 'superseded' } });
});

test('a record without readable intents is reported once, by its position', () => {
  const reason = invalidFailure('not_json', 'The value is not JSON.');
  const record = eventReport({ ...written, source, group: null, outcome: 'invalid', reason });
  expect(ReportRecord.parse(record)).toMatchObject({
    id: 'idp/2/1152921504606846976',
    final: true,
    group: null,
    member: null,
    op: null,
    reason: { code: 'not_json' },
    request: null,
    lag_ms: noLag,
  });
});

test('a consumer ignores fields that it does not know', () => {
  const record = eventReport({ ...written, source, group: 'g', outcome: 'no_changes', reason: null });
  expect(ReportRecord.parse({ ...record, source_group: 'later' })).toEqual(record);
});

test.each([...schemaFiles()])(
  '%s is what the code says (else: npx tsx scripts/generate-schema.ts)',
  (path, content) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(content);
    expect(content).not.toContain('"additionalProperties": false');
  },
);
