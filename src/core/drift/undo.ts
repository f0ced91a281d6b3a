/**
 * What undoes the changes of a group that Rollcall made within some time: of each member the opposite of the last of them, where that
 * was the last word about the member, and the target still shows it.
 */
import { idKey, isSameId, positionText, type Op } from '../change/change.ts';
import type { Membership } from '../target/snapshot.ts';
import type { AppliedChange, Made } from './applied-changes.ts';
import type { KnownOfGroup } from './differences.ts';
import { comparePlaces, type Place } from './group-facts.ts';
import { obstaclesOf } from './obstacles.ts';
import type { RefusedRepair, Repair } from './repair.ts';
import { newestState, waitingStates } from './standing.ts';

export interface UndoOptions {
  /** Only what an event of this actor, or an approval of this author, has brought; null: all. */
  readonly author: string | null;
  /** null: the record is gone, or could not be read. */
  readonly madeBy: (change: AppliedChange) => Made | null;
  /** The name by which the source means the member of the target; null: it has none. */
  readonly nameOf: (member: string | null, target: string | null) => string | null;
  /** Records of the source are gone that may be newer. */
  readonly isGoneAfter: (place: Place) => boolean;
}

/**
 * Why a member is left as it is. `changed_since`: there is a newer event about it. `not_there`: the target does not show the change any
 * more. The others leave something to do: `not_shown`: the target may show a part of its members only; `unsure`: it is not known whether
 * Rollcall made the change; `author_unknown`: nor for whom; `source_gone`: nor what the source said since; `renamed`: the id map names
 * another user, or another group, by now; `no_name`: the source has no name for the member.
 */
export type UndoLeftReason =
  | 'changed_since'
  | 'not_there'
  | 'not_shown'
  | 'unsure'
  | 'source_gone'
  | 'author_unknown'
  | 'renamed'
  | 'no_name';

export interface UndoLeft {
  readonly change: AppliedChange;
  readonly why: UndoLeftReason;
  /** Of the newer event, `topic/partition/offset`; null: there is none. */
  readonly newer: string | null;
}

export interface Undo {
  /** The changes that are undone, the last ones of their members. */
  readonly undone: readonly AppliedChange[];
  readonly left: readonly UndoLeft[];
  /** By the source's names; null: nothing is to be undone. */
  readonly repair: Extract<Repair, { readonly kind: 'delta' }> | RefusedRepair | null;
}

/** These need no more work: something newer counts. */
export const isSettled = ({ why }: UndoLeft): boolean => why === 'changed_since' || why === 'not_there';

/** By the members' names at the target, by `idKey`; of each member in the order of the source. */
export type ChangesOfMembers = ReadonlyMap<string, readonly AppliedChange[]>;

/** What may have to be undone: of whom it is asked, but for those who are as before. */
export function undoable(changes: ChangesOfMembers, options: UndoOptions): ChangesOfMembers {
  const found = new Map<string, readonly AppliedChange[]>();
  for (const [target, ofMember] of changes) {
    const asked = ofMember.filter((change) => isBy(change, options) !== 'no');
    if (asked.length > 0 && !isAsBefore(asked, options)) found.set(target, asked);
  }
  return found;
}

/** @param changes that are `undoable` */
export function undoOf(
  changes: ChangesOfMembers,
  known: KnownOfGroup,
  snapshot: Membership,
  options: UndoOptions,
): Undo {
  const newest = newestPlaces(known);
  const state = newestState(known.facts.state, waitingStates(known.waiting));
  const undone: AppliedChange[] = [];
  const left: UndoLeft[] = [];
  for (const [target, asked] of changes) {
    const last = asked.at(-1);
    if (last === undefined) continue;
    const places = [newest.get(target), state?.place].filter((place) => place !== undefined);
    const newer = places.find((place) => comparePlaces(place, last.place) > 0) ?? null;
    const why = newer === null ? whyLeft(asked, { known, snapshot, options }) : 'changed_since';
    if (why === null) undone.push(last);
    else left.push({ change: last, why, newer: newer === null ? null : positionText(newer) });
  }
  if (undone.length === 0) return { undone, left, repair: null };
  const obstacles = obstaclesOf(known, state);
  if (obstacles.length > 0) return { undone, left, repair: { kind: 'refused', why: obstacles.join('; ') } };
  const namesOf = (op: Op): readonly string[] => undone.flatMap((each) => (each.op === op ? [each.name] : []));
  return { undone, left, repair: { kind: 'delta', add: namesOf('remove'), remove: namesOf('add') } };
}

/** By the members' names at the target, by `idKey`, where the newest event lies that names them, by whichever name of the source. */
function newestPlaces({ facts, waiting, targetOf }: KnownOfGroup): ReadonlyMap<string, Place> {
  const newest = new Map<string, Place>();
  const note = (target: string | null, place: Place): void => {
    if (target === null) return;
    const rival = newest.get(idKey(target));
    if (rival === undefined || comparePlaces(place, rival) > 0) newest.set(idKey(target), place);
  };
  for (const [name, { place }] of facts.members) note(targetOf(name), place);
  for (const { intent } of waiting)
    if (intent.op !== 'state') note(intent.target ?? targetOf(intent.member), intent.source);
  return newest;
}

/** The first and the last are opposites. */
function isAsBefore(asked: readonly AppliedChange[], options: UndoOptions): boolean {
  const isSure = asked[0]?.isSure === true && asked.every((change) => isBy(change, options) === 'yes');
  return isSure && asked[0]?.op !== asked.at(-1)?.op;
}

function isBy(change: AppliedChange, { author, madeBy }: UndoOptions): 'yes' | 'no' | 'unknown' {
  if (author === null || change.approvedBy === author) return 'yes';
  const made = madeBy(change);
  return made === null ? 'unknown' : made.by === author ? 'yes' : 'no';
}

interface Circumstances {
  readonly known: KnownOfGroup;
  readonly snapshot: Membership;
  readonly options: UndoOptions;
}

/** null: it is not left. */
function whyLeft(
  asked: readonly AppliedChange[],
  { known, snapshot, options }: Circumstances,
): Exclude<UndoLeftReason, 'changed_since'> | null {
  const last = asked.at(-1);
  // Else another group is shown.
  if (known.target === null || last === undefined || !isSameId(last.group, known.target)) return 'renamed';
  if (!isShown(last, snapshot)) return last.op === 'add' && snapshot.isDoubtful ? 'not_shown' : 'not_there';
  if (asked.some((change) => isBy(change, options) === 'unknown')) return 'author_unknown';
  if (asked.some(({ isSure }) => !isSure)) return 'unsure';
  if (options.isGoneAfter(last.place)) return 'source_gone';
  if (options.nameOf(last.name, last.target) === null) return 'no_name';
  return isNamedSo(last, known) ? null : 'renamed';
}

/** A group inside of the group is no member that Rollcall has added. */
function isShown({ op, target }: AppliedChange, { members, nested }: Membership): boolean {
  const key = idKey(target);
  return members.has(key) === (op === 'add') && !nested.has(key);
}

/** The source's name means today whom it meant then. */
function isNamedSo({ name, target }: AppliedChange, known: KnownOfGroup): boolean {
  const targetNow = known.targetOf(idKey(name));
  return targetNow !== null && isSameId(targetNow, target);
}
