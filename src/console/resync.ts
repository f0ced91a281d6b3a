/** What repairs a compared group, by the evidence that the comparison has read. */
import { idKey } from '../core/change/change.ts';
import { wantedOf } from '../core/drift/comparison.ts';
import { leftOf, repairOf, type Left, type RefusedRepair, type Repair } from '../core/drift/repair.ts';
import { driftCount, type ComparedGroup, type Comparing } from './drift.ts';

/** What becomes of a group; `left`: members who differ, and are left so. */
export interface RepairPlan {
  /** null: nothing is to be repaired. */
  readonly repair: Repair | RefusedRepair | null;
  readonly left: readonly Left[];
}

export interface Repairing {
  readonly removesForeign: boolean;
}

export function planRepair(
  compared: ComparedGroup,
  { removesForeign }: Repairing,
  { evidence, wanted }: Comparing,
): RepairPlan {
  if (compared.status !== 'compared' || compared.snapshot === null) return { repair: null, left: [] };
  const left = leftOf(compared.differences);
  if (driftCount(compared.differences) + (removesForeign ? compared.differences.foreign.length : 0) === 0)
    return { repair: null, left };
  const group = idKey(compared.group);
  const known = evidence.known(group, wanted?.get(group) ?? null);
  const repair = repairOf(compared.differences, wantedOf(known, compared.snapshot), compared.snapshot, {
    removesForeign,
    isDeleted: known.wanted === null && known.facts.state?.deleted === true,
    nameOf: (member, target) => evidence.nameOf(member, target),
  });
  return { repair, left };
}
