/**
 * Which of a group's intents its live record takes, where it cannot take all of them (protocol.md 3.2). What is recorded stays
 * as it is recorded: its source offset may be committed. Only what is new waits for room:
 * what a full state came to first, since it may not be sent before it is recorded; then what is parked, which is tried
 * again from memory in any case; held removals last, since they stay until an operator acts.
 */
import { intentId, isSamePosition, positionText, type Intent } from '../../core/change/change.ts';
import { isHeld, isNotified } from '../../core/change/pending.ts';
import { wireLength } from '../../core/log/live-record.ts';
import { closeComplete } from '../intents/conclude.ts';
import type { Group } from '../state/group.ts';
import type { Member } from '../state/member.ts';
import type { Owners } from '../state/owners.ts';
import type { RecordLimit, RecordParts } from '../state/records-to-write.ts';

/** Something new for the record. */
export interface Added {
  readonly intent: Intent;
  /** What the record goes on saying where there is no room for it; null: nothing. */
  readonly instead: Intent | null;
}

/** null: the record takes the intent in any case. */
export function addedBy({ recordLimit }: Group, { recorded }: Member, intent: Intent): Added | null {
  // What is dead is dropped where it does not fit.
  if (intent.dead !== null) return null;
  if (!isSamePosition(recorded?.source, intent.source)) return { intent, instead: null };
  return recordLimit !== null && recorded !== null && wireLength(intent) > wireLength(recorded)
    ? { intent, instead: recorded }
    : null;
}

/** How many new ones go into a record together. While the group is paused none leaves it, so that a piece would wait as long. */
export const pieceMaxOf = (group: Group): number =>
  group.partition.pauses.isPaused(group) ? Number.POSITIVE_INFINITY : group.partition.toWrite.pieceMax(group);

/** What the next live record says. */
export function fitted(group: Group, kept: readonly Intent[], added: readonly Added[]): readonly Intent[] {
  const wanted = inPieces(kept, added, pieceMaxOf(group));
  const { recordLimit: limit } = group;
  if (limit === null) return [...kept, ...wanted.map(({ intent }) => intent)];
  if (kept.length + added.length === 0) {
    // What was too large is gone.
    group.endRecordLimit();
    return [];
  }
  const base =
    kept.filter(({ dead }) => dead === null).length + wanted.filter(({ instead }) => instead !== null).length;
  const taken = new Set(takeInto(limit, base, wanted));
  const intents = [...kept, ...wanted.flatMap((each) => (taken.has(each) ? each.intent : (each.instead ?? [])))];
  limit.noteWanted({
    wanted: new Set(added.map(({ intent }) => intentId(intent))),
    isShort: taken.size < wanted.length,
    standsStill: standsStill(
      group,
      intents,
      wanted.filter((each) => !taken.has(each)),
    ),
  });
  return intents;
}

/** It is sent once it is recorded. */
const isNext = (intent: Intent): boolean => intent.waits === 'record' && !isHeld(intent);

/** In the order of their right to room; the next piece once half of the last one has left. */
function inPieces(kept: readonly Intent[], added: readonly Added[], countMax: number): readonly Added[] {
  const next = added.filter(({ intent }) => isNext(intent));
  if (next.length === 0 && !added.some(({ intent }) => isHeld(intent))) return added;
  const isPart = ({ intent, instead }: Added): boolean => isNext(intent) && instead === null;
  const parts = next.filter(isPart);
  const positions = new Set(parts.map(({ intent }) => positionText(intent.source)));
  // What is newer than the full state may wait for it, and takes no room.
  const unsent = kept.filter(
    (intent) => isUntried(intent) && intent.op !== 'state' && positions.has(positionText(intent.source)),
  );
  // Removals in the record wait for the additions, so they take no room of theirs.
  const additions = parts.filter(isAddition).slice(0, roomBeside(unsent.filter(isAddOp).length, countMax));
  const removalsMax = Math.max(0, roomBeside(unsent.length, countMax) - additions.length);
  return [
    ...next.filter((each) => !isPart(each)),
    ...additions,
    ...parts.filter((each) => !isAddition(each)).slice(0, removalsMax),
    ...added.filter(({ intent }) => !isNext(intent) && !isHeld(intent)),
    ...added.filter(({ intent }) => isHeld(intent)),
  ];
}

const roomBeside = (count: number, countMax: number): number => (count > countMax / 2 ? 0 : countMax - count);

const isAddOp = ({ op }: Intent): boolean => op === 'add';

const isAddition = ({ intent }: Added): boolean => isAddOp(intent);

const isUntried = (intent: Intent): boolean => intent.dead === null && intent.attempt === 0 && !isHeld(intent);

