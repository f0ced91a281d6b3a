import type { Failure } from '../../src/core/target/refusals.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaFiles } from '../../scripts/generate-schema.ts';
import { type Approval, type Intent, WHOLE_GROUP } from '../../src/core/change/change.ts';
import { heldFailure, refusedFailure } from '../../src/core/group/guard.ts';
import { ADVICE } from '../../src/core/target/refusals.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import {
  NO_LAG as noLag,
  eventReport,
  finalReport,
  heldReport,
  hintFailure,
  invalidFailure,
  reportRecord,
  retryReport,
  smallerReport,
  type EventFacts,
  type FinalFacts,
  type HeldReportFacts,
  type RetryReportFacts,
} from '../../src/core/report/reporting.ts';
import { aReport } from '../support/a-report.ts';
import { anIntent as builtIntent, type IntentParts } from '../support/an-intent.ts';

const source = {
  topic: 'idp',
  partition: 2,
  offset: 2n ** 60n,
  index: null,
  eventId: 'e',
  timestamp: 1_790_000_000_000,
};
const anIntent = (parts: IntentParts = {}): Intent =>
  builtIntent({
    member: 'm/#1',
    op: 'remove',
    attempt: 2,
    conflicts: 1,
    ...parts,
    source: { ...source, ...parts.source },
  });
const request = {
  patchId: 'p',
  etagBefore: '"7"',
  etagAfter: '"8"',
  status: 200,
  correlationId: 'c',
  durationMs: 12,
  verified: true,
  isUnseen: false,
};
const failure: Failure = { code: 'http_503', message: 'down', status: 503, scimType: null, advice: 'Wait.' };
const event = { reportedAt: 1_790_000_001_000 };
const written = { ...event, groupTarget: 'g' };

const EPOCH = 3;
const finalRecord = (intent: Intent, facts: FinalFacts) => reportRecord(finalReport(intent, facts), EPOCH);
const retryRecord = (intent: Intent, facts: RetryReportFacts) => reportRecord(retryReport(intent, facts), EPOCH);
const heldRecord = (intent: Intent, facts: HeldReportFacts) => reportRecord(heldReport(intent, facts), EPOCH);
const eventRecord = (facts: EventFacts) => reportRecord(eventReport(facts), EPOCH);

test('a final record has exactly the documented fields', () => {
  const facts = { ...written, outcome: 'recovered', reason: null, request, supersededBy: null } as const;
  const record = finalRecord(anIntent(), { ...facts, lag: { queue: 3, apply: 14 } });
  expect(JSON.stringify(record)).toBe(
    '{"v":1,"id":"idp/2/1152921504606846976/m/#1","final":true,"group":"g","member":"m/#1","source_group":"g","source_member":"m/#1","op":"remove",' +
      '"outcome":"recovered","reason":null,"attempt":2,"conflicts":1,' +
      '"source":{"topic":"idp","partition":2,"offset":"1152921504606846976","event_id":"e","timestamp":1790000000000},' +
      '"request":{"patch_id":"p","etag_before":"\\"7\\"","etag_after":"\\"8\\"","status":200,"correlation_id":"c","duration_ms":12,"verified":true},' +
      '"superseded_by":null,"next_attempt_at":null,"lag_ms":{"queue":3,"apply":14},"epoch":3,"reported_at":"2026-09-21T14:13:21.000Z"}',
  );
  expect(ReportRecord.parse(record)).toEqual(record);
});

