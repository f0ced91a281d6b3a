/** Goes through the groups of a partition in slices: there may be 100,000. */
import type { Context } from './context.ts';
import type { Group } from './group.ts';
import type { Partition } from './state.ts';
import type { Slices } from './turns.ts';

/** Members and groups of a slice, about 20 ms. */
export const SLICE = 5_000;

/** Visits each group, and gives slots to those that are ready after each slice. */
export function* eachGroup(context: Context, { groups }: Partition, visit: (group: Group) => void): Slices {
  let count = 0;
  for (const group of groups.values()) {
    if (count >= SLICE) {
      context.dispatch();
      yield;
      count = 0;
    }
    count += 1 + group.members.size;
    visit(group);
  }
  context.dispatch();
}
