/**
 * Places in the order of a partition, each with how many of its parts are open. Two arrays of numbers: there may be 200,000 places, for
 * which a map takes four times the memory.
 */
export class OpenPlaces {
  /** Ascending; what is closed stays until it is half of them. */
  #places: number[] = [];
  /** Of each place: its open parts. */
  #parts: number[] = [];
  #size = 0;

  /** How many places are open. */
  get size(): number {
    return this.#size;
  }

  /** @param place behind all others. */
  add(place: number, parts: number): void {
    this.#places.push(place);
    this.#parts.push(parts);
    this.#size += 1;
  }

  /** Closes one part. Answers how many are left; null: the place is not open. */
  close(place: number): number | null {
    const at = this.#indexOf(place);
    const parts = this.#places[at] === place ? (this.#parts[at] ?? 0) : 0;
    if (parts === 0) return null;
    this.#parts[at] = parts - 1;
    if (parts === 1) this.#size -= 1;
    if (this.#places.length > 2 * this.#size + CLOSED_MIN) this.#dropClosed();
    return parts - 1;
  }

  /** The open ones. */
  *[Symbol.iterator](): Iterator<number> {
    for (let at = 0; at < this.#places.length; at += 1) {
      const place = this.#places[at];
      if (place !== undefined && this.#parts[at] !== 0) yield place;
    }
  }

  #dropClosed(): void {
    this.#places = this.#places.filter((_, at) => this.#parts[at] !== 0);
    this.#parts = this.#parts.filter((parts) => parts !== 0);
  }

  /** The first that is not before it. */
  #indexOf(place: number): number {
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle] ?? place) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Dropping costs as much as there are. */
const CLOSED_MIN = 64;
