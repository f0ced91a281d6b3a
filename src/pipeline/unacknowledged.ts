/**
 * Groups of which a report or a live record waits to be sent, or was sent and has no answer yet. While there is one, the
 * answer comes back to this very object, so no other may stand for the group.
 */
import assert from 'node:assert/strict';

export class Unacknowledged<G> {
  /** Group → how many of them. */
  readonly #counts = new Map<G, number>();

  get size(): number {
    return this.#counts.size;
  }

  has(group: G): boolean {
    return this.#counts.has(group);
  }

  add(group: G): void {
    this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
  }

  /** One of them has its answer. */
  remove(group: G): void {
    const count = this.#counts.get(group);
    assert(count !== undefined, 'an answer to what was not sent');
    if (count > 1) this.#counts.set(group, count - 1);
    else this.#counts.delete(group);
  }
}
