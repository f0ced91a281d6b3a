/** A partition, its groups and their members: made, moved from phase to phase, and tidied away. */
import assert from 'node:assert/strict';
import { WHOLE_GROUP } from '../core/change.ts';
import { emptyView } from '../core/ownership.ts';
import { comparePositions, type Position } from '../core/position.ts';
import type { Context } from './context.ts';
import type { Due, Group, Member, Partition, Phase } from './state.ts';

export const newPartition = (number: number): Partition => ({
  number,
  phase: 'fencing',
  isKept: false,
  base: 0,
  epoch: 0,
  seq: 0,
  fenceId: null,
  fenceRead: false,
  epochUsed: false,
  foreignFence: false,
  overtakenAt: null,
  wasEmpty: false,
  view: emptyView(),
  retryNext: 0n,
  restored: new Map(),
  foreign: new Map(),
  stale: new Set(),
  recordedAt: new Map(),
  requests: new Map(),
  answers: [],
  start: null,
  ledger: null,
  endOffset: 0n,
  dispatchesEarly: false,
  groups: new Map(),
  toWrite: new Set(),
  gainDoubt: null,
  pendingCount: 0,
  heldCount: 0,
  deadCount: 0,
  lastCommit: null,
});

const moves: Readonly<Record<Phase, readonly Phase[]>> = {
  fencing: ['fencing', 'restoring'],
  restoring: ['fencing', 'catching_up', 'running'],
  catching_up: ['fencing', 'running'],
  running: ['fencing'],
  refused: [],
};

export function move(partition: Partition, to: Phase): void {
  assert(moves[partition.phase].includes(to), `partition ${partition.number}: ${partition.phase} → ${to}`);
  partition.phase = to;
}

export const isRestored = ({ phase }: Partition): boolean => phase === 'catching_up' || phase === 'running';

export function groupOf({ ids }: Pick<Context, 'ids'>, partition: Partition, id: string): Group {
  const known = partition.groups.get(id);
  if (known !== undefined) return known;
  const group: Group = {
    id,
    target: ids === null ? id : null,
    partition,
    members: new Map(),
    expanded: [],
    aliases: null,
    flight: null,
    wakeAt: null,
    ready: null,
    doubt: partition.gainDoubt,
    deferred: null,
    trouble: null,
    recordLimit: null,
    isRecordUnknown: false,
  };
  partition.groups.set(id, group);
  return group;
}

/** One for all: there are hundreds of thousands of members. */
export const NOTHING_UNTOLD: readonly Due[] = [];

export function memberOf(group: Group, id: string): Member {
  const known = group.members.get(id);
  if (known !== undefined) return known;
  const member: Member = {
    pending: null,
    pendingReported: false,
    recorded: null,
    recordedReported: false,
    open: null,
    spent: null,
    untold: NOTHING_UNTOLD,
    woken: null,
    requestedAt: null,
  };
  group.members.set(id, member);
  return member;
}

/** Forgets what nothing is known of any more. */
export function tidy(group: Group, memberId: string): void {
  const member = group.members.get(memberId);
  if (member !== undefined && member.pending === null && member.recorded === null && member.open === null) {
    group.members.delete(memberId);
  }
  const { partition } = group;
  const isIdle = group.members.size === 0 && group.flight === null && group.doubt === null;
  if (isIdle && !partition.toWrite.has(group)) partition.groups.delete(group.id);
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
  if (name === WHOLE_GROUP) return [...members.keys()].some(isOlder);
  for (let open = members.get(WHOLE_GROUP)?.open ?? null; open !== null; open = open.next)
    if (comparePositions(open.source, position) < 0) return true;
  return isOlder(name) || isOlder(WHOLE_GROUP) || [...(aliases?.replaced.get(name) ?? [])].some(isOlder);
}
