/**
 * Groups that may be dispatched. Groups with a due removal go first, then by age; but a group never waits longer than
 * `maxWaitMs` behind revocations, and one that yields goes behind one that does not.
 */
import { type Entry, Heap } from './heap.ts';

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

export class ReadyQueue<G> {
  /** By age. */
  readonly #revocations = new Heap<G>();
  /** By age. */
  readonly #grants = new Heap<G>();
  /** The same grants, the one that has waited longest first. */
  readonly #waits = new Heap<G>();

  get size(): number {
    return this.#revocations.size + this.#grants.size;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** null: it is not ready. */
  classOf(group: G): Class | null {
    if (this.#revocations.has(group)) return 'remove';
    return this.#grants.has(group) ? 'add' : null;
  }

  /** A group that is ready already only changes class, from `add` to `remove`. */
  push(group: G, readiness: Readiness): void {
    const former = this.classOf(group);
    if (former === 'remove' || former === readiness.class) return;
    this.delete(group);
    if (readiness.class === 'remove') this.#revocations.push(group, readiness.since);
    else {
      this.#grants.push(group, readiness.since);
      this.#waits.push(group, readiness.now);
    }
  }

  pop({ now, maxWaitMs, yields = () => false }: Turn<G>): G | undefined {
    const longest = this.#waits.peek();
    const isOverdue = longest !== undefined && now - longest.priority > maxWaitMs;
    const [revocation, grant] = [this.#revocations.peek(), this.#grants.peek()];
    const first = firstIn(this.#revocations, yields) ?? firstIn(this.#grants, yields);
    const next = isOverdue ? longest : (first ?? revocation ?? grant);
    if (next !== undefined) this.delete(next.key);
    return next?.key;
  }

  delete(group: G): void {
    for (const heap of [this.#revocations, this.#grants, this.#waits]) heap.delete(group);
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
