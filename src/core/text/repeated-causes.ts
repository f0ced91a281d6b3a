/** Lines of a log about causes that last: of each cause the first, then one a minute, which says how many were left out. */
const EVERY_MS = 60_000;
const CAUSES_MAX = 1_000;

export class RepeatedCauses {
  readonly #known = new Map<string, { readonly at: number; readonly leftOut: number }>();

  /** How many lines were left out since the last one; null: this one is left out too. @param now monotonic ms */
  admit(cause: string, now: number): number | null {
    const known = this.#known.get(cause);
    if (known !== undefined && now - known.at < EVERY_MS) {
      this.#known.set(cause, { ...known, leftOut: known.leftOut + 1 });
      return null;
    }
    // Errors may hold changing numbers.
    if (this.#known.size >= CAUSES_MAX) this.#known.clear();
    this.#known.set(cause, { at: now, leftOut: 0 });
    return known?.leftOut ?? 0;
  }
}

/** The field that the line gets. */
export const leftOutField = (leftOut: number): { readonly leftOut?: number } => (leftOut === 0 ? {} : { leftOut });
