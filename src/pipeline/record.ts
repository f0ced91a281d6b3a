/** What the live record of a group says: what is parked, dead and reported, or recorded and not yet reported otherwise. */
import type { Intent } from '../core/change.ts';
import { isParked } from '../core/pending.ts';
import { setPending } from './conclude.ts';
import type { Context } from './context.ts';
import type { Group, Member } from './state.ts';
import { tidy } from './partition.ts';

export function recordOf(group: Group): readonly Intent[] {
  const kept: Intent[] = [];
  const fresh: Intent[] = [];
  for (const member of group.members.values()) {
    const intent = recordedIntent(member);
    if (intent === null) continue;
    (member.recorded === null ? fresh : kept).push(intent);
  }
  // What was too large is gone altogether.
  if (kept.length + fresh.length === 0) group.recordRoom = Number.POSITIVE_INFINITY;
  // What is recorded may be committed already; only what is new has to wait when there is no room.
  return [...kept, ...fresh.slice(0, group.recordRoom)];
}

/** One member's part in the record; null: none. */
function recordedIntent({ pending, pendingReported, recorded, recordedReported }: Member): Intent | null {
  // The record shrinks, or says something newer, only after the report (spec: report-first).
  if (recorded !== null && recorded.source.offset !== pending?.source.offset && !recordedReported) return recorded;
  if (pending === null) return null;
  if (pending.dead !== null) return pendingReported ? pending : recorded;
  const isRecorded = recorded?.source.offset === pending.source.offset;
  return isParked(pending) || isRecorded ? pending : null;
}

/**
 * The broker refused the record as too large: the oldest dead ones are dropped first; what then does not fit is not
 * parked, and its source offset stays incomplete (design 5.2).
 */
export function fitRecord(context: Context, group: Group, intents: readonly Intent[]): void {
  const dead = intents.filter((intent) => intent.dead !== null).toSorted((a, b) => deadAt(a) - deadAt(b));
  if (dead.length > 0) {
    dropDead(group, dead.slice(0, Math.ceil(dead.length / 2)));
    context.logger.warn({ group: group.id }, 'a live record was too large, its oldest dead intents are dropped');
    return;
  }
  const kept = intents.filter((intent) => group.members.get(intent.member)?.recorded !== null).length;
  group.recordRoom = Math.floor((intents.length - kept) / 2);
  context.logger.warn(
    { group: group.id, room: group.recordRoom },
    'a live record was too large, some intents are not parked',
  );
}

/** They can no longer be replayed. */
function dropDead(group: Group, dead: readonly Intent[]): void {
  for (const intent of dead) {
    const member = group.members.get(intent.member);
    if (member?.pending !== intent) continue;
    setPending(group.partition, member, null);
    member.recordedReported = true;
    group.partition.toWrite.add(group);
    tidy(group, intent.member);
  }
}

const deadAt = ({ dead }: Intent): number => dead?.at ?? 0;

/** Only once its report is acknowledged may the record forget one (spec: report-first). */
const reportedDead = (group: Group): Intent[] =>
  [...group.members.values()].flatMap(({ pending, pendingReported }) =>
    pending !== null && pending.dead !== null && pendingReported ? [pending] : [],
  );

/** Dead intents are kept for a while, and so many per partition. */
export function dropOldDead(context: Context): void {
  const { state, options, clock } = context;
  for (const partition of state.partitions.values()) {
    const dead = [...partition.groups.values()]
      .flatMap((group) => reportedDead(group).map((intent) => ({ group, intent })))
      .toSorted((a, b) => deadAt(a.intent) - deadAt(b.intent));
    const tooMany = dead.length - options.deadKeepCount;
    const tooOld = clock.now().wall - options.deadKeepMs;
    const dropped = dead.filter(({ intent }, i) => i < tooMany || deadAt(intent) < tooOld);
    for (const { group, intent } of dropped) dropDead(group, [intent]);
    if (dropped.length > 0) context.settle();
  }
}
