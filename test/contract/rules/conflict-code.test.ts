/**
 * A version conflict that does not end has one reason code in every form, and the target's own code beside it
 * (protocol.md 7.3).
 */
import { expect, test } from 'vitest';
import { ReportRecord } from '../../../src/core/report/report.ts';
import { header } from '../../../src/core/log/wire-intent.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const HOURS = 3_600_000;

test.each([
  ['412', answer(412), undefined, null],
  [
    '412 with a code',
    answer(412, { body: { code: 'precondition.failed', message: 'no' } }),
    'precondition.failed',
    null,
  ],
  ['409 without a body', answer(409), undefined, null],
  ['409 with a code', answer(409, { body: { code: 'general.conflict', message: 'no' } }), 'general.conflict', null],
  ['409 with a scimType', answer(409, { body: { scimType: 'mutability', detail: 'no' } }), 'mutability', 'mutability'],
  ['400 invalidVers', answer(400, { body: { scimType: 'invalidVers', detail: 'no' } }), 'invalidVers', 'invalidVers'],
  [
    '400 in words',
    answer(400, { body: { code: 'bad.request', message: 'Version 4 does not match the current version 5' } }),
    'bad.request',
    null,
  ],
])('conflict: %s', async (_, refusal, targetCode, scimType) => {
  const world = new QuickWorld({
    pipeline: { retry: { baseMs: 20_000, capMs: 20_000, attemptsMax: 2, slowScheduleMs: [] } },
  });
  world.target.onPatch = () => refusal;
  world.produce({ add_members: ['u'] });
  await world.start();
  await world.clock.advance(HOURS);
  // then the parking, its live record, the end and the dead letter say so
  const { status } = refusal;
  const reason = { code: 'conflict', status, scim_type: scimType, ...(targetCode && { target_code: targetCode }) };
  const reports = world.reports();
  expect(reports).toMatchObject([
    { outcome: 'retry_scheduled', attempt: 1, conflicts: 4, reason },
    { outcome: 'permanent_failure', attempt: 2, conflicts: 8, reason },
  ]);
  if (targetCode === undefined) expect(reports[0]?.reason).not.toHaveProperty('target_code');
  const codes = [...world.records('retry'), ...world.records('deadLetter')].flatMap(
    ({ headers }) => header(headers, 'rollcall-error-code') ?? [],
  );
  expect(codes.length).toBeGreaterThanOrEqual(2);
  expect(new Set(codes)).toEqual(new Set(['conflict']));
});

test('conflict: where others write to the group until the last try, the next conflict still tells whether a member is at fault', async () => {
  // given a target that says 409 about one member, and a version that moves with each of the first three refusals
  const world = new QuickWorld({
    pipeline: { retry: { baseMs: 20_000, capMs: 20_000, attemptsMax: 2, slowScheduleMs: [HOURS] } },
  });
  const { target } = world;
  let refusals = 0;
  target.onPatch = (request) => {
    if (!JSON.stringify(request.body).includes('"bad"')) return null;
    refusals += 1;
    if (refusals <= 3) target.group('g').version += 1;
    return answer(409);
  };
  world.produce({ add_members: ['bad', 'good'] });
  await world.start();
  await world.clock.advance(10_000);
  // then after the fourth the version stands still, so that the members are tried apart within the same run
  expect(world.reports()).toMatchObject([
    { member: 'bad', outcome: 'retry_scheduled', attempt: 1, reason: { code: 'conflict' } },
    { member: 'good', outcome: 'applied' },
  ]);
});

test('conflict: a dead letter tells when its group has first failed, however often it has since', async () => {
  const world = new QuickWorld({
    pipeline: { retry: { baseMs: 20_000, capMs: 20_000, attemptsMax: 3, slowScheduleMs: [] } },
  });
  world.target.onPatch = () => answer(412);
  await world.start();
  world.produce({ add_members: ['u'] });
  const from = world.clock.now().wall;
  await world.clock.advance(HOURS);
  const [letter] = world.records('deadLetter');
  const firstFailureAt = Number(header(letter?.headers ?? [], 'rollcall-first-failure-at'));
  expect(firstFailureAt - from).toBeGreaterThan(0);
  expect(firstFailureAt - from).toBeLessThan(9_000);
});

test('conflict: readers of either version read the reports of the other', () => {
  const reason = { code: 'conflict', message: '', status: 412, scim_type: null, advice: '' };
  const record = {
    v: 1,
    id: 's/0/0/u',
    final: false,
    group: 'g',
    member: 'u',
    op: 'add',
    outcome: 'retry_scheduled',
    attempt: 1,
    conflicts: 4,
    source: { topic: 's', partition: 0, offset: '0', event_id: null, timestamp: 1 },
    request: null,
    superseded_by: null,
    next_attempt_at: null,
    lag_ms: { queue: null, apply: null },
    epoch: 1,
    reported_at: '2026-01-01T00:00:00.000Z',
  };
  expect(ReportRecord.parse({ ...record, reason }).reason).toEqual(reason);
  const newer = { ...reason, target_code: 'general.conflict', of_a_later_version: { any: 1 } };
  expect(ReportRecord.parse({ ...record, reason: newer }).reason?.target_code).toBe('general.conflict');
});
