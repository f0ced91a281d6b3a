/** A value that anybody may ask for, and that takes its time to work out: a former one is given while that would take too much. */
import type { Clock } from '../ports.ts';

/** At most a twentieth of the time goes into working it out. */
const REST_RATIO = 19;

export class Sparing<T> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #workOut: () => T;
  #last: { readonly value: T; readonly until: number } | null = null;

  constructor(clock: Pick<Clock, 'now'>, workOut: () => T) {
    this.#clock = clock;
    this.#workOut = workOut;
  }

  /** @throws what the work throws, each time */
  value(): T {
    const begun = this.#now();
    if (this.#last !== null && begun < this.#last.until) return this.#last.value;
    const value = this.#workOut();
    const end = this.#now();
    this.#last = { value, until: end + (end - begun) * REST_RATIO };
    return value;
  }

  #now(): number {
    return this.#clock.now().monotonic;
  }
}
