/** A partition, its groups and their members: made, moved from phase to phase, and tidied away. */
import assert from 'node:assert/strict';
import { WHOLE_GROUP, comparePositions, type Position } from '../core/change/change.ts';
import { idKey } from '../core/change/id-key.ts';
import { emptyView } from '../core/log/ownership.ts';
import { NO_MARK } from '../core/log/commit-metadata.ts';
import type { Context } from './context.ts';
import { FinalMarks } from './final-marks.ts';
import { FormerKeys } from './former-keys.ts';
import { HeldDigests } from './held-digests.ts';
import { Inbox } from './inbox.ts';
import type { Member } from './member.ts';
import { IntentCounts } from './members.ts';
import { OwnRecords } from './own-records.ts';
import type { PipelineOptions } from './options.ts';
import { RecordsToWrite } from './records-to-write.ts';
import { RemovalWindow } from './removal-window.ts';
import { Group } from './group.ts';
import type { Partition, Phase, State } from './state.ts';
import { OperatorRequests } from './operator-requests.ts';
import { Unacknowledged } from './unacknowledged.ts';
import { UnresolvedMembers } from './unresolved-members.ts';

export type PartitionOptions = Pick<PipelineOptions, 'guard' | 'membersPerPatchMax'>;

export const newPartition = (number: number, { guard, membersPerPatchMax }: PartitionOptions): Partition => ({
  number,
  phase: 'fencing',
  refusal: null,
  isKept: false,
  base: 0,
  epoch: 0,
  seq: 0,
  fenceId: null,
  fenceRead: false,
  epochUsed: false,
  former: null,
  goneRetry: null,
  foreignFence: false,
  overtakenAt: null,
  wasEmpty: false,
  view: emptyView(),
  retryNext: 0n,
  restored: new Map(),
  foreign: new Map(),
  restoredMarks: new Map(),
  finals: new FinalMarks(),
  formerKeys: new FormerKeys(),
  unresolved: new UnresolvedMembers(),
  digests: new HeldDigests(),
  ownRecords: new OwnRecords(),
  inbox: new Inbox(),
  counts: new IntentCounts(),
  stale: new Set(),
  recordedAt: new Map(),
  requests: new OperatorRequests(),
  answers: [],
  start: null,
  ledger: null,
  mark: NO_MARK,
  comparison: null,
  dispatchesEarly: false,
  groups: new Map(),
  toWrite: new RecordsToWrite(membersPerPatchMax),
  unacknowledged: new Unacknowledged(),
  removals: new RemovalWindow(guard.windowMs),
  takeoverDoubt: null,
  lastCommit: null,
});

const moves: Readonly<Record<Phase, readonly Phase[]>> = {
  fencing: ['fencing', 'restoring'],
  restoring: ['fencing', 'loading', 'catching_up'],
  loading: ['catching_up'],
  catching_up: ['fencing', 'running'],
  running: ['fencing'],
  refused: [],
};

export function move(partition: Partition, to: Phase): void {
  assert(moves[partition.phase].includes(to), `partition ${partition.number}: ${partition.phase} → ${to}`);
  partition.phase = to;
}

export const isRestored = ({ phase }: Partition): boolean => phase === 'catching_up' || phase === 'running';

/** Its state is in memory: what the retry partition says besides is a repair, not news. */
export const isOwned = (partition: Partition): boolean => partition.isKept || isRestored(partition);

/** @param name in any spelling. */
export function groupOf({ ids }: Pick<Context, 'ids'>, partition: Partition, name: string): Group {
  const id = idKey(name);
  const known = partition.groups.get(id);
  if (known !== undefined) return known;
  const group = new Group(id, partition, ids === null ? id : null);
  partition.groups.set(id, group);
  return group;
}

/** A live record of the group stands under another spelling of it: its tombstone follows once the group's own says the same. */
export function noteFormerKey(group: Group, key: string): void {
  if (key === group.id) return;
  const { foreign, unresolved, toWrite, formerKeys } = group.partition;
  const entries = foreign.get(key);
  if (entries !== undefined) foreign.set(group.id, [...(foreign.get(group.id) ?? []), ...entries]);
  foreign.delete(key);
  unresolved.takeOver(group.id, key);
  formerKeys.note(key);
  toWrite.add(group);
}

export const memberOf = (group: Group, id: string): Member => group.members.obtain(id);

/** Forgets a member of which nothing is pending, recorded or open. */
export function tidyMember(group: Group, name: string): void {
  const member = group.members.get(name);
  if (member?.isEmpty !== true) return;
  group.members.delete(name);
  group.aliases?.forget(name);
}

/**
 * Forgets a group of which nothing is left. Met again it is another object, so what may still come back to this one,
 * or matter to its next request, keeps it.
 */
export function tidyGroup(context: Pick<Context, 'state' | 'clock' | 'dispatch'>, group: Group): void {
  const { state, clock, dispatch } = context;
  if (!isIdle(state, group)) return;
  const now = clock.now();
  const doubtMs = Math.max(doubtLeftMs(group, now.monotonic), group.unconfirmed?.leftMs(now.monotonic) ?? 0);
  if (doubtMs > 0) {
    // The review at its end comes back here.
    state.waiting.push(group, now.wall + doubtMs);
    return dispatch();
  }
  group.partition.groups.delete(group.id);
  group.partition.unresolved.endRemovals(group.id);
  group.partition.digests.forget(group);
  state.ready.delete(group);
  state.waiting.delete(group);
}

/** Nothing of it is pending, recorded or open, in flight, to be written, or sent and not acknowledged. */
function isIdle({ locks }: Pick<State, 'locks'>, group: Group): boolean {
  const { toWrite, unacknowledged, groups, finals } = group.partition;
  if (group.members.size > 0 || group.expansions.length > 0 || locks.has(group.id) || finals.has(group)) return false;
  return !toWrite.has(group) && !unacknowledged.has(group) && groups.get(group.id) === group;
}

/** How long the group must be remembered for its doubt; that of the partition it would be given again. */
function doubtLeftMs({ doubt, partition }: Group, nowMs: number): number {
  return doubt === null || doubt === partition.takeoverDoubt ? 0 : doubt.untilMs - nowMs;
}

/**
 * The acknowledged live record still holds something that an intent of this member, at this position, has replaced; or
 * the full state that it stands on is not complete, and would be worked out without it if only that were read again.
 */
export function isOlderRecorded({ members, aliases }: Group, name: string, position: Position): boolean {
  const isOlder = (each: string): boolean => {
    const recorded = members.get(each)?.recorded ?? null;
    return recorded !== null && comparePositions(recorded.source, position) < 0;
  };
  if (name === WHOLE_GROUP) return hasOlder(members.recorded, position);
  const oldestWhole = members.get(WHOLE_GROUP)?.unfinished ?? null;
  if (oldestWhole !== null && comparePositions(oldestWhole.source, position) < 0) return true;
  return isOlder(name) || isOlder(WHOLE_GROUP) || [...(aliases?.replacedBy(name) ?? [])].some(isOlder);
}

function hasOlder(recorded: Iterable<Member>, position: Position): boolean {
  for (const { recorded: last } of recorded)
    if (last !== null && comparePositions(last.source, position) < 0) return true;
  return false;
}
