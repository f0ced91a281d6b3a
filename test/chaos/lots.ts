/** Everything drawn by lot comes from here: the same seed, the same lots in the same order. */
export class Lots {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1); mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  isHit(probability: number): boolean {
    return this.next() < probability;
  }

  /** Throws where there is nothing to draw. */
  pick<T>(from: readonly T[]): T {
    const drawn = from[this.below(from.length)];
    if (drawn === undefined) throw new Error('nothing to draw from');
    return drawn;
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, lot: this.next() }))
      .toSorted((a, b) => a.lot - b.lot)
      .map(({ item }) => item);
  }
}
