/** A stream of changes that contradict each other; the same at each call. */
import type { Change } from './stage.ts';

/** Each names up to three of so many members, whom it adds or removes. */
export function manyChanges(
  groups: readonly string[],
  { count, members }: { count: number; members: number },
): Change[] {
  const draw = lots();
  return Array.from({ length: count }, () => {
    const named = new Set(Array.from({ length: 1 + draw(3) }, () => `m${draw(members)}`));
    const add = [...named].filter(() => draw(2) === 0);
    const remove = [...named].filter((member) => !add.includes(member));
    return { group: groups[draw(groups.length)] ?? '', add, remove };
  });
}

/** Numerical Recipes' generator: good enough to mix, and no two runs differ. */
function lots(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
