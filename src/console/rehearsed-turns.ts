/** In which turns of their group changes are sent that wait for their time, or for others, where each try succeeds. */
import { isSamePosition, type Intent } from '../core/change/change.ts';
import { isHeld } from '../core/change/pending.ts';
import { isOfFullState, waitsForAdditions } from '../core/group/full-state.ts';
import type { UnresolvedNames } from '../core/log/live-record.ts';
import { groupedBy } from './retry-topic.ts';

/** What goes in one run of its group. */
export interface Turn {
  readonly intents: readonly Intent[];
  /** Removals of a full state are among them that names members who are not known. */
  readonly isUnresolved: boolean;
}

export interface Tries {
  /** `now`: what waits for a time of its own is left. */
  readonly which: 'all' | 'now';
  /** Epoch ms. */
  readonly now: number;
}

/** What the removals of a full state wait for that was worked out before. */
export interface AwaitedAdditions {
  readonly isAwaited: (intent: Intent) => boolean;
  /** Not all of them can be sent. */
  readonly isUnresolved: boolean;
  /** All of them go, and the live record leaves none out: then what is held for them goes, too. */
  readonly isFulfilled: boolean;
}

/** As the live record of a group says. */
export interface RecordedWaits {
  readonly waiting: readonly Intent[];
  readonly unresolved: UnresolvedNames;
}

/** @param standing also what is held or dead. @returns null: no removals of a full state are pending */
export function awaitedAdditions(
  standing: readonly Intent[],
  { waiting, unresolved: { awaited, accepted = [] } }: RecordedWaits,
  { which, now }: Tries,
): AwaitedAdditions | null {
  const removal = standing.find((intent) => isOfFullState(intent) && intent.dead === null);
  if (removal === undefined) return null;
  const isOfIt = ({ op, source }: Intent): boolean => op === 'add' && isSamePosition(source, removal.source);
  const names = new Set(awaited);
  // A newer change has replaced it: a removal is waited for no more.
  for (const { op, member } of standing) if (op === 'remove') names.delete(member);
  const added = new Set([...names, ...waiting.filter(isOfIt).map(({ member }) => member)]);
  const isAwaited = (intent: Intent): boolean => isOfIt(intent) || (intent.op === 'add' && added.has(intent.member));
  const isAccepted = (member: string): boolean => accepted.includes(member);
  const additions = standing.filter(isAwaited);
  for (const { member } of additions) names.delete(member);
  const isUnknown = ({ member, target, dead }: Intent): boolean =>
    (target === null || dead !== null) && !isAccepted(member);
  const isUnresolved = additions.some(isUnknown) || [...names].some((name) => !isAccepted(name));
  const isLeft = ({ notBefore, waits }: Intent): boolean => which === 'now' && notBefore > now && waits !== 'group';
  return { isAwaited, isUnresolved, isFulfilled: awaited !== undefined && !isUnresolved && !additions.some(isLeft) };
}

/** What is held only until others are known goes once they have gone. */
export function released(intent: Intent, additions: AwaitedAdditions | null): Intent {
  if (!isHeld(intent) || intent.guard.by !== 'unresolved_members' || !isOfFullState(intent)) return intent;
  return additions?.isFulfilled === true ? { ...intent, guard: null } : intent;
}

/**
 * Those that are due, then those that have waited for any answer of their group, then each other at its time. Removals of a full state
 * go after what they wait for.
 */
export function turnsOf(sent: readonly Intent[], additions: AwaitedAdditions | null, tries: Tries): readonly Turn[] {
  const turns = [...inTime(sent, tries)];
  if (additions === null) return turns.map((intents) => ({ intents, isUnresolved: false }));
  const { isAwaited, isUnresolved } = additions;
  const last = turns.findLastIndex((turn) => turn.some(isAwaited));
  const removals = turns.slice(0, last + 1).flatMap((turn) => turn.filter(waitsForAdditions));
  const waiting = new Set(removals);
  // Of a later turn that is left.
  const played = new Set(turns.flat());
  const isLeft = sent.some((intent) => isAwaited(intent) && !played.has(intent));
  return turns.flatMap((turn, i) => {
    const others = turn.filter((intent) => !waiting.has(intent) && !(isLeft && waitsForAdditions(intent)));
    const both = i === last && !isLeft ? [others, removals] : [others];
    return both.map((intents) => ({ intents, isUnresolved }));
  });
}

function* inTime(intents: readonly Intent[], { which, now }: Tries): Generator<readonly Intent[]> {
  const timed = intents.filter(({ notBefore }) => notBefore > 0).toSorted((a, b) => a.notBefore - b.notBefore);
  const soon = intents.filter(({ notBefore }) => notBefore === 0);
  const due = [...soon, ...timed.filter(({ notBefore }) => notBefore <= now)];
  const later = timed.filter(({ notBefore }) => notBefore > now);
  if (due.length === 0 && which === 'now') return;
  const first = due.length > 0 ? due : later.filter(({ notBefore }) => notBefore === later[0]?.notBefore);
  const played = new Set(first);
  const forGroup = new Set(later.filter((intent) => intent.waits === 'group' && !played.has(intent)));
  if (first.length > 0) yield first;
  // In the order in which they began to wait for the group.
  if (forGroup.size > 0) yield intents.filter((intent) => forGroup.has(intent));
  if (which === 'now') return;
  const left = later.filter((intent) => !played.has(intent) && !forGroup.has(intent));
  yield* groupedBy(left, ({ notBefore }) => notBefore).values();
}
