/**
 * The event that makes a group what the source wants it to be. Wherever each member has a name by the source that is a delta of exactly
 * the differences: a full state removes whom it does not name, so also members whom the source names meanwhile and those whom others
 * have added, and it replaces all that waits of the group. One is written only where a member who is to leave has no such name, and
 * where no user would stay in the group: the removal guard holds an empty full state whole, and of a delta only what exceeds its limits.
 */
import { isId, type ChangeEvent, type Op } from '../change/change.ts';
import type { Membership } from '../target/snapshot.ts';
import { counted } from '../text/counted.ts';
import type { Differences, Named, Unmet, Wanted } from './differences.ts';

/** By the source's names. */
export type Repair =
  | { readonly kind: 'delta'; readonly add: readonly string[]; readonly remove: readonly string[] }
  | { readonly kind: 'state'; readonly members: readonly string[]; readonly deleted: boolean };

export interface RepairOptions {
  /** Members whom neither the source nor a report has named leave as well. */
  readonly removesForeign: boolean;
  /** The source says that the group is deleted. */
  readonly isDeleted: boolean;
  /** The name by which the source means the member of the target; null: it has none. */
  readonly nameOf: (member: string | null, target: string | null) => string | null;
}

/** A repair that may be wrong is refused; `why` says what to do. */
export interface RefusedRepair {
  readonly kind: 'refused';
  readonly why: string;
}

/** A member who differs and is left so. */
export interface Left extends Named {
  /** What to do instead is part of it. */
  readonly why: string;
  /** false: an operator wants it so. */
  readonly isDrift: boolean;
}

export function leftOf({ missing, extra }: Differences): readonly Left[] {
  return [...missing, ...extra].flatMap(({ member, target, evidence }) =>
    evidence === 'refused' || evidence === 'source_says_otherwise'
      ? [{ member, target, why: LEFT[evidence], isDrift: evidence !== 'refused' }]
      : [],
  );
}

const isRepairable = ({ evidence }: Unmet): boolean => evidence === 'no_report' || evidence === 'failed';

/** null: nothing is to be repaired. */
export function repairOf(
  differences: Differences,
  wanted: Wanted,
  shown: Membership,
  { removesForeign, isDeleted, nameOf }: RepairOptions,
): Repair | RefusedRepair | null {
  const { missing, extra, undone, foreign, obstacles } = differences;
  const joining = [...missing.filter(isRepairable), ...undone.filter(({ op }) => op === 'add')];
  const others = removesForeign ? foreign : [];
  const leaving = [...extra.filter(isRepairable), ...undone.filter(({ op }) => op === 'remove'), ...others];
  if (joining.length + leaving.length === 0) return null;
  if (obstacles.length > 0) return refused(obstacles.join('; '));
  if (others.length > 0 && !wanted.isCertain) return refused(UNCERTAIN);
  const unsafe = others.filter(({ target }) => target !== null && !isId(target)).length;
  if (unsafe > 0) return refused(unsafeText(unsafe));
  const unnamed = unnamedCount(differences);
  if (leaving.length > 0 && unnamed > 0) return refused(unnamedText(unnamed));
  const namesOf = (members: readonly Named[]): readonly string[] | null =>
    named(members.map(({ member, target }) => nameOf(member, target)));
  const [add, remove] = [namesOf(joining), namesOf(leaving)];
  const isEmptying =
    leaving.length > 0 && (wanted.members.length === 0 || joining.length + userCount(shown) <= leaving.length);
  if (!isEmptying && add !== null && remove !== null) return { kind: 'delta', add, remove };
  const why = wholeProblem(differences, { wanted, shown, removesForeign, isEmptying });
  return why === null ? { kind: 'state', members: wanted.members, deleted: isDeleted && isEmptying } : refused(why);
}

const refused = (why: string): RefusedRepair => ({ kind: 'refused', why });

/** One of those who would leave may be such a member; what waits for its name counts as well. */
const unnamedCount = ({ unnamedCount: count, pending }: Differences): number =>
  count + pending.filter(({ op, target }) => op === 'add' && target === null).length;

function userCount({ members, nested }: Membership): number {
  return members.size - [...nested].filter((key) => members.has(key)).length;
}

interface Whole {
  readonly wanted: Wanted;
  readonly shown: Membership;
  readonly removesForeign: boolean;
  readonly isEmptying: boolean;
}

