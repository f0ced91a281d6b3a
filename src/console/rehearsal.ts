/**
 * The runs of one group, as the pipeline would make them, against a target that accepts everything: which requests it sends, and what the
 * removal guard holds. Each step is decided by core/group/step.ts, as in pipeline/apply; nothing is sent.
 */
import type { HeldBy, Intent } from '../core/change/change.ts';
import { approvedLast, isGuarded, type GuardLimits } from '../core/group/guard.ts';
import { nextStep, sizeOf, type Step } from '../core/group/step.ts';
import { isCutAt, isSatisfied, membersAfter, type Snapshot } from '../core/target/snapshot.ts';
import { DueQueue } from '../pipeline/state/due-queue.ts';

export interface RehearsalOptions {
  readonly membersPerPatchMax: number;
  readonly guard: GuardLimits;
  /** Removals in the groups before this one. */
  readonly removedBefore: number;
}

export interface RehearsedRequest {
  /** The group as it is before the request. */
  readonly snapshot: Snapshot;
  readonly part: readonly Intent[];
}

interface HeldIntents {
  readonly intents: readonly Intent[];
  readonly by: HeldBy;
}

export class Rehearsal {
  readonly requests: RehearsedRequest[] = [];
  readonly noop: Intent[] = [];
  readonly held: HeldIntents[] = [];
  readonly #options: RehearsalOptions;
  #snapshot: Snapshot;
  /** Neither sent, nor already so, nor held. */
  readonly #pending: Set<Intent>;
  #removedCount = 0;
  /** Members of the group before the first removal; null: none was sent. */
  #sizeBefore: number | null = null;
  /** What the present run began with. */
  #due: readonly Intent[] = [];
  /** Removals of the present run that its first request finds unseen; null: it has sent none. */
  #unseenCount: number | null = null;

  /** @param pending what the guard judges together: also what is sent in a later run, or waits for its time. */
  constructor(snapshot: Snapshot, pending: Iterable<Intent>, options: RehearsalOptions) {
    this.#snapshot = snapshot;
    this.#pending = new Set(pending);
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

  hold(intents: readonly Intent[], by: HeldBy): void {
    if (intents.length > 0) this.held.push({ intents, by });
    for (const intent of intents) this.#pending.delete(intent);
  }

  /** What an approval of all that is held sends; it ends the rehearsal. */
  runApproved(): readonly RehearsedRequest[] {
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
    const pendingRemovals = [...this.#pending].filter(isGuarded);
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
      pendingRemovals,
      removalCountMax: pendingRemovals.length,
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
        for (const intent of step.noop) this.#pending.delete(intent);
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

  /** As the guard's window counts them (pipeline/intents/guard.ts). */
  #unseenOfRun(): number {
    const snapshot = this.#snapshot;
    const removals = this.#due.filter(
      (intent) => isGuarded(intent) && this.#pending.has(intent) && !isSatisfied(intent, snapshot),
    );
    return sizeOf(snapshot, removals) - snapshot.members.size;
  }

  #send(part: readonly Intent[]): void {
    const before = this.#snapshot;
    this.requests.push({ snapshot: before, part });
    const removals = part.filter(isGuarded);
    this.#unseenCount ??= this.#unseenOfRun();
    if (removals.length > 0) this.#sizeBefore ??= before.members.size + this.#unseenCount;
    this.#removedCount += removals.length;
    for (const intent of part) this.#pending.delete(intent);
    // Answers that list no members go on doing so.
    const after = before.isDoubtful && before.members.size === 0 ? before : membersAfter(before, part);
    this.#snapshot = { ...before, ...after, isDoubtful: before.isDoubtful && !isShownWhole(before, after) };
  }
}

/** The answer lists as many members as no list is cut at; before, there were as many as lists are cut at. */
const isShownWhole = (before: Pick<Snapshot, 'members'>, after: Pick<Snapshot, 'members'>): boolean =>
  isCutAt(before.members.size) && !isCutAt(after.members.size);

const approvedIntent = (intent: Intent): Intent => ({
  ...intent,
  guard: { kind: 'approved', author: '', reason: null, digest: '', at: 0 },
});

/** What a full state came to. */
export interface Expanded {
  readonly state: Intent;
  /** Its additions, and its removals. */
  readonly intents: readonly Intent[];
  /** Why its removals wait for an operator whatever else is so; null: they do not. */
  readonly heldBy: HeldBy | null;
  /** Changes on top of it that its removals wait for. */
  readonly awaited: readonly Intent[];
  /** It names members who are not known. */
  readonly isUnresolved: boolean;
}

/**
 * The runs in their order. What stands on top of a full state goes while what that came to is recorded; where the read was doubtful, after it.
 * Answers whether the full state ends unseen: the last read does not show all members either.
 */
export function rehearse(rehearsal: Rehearsal, deltas: readonly Intent[], expanded: Expanded | null): boolean {
  if (expanded === null) {
    rehearsal.run(deltas);
    return false;
  }
  const { intents, heldBy, awaited, isUnresolved } = expanded;
  const { isDoubtful } = rehearsal.snapshot;
  const additions = intents.filter((intent) => intent.op === 'add' && isKnown(intent));
  const removals = intents.filter(({ op }) => op === 'remove');
  if (heldBy !== null) rehearsal.hold(removals, heldBy);
  if (!isDoubtful) rehearsal.run(deltas);
  // What the removals wait for goes with the additions, before the second look.
  rehearsal.run(isDoubtful && removals.length > 0 ? [...awaited.filter(isKnown), ...additions] : additions);
  rehearsal.run(removals, isUnresolved);
  const isUnseen = isDoubtful && rehearsal.snapshot.isDoubtful;
  if (isDoubtful) rehearsal.run(deltas);
  return isUnseen;
}

const isKnown = ({ target }: Intent): boolean => target !== null;
