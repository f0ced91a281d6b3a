/**
 * Offsets of source records that are not complete, each with how many of its parts are open. They are numbers, counted from a base
 * that the caller chooses, in an array: there may be 200,000 of them, for which a map takes several times the memory.
 */
export class OpenOffsets {
  /** Ascending by `offsetOf`; closed ones stay, marked, until they are half of all. */
  #entries: number[] = [];
  /** Of offsets with several open parts, how many. */
  readonly #parts = new Map<number, number>();
  #size = 0;

  /** How many offsets are open. */
  get size(): number {
    return this.#size;
  }

  /** @param offset higher than all others. */
  add(offset: number, parts: number): void {
    this.#entries.push(offset);
    if (parts > 1) this.#parts.set(offset, parts);
    this.#size += 1;
  }

  /** Closes one part. Answers how many of them are left; null: the offset is not open. */
  close(offset: number): number | null {
    const at = this.#indexOf(offset);
    if (this.#entries[at] !== offset) return null;
    const left = (this.#parts.get(offset) ?? 1) - 1;
    if (left > 1) this.#parts.set(offset, left);
    else this.#parts.delete(offset);
    if (left > 0) return left;
    this.#entries[at] = closed(offset);
    this.#size -= 1;
    if (this.#entries.length > 2 * this.#size + CLOSED_MIN) this.#entries = [...this];
    return 0;
  }

  /** The open ones, ascending. */
  *[Symbol.iterator](): Iterator<number> {
    for (const entry of this.#entries) if (entry >= 0) yield entry;
  }

  /** Of the first entry that is not below it. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offsetOf(this.#entries[middle] ?? offset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The entry of a closed offset: below 0. */
const closed = (offset: number): number => -1 - offset;

const offsetOf = (entry: number): number => (entry < 0 ? closed(entry) : entry);

/** To drop closed entries copies all that are open; fewer than this are not worth it. */
const CLOSED_MIN = 64;