/** Why the group may get no full state; null: it may. */
function wholeProblem(differences: Differences, { wanted, shown, removesForeign, isEmptying }: Whole): string | null {
  const because = isEmptying ? 'no member is wanted' : 'a member who is to leave has no name by the source';
  const [cause, instead] = [`${because}, and a full state, which that takes,`, 'remove members at Genesys Cloud'];
  if (!wanted.isCertain) return UNCERTAIN;
  if (isEmptying && wanted.members.length > 0)
    return `no user would stay in the group, though the source wants ${counted(wanted.members.length, 'member')}; look with \`rollcall explain --group … --member …\` why they are not in it`;
  if (differences.pending.length > 0)
    return `${cause} would replace the ${counted(differences.pending.length, 'change')} of the group that are pending; repair it once nothing is: decide what is held, wake what is given up`;
  if (shown.isDoubtful)
    return `${cause} would also remove members whom Genesys Cloud does not show: it lists none, or a number at which lists are cut; ${instead}`;
  if (leftOf(differences).length > 0) return `${cause} would also change the members that are left; ${instead}`;
  if (differences.foreign.length > 0 && !removesForeign)
    return `${cause} would also remove the foreign members; allow that with --remove-foreign, or ${instead}`;
  return null;
}

/** null: some have no name. */
function named(names: readonly (string | null)[]): readonly string[] | null {
  const known = names.filter((name) => name !== null);
  return known.length === names.length ? known : null;
}

const LEFT: Readonly<Record<Exclude<Unmet['evidence'], 'no_report' | 'failed'>, string>> = {
  refused:
    'an operator has refused this removal; remove the member at Genesys Cloud, or let the identity provider write the removal again',
  source_says_otherwise:
    'the newest event of the source says the opposite of the file; correct the file, or let the identity provider write the change',
};
const UNCERTAIN =
  'records that may say who is wanted are gone, or could not be read, so what is left does not say whom to remove; say who is wanted with --from';

const unnamedText = (count: number): string =>
  `of ${counted(count, 'member')} whom the source wants neither the id map nor a report says what Genesys Cloud calls them, and one of those who would leave may be such a member; add them to the id map, and repair it again`;

/** No instance would take an event that names one of them. */
const unsafeText = (count: number): string =>
  `Genesys Cloud shows ${counted(count, 'foreign member')} by an id that no request can name; remove them there, or repair the group without --remove-foreign`;

/** What replaces a record of a repair. */
export interface Correction {
  readonly repair: Repair;
  /** How many of the newest events it does not contain: they go into a further correction. */
  readonly restCount: number;
}

/**
 * What is to be written after `written`, since events came before it that it was not made of: it has replaced them, though they
 * are newer. null: nothing. @param between in their order. @param keyOf what the names of one member have in common
 */
export function correctionOf(
  written: Repair,
  between: readonly ChangeEvent[],
  keyOf: (name: string) => string,
): Correction | null {
  if (written.kind === 'state') return stateOver(written, between, keyOf);
  const repair = deltaOver(written, between, keyOf);
  return repair === null ? null : { repair, restCount: 0 };
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

/** Deltas stand on top of what is written; a full state of the source comes again, since the guard may hold it whole. */
function stateOver(
  written: State,
  between: readonly ChangeEvent[],
  keyOf: (name: string) => string,
): Correction | null {
  const at = between.findLastIndex(({ kind }) => kind === 'state');
  const state = between[at];
  const rest = between.slice(at + 1);
  if (state?.kind !== 'state' || isSameState(written, state, keyOf)) {
    const repair = foldOver(written.members, rest, keyOf);
    return repair === null ? null : { repair, restCount: 0 };
  }
  const { members, deleted } = state;
  return { repair: { kind: 'state', members, deleted }, restCount: rest.length };
}

type State = Extract<Repair, { readonly kind: 'state' }>;

function isSameState(a: State, b: State, keyOf: (name: string) => string): boolean {
  const [ofA, ofB] = [new Set(a.members.map(keyOf)), new Set(b.members.map(keyOf))];
  return a.deleted === b.deleted && ofA.size === ofB.size && [...ofA].every((key) => ofB.has(key));
}

function foldOver(
  members: readonly string[],
  deltas: readonly ChangeEvent[],
  keyOf: (name: string) => string,
): Repair | null {
  const before = new Map(members.map((name) => [keyOf(name), name]));
  const wanted = new Map(before);
  for (const event of deltas) {
    if (event.kind === 'state') continue;
    for (const name of event.add) wanted.set(keyOf(name), wanted.get(keyOf(name)) ?? name);
    for (const name of event.remove) wanted.delete(keyOf(name));
  }
  const add = [...wanted].flatMap(([key, name]) => (before.has(key) ? [] : [name]));
  const remove = [...before].flatMap(([key, name]) => (wanted.has(key) ? [] : [name]));
  return add.length + remove.length === 0 ? null : { kind: 'delta', add, remove };
}
