/** The partitions that this instance owns, or refuses. */
import type { Group, Partition } from './group.ts';

export class Partitions {
  readonly #byNumber = new Map<number, Partition>();

  get size(): number {
    return this.#byNumber.size;
  }

  get(number: number): Partition | undefined {
    return this.#byNumber.get(number);
  }

  [Symbol.iterator](): Iterator<Partition> {
    return this.#byNumber.values();
  }

  /** In the place of the one of its number. */
  add(partition: Partition): void {
    this.#byNumber.set(partition.number, partition);
  }

  /** Lost: results for it are dropped from now on. */
  delete({ number }: Partition): void {
    this.#byNumber.delete(number);
  }

  /** Still ours, without a break. */
  isCurrent(partition: Partition): boolean {
    return this.#byNumber.get(partition.number) === partition;
  }

  *groups(): Iterable<Group> {
    for (const { groups } of this.#byNumber.values()) yield* groups.values();
  }
}