test('a scheduled retry is not final and says when and why', () => {
  const facts = { ...written, reason: failure, request: null, lag: noLag, nextAttemptAt: 1_790_000_002_000 };
  expect(ReportRecord.parse(retryRecord(anIntent(), facts))).toMatchObject({
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
  const record = ReportRecord.parse(finalRecord(anIntent(), { ...facts, supersededBy: 'idp/2/9/m' }));
  expect(record).toMatchObject({ superseded_by: 'idp/2/9/m', reason: { code: 'superseded' } });
});

test('a record without readable intents is reported once, by its position', () => {
  const reason = invalidFailure('not_json', 'The value is not JSON.');
  const record = eventRecord({ ...event, source, group: null, groupTarget: null, outcome: 'invalid', reason });
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

test('a group that could be read is named as the source names it, and as the target does where that is known', () => {
  const unread = { ...event, source, group: 'idp-g', outcome: 'no_changes', reason: null } as const;
  expect(eventRecord({ ...unread, groupTarget: 'g' })).toMatchObject({ group: 'g', source_group: 'idp-g' });
  expect(eventRecord({ ...unread, groupTarget: null })).toMatchObject({ group: null, source_group: 'idp-g' });
});

test('report: a hint is an invalid record whose reason says how to read the group again', () => {
  const reason = hintFailure('no_detail', 'Something has changed.');
  const record = eventRecord({ ...written, source, group: 'g', outcome: 'invalid', reason });
  expect(ReportRecord.parse(record)).toMatchObject({
    outcome: 'invalid',
    reason: { code: 'no_detail', message: 'Something has changed.', advice: expect.stringContaining('full state') },
  });
});

const done = { ...written, outcome: 'applied', reason: null, request, supersededBy: null, lag: noLag } as const;
const held = { kind: 'held', by: 'group_percent', since: 5 } as const;
const approved: Approval = {
  kind: 'approved',
  digest: 'd'.repeat(64),
  author: 'jane',
  reason: null,
  at: 1_790_000_000_500,
};

test('a removal that is held is not final, has an id of its own and says how to release it', () => {
  const reason = heldFailure('group_percent', 'd'.repeat(64));
  const record = heldRecord(anIntent({ guard: held }), { ...written, reason, request: null, lag: noLag });
  expect(ReportRecord.parse(record)).toEqual(record);
  expect(record).toMatchObject({
    id: 'idp/2/1152921504606846976/m/#1#held',
    final: false,
    op: 'remove',
    outcome: 'held',
    held_since: '1970-01-01T00:00:00.005Z',
    reason: { code: 'group_percent', message: expect.stringContaining('GUARD_GROUP_PERCENT'), status: null },
    next_attempt_at: null,
  });
  expect(record.reason?.advice).toContain(`rollcall held show ${'d'.repeat(64)}`);
  expect(record).not.toHaveProperty('approval');
});

test('report: names who approved a removal, and no one where no approval was needed', () => {
  const record = ReportRecord.parse(finalRecord(anIntent({ guard: approved }), done));
  expect(record.approval).toEqual({
    digest: 'd'.repeat(64),
    author: 'jane',
    reason: null,
    at: '2026-09-21T14:13:20.500Z',
  });
  const why = finalRecord(anIntent({ guard: { ...approved, reason: 'the reorganisation' } }), done);
  expect(why.approval).toMatchObject({ author: 'jane', reason: 'the reorganisation' });
  for (const guard of [null, held]) expect(finalRecord(anIntent({ guard }), done)).not.toHaveProperty('approval');
  const again = { ...written, reason: failure, request: null, lag: noLag, nextAttemptAt: 1_790_000_002_000 };
  expect(retryRecord(anIntent({ guard: approved }), again)).toMatchObject({ approval: { author: 'jane' } });
});

test('report: names who refused a removal, and why; a report of an older version says no reason', () => {
  const refusal = { digest: 'd'.repeat(64), author: 'jane', reason: 'not this week' };
  const dead = { at: 1_790_000_000_500, reason: 'refused', refusal };
  const refused = { ...done, outcome: 'failed', reason: refusedFailure(refusal), request: null } as const;
  const record = ReportRecord.parse(finalRecord(anIntent({ guard: held, dead }), refused));
  expect(record.refusal).toEqual({ ...refusal, at: '2026-09-21T14:13:20.500Z' });
  expect(record.reason?.message).toBe('jane has refused this removal: not this week.');
  expect(record).not.toHaveProperty('approval');
  const former = { ...record, refusal: { digest: 'd', author: 'jane', at: record.reported_at } };
  expect(ReportRecord.parse(former).refusal).toEqual(former.refusal);
});

test('a full state has its own id, no member and no operation', () => {
  const whole = { members: ['a'], deleted: false };
  const state = anIntent({ op: 'state', member: WHOLE_GROUP, whole, source: { index: 3 } });
  const record = ReportRecord.parse(finalRecord(state, { ...done, outcome: 'already_synced', request: null }));
  expect(record).toMatchObject({ member: null, source_member: null, op: null, outcome: 'already_synced' });
  expect([record.id, record.source.offset]).toEqual(['idp/2/1152921504606846976.3', '1152921504606846976.3']);
});

test('report: with an id map it has both names of group and member; the id follows from the source alone', () => {
  const mapped = anIntent({ group: 'idp-g', member: 'ada', target: 'u-1' });
  const record = ReportRecord.parse(finalRecord(mapped, { ...done, groupTarget: 'g-1' }));
  expect(record).toMatchObject({
    id: 'idp/2/1152921504606846976/ada',
    group: 'g-1',
    member: 'u-1',
    source_group: 'idp-g',
    source_member: 'ada',
  });
  const waiting = { ...written, groupTarget: null, reason: failure, request: null, lag: noLag, nextAttemptAt: 1 };
  expect(ReportRecord.parse(retryRecord({ ...mapped, target: null }, waiting))).toMatchObject({
    group: null,
    member: null,
    source_group: 'idp-g',
    source_member: 'ada',
  });
});

test('a record of an earlier version, without the later fields, can still be read', () => {
  const { source_group: _group, source_member: _member, ...earlier } = finalRecord(anIntent(), done);
  expect(ReportRecord.parse(earlier)).toEqual(earlier);
});

test('a consumer ignores fields that it does not know', () => {
  const record = eventRecord({ ...written, source, group: 'g', outcome: 'no_changes', reason: null });
  expect(ReportRecord.parse({ ...record, source_tenant: 'later' })).toEqual(record);
});

test.each([...schemaFiles()])(
  '%s is what the code says (else: npx tsx scripts/generate-schema.ts)',
  (path, content) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(content);
    expect(content).not.toContain('"additionalProperties": false');
  },
);

test('a report that is too large drops message, request and the names of the source, then group and member', () => {
  const facts = { ...written, outcome: 'failed', reason: failure, request, supersededBy: null } as const;
  const whole = finalRecord(anIntent(), { ...facts, lag: noLag });
  const first = smallerReport(whole);
  expect(first).toEqual({
    ...whole,
    request: null,
    source_group: null,
    source_member: null,
    reason: { ...whole.reason, message: '' },
    source: { ...whole.source, event_id: null },
  });
  const second = first && smallerReport(first);
  expect(second).toEqual({
    ...first,
    group: null,
    member: null,
    reason: { ...first?.reason, advice: '' },
  });
  expect(second && smallerReport(second)).toBeNull();
  for (const report of [first, second]) expect(ReportRecord.parse(report)).toEqual(report);
});

test('report: one that is too large loses who has approved or refused last, with the names', () => {
  const decision = { digest: 'd'.repeat(64), author: 'jane', reason: 'not this week' };
  const dead = { at: 5, reason: 'refused', refusal: decision };
  const guard = { ...approved, reason: 'they left' };
  const whole = finalRecord(anIntent({ guard, dead }), { ...done, reason: refusedFailure(decision) });
  const first = smallerReport(whole);
  expect(first).toMatchObject({ approval: { author: 'jane' }, refusal: { author: 'jane' }, reason: { message: '' } });
  const second = first && smallerReport(first);
  expect(second).toMatchObject({ id: whole.id, group: null });
  for (const gone of ['approval', 'refusal']) expect(second).not.toHaveProperty(gone);
});

describe('a deleted group that Genesys Cloud does not have either', () => {
  const gone = (deleted: boolean): Intent =>
    builtIntent({ member: WHOLE_GROUP, op: 'state', whole: { members: [], deleted }, attempt: 1 });
  const missing = { status: 404, scimType: null, message: 'none' };
  const facts = { ...written, request: null, lag: noLag };
  const advices = (intent: Intent, reason: Failure): readonly (string | undefined)[] =>
    [
      retryRecord(intent, { ...facts, reason, nextAttemptAt: 1 }),
      finalRecord(intent, { ...facts, reason, outcome: 'permanent_failure', supersededBy: null }),
    ].map((record) => record.reason?.advice);

  test.each([
    ['no group', { ...missing, code: 'not.found', advice: ADVICE.group }, 'it was missing for a moment'],
    ['a search', { ...missing, code: 'group_missing', advice: 'Provision the group.' }, 'ID_MAP_GROUP_ATTRIBUTE'],
  ])('shown by %s: nothing is left to do, and where to look', (_, reason, look) => {
    const [again = '', last = ''] = advices(gone(true), reason);
    for (const advice of [again, last]) {
      expect(advice).toMatch(/^Nothing is left to do/);
      expect(advice).toContain(look);
      expect(advice).not.toMatch(/Make|Provision/);
    }
    expect(again).toMatch(/it lands by itself then\.$/);
    expect(last).toContain('then wake it with `rollcall replay now');
  });

  test('is advised as before of another failure, and of another full state', () => {
    const reason = { ...missing, code: 'not_found', advice: ADVICE.group };
    expect(advices(gone(false), reason)[0]).toBe(ADVICE.group);
    expect(advices(gone(true), failure)[0]).toBe('Wait.');
  });
});

test.each([
  { lag_ms: { queue: 1e308, apply: 1e308 } },
  { lag_ms: { queue: 1, apply: -1e14 } },
  { conflicts: 1e15 },
  { attempt: 1e10 },
])('report record: figures that no service can write are none: %j', (odd) => {
  const record = aReport(1n, 'm');
  expect(ReportRecord.safeParse(record).success).toBe(true);
  expect(ReportRecord.safeParse({ ...record, ...odd }).success).toBe(false);
});

test('report record: what was held and has ended says no more since when it was', () => {
  const report = {
    ...heldReport(anIntent({ guard: held }), {
      ...written,
      reason: heldFailure('group_percent', 'd'),
      request: null,
      lag: noLag,
    }),
    outcome: 'superseded',
  } as const;
  expect(reportRecord(report, EPOCH)).not.toHaveProperty('held_since');
});
