/** Several names of the source for one member of the target: an id map may know more than one. */
import { type Intent, WHOLE_GROUP } from '../core/change/change.ts';
import { idKey } from '../core/change/id-key.ts';
import type { Aliases, Group } from './state.ts';

/** From now on this name stands for the member of the target, too; or for one that is not known yet. */
export function noteAlias(group: Group, { member, target, op }: Intent): void {
  if (op === 'state') return;
  const { names, targets, unresolved } = aliasesOf(group);
  if (target === null) {
    unresolved.add(member);
    return;
  }
  const key = idKey(target);
  const known = names.get(key) ?? [];
  if (known.includes(member)) return;
  names.set(key, [...known, member]);
  targets.set(member, [...(targets.get(member) ?? []), key]);
}

/** A name that waits to be resolved, or is given up, may mean any member of the target. */
export function hasUnresolved({ aliases, members }: Group): boolean {
  for (const name of aliases?.unresolved ?? []) {
    if (members.get(name)?.pending?.target === null) return true;
    aliases?.unresolved.delete(name);
  }
  return false;
}

/** Nothing is known of this name any more, so it stands for no member. */
export function forgetName({ aliases }: Group, name: string): void {
  if (aliases === null) return;
  const { names, targets, replaced, resolutions, unresolved } = aliases;
  for (const target of targets.get(name) ?? []) {
    const others = (names.get(target) ?? []).filter((other) => other !== name);
    if (others.length > 0) names.set(target, others);
    else names.delete(target);
  }
  targets.delete(name);
  replaced.delete(name);
  unresolved.delete(name);
  if (name === WHOLE_GROUP) resolutions.clear();
}

/** Other names under which the same member of the target is pending. */
export function aliasesPending(
  { aliases, members }: Group,
  { member, target }: Pick<Intent, 'member' | 'target'>,
): readonly string[] {
  const key = target === null ? null : idKey(target);
  const names = key === null ? undefined : aliases?.names.get(key);
  if (names === undefined) return [];
  return names.filter((name) => name !== member && idKey(members.get(name)?.pending?.target ?? '') === key);
}

/** What another name has in the live record must have left it before the intent that replaced it is complete. */
export function noteReplaced(group: Group, by: string, name: string): void {
  if (group.members.get(name)?.recorded === null) return;
  const { replaced } = aliasesOf(group);
  replaced.set(by, (replaced.get(by) ?? new Set()).add(name));
}

export function aliasesOf(group: Group): Aliases {
  group.aliases ??= {
    names: new Map(),
    targets: new Map(),
    replaced: new Map(),
    resolutions: new Map(),
    unresolved: new Set(),
  };
  return group.aliases;
}
