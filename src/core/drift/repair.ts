/**
 * The event that makes a group what the source wants it to be. Wherever each member has a name by the source that is a delta of exactly
 * the differences: a full state removes whom it does not name, so also members whom the source names meanwhile and those whom others
 * have added, and it replaces all that waits of the group. One is written only where a member who is to leave has no such name.
 */
import type { ChangeEvent, Op } from '../change/change.ts';
import type { Differences, Wanted } from './differences.ts';

/** By the source's names. */
export type Repair =
  | { readonly kind: 'delta'; readonly add: readonly string[]; readonly remove: readonly string[] }
  | { readonly kind: 'state'; readonly members: readonly string[] };

export interface RepairOptions {
  /** Members whom neither the source nor a report has named leave as well. */
  readonly removesForeign: boolean;
  /** The name by which the source means the member of the target; null: it has none. */
  readonly nameOf: (member: string | null, target: string | null) => string | null;
}

/** null: nothing is to be repaired. `refused`: why not, and what to do. */
export function repairOf(
  { missing, extra, undone, foreign }: Differences,
  wanted: Wanted,
  { removesForeign, nameOf }: RepairOptions,
): Repair | { readonly kind: 'refused'; readonly why: string } | null {
  const joining = [...missing, ...undone.filter(({ op }) => op === 'add')];
  const others = removesForeign ? foreign : [];
  const leaving = [...extra, ...undone.filter(({ op }) => op === 'remove'), ...others];
  if (joining.length + leaving.length === 0) return null;
  if (others.length > 0 && !wanted.isCertain) return { kind: 'refused', why: UNCERTAIN };
  const namesOf = (members: Differences['foreign']): readonly (string | null)[] =>
    members.map(({ member, target }) => nameOf(member, target));
  const [add, remove] = [named(namesOf(joining)), named(namesOf(leaving))];
  if (add !== null && remove !== null) return { kind: 'delta', add, remove };
  if (!wanted.isCertain) return { kind: 'refused', why: UNCERTAIN };
  const kept = named(namesOf(removesForeign ? [] : foreign));
  if (kept === null) return { kind: 'refused', why: UNNAMED };
  return { kind: 'state', members: [...wanted.members, ...kept] };
}

/** null: some have no name. */
function named(names: readonly (string | null)[]): readonly string[] | null {
  const known = names.filter((name) => name !== null);
  return known.length === names.length ? known : null;
}

const UNCERTAIN =
  'records that may say who is wanted are gone, or could not be read, so what is left does not say whom to remove; say who is wanted with --from';
const UNNAMED =
  'a member who is to leave has no name by the source, and a full state, which could remove it, would also remove the foreign members: allow that with --remove-foreign, or remove the member at Genesys Cloud';

/**
 * What is to be written after `written`, since events came before it that it was not made of: it has replaced them, though they
 * are newer. null: nothing. @param between in their order. @param keyOf what the names of one member have in common
 */
export function correctionOf(
  written: Repair,
  between: readonly ChangeEvent[],
  keyOf: (name: string) => string,
): Repair | null {
  return written.kind === 'delta' ? deltaOver(written, between, keyOf) : stateOver(written, between, keyOf);
}

function deltaOver(
  { add, remove }: Extract<Repair, { readonly kind: 'delta' }>,
  between: readonly ChangeEvent[],
  keyOf: (name: string) => string,
): Repair | null {
  const written = new Map<string, { readonly name: string; readonly op: Op }>();
  for (const name of add) written.set(keyOf(name), { name, op: 'add' });
  for (const name of remove) written.set(keyOf(name), { name, op: 'remove' });
  const wanted = new Map([...written].map(([key, { op }]) => [key, op]));
  const set = (key: string, op: Op): void => void (written.has(key) && wanted.set(key, op));
  for (const event of between) {
    if (event.kind === 'state') {
      const members = new Set(event.members.map(keyOf));
      for (const key of written.keys()) set(key, members.has(key) ? 'add' : 'remove');
      continue;
    }
    for (const name of event.add) set(keyOf(name), 'add');
    for (const name of event.remove) set(keyOf(name), 'remove');
  }
  const others = [...written].filter(([key, { op }]) => wanted.get(key) !== op);
  if (others.length === 0) return null;
  const by = (op: Op): readonly string[] => others.flatMap(([, each]) => (each.op === op ? [] : [each.name]));
  return { kind: 'delta', add: by('add'), remove: by('remove') };
}

function stateOver(
  { members }: Extract<Repair, { readonly kind: 'state' }>,
  between: readonly ChangeEvent[],
  keyOf: (name: string) => string,
): Repair | null {
  const written = new Set(members.map(keyOf));
  let wanted = new Map(members.map((name) => [keyOf(name), name]));
  for (const event of between) {
    if (event.kind === 'state') {
      wanted = new Map(event.members.map((name) => [keyOf(name), name]));
      continue;
    }
    for (const name of event.add) wanted.set(keyOf(name), wanted.get(keyOf(name)) ?? name);
    for (const name of event.remove) wanted.delete(keyOf(name));
  }
  const isSame = wanted.size === written.size && [...wanted.keys()].every((key) => written.has(key));
  return isSame ? null : { kind: 'state', members: [...wanted.values()] };
}
