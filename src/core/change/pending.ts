/**
 * Folding: of two intents for one member of one group the one with the higher position wins, independent of the order
 * of arrival. `add` then `remove` never cancel out: the member may already be there. Also the intents of a change event
 * (one per member, or the one of a full state), and since when changes wait, for the figures: workable ones apart from
 * those that wait.
 */
import type { Held } from './change.ts';
import {
  WHOLE_GROUP,
  comparePositions,
  distinctIds,
  idKey,
  type ChangeSource,
  type Delta,
  type FullState,
  type Intent,
  type Op,
  type Position,
} from './change.ts';

export interface Folded {
  readonly winner: Intent;
  /** null: both are the same intent (the source record was delivered again). */
  readonly loser: Intent | null;
}

/** Commutative, associative and idempotent. Of one and the same intent the further advanced copy stays. */
export function fold(a: Intent, b: Intent): Folded {
  const order = comparePrecedence(a, b);
  if (order > 0) return { winner: a, loser: b };
  if (order < 0) return { winner: b, loser: a };
  return { winner: progress(b) > progress(a) ? b : a, loser: null };
}

/** Whether the one takes the place of the other. */
export const supersedes = (a: Intent, b: Intent): boolean => comparePrecedence(a, b) > 0;

/** Beside what is newer. A full state that is dead is gone with the first newer intent: it can no longer be applied as a whole. */
export const isKeptBeside = (rival: Intent, newer: Intent): boolean =>
  rival.op === 'state' && newer.op !== 'state' && rival.dead === null;

/** What decides which of two changes of one member is the newer one. */
type Ranked = Pick<Intent, 'member' | 'op' | 'namedBy'> & { readonly source: Position };

/** The one is newer; of one and the same change neither is. */
export const precedes = (a: Ranked, b: Ranked): boolean => comparePrecedence(a, b) > 0;

/** Of two names that one event gives a member the removal wins, as of one name in both of its lists; else either does. */
function comparePrecedence(a: Ranked, b: Ranked): number {
  const order = comparePositions(a.source, b.source);
  if (order !== 0 || a.member === b.member || a.op === 'state' || b.op === 'state') return order;
  // A member named by the full state is none of the others, also where its name was unknown before.
  if (a.namedBy !== b.namedBy) return b.namedBy === 'target' ? 1 : -1;
  if (a.op !== b.op) return a.op === 'remove' ? 1 : -1;
  return a.member < b.member ? 1 : -1;
}

const progress = (intent: Intent): number => (intent.dead === null ? intent.attempt : Number.POSITIVE_INFINITY);

/** Due = not dead, not held, and its time has come. `now` in epoch ms. */
export const isDue = (intent: Intent, now: number): boolean =>
  intent.dead === null && !isHeld(intent) && intent.waits !== 'record' && intent.notBefore <= now;

/** It can be sent as soon as the target can be worked with: it is due, or waits for an answer of its group. */
export const isForTarget = (intent: Intent, now: number): boolean =>
  isDue(intent, now) || (intent.dead === null && !isHeld(intent) && intent.waits === 'group');

export type HeldIntent = Intent & { readonly guard: Held };

/** Waits for an operator. */
export const isHeld = (intent: Intent): intent is HeldIntent => intent.dead === null && intent.guard?.kind === 'held';

/** It waits in the live record: for another try, for an operator, or to be sent at all. */
const waitsInRecord = (intent: Intent): boolean =>
  intent.attempt > 0 || isHeld(intent) || intent.waits === 'record' || intent.waits === 'resume';

/** Its place is in the live record: it waits there, or a PATCH may have done it. */
export const isParked = (intent: Intent): boolean =>
  intent.dead === null && (waitsInRecord(intent) || isUnsure(intent));

/** Its place is in the live record for the only reason that a PATCH may have done it, or what it has replaced. */
export const isUnsureAlone = (intent: Intent): boolean => isUnsure(intent) && !waitsInRecord(intent);

/** A PATCH may have changed its member, or one of its members, without an answer that says so (unsure.ts). */
export const isUnsure = ({ unsure, whole }: Intent): boolean => (unsure ?? whole?.unsure) !== undefined;

