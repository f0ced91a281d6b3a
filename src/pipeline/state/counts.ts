/** What the pipeline counts since its start, and how many requests are on their way. */
/** How often each of some names was met. */
export class Tally {
  readonly #counts = new Map<string, number>();

  note(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get byName(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

export class Counts {
  /** Events of the source that concern no membership, by reason. */
  readonly skipped = new Tally();
  /** Requests to the target, by the kind of their outcome. */
  readonly requests = new Tally();
  /** Requests of operators that were not executed, by why. */
  readonly refusedRequests = new Tally();
  /** Final reports, by outcome. */
  readonly reports = new Tally();
  #conflicts = 0;
  #possibleLosses = 0;
  #outsideLease = 0;
  #requestsInFlight = 0;

  /** Requests of groups to the target, and for tokens; not look-ups. */
  get requestsInFlight(): number {
    return this.#requestsInFlight;
  }

  beginRequest(): void {
    this.#requestsInFlight += 1;
  }

  endRequest(): void {
    this.#requestsInFlight -= 1;
  }

  get conflicts(): number {
    return this.#conflicts;
  }

  noteConflict(): void {
    this.#conflicts += 1;
  }

  /** How often offsets, or what is parked, were not there any more. */
  get possibleLosses(): number {
    return this.#possibleLosses;
  }

  notePossibleLoss(): void {
    this.#possibleLosses += 1;
  }

  /** Requests that ended outside their lease. */
  get outsideLease(): number {
    return this.#outsideLease;
  }

  noteOutsideLease(): void {
    this.#outsideLease += 1;
  }
}
