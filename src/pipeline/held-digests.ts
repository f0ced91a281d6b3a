/**
 * Which groups an operator may mean by a digest: those of which it was shown. Without this each approval would work out the
 * digest of every group that holds something.
 */
import type { Group } from './group.ts';

/** Of one group: an operator decides about the newest, and may ask once more about one before. */
const PER_GROUP_MAX = 8;

export class HeldDigests {
  readonly #groups = new Map<string, Group>();
  /** The oldest first. */
  readonly #ofGroup = new Map<Group, Set<string>>();

  get size(): number {
    return this.#groups.size;
  }

  /** The digest is shown, or was decided about, as one of this group. */
  note(group: Group, digest: string): void {
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
  groupOf(digest: string): Group | null {
    return this.#groups.get(digest) ?? null;
  }

  /** Nothing of the group is left. */
  forget(group: Group): void {
    for (const digest of this.#ofGroup.get(group) ?? []) this.#groups.delete(digest);
    this.#ofGroup.delete(group);
  }
}
