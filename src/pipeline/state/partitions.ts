/** The partitions that this instance owns, or refuses; their groups as they are met, and forgotten once nothing of them is left. */
import { idKey } from '../../core/change/change.ts';
import type { Clock, IdMap } from '../../ports.ts';
import type { GroupQueue } from './group-queue.ts';
import { Group, type Partition } from './group.ts';

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

/* Groups as they are met, and forgotten once nothing of them is left. */

/** @param name in any spelling. */
export function groupOf({ ids }: { readonly ids: IdMap | null }, partition: Partition, name: string): Group {
  const id = idKey(name);
  const known = partition.groups.get(id);
  if (known !== undefined) return known;
  const group = new Group(id, partition, ids === null ? id : null);
  partition.add(group);
  return group;
}

interface Dependencies {
  readonly queue: GroupQueue;
  readonly clock: Clock;
  readonly dispatch: () => void;
}

/**
 * Forgets a group of which nothing is left. Met again it is another object, so what may still come back to this one,
 * or matter to its next request, keeps it.
 */
export function tidyGroup(dependencies: Dependencies, group: Group): void {
  const { queue, clock, dispatch } = dependencies;
  if (queue.isLocked(group) || !group.partition.hasNothingOf(group)) return;
  const now = clock.now();
  const leftMs = group.rememberedForMs(now.monotonic);
  if (leftMs > 0) {
    // The review at its end comes back here.
    queue.wake(group, now.wall + leftMs);
    return dispatch();
  }
  group.partition.remove(group);
  queue.forget(group);
}
