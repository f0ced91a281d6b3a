/** Several names of the source for one member of the target: an id map may know more than one. */
import type { Intent } from '../core/change.ts';
import type { Aliases, Group } from './state.ts';

/** From now on this name stands for the member of the target, too. */
export function noteAlias(group: Group, { member, target }: Intent): void {
  if (target === null) return;
  const { names } = aliasesOf(group);
  const known = names.get(target) ?? [];
  if (!known.includes(member)) names.set(target, [...known, member]);
}

/** Other names under which the same member of the target is pending. */
export function aliasesPending({ aliases, members }: Group, { member, target }: Intent): readonly string[] {
  const names = target === null ? undefined : aliases?.names.get(target);
  if (names === undefined) return [];
  return names.filter((name) => name !== member && members.get(name)?.pending?.target === target);
}

/** What another name has in the live record must have left it before the intent that replaced it is complete. */
export function noteReplaced(group: Group, by: string, name: string): void {
  if (group.members.get(name)?.recorded === null) return;
  const { replaced } = aliasesOf(group);
  replaced.set(by, (replaced.get(by) ?? new Set()).add(name));
}

export function aliasesOf(group: Group): Aliases {
  group.aliases ??= { names: new Map(), replaced: new Map(), resolutions: new Map() };
  return group.aliases;
}
