/**
 * A binary heap of keys by priority, the lowest on top; of equal ones the key that was entered, or moved, first. A key is in it once, so
 * that it never holds more than there are keys: another priority moves the key, and what is no longer wanted is taken out at its place.
 */
export interface Entry<K> {
  readonly key: K;
  readonly priority: number;
}

interface Ranked<K> extends Entry<K> {
  /** The how many-th push it was. */
  readonly turn: number;
}

const isBefore = (a: Ranked<unknown>, b: Ranked<unknown>): boolean =>
  a.priority < b.priority || (a.priority === b.priority && a.turn < b.turn);

export class Heap<K> {
  readonly #entries: Ranked<K>[] = [];
  #turns = 0;
  /** Key → where its entry is. */
  readonly #places = new Map<K, number>();

  get size(): number {
    return this.#entries.length;
  }

  has(key: K): boolean {
    return this.#places.has(key);
  }

  /** In no order: for what is asked of all of them, due or not. */
  keys(): Iterable<K> {
    return this.#places.keys();
  }

  peek(): Entry<K> | undefined {
    return this.#entries[0];
  }

  priorityOf(key: K): number | undefined {
    const at = this.#places.get(key);
    return at === undefined ? undefined : this.#entries[at]?.priority;
  }

  /** Enters the key, or moves it to its new priority. */
  push(key: K, priority: number): void {
    const at = this.#places.get(key) ?? this.#entries.length;
    this.#turns += 1;
    const entry = { key, priority, turn: this.#turns };
    this.#sinkFrom(this.#raiseTo(at, entry), entry);
  }

  pop(): K | undefined {
    const top = this.#entries[0];
    if (top !== undefined) this.delete(top.key);
    return top?.key;
  }

  delete(key: K): void {
    const at = this.#places.get(key);
    if (at === undefined) return;
    this.#places.delete(key);
    const last = this.#entries.pop();
    // The last one takes the place that is free now.
    if (last !== undefined && last.key !== key) this.#sinkFrom(this.#raiseTo(at, last), last);
  }

  /** Moves what is above and comes later out of the way; returns where there is room for the entry. */
  #raiseTo(from: number, raised: Ranked<K>): number {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const entry = this.#entries[above];
      if (entry === undefined || !isBefore(raised, entry)) break;
      this.#put(entry, at);
      at = above;
    }
    return at;
  }

  #sinkFrom(from: number, entry: Ranked<K>): void {
    let at = from;
    for (;;) {
      const [left, right] = [this.#entries[2 * at + 1], this.#entries[2 * at + 2]];
      const first = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (first === undefined || isBefore(entry, first)) break;
      const below = first === left ? 2 * at + 1 : 2 * at + 2;
      this.#put(first, at);
      at = below;
    }
    this.#put(entry, at);
  }

  #put(entry: Ranked<K>, at: number): void {
    this.#entries[at] = entry;
    this.#places.set(entry.key, at);
  }
}
