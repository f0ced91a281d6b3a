/** Works out what a full state means for each member, and enters that beside what is pending (core/full-state.ts). */
import { type Intent, WHOLE_GROUP } from '../core/change.ts';
import { DOUBTFUL_STATE, expandInSlices, type Expansion, leftOf, type Standing } from '../core/full-state.ts';
import type { Snapshot } from '../core/plan.ts';
import { comparePositions, type Position } from '../core/position.ts';
import { aliasesPending, noteAlias } from './aliases.ts';
import { giveUp, groupAnswered, land, setPending } from './conclude.ts';
import type { Context } from './context.ts';
import { isCurrent, sleep } from './context.ts';
import { hold } from './guard.ts';
import { resolveFor, wholeOf } from './identify.ts';
import { memberOf } from './partition.ts';
import type { Group } from './state.ts';

/** @param snapshot read out of doubt, just now. */
export async function expandState(context: Context, group: Group, state: Intent, snapshot: Snapshot): Promise<void> {
  const newerFor: Standing['newerFor'] = (member, target) => newerIn(group, { member, target }, state.source);
  const expansion = await workOut(context, group, state, {
    snapshot,
    resolve: resolveFor(context, group),
    newerFor,
  });
  if (expansion !== null) enter(context, group, state, { expansion, snapshot });
}

/** As much in one turn of the event loop as others can wait for; null: meanwhile it was replaced, or its partition lost. */
async function workOut(context: Context, group: Group, state: Intent, standing: Standing): Promise<Expansion | null> {
  const work = expandInSlices(state, standing);
  const first = work.next();
  if (first.done === true) return first.value;
  for (;;) {
    await sleep(context, 0);
    if (!isCurrent(context, group.partition) || wholeOf(group) !== state) return null;
    const { done, value } = work.next();
    if (done === true) return leftOf(value, state, standing.newerFor);
  }
}

interface WorkedOut {
  readonly expansion: Expansion;
  readonly snapshot: Snapshot;
}

function enter(context: Context, group: Group, state: Intent, { expansion, snapshot }: WorkedOut): void {
  const { intents, heldBy } = expansion;
  const removals = intents.filter(({ op }) => op === 'remove');
  if (noteUnresolved(group, state, expansion, removals.length > 0)) group.partition.toWrite.add(group);
  const whole = memberOf(group, WHOLE_GROUP);
  group.aliases?.resolutions.clear();
  if (intents.length === 0 && snapshot.isDoubtful) return endUnseen(context, group, state);
  if (intents.length === 0) {
    const outcome = state.attempt > 0 ? 'recovered' : 'already_synced';
    land(context, group, state, { outcome, request: null });
    groupAnswered(group);
    return;
  }
  if (snapshot.isDoubtful) lookTwice(group, state);
  else {
    setPending(group.partition, whole, null);
    group.expanded.push({ state, isTold: false });
  }
  for (const intent of intents) {
    if (context.ids !== null) noteAlias(group, intent);
    setPending(group.partition, memberOf(group, intent.member), intent);
  }
  if (heldBy !== null && removals.length > 0) hold(context, group, { intents: removals, by: heldBy, snapshot });
  group.partition.toWrite.add(group);
  groupAnswered(group);
  context.settle();
}

/** What it came to is what the read shows, so it waits with that in the live record, for a second look. */
function lookTwice(group: Group, state: Intent): void {
  const { members, deleted } = state.whole ?? { members: [], deleted: false };
  const partly: Intent = { ...state, waits: 'record', whole: { members, deleted, isPartly: true } };
  setPending(group.partition, memberOf(group, WHOLE_GROUP), partly);
}

/** All that is shown is as it says, and no read will tell whether that is all. */
function endUnseen(context: Context, group: Group, state: Intent): void {
  const end = { outcome: 'failed', failure: DOUBTFUL_STATE, request: null } as const;
  giveUp(context, group, { ...end, intent: state, attempt: state.attempt + 1 });
  groupAnswered(group);
}

/** Its removals wait for its additions, and for whom it names and something newer adds. Answers whether that is to be recorded. */
function noteUnresolved(
  { id, members, partition: { unresolved } }: Group,
  { source, whole }: Intent,
  { intents, awaited }: Expansion,
  hasRemovals: boolean,
): boolean {
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
  for (const name of [named.member, ...aliasesPending(group, named)]) {
    const pending = group.members.get(name)?.pending ?? null;
    if (pending !== null && pending.op !== 'state' && comparePositions(pending.source, source) >= 0) return pending;
  }
  return null;
}