/**
 * What becomes due when its group has answered: everything parked for a reason of the whole group; a wait of the
 * member's own goes on.
 */
export const afterGroupAnswered = (intent: Intent): Intent =>
  intent.waits === 'group' && intent.notBefore > 0 ? { ...intent, notBefore: 0 } : intent;

/** Waits for the target until `notBefore` (epoch ms). @param waits `group`: it is due as soon as its group answers. */
export const waitingForTarget = (intent: Intent, notBefore: number, waits: 'group' | 'member' = 'group'): Intent => ({
  ...withoutSchedule(intent),
  notBefore,
  waits,
});

/** It waits for nothing that takes its time by the slow schedule. */
export function withoutSchedule(intent: Intent): Intent {
  const { schedule: _, ...rest } = intent;
  return rest;
}

/** Waits on the slow schedule: nothing can be done about it before its time. `now` in epoch ms. */
const isSlowWait = ({ dead, schedule, notBefore }: Intent, now: number): boolean =>
  dead === null && schedule === 'slow' && notBefore > now;

/**
 * A try of it has failed, or a PATCH may have done it without an answer that says so: what is found to be so may be the work of
 * Rollcall. A full state has a report of its own in the end then, since one has said that it waits, or is given up.
 */
export const wasTried = ({ attempt, isTried, isAccepted, op, unsure }: Intent): boolean =>
  attempt > 0 || isTried === true || isAccepted === true || (op !== 'state' && unsure?.includes(op) === true);

/** A try has failed, and so many count. */
export const countedFrom = (intent: Intent, attempt: number): Intent => withFields(intent, { attempt, isTried: true });

/** It starts with its first try, now. */
export const startedAgain = (intent: Intent): Intent => ({
  ...(wasTried(intent) ? countedFrom(withoutSchedule(intent), 0) : withoutSchedule(intent)),
  notBefore: 0,
  waits: null,
});

/** What a replay wakes starts again. The tries of a member's change that was given up are over; what is unsure of it stays so. */
export function revived(intent: Intent): Intent {
  const { guard, dead, op } = intent;
  const isAfterLastLook = dead !== null && op !== 'state';
  const { isTried: _, ...untried } = intent;
  const { isUnresolved: __, ...again } = startedAgain(isAfterLastLook ? { ...untried, attempt: 0 } : intent);
  if (guard?.kind === 'held') return { ...again, dead: null, guard: unnotified(guard) };
  // What an operator has refused waits for an operator again: some of it no limit would hold. What is approved, and waits, stays so.
  return { ...again, dead: null, guard: dead === null ? guard : null };
}

/** That it is held is news again. */
function unnotified(held: Held): Held {
  const { isNotified: _, ...rest } = held;
  return rest;
}

/** Without the mark that people were notified of it. */
export const withoutMark = (intent: Intent): Intent =>
  intent.guard?.kind === 'held' ? { ...intent, guard: unnotified(intent.guard) } : intent;

/** A message that was delivered has said that it is held. */
export const isNotified = (intent: Intent): boolean => isHeld(intent) && intent.guard.isNotified === true;

/** What all intents of one event share. `seenAt` in epoch ms. */
export interface Origin {
  /** As the source spells it. */
  readonly group: string;
  readonly source: ChangeSource;
  readonly seenAt: number;
}

/** Group and member as they are compared, with the source's spelling where it is another. */
export function named(
  group: string,
  member: string,
): Pick<Intent, 'group' | 'member' | 'groupSpelling' | 'memberSpelling'> {
  const [groupKey, memberKey] = [idKey(group), idKey(member)];
  return {
    group: groupKey,
    member: memberKey,
    ...(groupKey !== group && { groupSpelling: group }),
    ...(memberKey !== member && { memberSpelling: member }),
  };
}

/**
 * A copy with more fields. As `{ ...intent, added }` each copy would get a hidden class of its own (V8 11, Node 20): about 240
 * bytes more, and slow to read where there are many. Copies that only change what is there share one.
 */
export const withFields = (intent: Intent, fields: Partial<Intent>): Intent => Object.assign({}, intent, fields);

