/** Goes through the groups of a partition in slices: there may be 100,000. */
import type { Group, Partition } from './group.ts';
import type { Slices } from './turns.ts';

/** Members and groups of a slice, about 20 ms. */
export const SLICE = 5_000;

/** Visits each group, and gives slots to those that are ready after each slice. */
export function* eachGroup(
  { dispatch }: { readonly dispatch: () => void },
  { groups }: Partition,
  visit: (group: Group) => void,
): Slices {
  let count = 0;
  for (const group of groups.values()) {
    if (count >= SLICE) {
      dispatch();
      yield;
      count = 0;
    }
    count += 1 + group.members.size;
    visit(group);
  }
  dispatch();
}
