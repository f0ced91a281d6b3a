/**
 * The runs of one group, as the pipeline would make them, against a target that accepts everything: which requests it sends, and what the
 * removal guard holds. Each step is decided by core/group/step.ts, as in pipeline/apply; nothing is sent.
 */
import { idKey, isSamePosition, type Held, type HeldBy, type Intent } from '../core/change/change.ts';
import { approvedLast, isGuarded, removalsOfRun, type GuardLimits } from '../core/group/guard.ts';
import { nextStep, type Step } from '../core/group/step.ts';
import { isCutAt, isSatisfied, targetOf, type Snapshot } from '../core/target/snapshot.ts';
import { DueQueue } from '../pipeline/state/due-queue.ts';
import type { Turn } from './rehearsed-turns.ts';

export interface RehearsalOptions {
  readonly membersPerPatchMax: number;
  readonly guard: GuardLimits;
  /** Removals in the groups before this one. */
  readonly removedBefore: number;
}

interface HeldIntents {
  readonly intents: readonly Intent[];
  readonly by: Held['by'];
}

/** It may have a million members and thousands of requests, so that a request costs as much as it changes. */
export class Rehearsal {
  /** What each request is of. */
  readonly requests: (readonly Intent[])[] = [];
  readonly noop: Intent[] = [];
  readonly held: HeldIntents[] = [];
  readonly #options: RehearsalOptions;
  /** By `idKey`; those of `#snapshot`. */
  readonly #members: Set<string>;
  #snapshot: Snapshot;
  /** Neither sent, nor already so, nor held. */
  readonly #pending: Set<Intent>;
  /** Those of them that the guard counts. */
  readonly #guarded: Set<Intent>;
  #removedCount = 0;
  /** Members of the group before the first removal; null: none was sent. */
  #sizeBefore: number | null = null;
  /** What the present run began with. */
  #due: readonly Intent[] = [];
  /** Removals of the present run that its first request finds unseen; null: it has sent none. */
  #unseenCount: number | null = null;

  /** @param pending what the guard judges together: also what is sent in a later run, or waits for its time. */
  constructor(snapshot: Snapshot, pending: Iterable<Intent>, options: RehearsalOptions) {
    this.#members = new Set(snapshot.members);
    this.#snapshot = { ...snapshot, members: this.#members };
    this.#pending = new Set(pending);
    this.#guarded = new Set([...this.#pending].filter(isGuarded));
    this.#options = options;
  }

  /** As it is once what was sent so far has landed. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Removals that were sent, of those that the guard counts. */
  get removedCount(): number {
    return this.#removedCount;
  }

  hold(intents: readonly Intent[], by: Held['by']): void {
    if (intents.length > 0) this.held.push({ intents, by });
    this.#drop(intents);
  }

