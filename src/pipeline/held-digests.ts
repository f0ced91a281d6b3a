/**
 * Which groups an operator may mean by a digest: those of which it was shown. Without this each approval would work out the
 * digest of every group that holds something.
 */

/** Of one group: an operator decides about the newest, and may ask once more about one before. */
const PER_GROUP_MAX = 8;

/** @typeParam G the group. */
export class HeldDigests<G> {
  readonly #groups = new Map<string, G>();
  /** The oldest first. */
  readonly #ofGroup = new Map<G, Set<string>>();

  get size(): number {
    return this.#groups.size;
  }

  /** The digest is shown, or was decided about, as one of this group. */
  note(group: G, digest: string): void {
    const digests = this.#ofGroup.get(group) ?? new Set<string>();
    this.#ofGroup.set(group, digests);
    digests.delete(digest);
    digests.add(digest);
    this.#groups.set(digest, group);
    const [oldest] = digests;
    if (digests.size <= PER_GROUP_MAX || oldest === undefined) return;
    digests.delete(oldest);
    this.#groups.delete(oldest);
  }

  /** null: of none, as far as is known. */
  groupOf(digest: string): G | null {
    return this.#groups.get(digest) ?? null;
  }

  /** Nothing of the group is left. */
  forget(group: G): void {
    for (const digest of this.#ofGroup.get(group) ?? []) this.#groups.delete(digest);
    this.#ofGroup.delete(group);
  }
}
