/**
 * Places in the order of a partition, each with how many of its parts are open. In an array of numbers: there may be 200,000 places, for
 * which a map takes several times the memory.
 */
export class OpenPlaces {
  /** Ascending by `placeOf`; what is closed stays, marked, until it is half of them. */
  #places: number[] = [];
  /** The open parts of places that have several of them. */
  readonly #parts = new Map<number, number>();
  #size = 0;

  /** How many places are open. */
  get size(): number {
    return this.#size;
  }

  /** @param place behind all others. */
  add(place: number, parts: number): void {
    this.#places.push(place);
    if (parts > 1) this.#parts.set(place, parts);
    this.#size += 1;
  }

  /** Closes one part. Answers how many are left; null: the place is not open. */
  close(place: number): number | null {
    const at = this.#indexOf(place);
    if (this.#places[at] !== place) return null;
    const left = (this.#parts.get(place) ?? 1) - 1;
    if (left > 1) this.#parts.set(place, left);
    else this.#parts.delete(place);
    if (left > 0) return left;
    this.#places[at] = closed(place);
    this.#size -= 1;
    if (this.#places.length > 2 * this.#size + CLOSED_MIN) this.#places = [...this];
    return 0;
  }

  /** The open ones. */
  *[Symbol.iterator](): Iterator<number> {
    for (const place of this.#places) if (place >= 0) yield place;
  }

  /** The first that is not before it. */
  #indexOf(place: number): number {
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (placeOf(this.#places[middle] ?? place) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Below 0. */
const closed = (place: number): number => -1 - place;

const placeOf = (entry: number): number => (entry < 0 ? closed(entry) : entry);

/** Dropping costs as much as there are. */
const CLOSED_MIN = 64;
