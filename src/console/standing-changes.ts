/** What stands of the changes of a group once its names are looked up, and what its full state comes to at the target. */
import { WHOLE_GROUP, idKey, sourceMember, type Intent } from '../core/change/change.ts';
import { supersedes } from '../core/change/pending.ts';
import { expand } from '../core/group/full-state.ts';
import { resolved, targetFor, type SureResolution } from '../core/ids/resolution.ts';
import type { Snapshot } from '../core/target/snapshot.ts';
import type { Expanded } from './rehearsal.ts';
import { NOT_RECORDED, type RecordedWaits } from './rehearsed-turns.ts';

/** Of one group, folded; a full state stands under WHOLE_GROUP. */
export interface StandingChanges {
  /** Of topics what is held, or was given up, too. */
  readonly intents: ReadonlyMap<string, Intent>;
  /** Complete already: something older may be pending under another name of their member. Absent: none is. */
  readonly complete?: readonly Intent[];
  /** What its live record says, in its order; absent: there is none. */
  readonly recorded?: RecordedWaits;
}

export interface WorkedOut {
  /** Also those that no request can name yet, and what is held or dead. */
  readonly deltas: readonly Intent[];
  /** Under another name of its member something else stands. */
  readonly replaced: readonly Intent[];
  /** null: there is no full state, or it was given up. */
  readonly state: Intent | null;
  readonly expansion: Expanded | null;
}

/** @param members what the id map says of members; those that are not in it have the same id at the target */
export function workedOut(
  { intents, complete = [], recorded = NOT_RECORDED }: StandingChanges,
  snapshot: Snapshot,
  members: ReadonlyMap<string, SureResolution>,
): WorkedOut {
  const known = (member: string): SureResolution =>
    members.get(member) ?? { kind: 'found', id: idKey(member), isActive: true };
  const resolve = (member: string) => resolved(known(member));
  const named = (intent: Intent): Intent =>
    intent.namedBy === 'target' ? intent : { ...intent, target: targetFor(intent.op, known(sourceMember(intent))) };
  const done = complete.filter(({ op }) => op !== 'state').map(named);
  const all = [...intents.values()].filter(({ op }) => op !== 'state').map(named);
  const { deltas, replaced } = ofEachMember(all, done);
  const state = intents.get(WHOLE_GROUP) ?? null;
  if (state === null || state.dead !== null) return { deltas, replaced, state: null, expansion: null };
  const newer = new Map(
    deltas.flatMap((delta) => [
      [delta.target === null ? delta.member : idKey(delta.target), delta],
      [delta.member, delta],
    ]),
  );
  const newerFor = (member: string, target: string | null): Intent | null =>
    newer.get(member) ?? newer.get(idKey(target ?? member)) ?? null;
  const expansion = expand(state, { snapshot, resolve, newerFor });
  const names = new Set(expansion.awaited);
  return {
    deltas,
    replaced,
    state,
    expansion: {
      state,
      intents: inRecord(expansion.intents, recorded),
      heldBy: expansion.heldBy,
      awaited: deltas.filter(({ member }) => names.has(member)),
      isTwice: state.whole?.isPartly === true || snapshot.isDoubtful,
    },
  };
}

/** What a full state comes to is sent once it is recorded: members that the live record has named before come first. */
function inRecord(intents: readonly Intent[], { waiting }: RecordedWaits): readonly Intent[] {
  const places = new Map(waiting.map(({ member }, place) => [member, place]));
  if (places.size === 0) return intents;
  const placeOf = ({ member }: Intent): number => places.get(member) ?? places.size;
  return intents.toSorted((a, b) => placeOf(a) - placeOf(b));
}

/** Two names may stand for one member of the target. @param done what is complete already */
function ofEachMember(
  named: readonly Intent[],
  done: readonly Intent[],
): { deltas: readonly Intent[]; replaced: readonly Intent[] } {
  const standing = new Map<string, Intent>();
  for (const intent of [...named, ...done]) {
    if (intent.target === null) continue;
    const rival = standing.get(idKey(intent.target));
    if (rival === undefined || supersedes(intent, rival)) standing.set(idKey(intent.target), intent);
  }
  const stands = (intent: Intent): boolean => intent.target === null || standing.get(idKey(intent.target)) === intent;
  const replaced = named.filter((intent) => !stands(intent) && intent.dead === null);
  return { deltas: named.filter(stands), replaced };
}
