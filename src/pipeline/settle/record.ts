/** What the live record of a group says: what is parked, dead and reported, or recorded and not yet reported otherwise. */
import { WHOLE_GROUP, comparePositions, isSamePosition, type Intent, type Position } from '../../core/change/change.ts';
import { wasTried, isHeld, isParked, isUnsureAlone } from '../../core/change/pending.ts';
import type { FinalMark } from '../../core/log/final-mark.ts';
import type { Trouble } from '../../core/log/wire-intent.ts';
import { closeComplete, finish, reportWait, tidyMarks } from '../intents/conclude.ts';
import { noteHeldNews } from '../intents/notify.ts';
import type { Group } from '../state/group.ts';
import type { Member } from '../state/member.ts';
import type { Owners } from '../state/owners.ts';
import { addedBy, deadAt, dropDead, fitted, partsOf, pieceMaxOf, type Added } from './fit-record.ts';

export function recordOf(group: Group): readonly Intent[] {
  const kept: Intent[] = [];
  const added: Added[] = [];
  const wholeMember = group.members.get(WHOLE_GROUP);
  const isEntering = enteringIn(group);
  const pendingOf = (member: Member): Intent | null =>
    isEntering(member) || comesBeforeReport(group, member) ? null : member.pending;
  const whole = wholeMember === undefined ? null : recordedIntent(wholeMember, pendingOf(wholeMember));
  for (const member of candidatesOf(group)) {
    const pending = pendingOf(member);
    const intent = recordedIntent(member, pending) ?? layeredOn(whole, member.recorded);
    if (intent === null) continue;
    const isNew = addedBy(group, member, intent);
    if (isNew === null) kept.push(intent);
    else added.push(isNew);
  }
  return fitted(group, kept, added);
}

/** All of whom the record may say something; of those that wait for room as many as a piece takes. */
function candidatesOf(group: Group): ReadonlySet<Member> {
  const { members, recordLimit } = group;
  const candidates = new Set([...members.recorded, ...members.tried, ...members.held, ...members.dead]);
  // What a limit of the topic leaves out is looked at in full.
  const sizeMax = candidates.size + (recordLimit === null ? pieceMaxOf(group) : Number.POSITIVE_INFINITY);
  for (const member of members.unrecorded()) {
    if (candidates.size >= sizeMax) break;
    candidates.add(member);
  }
  return candidates;
}

/**
 * A full state leaves the record only once what it came to stands there too, and what is held is longer once it is
 * approved: the record keeps room for that from the start. An approved part takes this room until it leaves.
 */
export function isReserving({ members }: Group, intents: readonly Intent[]): boolean {
  const current = intents.filter((intent) => members.get(intent.member)?.pending === intent);
  if (current.some(({ op, dead }) => op === 'state' && dead === null)) return true;
  return current.some(isHeld) && !current.some(({ guard }) => guard?.kind === 'approved');
}

/** Where room is short, what people read of the newest failure gives way to what has to be recorded. */
export const troubleOf = ({ trouble, recordLimit }: Group): Trouble | null => (recordLimit === null ? trouble : null);

/** The record of the group is acknowledged, and holds these. */
export function recordAcknowledged(
  owners: Owners,
  group: Group,
  { intents, finals }: { readonly intents: readonly Intent[]; readonly finals: readonly FinalMark[] },
): void {
  const { members, partition } = group;
  const wasUnknown = group.isRecordUnknown;
  // What waited for the record of a mark has its end also where the record leaves the mark out.
  const hadMarks = partition.finals.has(group);
  partition.finals.noteRecorded(group, finals);
  const wholeBefore = members.get(WHOLE_GROUP)?.recorded ?? null;
  group.noteRecordKnown();
  group.partition.formerKeys.noteRecorded(group.id);
  group.recordLimit?.noteWritten(partsOf(group, intents));
  const written = new Map(intents.map((intent) => [intent.member, intent]));
  const touched = new Set(members.recorded);
  for (const name of [...written.keys(), WHOLE_GROUP]) {
    const member = members.get(name);
    if (member !== undefined) touched.add(member);
  }
  for (const member of touched) {
    member.noteRecorded(written.get(member.name) ?? null);
    if (member.name !== WHOLE_GROUP && isSaid(member)) endWait(owners, group, member);
  }
  endWholeWait(owners, group);
  for (const { op, source } of intents) if (op !== 'state') group.accountForExpansions(source);
  endExpansions(owners, group);
  // What was blocked by the record as a whole, by its full state or under another name may be complete by now.
  const isAboutAll =
    wasUnknown ||
    hadMarks ||
    (members.get(WHOLE_GROUP)?.recorded ?? null) !== wholeBefore ||
    group.aliases?.hasReplaced === true;
  for (const member of isAboutAll ? [...members.values()] : touched) {
    closeComplete(group, member.name, member);
    group.tidyMember(member.name);
  }
  tidyMarks(owners, group);
  noteHeldNews(owners, group);
  owners.review(group);
  owners.dispatch();
  owners.settle();
}

/** The live record says of the pending intent what it waits for. */
function isSaid({ pending, recorded: last }: Member): boolean {
  if (pending === null || last === null || !isSamePosition(last.source, pending.source)) return false;
  return isHeld(last) === isHeld(pending) && last.attempt >= pending.attempt;
}

function endWait(owners: Owners, group: Group, member: Member): void {
  if (member.pending?.waits === 'record') member.waitFor(null);
  for (const report of member.takeDeferredReports()) reportWait(owners, group, report);
}

