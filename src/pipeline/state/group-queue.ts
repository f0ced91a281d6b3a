/**
 * Which groups are ready, which are to be reviewed when, and which have a slot.
 *
 *   idle ──wakeBy──▶ waiting ──its time──▶ (reviewed) ──ready──▶ ready ──takeReady──▶ locked: in flight ──unlock──▶ idle
 *   any ──putFirst──▶ the same, and goes first ──takeReady | withdraw | nothing due──▶ as any other
 *
 * Of the ready ones, groups with a due removal go first, then by age; but a group never waits longer than `maxWaitMs` behind
 * revocations, and one that yields goes behind one that does not. What an operator has put first goes before all of them.
 */
import type { Group } from './group.ts';
import { Heap, type Entry } from './heap.ts';

/** So many that yield are passed over at most; each costs time. */
const PASSED_MAX = 100;

type Class = 'remove' | 'add';

/** Since when, and how urgently, a group is ready. */
export interface Readiness {
  readonly class: Class;
  /** When its oldest due intent was read, epoch ms. */
  readonly since: number;
  /** When it became ready, epoch ms. */
  readonly now: number;
}

export interface Turn<G> {
  /** Epoch ms. */
  readonly now: number;
  readonly maxWaitMs: number;
  readonly yields?: (group: G) => boolean;
}

/** @typeParam G the group. */
export class GroupQueue<G extends { readonly id: string } = Group> {
  /** By age. */
  readonly #revocations = new Heap<G>();
  /** By age. */
  readonly #grants = new Heap<G>();
  /** The same grants, the one that has waited longest first. */
  readonly #waits = new Heap<G>();
  /** An operator wants them to go before all others. */
  readonly #first = new Set<G>();
  /** By when they are to be reviewed (epoch ms). */
  readonly #waiting = new Heap<G>();
  /** Ids of groups with a slot; a lock outlives the loss of its partition. */
  readonly #locked = new Set<string>();

  get readyCount(): number {
    return this.#revocations.size + this.#grants.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Groups in flight. */
  get lockedCount(): number {
    return this.#locked.size;
  }

  isLocked({ id }: Pick<G, 'id'>): boolean {
    return this.#locked.has(id);
  }

  /** It has a slot: what happens meanwhile must not send it a second time. */
  lock({ id }: Pick<G, 'id'>): void {
    this.#locked.add(id);
  }

  unlock({ id }: Pick<G, 'id'>): void {
    this.#locked.delete(id);
  }

  /** null: it is not ready. */
  classOf(group: G): Class | null {
    if (this.#revocations.has(group)) return 'remove';
    return this.#grants.has(group) ? 'add' : null;
  }

  /** It waits for a slot, and no more for a time. One that is ready already only changes class, from `add` to `remove`. */
  makeReady(group: G, readiness: Readiness): void {
    this.#waiting.delete(group);
    const former = this.classOf(group);
    if (former === 'remove' || former === readiness.class) return;
    this.#leave(group);
    if (readiness.class === 'remove') this.#revocations.push(group, readiness.since);
    else {
      this.#grants.push(group, readiness.since);
      this.#waits.push(group, readiness.now);
    }
  }

  /** Its next turn comes before those of all others. */
  putFirst(group: G): void {
    this.#first.add(group);
  }

  goesFirst(group: G): boolean {
    return this.#first.has(group);
  }

  /** Nothing of it is due that could go first. */
  endTurn(group: G): void {
    this.#first.delete(group);
  }

  /** undefined: none is ready. */
  takeReady({ now, maxWaitMs, yields = () => false }: Turn<G>): G | undefined {
    for (const group of this.#first) {
      if (this.classOf(group) === null) continue;
      this.withdraw(group);
      return group;
    }
    const longest = this.#waits.peek();
    const isOverdue = longest !== undefined && now - longest.priority > maxWaitMs;
    const [revocation, grant] = [this.#revocations.peek(), this.#grants.peek()];
    const first = firstIn(this.#revocations, yields) ?? firstIn(this.#grants, yields);
    const next = isOverdue ? longest : (first ?? revocation ?? grant);
    if (next !== undefined) this.withdraw(next.key);
    return next?.key;
  }

  /** It has its turn, or none. */
  withdraw(group: G): void {
    this.endTurn(group);
    this.#leave(group);
  }

  /** It is not ready any more. */
  #leave(group: G): void {
    for (const heap of [this.#revocations, this.#grants, this.#waits]) heap.delete(group);
  }

  /** To be reviewed at `at` (epoch ms) at the latest, unless it is ready. */
  wakeBy(group: G, at: number): void {
    if (this.classOf(group) !== null || (this.wakeAt(group) ?? Number.POSITIVE_INFINITY) <= at) return;
    this.wake(group, at);
  }

  /** To be reviewed at `at` (epoch ms), and not before. */
  wake(group: G, at: number): void {
    this.#waiting.push(group, at);
  }

  /** Epoch ms; undefined: it waits for no time. */
  wakeAt(group: G): number | undefined {
    return this.#waiting.priorityOf(group);
  }

  /** It waits for no time any more. */
  endWait(group: G): void {
    this.#waiting.delete(group);
  }

  /** When the next group is to be reviewed, epoch ms; null: none waits. */
  get nextAt(): number | null {
    return this.#waiting.peek()?.priority ?? null;
  }

  /** One whose time has come; undefined: there is none. */
  takeDue(now: number): G | undefined {
    const next = this.#waiting.peek();
    return next === undefined || next.priority > now ? undefined : this.#waiting.pop();
  }

  /** Nothing of it is left, or its partition is lost. */
  forget(group: G): void {
    this.withdraw(group);
    this.#waiting.delete(group);
  }
}

/** Of those that do not yield; undefined: there is none among the first. */
function firstIn<G>(heap: Heap<G>, yields: (group: G) => boolean): Entry<G> | undefined {
  const passed: Entry<G>[] = [];
  let next = heap.peek();
  while (next !== undefined && passed.length < PASSED_MAX && yields(next.key)) {
    passed.push(next);
    heap.pop();
    next = heap.peek();
  }
  for (const { key, priority } of passed) heap.push(key, priority);
  return next === undefined || yields(next.key) ? undefined : next;
}
