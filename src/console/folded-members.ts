/**
 * What stands of each membership of a file, in columns of numbers beside the heap. A change writes over them: an object for each change,
 * or an entry of a map that is written again and again, lives long enough to be promoted, and V8 collects that late.
 */

const ROWS_AT_FIRST = 64;
const NOTHING = -1;

export class FoldedMembers {
  #count = 0;
  /** `NOTHING`: it has no change any more. */
  #changes = new Float64Array(ROWS_AT_FIRST);
  /** Of the member, in its event. */
  #places = new Uint32Array(ROWS_AT_FIRST);
  #superseded = new Float64Array(ROWS_AT_FIRST);

  /** @returns the row of a membership that has no change yet */
  add(): number {
    const row = this.#count;
    if (row === this.#changes.length) this.#grow();
    this.#changes[row] = NOTHING;
    this.#count += 1;
    return row;
  }

  /** @param change a number, in the order of changes. @param place orders changes that have the same number */
  set(row: number, change: number, place: number): void {
    this.#changes[row] = change;
    this.#places[row] = place;
  }

  clear(row: number): void {
    this.#changes[row] = NOTHING;
  }

  /** null: nothing stands. */
  changeOf(row: number): number | null {
    const change = this.#changes[row] ?? NOTHING;
    return change === NOTHING ? null : change;
  }

  countSuperseded(row: number): void {
    this.#superseded[row] = this.supersededOf(row) + 1;
  }

  supersededOf(row: number): number {
    return this.#superseded[row] ?? 0;
  }

  /** Positive: that of row `a` is the later change. */
  compare(a: number, b: number): number {
    const order = (this.#changes[a] ?? 0) - (this.#changes[b] ?? 0);
    return order === 0 ? (this.#places[a] ?? 0) - (this.#places[b] ?? 0) : order;
  }

  #grow(): void {
    const length = 2 * this.#count;
    [this.#changes, this.#superseded] = [copied(this.#changes, length), copied(this.#superseded, length)];
    const places = new Uint32Array(length);
    places.set(this.#places);
    this.#places = places;
  }
}

function copied(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(length);
  copy.set(column);
  return copy;
}