/** A full state has its second look only after what the first came to; what is held of that may wait for days. */
function endWholeWait(owners: Owners, group: Group): void {
  const whole = group.members.get(WHOLE_GROUP);
  if (whole === undefined || !isSaid(whole)) return;
  for (const { name, pending } of group.members.unrecorded())
    if (name !== WHOLE_GROUP && isSamePosition(pending?.source, whole.pending?.source)) return;
  if (whole.pending?.waits === 'record') group.partition.toWrite.add(group);
  endWait(owners, group, whole);
}

/**
 * What full states came to stands in the live record, so they themselves are done with; not before all that they have replaced has
 * left it: without them a restore would bring that back.
 */
function endExpansions(owners: Owners, group: Group): void {
  const done = group.expansions.filter(
    ({ state, isEntered, isRecorded }) =>
      isEntered &&
      isRecorded &&
      !isUnrecorded(group, state.source) &&
      !group.isOlderRecorded(WHOLE_GROUP, state.source),
  );
  for (const { state } of done) {
    group.endExpansion(state);
    // Its wait was reported, so its end is reported, too.
    if (wasTried(state)) finish(owners, group, state, { outcome: 'recovered', request: null });
    else endUnreported(group, state);
  }
}

/** Held ones too: they wait for the record, and then for an operator. */
function isUnrecorded({ members }: Group, source: Position): boolean {
  const isOfIt = ({ pending }: Member): boolean =>
    pending?.waits === 'record' && isSamePosition(pending.source, source);
  for (const member of members.unrecorded()) if (isOfIt(member)) return true;
  return [...members.held].some(isOfIt);
}

function endUnreported(group: Group, { source }: Intent): void {
  const whole = group.members.get(WHOLE_GROUP);
  if (whole === undefined) return;
  whole.noteSourcesReported((each) => isSamePosition(each, source));
  if (!isSamePosition(whole.recorded?.source, source)) return;
  whole.endRecorded();
  group.partition.toWrite.add(group);
}

/** What stands on a full state leaves the record with it, never before: a restore would work that out without it. */
const layeredOn = (whole: Intent | null, recorded: Intent | null): Intent | null =>
  whole !== null && recorded !== null && recorded.dead === null && comparePositions(recorded.source, whole.source) > 0
    ? recorded
    : null;

/** It comes of a full state of which not all is entered yet, so that the guard has not judged it: the record says nothing of it. */
function enteringIn({ expansions }: Group): (member: Member) => boolean {
  const entering = expansions.find(({ isEntered }) => !isEntered);
  if (entering === undefined) return () => false;
  const { source } = entering.state;
  return ({ name, pending, recorded: last }) =>
    name !== WHOLE_GROUP && isSamePosition(pending?.source, source) && !isSamePosition(last?.source, source);
}

/** What it has replaced in the record is not reported yet, and what is unsure of it stands in the record until then. */
function comesBeforeReport({ members, aliases }: Group, { name, pending, recorded: last }: Member): boolean {
  if (pending === null || !isUnsureAlone(pending) || isSamePosition(last?.source, pending.source)) return false;
  const isLeft = ({ recorded, isRecordedReported }: Member): boolean =>
    recorded !== null && !isRecordedReported && comparePositions(recorded.source, pending.source) < 0;
  if (name === WHOLE_GROUP) return [...members.recorded].some(isLeft);
  return [...(aliases?.replacedBy(name) ?? [])].flatMap((each) => members.get(each) ?? []).some(isLeft);
}

/** One member's part in the record; null: none. */
function recordedIntent(
  { isPendingReported, recorded, isRecordedReported }: Member,
  pending: Intent | null,
): Intent | null {
  // The record shrinks, or says something newer, only after the report (spec: report-first).
  const isRecorded = isSamePosition(recorded?.source, pending?.source);
  if (recorded !== null && !isRecorded && !isRecordedReported) return recorded;
  if (pending === null) return null;
  if (pending.dead !== null) return isPendingReported ? pending : recorded;
  return isParked(pending) || isRecorded ? pending : null;
}

/** Only once its report is acknowledged may the record forget one (spec: report-first). */
const reportedDead = (group: Group): Intent[] =>
  [...group.members.dead].flatMap(({ pending, isPendingReported }) =>
    pending !== null && pending.dead !== null && isPendingReported ? [pending] : [],
  );

/** A restore would hold what an operator has decided about: the record calls it held until the reports are acknowledged (spec: report-first). */
export const holdsDecided = (group: Group): boolean =>
  [...group.members.recorded].some(
    ({ pending, recorded }) =>
      recorded !== null &&
      isHeld(recorded) &&
      !(pending !== null && isHeld(pending) && isSamePosition(pending.source, recorded.source)),
  );

/** Dead intents are kept for a while, and so many per partition. */
export function dropOldDead(owners: Owners): void {
  const { partitions, options, clock } = owners;
  for (const partition of partitions) {
    const dead = [...partition.groups.values()]
      .flatMap((group) => reportedDead(group).map((intent) => ({ group, intent })))
      .toSorted((a, b) => deadAt(a.intent) - deadAt(b.intent));
    const tooMany = dead.length - options.deadKeepCount;
    const tooOld = clock.now().wall - options.deadKeepMs;
    const dropped = dead.filter(({ intent }, i) => i < tooMany || deadAt(intent) < tooOld);
    for (const { group, intent } of dropped) dropDead(group, [intent]);
    if (dropped.length > 0) owners.settle();
  }
}
