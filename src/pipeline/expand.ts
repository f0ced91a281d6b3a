/** Works out what a full state means for each member, and enters that beside what is pending (core/full-state.ts). */
import { type Intent, WHOLE_GROUP } from '../core/change.ts';
import { DOUBTFUL_STATE, expand, type Expansion } from '../core/full-state.ts';
import type { Snapshot } from '../core/plan.ts';
import { comparePositions, isSamePosition } from '../core/position.ts';
import { aliasesPending, noteAlias } from './aliases.ts';
import { giveUp, groupAnswered, land, setPending } from './conclude.ts';
import type { Context } from './context.ts';
import { hold } from './guard.ts';
import { resolveFor } from './identify.ts';
import { memberOf } from './partition.ts';
import type { Group } from './state.ts';

/** @param snapshot read out of doubt, just now. */
export function expandState(context: Context, group: Group, state: Intent, snapshot: Snapshot): void {
  const { intents, heldBy, awaited } = expand(state, {
    snapshot,
    resolve: resolveFor(context, group),
    newerFor: (member, target) => newerFor(group, { ...state, member, target }),
  });
  const removals = intents.filter(({ op }) => op === 'remove');
  const hasRemovals = removals.length > 0;
  if (noteUnresolved(group, state, { intents, awaited, hasRemovals })) group.partition.toWrite.add(group);
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
  state: Intent,
  { intents, awaited, hasRemovals }: Pick<Expansion, 'intents' | 'awaited'> & { readonly hasRemovals: boolean },
): boolean {
  // Some of it may have been worked out before a restart.
  const before = [...members.values()].flatMap(({ pending }) =>
    isSamePosition(pending?.source, state.source) ? (pending ?? []) : [],
  );
  const added = [...before, ...intents].flatMap(({ op, member }) => (op === 'add' ? [member] : []));
  if (state.whole?.isPartly !== true) return unresolved.expanded(id, state.source, { added, awaited, hasRemovals });
  if (hasRemovals) unresolved.noteRemovals(id, state.source, awaited);
  return hasRemovals;
}

/** What stands on top of the full state, or was worked out of it before a restart. */
function newerFor(group: Group, intent: Intent): Intent | null {
  for (const name of [intent.member, ...aliasesPending(group, intent)]) {
    const pending = group.members.get(name)?.pending ?? null;
    if (pending !== null && pending.op !== 'state' && comparePositions(pending.source, intent.source) >= 0)
      return pending;
  }
  return null;
}