function takeInto(limit: RecordLimit, base: number, wanted: readonly Added[]): readonly Added[] {
  const candidates = wanted.filter(({ intent }) => !limit.isLeftOut(intentId(intent)));
  const room = limit.room(base);
  const taken: Added[] = [];
  for (const each of candidates) {
    // The last place is for what leaves it by itself.
    const isLast = taken.length === room - 1 && base + taken.length > 0;
    if (taken.length < room && !(isLast && isHeld(each.intent))) taken.push(each);
  }
  return taken;
}

/** What cannot go on before it is recorded has no room, and nothing in the record is about to leave it. */
function standsStill({ members }: Group, intents: readonly Intent[], left: readonly Added[]): boolean {
  if (!left.some(({ intent }) => intent.waits === 'record' || isHeld(intent))) return false;
  return !intents.some((intent) => {
    const pending = members.get(intent.member)?.pending ?? null;
    if (pending === null || pending.dead !== null || isHeld(pending) || pending.op === 'state') return false;
    return pending === intent || pending.waits !== 'record';
  });
}

/**
 * The broker has refused a record of these intents. Marks of notifications are left out first (11.4), then dead ones are dropped, the
 * oldest first (protocol.md 3.2).
 */
export function fitRecord(owners: Owners, group: Group, intents: readonly Intent[]): void {
  const { logger } = owners;
  if (!group.omitsMarks && intents.some(isNotified)) {
    group.omitMarks();
    logger.warn({ group: group.id }, 'a live record was too large, what people were notified of is left out');
    return;
  }
  const dead = intents
    .filter((intent) => intent.dead !== null && group.members.get(intent.member)?.pending === intent)
    .toSorted((a, b) => deadAt(a) - deadAt(b));
  if (dead.length > 0) {
    dropDead(group, dead.slice(0, Math.ceil(dead.length / 2)));
    logger.warn({ group: group.id }, 'a live record was too large, its oldest dead intents are dropped');
    return;
  }
  if (group.partition.finals.shrink(group)) {
    logger.warn({ group: group.id }, 'a live record was too large, half of its final marks are dropped');
    return;
  }
  if (group.partition.unresolved.dropNames(group.id)) {
    logger.warn({ group: group.id }, 'a live record was too large, its list of unknown members is dropped');
    return;
  }
  const isFirst = group.recordLimit === null;
  const limit = group.limitRecord();
  const wasStuck = limit.isStuck;
  limit.noteRefused(partsOf(group, intents));
  if (isFirst)
    logger.warn({ group: group.id, intents: intents.length }, 'a live record was too large and is written in parts');
  if (limit.isStuck && !wasStuck) logger.error({ group: group.id }, TOO_SMALL);
  // Nothing can be left out: it is written again when something leaves it, or at the next sweep.
  if (limit.isStuck && partsOf(group, intents).added.length === 0) group.partition.toWrite.delete(group);
}

const TOO_SMALL =
  'the retry topic does not take what a change of this group has to record, so the change waits: raise max.message.bytes of the retry topic';

/** What of a record was new; the group may have changed since it was written. */
export function partsOf(group: Group, intents: readonly Intent[]): RecordParts {
  const added = intents.filter((intent) => {
    const member = group.members.get(intent.member);
    return member !== undefined && intent !== member.recorded && addedBy(group, member, intent) !== null;
  });
  const longer = added.filter(({ member, source }) =>
    isSamePosition(group.members.get(member)?.recorded?.source, source),
  );
  const alive = intents.filter(({ dead }) => dead === null).length;
  return { base: alive - added.length + longer.length, added: added.map(intentId) };
}

/** Each minute: the limit of the topic may have been raised, and what is in the record may have become smaller. */
export function retryRecords({ partitions, settle }: Owners): void {
  for (const { groups, toWrite } of partitions) {
    for (const group of groups.values()) {
      if (group.recordLimit?.isShort !== true) continue;
      group.recordLimit.retry();
      toWrite.add(group);
      settle();
    }
  }
}

/** They can no longer be replayed. */
export function dropDead(group: Group, dead: readonly Intent[]): void {
  for (const intent of dead) {
    const member = group.members.get(intent.member);
    if (member?.pending !== intent) continue;
    const { unresolved } = group.partition;
    if (unresolved.isAwaited(group.id, intent)) unresolved.keepAwaited(group.id, intent.member);
    member.replace(null);
    member.endRecorded();
    group.partition.toWrite.add(group);
    // Where it never stood in the record, no record of it tells of its end.
    closeComplete(group, intent.member, member);
    group.tidyMember(intent.member);
  }
}

export const deadAt = ({ dead }: Intent): number => dead?.at ?? 0;