  #drop(intents: readonly Intent[]): void {
    for (const intent of intents) {
      this.#pending.delete(intent);
      this.#guarded.delete(intent);
    }
  }

  /** What an approval of all that is held sends; it ends the rehearsal. */
  runApproved(): readonly (readonly Intent[])[] {
    const approved = this.held
      .flatMap(({ intents }) => intents)
      .filter(isKnown)
      .map(approvedIntent);
    for (const intent of approved) this.#pending.add(intent);
    const before = this.requests.length;
    this.run(approved);
    return this.requests.splice(before);
  }

  /** One run, of what is due together. @param isUnresolved a full state whose removals are among them names unknown members. */
  run(intents: readonly Intent[], isUnresolved = false): void {
    const pending = intents.filter((intent) => this.#pending.has(intent));
    [this.#due, this.#unseenCount] = [pending, null];
    // Removals first, as the dispatcher takes them.
    const due = new DueQueue([
      ...approvedLast(pending.filter(({ op }) => op === 'remove')),
      ...pending.filter(({ op }) => op !== 'remove'),
    ]);
    const sieve = {
      isPending: (intent: Intent) => this.#pending.has(intent),
      isKeptBack: () => false,
      isSettled: (intent: Intent) => isSatisfied(intent, this.#snapshot),
    };
    while (this.#take(this.#next(due.slice(sieve), isUnresolved)));
  }

  #next(due: readonly Intent[], isUnresolved: boolean): Step {
    const { membersPerPatchMax, guard, removedBefore } = this.#options;
    const guarded = this.#guarded;
    return nextStep({
      due,
      exhausted: new Set(),
      snapshot: this.#snapshot,
      isFresh: true,
      doubt: null,
      suspects: [],
      membersMax: membersPerPatchMax,
      unseenMax: membersPerPatchMax,
      guard,
      removalCountMax: guarded.size,
      // Most requests are judged by their number.
      get pendingRemovals() {
        return [...guarded];
      },
      removed: { ofGroup: this.#removedCount, sizeBefore: this.#sizeBefore, ofOwner: removedBefore },
      isUnresolved,
      nowMs: 0,
    });
  }

  /** Answers whether the run goes on. */
  #take(step: Step): boolean {
    switch (step.kind) {
      case 'patch':
        this.#send(step.part);
        return true;
      case 'hold_removals':
        this.hold(step.intents, step.by);
        return true;
      case 'final':
        this.#drop(step.noop);
        this.noop.push(...step.noop);
        return step.noop.length > 0;
      case 'done':
        return false;
      case 'forget_doubt':
      case 'look':
      case 'read':
      case 'confirm':
      case 'expand':
      case 'wait_for_doubt':
        throw new Error(`a rehearsal knows no step ${step.kind}`);
    }
  }

  #send(part: readonly Intent[]): void {
    const before = this.#snapshot;
    const size = before.members.size;
    this.requests.push(part);
    const removals = part.filter(isGuarded);
    this.#unseenCount ??= removalsOfRun(this.#due, before, (intent) => this.#pending.has(intent)).unseenCount;
    if (removals.length > 0) this.#sizeBefore ??= size + this.#unseenCount;
    this.#removedCount += removals.length;
    this.#drop(part);
    // Answers that list no members go on doing so.
    if (before.isDoubtful && size === 0) return;
    for (const intent of part) {
      if (intent.op === 'add') this.#members.add(idKey(targetOf(intent)));
      else this.#members.delete(idKey(targetOf(intent)));
    }
    const isDoubtful = before.isDoubtful && !isShownWhole(size, this.#members.size);
    if (isDoubtful !== before.isDoubtful) this.#snapshot = { ...before, isDoubtful };
  }
}

/** The answer lists as many members as no list is cut at; before, there were as many as lists are cut at. */
const isShownWhole = (before: number, after: number): boolean => isCutAt(before) && !isCutAt(after);

const approvedIntent = (intent: Intent): Intent => ({
  ...intent,
  guard: { kind: 'approved', author: '', reason: null, digest: '', at: 0 },
});

/** What a full state came to. */
export interface Expanded {
  readonly state: Intent;
  /** Its additions, and its removals. */
  readonly intents: readonly Intent[];
  /** Why its removals wait for an operator in any case; null: they do not. */
  readonly heldBy: HeldBy | null;
  /** Changes on top of it that its removals wait for. */
  readonly awaited: readonly Intent[];
  /** It is looked at twice: the read does not show all members, or did not before a restart. */
  readonly isTwice: boolean;
}

export interface Runs {
  /** What a full state comes to is among them, but for one that is looked at twice. */
  readonly turns: readonly Turn[];
  /** null: there is no full state, or it is not worked out yet. */
  readonly expanded: Expanded | null;
  /** Removals of a full state wait for members who are not known. */
  readonly isUnresolved: boolean;
}

/** The runs in their order. Answers whether the full state ends unseen: the last read does not show all members either. */
export function rehearse(rehearsal: Rehearsal, { turns, expanded, isUnresolved }: Runs): boolean {
  if (expanded !== null && expanded.heldBy !== null) rehearsal.hold(removalsIn(expanded.intents), expanded.heldBy);
  if (expanded?.isTwice === true) return rehearseTwice(rehearsal, { turns, expanded, isUnresolved });
  for (const turn of turns) rehearsal.run(turn.intents, turn.isUnresolved);
  return false;
}

interface Twice extends Runs {
  readonly expanded: Expanded;
}

/** What the first look comes to goes before the second one, and what stands on top of the full state after that. */
function rehearseTwice(rehearsal: Rehearsal, { turns, expanded, isUnresolved }: Twice): boolean {
  const { state, intents, awaited } = expanded;
  const isOwn = ({ source }: Intent): boolean => isSamePosition(source, state.source);
  // It came to them before a restart.
  const own = turns.flatMap((turn) => turn.intents.filter(isOwn));
  const removals = removalsIn(intents);
  const additions = intents.filter((intent) => intent.op === 'add' && isKnown(intent));
  rehearsal.run(own.filter(({ op }) => op === 'add'));
  if (additions.length === 0) rehearsal.run(removalsIn(own), isUnresolved);
  // What the removals wait for goes with the additions, before the second look.
  rehearsal.run(removals.length > 0 ? [...awaited.filter(isKnown), ...additions] : additions);
  rehearsal.run([...removalsIn(own), ...removals], isUnresolved);
  const isUnseen = rehearsal.snapshot.isDoubtful;
  for (const turn of turns) {
    const others = turn.intents.filter((intent) => !isOwn(intent));
    rehearsal.run(others, turn.isUnresolved);
  }
  return isUnseen;
}

const removalsIn = (intents: readonly Intent[]): readonly Intent[] => intents.filter(({ op }) => op === 'remove');

/** A request can name its member. */
export const isKnown = ({ target }: Intent): boolean => target !== null;
