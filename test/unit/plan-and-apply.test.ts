/** What `plan` prints is what a following `apply` sends, byte for byte, in random worlds: PLAN_WORLDS says in how many. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSuccess } from '../../src/core/report/summary.ts';
import { aPlanWorld, applyIn, planIn, PlanTarget, type PlanMade, type SentRequest } from '../support/plan-world.ts';

const WORLDS = Number(process.env['PLAN_WORLDS'] ?? 500);

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

const requestsOf = ({ groups }: PlanMade): readonly Shown[] =>
  groups.flatMap(({ plan }) => plan.requests.map((request) => ({ ...request, body: JSON.stringify(request.body) })));

test('plan: its requests are those of apply, and so is its exit code', { timeout: 1_800_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aPlanWorld, async (world) => {
      const [looked, target] = [new PlanTarget(world), new PlanTarget(world)];
      const plan = await planIn(world, looked);
      expect(looked.sent).toEqual([]);
      const { reports } = await applyIn(world, target);
      expect(byPath(target.sent)).toEqual(byPath(requestsOf(plan)));
      expect(reports.every(isSuccess)).toBe(plan.totals.isAllDone);
    }),
    { numRuns: WORLDS },
  );
});
