/**
 * Groups that may be dispatched. Groups with a due removal go first, then by age; but a group never waits longer than
 * `maxWaitMs` behind revocations. Entries that are not about the present readiness of their group are left over.
 */
import { Heap } from './heap.ts';

type Class = 'remove' | 'add';

/** Since when, and how urgently, a group is ready. */
export interface Readiness {
  readonly class: Class;
  /** When its oldest due intent was read, epoch ms. */
  readonly since: number;
  /** When it became ready, epoch ms. */
  readonly now: number;
}

interface Entry<G> {
  readonly group: G;
  readonly readiness: Readiness;
}

const byAge = <G>(a: Entry<G>, b: Entry<G>): number => a.readiness.since - b.readiness.since;
const byWait = <G>(a: Entry<G>, b: Entry<G>): number => a.readiness.now - b.readiness.now;

export class ReadyQueue<G extends { ready: Readiness | null }> {
  readonly #revocations = new Heap<Entry<G>>(byAge);
  readonly #grants = new Heap<Entry<G>>(byAge);
  /** The same grants, the one that has waited longest first. */
  readonly #waits = new Heap<Entry<G>>(byWait);

  /** A group that is ready already only changes class, from `add` to `remove`. */
  push(group: G, readiness: Readiness): void {
    if (group.ready?.class === 'remove' || group.ready?.class === readiness.class) return;
    group.ready = readiness;
    const entry = { group, readiness };
    for (const heap of readiness.class === 'remove' ? [this.#revocations] : [this.#grants, this.#waits]) {
      heap.push(entry);
    }
  }

  pop(now: number, maxWaitMs: number): G | undefined {
    const longest = head(this.#waits);
    const isOverdue = longest !== undefined && now - longest.readiness.now > maxWaitMs;
    const group = (isOverdue ? longest : (head(this.#revocations) ?? head(this.#grants)))?.group;
    if (group !== undefined) group.ready = null;
    return group;
  }

  get isEmpty(): boolean {
    return head(this.#revocations) === undefined && head(this.#grants) === undefined;
  }
}

function head<G extends { ready: Readiness | null }>(heap: Heap<Entry<G>>): Entry<G> | undefined {
  let top = heap.peek();
  while (top !== undefined && top.group.ready !== top.readiness) {
    heap.pop();
    top = heap.peek();
  }
  return top;
}
