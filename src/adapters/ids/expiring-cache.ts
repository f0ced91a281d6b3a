/** Values with an end; bounded: the ones that were used longest ago go first. On the order of a Map. */
export class ExpiringCache<V> {
  readonly #entriesMax: number;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param now monotonic ms, as the others. */
  get(key: string, now: number): V | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    if (entry.until <= now) return null;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Until its end; null: there is no such value. */
  leftMs(key: string, now: number): number | null {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.until <= now ? null : entry.until - now;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
