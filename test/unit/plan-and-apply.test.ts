/** What `plan` prints is what a following `apply` sends, byte for byte, in random worlds: PLAN_WORLDS says in how many. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSuccess } from '../../src/core/report/summary.ts';
import {
  aPlanWorld,
  applyIn,
  applyPlanIn,
  planIn,
  PlanTarget,
  type PlanMade,
  type SentRequest,
} from '../support/plan-world.ts';

const WORLDS = Number(process.env['PLAN_WORLDS'] ?? 150);

type Shown = Omit<SentRequest, 'if_match'> & { readonly if_match: string | null };

/** By group, since groups are sent side by side. Of a group's requests only the first names a version that a plan can know. */
function byPath(requests: readonly Shown[]): Record<string, readonly Shown[]> {
  const paths: Record<string, Shown[]> = {};
  for (const request of requests) {
    const list = (paths[request.path] ??= []);
    list.push({ ...request, if_match: list.length === 0 ? request.if_match : null });
  }
  return paths;
}

/** @param isApproved with those that follow an approval. */
const requestsOf = ({ groups }: PlanMade, isApproved: boolean): readonly Shown[] =>
  groups.flatMap(({ plan: { requests, held } }) =>
    [...requests, ...(isApproved ? (held?.requests ?? []) : [])].map((request) => ({
      ...request,
      body: JSON.stringify(request.body),
    })),
  );

test('plan: its requests are those of apply, and so is its exit code', { timeout: 1_800_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aPlanWorld, fc.boolean(), async (world, isApproved) => {
      const [looked, target, again] = [new PlanTarget(world), new PlanTarget(world), new PlanTarget(world)];
      const plan = await planIn(world, looked);
      expect(looked.sent).toEqual([]);
      const { reports } = await applyIn(world, target, isApproved);
      expect(byPath(target.sent)).toEqual(byPath(requestsOf(plan, isApproved)));
      if (!isApproved) expect(reports.every(isSuccess)).toBe(plan.totals.isAllDone);
      await applyPlanIn(world, plan, again, isApproved);
      expect(byPath(again.sent)).toEqual(byPath(target.sent));
    }),
    { numRuns: WORLDS },
  );
});
