/** A stream of changes that contradict each other; the same at each call. */
import type { Change } from './kafka-harness.ts';
import { congruential, SeededRandom } from './random.ts';

/** Each names up to three of so many members, whom it adds or removes. */
export function manyChanges(
  groups: readonly string[],
  { count, members }: { count: number; members: number },
): Change[] {
  const random = new SeededRandom(congruential(1));
  const draw = (below: number): number => random.below(below);
  return Array.from({ length: count }, () => {
    const named = new Set(Array.from({ length: 1 + draw(3) }, () => `m${draw(members)}`));
    const add = [...named].filter(() => draw(2) === 0);
    const remove = [...named].filter((member) => !add.includes(member));
    return { group: groups[draw(groups.length)] ?? '', add, remove };
  });
}