/** A fresh intent for one member: untried and due at once. One record may bring 100,000 of them, so nothing is copied. */
export function intentFor({ group, source, seenAt }: Origin, op: Op | 'state', member: string): Intent {
  const [groupKey, memberKey] = [idKey(group), idKey(member)];
  const intent: Intent = {
    group: groupKey,
    member: memberKey,
    op,
    whole: null,
    target: op === 'state' ? null : memberKey,
    source,
    attempt: 0,
    conflicts: 0,
    notBefore: 0,
    firstSeenAt: seenAt,
    dead: null,
    waits: null,
    guard: null,
  };
  return groupKey === group && memberKey === member ? intent : withFields(intent, named(group, member));
}

/** The intents of an event, each made when it is asked for: there may be 100,000 of them. */
export interface EventIntents {
  readonly count: number;
  /** @param index below `count`. */
  at(index: number): Intent;
}

/** One per member, or the one of a full state. A member in both lists: remove wins (fail-safe: the smaller permission). */
export function eventIntents(event: Delta | FullState, origin: Origin): EventIntents {
  if (event.kind === 'delta') return new DeltaIntents(event, origin);
  const { members, deleted } = event;
  const state = { ...intentFor(origin, 'state', WHOLE_GROUP), whole: { members, deleted } };
  return { count: 1, at: () => state };
}

class DeltaIntents implements EventIntents {
  readonly #origin: Origin;
  /** Removals first. */
  readonly #members: readonly string[];
  readonly #removalCount: number;

  constructor({ add, remove }: Pick<Delta, 'add' | 'remove'>, origin: Origin) {
    const removed = distinct(remove);
    const added = without(distinct(add), remove);
    this.#origin = origin;
    this.#members = removed.length === 0 ? added : [...removed, ...added];
    this.#removalCount = removed.length;
  }

  get count(): number {
    return this.#members.length;
  }

  at(index: number): Intent {
    const member = this.#members[index];
    if (member === undefined) throw new RangeError(`there are ${this.count} intents`);
    return intentFor(this.#origin, index < this.#removalCount ? 'remove' : 'add', member);
  }
}

/** Most events are about one member. */
const distinct = (ids: readonly string[]): readonly string[] => (ids.length < 2 ? ids : [...distinctIds(ids).values()]);

function without(ids: readonly string[], others: readonly string[]): readonly string[] {
  if (ids.length === 0 || others.length === 0) return ids;
  const keys = new Set(others.map(idKey));
  return ids.filter((id) => !keys.has(idKey(id)));
}

/** All intents of an event. */
export function intentsOf(event: Delta | FullState, source: ChangeSource, seenAt: number): Intent[] {
  const intents = eventIntents(event, { group: event.group, source, seenAt });
  return Array.from({ length: intents.count }, (_, index) => intents.at(index));
}

/** Since when the oldest change of each kind waits, epoch ms; null: there is none. */
export interface Oldest {
  unapplied: number | null;
  /** Removals that wait for an operator. */
  held: number | null;
  /** On the slow schedule, before their time. */
  waiting: number | null;
}

export const noneWaits = (): Oldest => ({ unapplied: null, held: null, waiting: null });

/** @param now epoch ms. */
export function noteAge(oldest: Oldest, intent: Intent, now: number): void {
  const kind = standing(intent, now);
  if (kind !== 'dead') oldest[kind] = earlier(oldest[kind], sinceOf(intent));
}

/** `waiting`: on the slow schedule, before its time. `unapplied`: what could be worked on. @param now epoch ms. */
export const standing = (intent: Intent, now: number): keyof Oldest | 'dead' =>
  intent.dead !== null ? 'dead' : isHeld(intent) ? 'held' : isSlowWait(intent, now) ? 'waiting' : 'unapplied';

/** Since when it waits, epoch ms. */
export const sinceOf = ({ source, firstSeenAt }: Intent): number => waitsSince(source.timestamp, firstSeenAt);

export const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/**
 * Since when a change waits: since its record was written, as the record says. Producers may write any time, or none, so not
 * since later than it was seen. Epoch ms.
 */
export const waitsSince = (timestamp: number, seenAt: number): number =>
  timestamp > 0 ? Math.min(timestamp, seenAt) : seenAt;
