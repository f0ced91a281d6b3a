/**
 * What undoes the changes of a group that Rollcall made within some time: of each member the opposite of the last of them, where no newer
 * event is about the member, the target still shows it, and it is certain that the member was otherwise before the first of them.
 */
import { idKey, isSameId, positionText, type Op } from '../change/change.ts';
import type { IdKind } from '../ids/resolution.ts';
import type { Membership } from '../target/snapshot.ts';
import type { AppliedChange, Made } from './applied-changes.ts';
import type { KnownOfGroup } from './differences.ts';
import { comparePlaces, isFormerPlace, type Place } from './place.ts';
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
  /** Records of the source are gone that may be newer. @param partitions of the source that have had something of the group */
  readonly isGoneAfter: (place: Place, partitions: ReadonlySet<number>) => boolean;
  /** The source's name certainly means this one of the target now. */
  readonly isNamed: (kind: IdKind, name: string, target: string) => boolean;
}

/**
 * Why a member is left as it is. `changed_since`: there is a newer event about it. `not_there`: the target does not show the change any
 * more. The others leave something to do: `pending`: nor does it, but the change is read, or tried, again; `not_shown`: the target may
 * show a part of its members only; `is_group`: it shows a group by this id; `unsure`: it is not known whether Rollcall made the change, or
 * what the member was before it; `author_unknown`: nor for whom; `source_gone`: nor what the source said since; `former_source`: nor what the former source topic, by which it was applied, said since; `renamed`: it is not
 * certain that the id map names the same user, and the same group; `no_name`: the source has no name for the member.
 */
export type UndoLeftReason =
  | 'changed_since'
  | 'not_there'
  | 'pending'
  | 'not_shown'
  | 'is_group'
  | 'unsure'
  | 'source_gone'
  | 'former_source'
  | 'author_unknown'
  | 'renamed'
  | 'no_name';

export interface UndoLeft {
  readonly change: AppliedChange;
  readonly why: UndoLeftReason;
  /** Of the newer event, `topic/partition/offset`; null: there is none. */
  readonly newer: string | null;
  /** Of `author_unknown`, the first of the member's changes whose author is not known; else null. */
  readonly unknown: AppliedChange | null;
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

/** Of each member at least one; of each in the order of the source. */
export type ChangesOfMembers = readonly (readonly AppliedChange[])[];

/** What may have to be undone: of whom it is asked, but for those who are as before. */
export function undoable(changes: ChangesOfMembers, options: UndoOptions): ChangesOfMembers {
  return changes
    .map((ofMember) => ofMember.filter((change) => isBy(change, options) !== 'no'))
    .filter((asked) => asked.length > 0 && !isAsBefore(asked, options));
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
  for (const asked of changes) {
    const last = asked.at(-1);
    if (last === undefined) continue;
    const places = [newest.get(idKey(last.target)), state?.place].filter((place) => place !== undefined);
    const newer = places.find((place) => comparePlaces(place, last.place) > 0) ?? null;
    const why = newer === null ? whyLeft(asked, { known, snapshot, options }) : 'changed_since';
    const unknown = why === 'author_unknown' ? firstUnknown(asked, options) : null;
    if (why === null) undone.push(last);
    else left.push({ change: last, why, newer: newer === null ? null : positionText(newer), unknown });
  }
  if (undone.length === 0) return { undone, left, repair: null };
  const obstacles = obstaclesOf(known, oldestOf(undone), UNREAD_REMEDY);
  if (obstacles.length > 0) return { undone, left, repair: { kind: 'refused', why: obstacles.join('; ') } };
  const namesOf = (op: Op): readonly string[] => undone.flatMap((each) => (each.op === op ? [each.name] : []));
  return { undone, left, repair: { kind: 'delta', add: namesOf('remove'), remove: namesOf('add') } };
}

/** What cannot be read and lies before all of them says nothing newer. */
const oldestOf = (changes: readonly AppliedChange[]): Place | null =>
  changes.map(({ place }) => place).toSorted(comparePlaces)[0] ?? null;

const UNREAD_REMEDY = 'it may say something newer of the members; change them at Genesys Cloud';

/** By the members' names at the target, by `idKey`, where the newest event lies that names them, by whichever name of the source. */
function newestPlaces({ facts, waiting, target: group, targetOf }: KnownOfGroup): ReadonlyMap<string, Place> {
  const newest = new Map<string, Place>();
  const note = (target: string | null, place: Place): void => {
    if (target === null) return;
    const rival = newest.get(idKey(target));
    if (rival === undefined || comparePlaces(place, rival) > 0) newest.set(idKey(target), place);
  };
  for (const [name, { place, final, waits }] of facts.members) {
    note(targetOf(name), place);
    // The name may mean another one by now.
    for (const report of [final, waits])
      if (report !== null && group !== null && report.group === idKey(group)) note(report.target, place);
  }
  for (const { intent } of waiting)
    if (intent.op !== 'state') note(intent.target ?? targetOf(intent.member), intent.source);
  return newest;
}

/** The first and the last are opposites. */
function isAsBefore(asked: readonly AppliedChange[], options: UndoOptions): boolean {
  const [first] = asked;
  const isSure =
    first?.isSure === true && !first.followsUnsure && asked.every((change) => isBy(change, options) === 'yes');
  return isSure && asked[0]?.op !== asked.at(-1)?.op;
}

function isBy(change: AppliedChange, { author, madeBy }: UndoOptions): 'yes' | 'no' | 'unknown' {
  if (author === null || change.approvedBy === author) return 'yes';
  const by = madeBy(change)?.by ?? null;
  return by === null ? 'unknown' : by === author ? 'yes' : 'no';
}

const firstUnknown = (asked: readonly AppliedChange[], options: UndoOptions): AppliedChange | null =>
  asked.find((change) => isBy(change, options) === 'unknown') ?? null;

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
  if (snapshot.nested.has(idKey(last.target))) return 'is_group';
  // Who is not shown may be a member all the same, and a removal of a member who was not shown has changed nothing.
  if (snapshot.isDoubtful && !snapshot.members.has(idKey(last.target))) return 'not_shown';
  if (snapshot.members.has(idKey(last.target)) !== (last.op === 'add'))
    return isPending(last, known) ? 'pending' : 'not_there';
  if (firstUnknown(asked, options) !== null) return 'author_unknown';
  if (asked[0]?.followsUnsure === true || asked.some(({ isSure }) => !isSure)) return 'unsure';
  if (isFormerPlace(last.place)) return 'former_source';
  if (options.isGoneAfter(last.place, known.facts.partitions)) return 'source_gone';
  if (options.nameOf(last.name, last.target) === null) return 'no_name';
  const isNamed =
    options.isNamed('group', known.facts.spelling, last.group) && options.isNamed('user', last.name, last.target);
  return isNamed ? null : 'renamed';
}

/** Its record is read again, as after a rewind, or it waits for another try. */
const isPending = ({ place }: AppliedChange, { isCommitted, waiting }: KnownOfGroup): boolean =>
  !isCommitted(place) || waiting.some(({ intent }) => comparePlaces(intent.source, place) === 0);
