/** In which turns of their group changes are sent that wait for their time, or for others, where each try succeeds. */
import { isSamePosition, type Intent } from '../core/change/change.ts';
import { isHeld } from '../core/change/pending.ts';
import { isOfFullState, waitsForAdditions, type Expansion } from '../core/group/full-state.ts';
import type { UnresolvedNames } from '../core/log/live-record.ts';
import { groupedBy } from './retry-topic.ts';

/** What goes in one run of its group. */
export interface Turn {
  readonly intents: readonly Intent[];
  /** Removals of a full state are among them that names members who are not known. */
  readonly isUnresolved: boolean;
  /** Epoch ms; 0: now. */
  readonly at: number;
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

export const NOT_RECORDED: RecordedWaits = { waiting: [], unresolved: {} };

/** What a full state comes to now, beside what it came to before: that stands in the live record. */
export type WorkedOutNow = Pick<Expansion, 'intents' | 'awaited'>;

/** @param standing also what is held or dead. @returns null: no removals of a full state are pending */
export function awaitedAdditions(
  standing: readonly Intent[],
  now: WorkedOutNow | null,
  { waiting, unresolved: { awaited, accepted = [] } }: RecordedWaits,
  tries: Tries,
): AwaitedAdditions | null {
  const all = [...standing, ...(now?.intents ?? [])];
  const removal = all.find((intent) => isOfFullState(intent) && intent.dead === null);
  if (removal === undefined) return null;
  const isOfIt = ({ source }: Intent): boolean => isSamePosition(source, removal.source);
  const isRecorded = waiting.some((intent) => isOfFullState(intent) && isOfIt(intent));
  const names = new Set([...(isRecorded ? (awaited ?? []) : []), ...(now?.awaited ?? [])]);
  // A newer change has replaced it: a removal is waited for no more.
  for (const { op, member } of standing) if (op === 'remove') names.delete(member);
  const own = waiting.filter((intent) => intent.op === 'add' && isOfIt(intent));
  const added = new Set([...names, ...own.map(({ member }) => member)]);
  const isAwaited = (intent: Intent): boolean => intent.op === 'add' && (isOfIt(intent) || added.has(intent.member));
  const isAccepted = (member: string): boolean => accepted.includes(member);
  const additions = all.filter(isAwaited);
  for (const { member } of additions) names.delete(member);
  const isUnknown = ({ member, target, dead }: Intent): boolean =>
    (target === null || dead !== null) && !isAccepted(member);
  const isUnresolved = additions.some(isUnknown) || [...names].some((name) => !isAccepted(name));
  const isFulfilled = awaited !== undefined && !isUnresolved && !additions.some((intent) => isLeft(intent, tries));
  return { isAwaited, isUnresolved, isFulfilled };
}

/** It is not tried: its time has not come, and an answer of its group changes nothing about that. */
export const isLeft = ({ notBefore, waits }: Intent, { which, now }: Tries): boolean =>
  which === 'now' && notBefore > now && waits !== 'group';

/** What is held only until others are known goes once they have gone. */
export function released(intent: Intent, additions: AwaitedAdditions | null): Intent {
  if (!isHeld(intent) || intent.guard.by !== 'unresolved_members' || !isOfFullState(intent)) return intent;
  return additions?.isFulfilled === true ? { ...intent, guard: null } : intent;
}

interface Due {
  /** They can be sent, or are a full state. */
  readonly sent: readonly Intent[];
  /** As of `sent`: what that comes to is sent once it is recorded; null: there is none, or it is looked at twice. */
  readonly expanded: readonly Intent[] | null;
  readonly additions: AwaitedAdditions | null;
}

/**
 * Those that are due, then those that have waited for any answer of their group, then each other at its time. What a full state comes to
 * follows what is due: it is recorded first. Removals of a full state go after what they wait for.
 */
export function turnsOf({ sent, expanded, additions }: Due, tries: Tries): readonly Turn[] {
  const turns = [...inTime(sent, expanded, tries)];
  if (additions === null) return turns.map((turn) => ({ ...turn, isUnresolved: false }));
  const { isAwaited } = additions;
  const last = turns.findLastIndex(({ intents }) => intents.some(isAwaited));
  const removals = turns.slice(0, last + 1).flatMap(({ intents }) => intents.filter(waitsForAdditions));
  const waiting = new Set(removals);
  // Of a later turn that is left.
  const played = new Set(turns.flatMap(({ intents }) => intents));
  const isOneLeft = sent.some((intent) => isAwaited(intent) && !played.has(intent));
  return turns.flatMap(({ intents, at }, i) => {
    const others = intents.filter((intent) => !waiting.has(intent) && !(isOneLeft && waitsForAdditions(intent)));
    const both = i === last && !isOneLeft ? [others, removals] : [others];
    return both.map((part) => ({
      intents: part,
      isUnresolved: additions.isUnresolved && part.some(waitsForAdditions),
      at,
    }));
  });
}

type TimedTurn = Pick<Turn, 'intents' | 'at'>;

function* inTime(
  intents: readonly Intent[],
  expanded: readonly Intent[] | null,
  { which, now }: Tries,
): Generator<TimedTurn> {
  const timed = intents.filter(({ notBefore }) => notBefore > 0).toSorted((a, b) => a.notBefore - b.notBefore);
  const soon = intents.filter(({ notBefore }) => notBefore === 0);
  const due = [...soon, ...timed.filter(({ notBefore }) => notBefore <= now)];
  const later = timed.filter(({ notBefore }) => notBefore > now);
  if (due.length === 0 && which === 'now') return;
  const at = due.length > 0 ? 0 : (later[0]?.notBefore ?? 0);
  const first = due.length > 0 ? due : later.filter(({ notBefore }) => notBefore === at);
  const played = new Set(first);
  const forGroup = new Set(later.filter((intent) => intent.waits === 'group' && !played.has(intent)));
  // In the order in which they began to wait for the group.
  const answered = intents.filter((intent) => forGroup.has(intent));
  if (expanded !== null) {
    // The read that it is worked out against is an answer of the group.
    yield { intents: [...first, ...answered], at };
    yield { intents: expanded, at };
  } else {
    if (first.length > 0) yield { intents: first, at };
    if (answered.length > 0) yield { intents: answered, at };
  }
  if (which === 'now') return;
  const left = later.filter((intent) => !played.has(intent) && !forGroup.has(intent));
  for (const [time, each] of groupedBy(left, ({ notBefore }) => notBefore)) yield { intents: each, at: time };
}
