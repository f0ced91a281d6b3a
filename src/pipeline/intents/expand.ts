/** Works out what a full state means for each member, and enters that beside what is pending (core/group/full-state.ts). */
import { WHOLE_GROUP, comparePositions, isSamePosition, type Intent, type Position } from '../../core/change/change.ts';
import { wasTried, supersedes } from '../../core/change/pending.ts';
import { DOUBTFUL_STATE, expandInSlices, isAwaited, type Expansion } from '../../core/group/full-state.ts';
import { isSatisfied, type Snapshot } from '../../core/target/snapshot.ts';
import type { Group } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import type { Slices } from '../state/turns.ts';
import { finish, giveUp, groupAnswered } from './conclude.ts';
import { hold } from './guard.ts';
import { resolveFor, wholeOf } from './identify.ts';
import { replaceOlder } from './precedence.ts';

/** In slices: it may name 200,000 members. Given up where it is replaced meanwhile, or its partition lost. @param snapshot read out of doubt, just now. */
export async function expandState(owners: Owners, group: Group, state: Intent, snapshot: Snapshot): Promise<void> {
  const isWanted = (): boolean => owners.partitions.isCurrent(group.partition) && wholeOf(group) === state;
  await owners.turns.run(workOut(owners, group, state, snapshot), isWanted);
}

function* workOut(owners: Owners, group: Group, state: Intent, snapshot: Snapshot): Slices {
  const expansion = yield* expandInSlices(state, {
    snapshot,
    resolve: resolveFor(owners, group),
    newerFor: (member, target) => newerIn(group, { member, target }, state.source),
  });
  yield* enter(owners, group, state, { expansion, snapshot });
}

interface WorkedOut {
  readonly expansion: Expansion;
  readonly snapshot: Snapshot;
}

/** The full state itself stays until all that it comes to is entered. */
function* enter(owners: Owners, group: Group, state: Intent, worked: WorkedOut): Slices {
  const hasRemovals = worked.expansion.intents.some(({ op }) => op === 'remove');
  if (noteUnresolved(group, state, worked.expansion, hasRemovals)) group.partition.toWrite.add(group);
  let isEntered = false;
  group.beginExpansion(state);
  try {
    const count = yield* enterEach(owners, group, state, worked.expansion.intents);
    isEntered = count > 0 && !worked.snapshot.isDoubtful;
    if (isEntered) group.noteEntered(state);
    group.aliases?.clearResolutions();
    if (count === 0 && !waitsForSecondLook(group, state, worked.snapshot))
      endEmpty(owners, group, state, worked.snapshot);
    else endEntering(owners, group, state, worked);
  } finally {
    if (!isEntered) group.endExpansion(state);
  }
}

/** About 20 ms. */
const SLICE = 5_000;

/** Answers how many; what is newer may have arrived since it was worked out. */
function* enterEach(owners: Owners, group: Group, state: Intent, intents: readonly Intent[]): Generator<void, number> {
  let count = 0;
  for (const [i, intent] of intents.entries()) {
    if (i > 0 && i % SLICE === 0) yield;
    const newer = newerIn(group, intent, state.source);
    if (newer === null || supersedes(intent, newer)) {
      if (owners.ids !== null) group.noteAlias(intent);
      const next = owners.ids === null ? intent : replaceOlder(owners, group, intent);
      group.members.obtain(intent.member).replace(next);
      count += 1;
    } else if (intent.op === 'add' && isAwaited(newer, state))
      group.partition.unresolved.keepAwaited(group.id, newer.member);
  }
  return count;
}

/** All that a doubtful read shows was entered before a restart, which came before the record said that a second look is due. */
const waitsForSecondLook = ({ members }: Group, { source, whole }: Intent, { isDoubtful }: Snapshot): boolean =>
  isDoubtful &&
  whole?.isPartly !== true &&
  [...members.values()].some(({ name, pending }) => name !== WHOLE_GROUP && isSamePosition(pending?.source, source));

function endEmpty(owners: Owners, group: Group, state: Intent, snapshot: Snapshot): void {
  if (snapshot.isDoubtful) return endUnseen(owners, group, state);
  finish(owners, group, state, { outcome: wasTried(state) ? 'recovered' : 'already_synced', request: null });
  groupAnswered(group);
}

/** All of it is pending: from now on that stands for the full state. */
function endEntering(owners: Owners, group: Group, state: Intent, { expansion, snapshot }: WorkedOut): void {
  if (snapshot.isDoubtful) lookTwice(group, state);
  else group.members.obtain(WHOLE_GROUP).replace(null);
  // An operator decides about those who are there.
  const removals =
    expansion.heldBy === null
      ? []
      : removalsOf(group, state, expansion.intents).filter((intent) => !isSatisfied(intent, snapshot));
  if (expansion.heldBy !== null && removals.length > 0)
    hold(owners, group, { intents: removals, by: expansion.heldBy, snapshot });
  group.partition.toWrite.add(group);
  groupAnswered(group);
  owners.settle();
}

/** Those that are left of it: something newer may have replaced some since they were entered. */
const removalsOf = ({ members }: Group, { source }: Intent, intents: readonly Intent[]): readonly Intent[] =>
  intents.flatMap(({ op, member }) => {
    const pending = op === 'remove' ? members.get(member)?.pending : null;
    const isLeft = pending?.op === 'remove' && pending.guard === null && isSamePosition(pending.source, source);
    return isLeft ? [pending] : [];
  });

/** What it came to is what the read shows, so it waits with that in the live record, for a second look. */
function lookTwice(group: Group, state: Intent): void {
  const { members, deleted } = state.whole ?? { members: [], deleted: false };
  const partly: Intent = { ...state, waits: 'record', whole: { members, deleted, isPartly: true } };
  group.members.obtain(WHOLE_GROUP).replace(partly);
}

/** All that is shown is as it says, and no read will tell whether that is all. */
function endUnseen(owners: Owners, group: Group, state: Intent): void {
  const end = { outcome: 'failed', failure: DOUBTFUL_STATE, request: null } as const;
  giveUp(owners, group, { ...end, intent: state, attempt: state.attempt + 1 });
  groupAnswered(group);
}

/** Its removals wait for its additions, and for whom it names and something newer adds. Answers whether that is to be recorded. */
function noteUnresolved(
  { id, members, partition: { unresolved } }: Group,
  { source, whole }: Intent,
  expansion: Expansion,
  hasRemovals: boolean,
): boolean {
  const { intents } = expansion;
  // Something newer still may have taken one of them out since.
  const awaited = expansion.awaited.filter((name) => members.get(name)?.pending?.op !== 'remove');
  // Some of it may have been worked out before a restart.
  const before = members.additionsOf(source);
  const added = intents.flatMap(({ op, member }) => (op === 'add' ? [member] : []));
  if (whole?.isPartly === true) {
    if (hasRemovals) unresolved.noteRemovals(id, source, awaited);
    return hasRemovals;
  }
  const named = [...before.undecided, ...before.unresolved, ...added];
  return unresolved.expanded(id, source, { added: named, awaited, hasRemovals });
}

/** What stands on top of the full state at this position, or was worked out of it before a restart. */
function newerIn(group: Group, named: Pick<Intent, 'member' | 'target'>, source: Position): Intent | null {
  for (const name of [named.member, ...group.aliasesPending(named)]) {
    const pending = group.members.get(name)?.pending ?? null;
    if (pending !== null && pending.op !== 'state' && comparePositions(pending.source, source) >= 0) return pending;
  }
  return null;
}
