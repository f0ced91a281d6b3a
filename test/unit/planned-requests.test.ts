// What a plan lets through where answers are lost, late or refused, and where others write to a group.
import { describe, expect, test } from 'vitest';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { applyPlanIn, planIn, PlanTarget, type PatchFault, type PlanWorld } from '../support/plan-world.ts';

const MEMBERS = ['a', 'b', 'c', 'd'];

const world: PlanWorld = {
  lines: [{ group_id: 'g', add_members: MEMBERS, remove_members: ['x'] }],
  groups: { g: { kind: 'listed', members: [['x', 'User']] } },
  ids: null,
  environment: {
    MAX_MEMBERS_PER_PATCH: '2',
    RETRY_BASE_MS: '1',
    RETRY_CAP_MS: '1',
    LATE_APPLY_MS: '0',
    GUARD_GROUP_PERCENT: '100',
  },
};

const endOf = ({ outcome, reason }: ReportRecord): string => (reason === null ? outcome : `${outcome} ${reason.code}`);

/** @param faults of the PATCHes, in their order. */
async function applied(faults: readonly PatchFault[]) {
  const target = new PlanTarget(world, faults);
  const plan = await planIn(world, target);
  const { reports } = await applyPlanIn(world, plan, target, false);
  return { target, reports, ends: reports.map(endOf), planned: plan.groups.flatMap((group) => group.plan.requests) };
}

describe('a planned request passes until it has landed:', () => {
  test.each<[string, readonly PatchFault[]]>([
    ['after a 503', ['503']],
    ['after several', ['503', '503', '503']],
    ['after a 412', ['412']],
    ['after it was lost', ['lost']],
    ['after its answer showed the group before it', ['old']],
    ['each in another way', ['old', '503', 'lost', '412', 'old']],
  ])('%s', async (_, faults) => {
    const { target, ends, planned } = await applied(faults);
    expect(ends.filter((end) => !/^(applied|recovered)/.test(end))).toEqual([]);
    expect(target.members('g')).toEqual(MEMBERS);
    // Nothing that has landed is sent again.
    expect(target.landed.map(({ body }) => body)).toEqual(planned.map(({ body }) => JSON.stringify(body)));
  });
});

test('the version of an answer that shows what others have changed is not taken for the plan’s own', async () => {
  const { target, ends } = await applied(['beside']);
  expect(target.sent).toHaveLength(1);
  expect(ends.filter((end) => end === 'applied')).toHaveLength(2);
  expect(ends.filter((end) => end === 'failed version_moved')).toHaveLength(3);
});

test('what the target says of a refused request stands in the reports', async () => {
  const { reports } = await applied(['refused']);
  const [reason] = reports.flatMap((report) => (report.reason?.code === 'not_planned' ? [report.reason] : []));
  expect(reason?.message).toContain('No such user. (unknown_member)');
});
