/** What the pipeline counts since its start, and how many requests are on their way. */

/** How often each of some names was met. */
export class CounterByName {
  readonly #counts = new Map<string, number>();

  note(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get byName(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

export class Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(by: 1 | -1 = 1): void {
    this.#value += by;
  }
}

export class Counts {
  /** Events of the source that concern no membership, by reason. */
  readonly skipped = new CounterByName();
  /** Requests to the target, by the kind of their outcome. */
  readonly requests = new CounterByName();
  /** Versions that had moved on when a group was changed. */
  readonly conflicts = new Counter();
  /** Requests of operators that were not executed, by why. */
  readonly refusedRequests = new CounterByName();
  /** Final reports, by outcome. */
  readonly reports = new CounterByName();
  /** Requests of groups to the target, and for tokens; not look-ups. */
  readonly requestsInFlight = new Counter();
  /** How often offsets, or what is parked, were not there any more. */
  readonly possibleLosses = new Counter();
  /** Requests that ended outside their lease. */
  readonly outsideLease = new Counter();
}
