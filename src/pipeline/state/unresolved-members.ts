/**
 * Members whom the newest full state of a group names and the target does not know, as far as the group's intents do not say
 * so themselves (protocol.md 5.4). Each is recorded with its group, and forgotten once it is known, or named no more.
 */
import { comparePositions, isSamePosition, type Intent, type Position } from '../../core/change/change.ts';
import { isOfFullState } from '../../core/group/full-state.ts';
import type { UnresolvedNames } from '../../core/log/live-record.ts';

/** Removals of a full state are pending. */
interface Removals {
  /** Of the full state. */
  readonly source: Position;
  /** Whom they wait for beside its own additions. */
  readonly awaited: Set<string>;
  /** No name was left out, so that what is held for the unknown ones may go once none is left. */
  isComplete: boolean;
}

/** Of each list; ids of 256 characters make 256 kB. */
const NAMES_MAX = 1_000;

export class UnresolvedMembers {
  readonly #removals = new Map<string, Removals>();
  /** The oldest first. */
  readonly #accepted = new Map<string, Set<string>>();

  /** Names that are kept, in all. */
  get size(): number {
    const awaited = [...this.#removals.values()].reduce((sum, each) => sum + each.awaited.size, this.#removals.size);
    return [...this.#accepted.values()].reduce((sum, names) => sum + names.size, awaited);
  }

  /** Groups that have a live record for this alone. */
  get groups(): Iterable<string> {
    return this.#accepted.keys();
  }

  removalsOf(group: string): Readonly<Removals> | null {
    return this.#removals.get(group) ?? null;
  }

  acceptedOf(group: string): ReadonlySet<string> {
    return this.#accepted.get(group) ?? NONE;
  }

  /** What its live record says. */
  restore(group: string, { awaited, accepted }: UnresolvedNames, intents: readonly Intent[]): void {
    this.#removals.delete(group);
    this.#accepted.delete(group);
    if (accepted !== undefined && accepted.length > 0) this.#accepted.set(group, newest(accepted));
    const removal = intents.find(isOfFullState);
    if (removal === undefined) return;
    // Held by an older version, which does not say for whom.
    const isComplete = awaited !== undefined || !intents.some(isHeldForUnknown);
    this.#removals.set(group, { source: removal.source, awaited: newest(awaited ?? []), isComplete });
  }

  /** A live record of the group stands under another spelling of it. Of two full states the newer one counts. */
  takeOver(group: string, key: string): void {
    const removals = this.#removals.get(key);
    const known = this.#removals.get(group);
    if (removals !== undefined && (known === undefined || comparePositions(removals.source, known.source) > 0))
      this.#removals.set(group, removals);
    this.accept(group, [...this.acceptedOf(key)]);
    this.#removals.delete(key);
    this.#accepted.delete(key);
  }

  /** What its live record is to say beside these intents. */
  recordOf(group: string, intents: readonly Intent[]): UnresolvedNames {
    const removals = this.#removals.get(group);
    const accepted = this.#accepted.get(group);
    const isSaid =
      removals?.isComplete === true &&
      intents.some(isOfFullState) &&
      (removals.awaited.size > 0 || intents.some(isHeldForUnknown));
    return { ...(isSaid && { awaited: [...removals.awaited] }), ...(accepted && { accepted: [...accepted] }) };
  }

  /**
   * A full state was worked out. `added`: whom it adds, by the source's names; all others are known, or named no more.
   * Answers whether the live record is to say so.
   */
  expanded(
    group: string,
    source: Position,
    { added, awaited, hasRemovals }: { added: readonly string[]; awaited: readonly string[]; hasRemovals: boolean },
  ): boolean {
    const before = this.acceptedOf(group);
    const unknown = new Set([...added, ...awaited]);
    const accepted = new Set([...before].filter((name) => unknown.has(name)));
    if (accepted.size > 0) this.#accepted.set(group, accepted);
    else this.#accepted.delete(group);
    // After a restart it is worked out again, beside removals of its own that the live record holds.
    const isAgain = isSamePosition(this.#removals.get(group)?.source, source);
    if (!isAgain) this.#removals.delete(group);
    if (hasRemovals || isAgain) this.noteRemovals(group, source, awaited);
    return hasRemovals || accepted.size < before.size;
  }

  /** The second look of a full state may find more to remove. */
  noteRemovals(group: string, source: Position, awaited: readonly string[]): void {
    if (!this.#removals.has(group)) this.#removals.set(group, { source, awaited: new Set(), isComplete: true });
    for (const name of awaited) this.keepAwaited(group, name);
  }

  /** The removals of the full state wait for this intent, or for what replaces it. */
  isAwaited(group: string, { op, source, member }: Intent): boolean {
    const removals = this.#removals.get(group);
    if (removals === undefined) return false;
    return removals.awaited.has(member) || (op === 'add' && isSamePosition(source, removals.source));
  }

  /** Its intent is about to be gone or replaced, and the member is wanted all the same. */
  keepAwaited(group: string, name: string): void {
    const removals = this.#removals.get(group);
    if (removals === undefined) return;
    if (removals.awaited.has(name) || removals.awaited.size < NAMES_MAX) removals.awaited.add(name);
    else removals.isComplete = false;
  }

  /** Something newer wants the member out of the group. Answers whether the live record is to say so. */
  forgetAwaited(group: string, name: string): boolean {
    return this.#removals.get(group)?.awaited.delete(name) === true;
  }

  /** The member is in the group. Answers whether the live record is to say so. */
  noteAdded(group: string, name: string): boolean {
    const accepted = this.#accepted.get(group);
    const wasAccepted = accepted?.delete(name) === true;
    if (accepted?.size === 0) this.#accepted.delete(group);
    return this.forgetAwaited(group, name) || wasAccepted;
  }

  /** An operator has let the removals pass although these are unknown. */
  accept(group: string, names: readonly string[]): void {
    if (names.length > 0) this.#accepted.set(group, newest([...this.acceptedOf(group), ...names]));
  }

  /** No removal of a full state is pending any more. */
  endRemovals(group: string): void {
    this.#removals.delete(group);
  }

  /** The live record has no room: then later removals are held once more, and what is held now stays until an operator acts. */
  dropNames(group: string): boolean {
    const removals = this.#removals.get(group);
    const hasNames = removals?.isComplete === true && removals.awaited.size > 0;
    if (hasNames) removals.isComplete = false;
    return this.#accepted.delete(group) || hasNames;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** Also where an operator has refused it: a replay holds it again. */
const isHeldForUnknown = ({ guard }: Intent): boolean => guard?.kind === 'held' && guard.by === 'unresolved_members';

const newest = (names: readonly string[]): Set<string> => new Set([...new Set(names)].slice(-NAMES_MAX));
