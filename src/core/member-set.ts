/**
 * The member keys of a group at one version. A version that a few changes make of another one shares its keys, so that a PATCH
 * of 50 members costs 50 steps and not one for each of the 100,000 others.
 */
export class MemberSet {
  readonly #base: ReadonlySet<string>;
  /** What differs from `#base`: key → is it in? */
  readonly #changes: ReadonlyMap<string, boolean>;
  readonly size: number;

  constructor(base: ReadonlySet<string>, changes: ReadonlyMap<string, boolean> = new Map()) {
    this.#base = base;
    this.#changes = changes;
    let { size } = base;
    for (const isIn of changes.values()) size += isIn ? 1 : -1;
    this.size = size;
  }

  has(key: string): boolean {
    return this.#changes.get(key) ?? this.#base.has(key);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (const key of this.#base) if (this.#changes.get(key) !== false) yield key;
    for (const [key, isIn] of this.#changes) if (isIn) yield key;
  }

  /** @param wanted key → is it in afterwards? */
  with(wanted: Iterable<readonly [key: string, isIn: boolean]>): MemberSet {
    const changes = new Map(this.#changes);
    for (const [key, isIn] of wanted) {
      if (this.#base.has(key) === isIn) changes.delete(key);
      else changes.set(key, isIn);
    }
    const changed = new MemberSet(this.#base, changes);
    // Copying both costs least in all where the changes are about the root of the members.
    return changes.size ** 2 > CHANGES_PER_ROOT ** 2 * (this.#base.size + 1)
      ? new MemberSet(new Set(changed))
      : changed;
  }
}

const CHANGES_PER_ROOT = 8;
