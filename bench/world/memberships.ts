/** The memberships at the target, beside those that the events ask for. */
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';

export type Memberships = ReadonlyMap<string, ReadonlySet<string>>;

/** The groups that have other members than these. */
export const wrongGroupsAt = (sandbox: Sandbox, expected: Memberships): readonly string[] =>
  [...expected].flatMap(([group, members]) =>
    differences(new Set(sandbox.members(group)), members) > 0 ? [group] : [],
  );

/** @throws Error where a group has other members than these: figures of a wrong end would mean nothing. */
export function checkMemberships(sandbox: Sandbox, expected: Memberships): void {
  const wrong = wrongGroupsAt(sandbox, expected);
  if (wrong.length > 0) throw new Error(`${wrong.length} groups are wrong, ${wrong[0]} among them`);
}

/** How many members are in one of the two alone. */
export function differences(
  one: ReadonlySet<string> = new Set<string>(),
  other: ReadonlySet<string> = new Set<string>(),
): number {
  const shared = [...one].filter((member) => other.has(member)).length;
  return one.size + other.size - 2 * shared;
}
