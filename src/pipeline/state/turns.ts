/**
 * Long work in slices, so that others have their turn of the event loop in between: heartbeats, answers, requests of the admin
 * server. Each begins in the turn that asks for it; after that, of all such work no more than one slice is done in a turn, or the
 * slices of many partitions would add up.
 */
import type { Clock } from '../../ports.ts';
import type { Group, Partition } from './group.ts';

/** Yields after each slice, which takes about 20 ms. */
export type Slices = Generator<void, void>;

export class Turns {
  readonly #clock: Pick<Clock, 'schedule'>;
  /** Of those that were asked for. */
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Pick<Clock, 'schedule'>) {
    this.#clock = clock;
  }

  /** Does the first slice in the present turn. @param isWanted asked before each of the others; if not, the rest is left. */
  async run(work: Slices, isWanted: () => boolean): Promise<void> {
    while (work.next().done !== true) {
      await this.#next();
      if (!isWanted()) return void work.return();
    }
  }

  #next(): Promise<void> {
    this.#last = this.#last.then(
      () =>
        new Promise((resolve) => {
          this.#clock.schedule(0, resolve);
        }),
    );
    return this.#last;
  }
}

/* Goes through the groups of a partition in slices: there may be 100,000. */

/** Members and groups of a slice, about 20 ms. */
export const SLICE = 5_000;

/** Visits each group, and gives slots to those that are ready after each slice. */
export function* eachGroup(
  { dispatch }: { readonly dispatch: () => void },
  { groups }: Partition,
  visit: (group: Group) => void,
): Slices {
  let count = 0;
  for (const group of groups.values()) {
    if (count >= SLICE) {
      dispatch();
      yield;
      count = 0;
    }
    count += 1 + group.members.size;
    visit(group);
  }
  dispatch();
}
