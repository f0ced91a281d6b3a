/** A binary heap; the smallest entry by `compare` is at the top. */
export class Heap<T> {
  readonly #entries: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#entries.length;
  }

  peek(): T | undefined {
    return this.#entries[0];
  }

  push(entry: T): void {
    const entries = this.#entries;
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#compare(entry, entries[above] as T) >= 0) break;
      entries[at] = entries[above] as T;
      at = above;
    }
    entries[at] = entry;
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const top = entries[0];
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return top;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= entries.length) break;
      if (below + 1 < entries.length && this.#compare(entries[below + 1] as T, entries[below] as T) < 0) below += 1;
      if (this.#compare(last, entries[below] as T) <= 0) break;
      entries[at] = entries[below] as T;
      at = below;
    }
    entries[at] = last;
    return top;
  }
}
