/**
 * How much the live record of one group takes, learned from what the broker refuses. It counts intents that are not dead:
 * each one of the record is one unit, and so is each intent that is added, or written in a longer form, on top of that.
 *
 *   refused with k new ones ──▶ half of them next time      refused with one, beside others ──▶ none until others leave
 *   refused alone ──▶ left out, named in /readyz            acknowledged in full ──▶ a quarter more next time
 *   each sweep: a quarter more, and what was left out is tried again, since the limit of the topic may have been raised
 */

/** What a record consists of, in units. */
export interface RecordParts {
  /** What the record holds without the new ones. */
  readonly base: number;
  /** Ids of the new ones. */
  readonly added: readonly string[];
}

interface Wanted {
  /** Ids of all that is new. */
  readonly wanted: ReadonlySet<string>;
  /** Some of it had no room. */
  readonly isShort: boolean;
  /** Nothing of what had no room can go on by itself. */
  readonly standsStill: boolean;
}

export class RecordLimit {
  #unitsMax = Number.POSITIVE_INFINITY;
  /** Refused alone: id → may it be tried again? */
  readonly #unfit = new Map<string, 'left_out' | 'tried_again'>();
  #isShort = false;
  /** What waits for room has none until an operator acts. */
  #isStandingStill = false;
  /** The record was refused although nothing was new in it. */
  #isRefused = false;

  /** How many new ones may be added; one at the least where nothing else is in the record. */
  room(base: number): number {
    return Math.max(this.#unitsMax - base, base === 0 ? 1 : 0);
  }

  isLeftOut(id: string): boolean {
    return this.#unfit.get(id) === 'left_out';
  }

  /** Something waits for the record that nothing but an operator, or a larger limit of the topic, can set going. */
  get isStuck(): boolean {
    return this.#isRefused || this.#isStandingStill || this.#unfit.size > 0;
  }

  /** Something waits for room. */
  get isShort(): boolean {
    return this.#isShort || this.isStuck;
  }

  noteRefused({ base, added }: RecordParts): void {
    const [first] = added;
    if (first === undefined) this.#isRefused = true;
    else if (added.length === 1 && base === 0) this.#unfit.set(first, 'left_out');
    else this.#unitsMax = base + Math.floor(added.length / 2);
  }

  noteWritten({ base, added }: RecordParts): void {
    this.#isRefused = false;
    for (const id of added) this.#unfit.delete(id);
    if (base + added.length >= this.#unitsMax) this.#grow();
  }

  /** Of the record that is written next. */
  noteWanted({ wanted, isShort, standsStill }: Wanted): void {
    for (const id of this.#unfit.keys()) if (!wanted.has(id)) this.#unfit.delete(id);
    this.#isShort = isShort;
    this.#isStandingStill = standsStill;
  }

  retry(): void {
    for (const id of this.#unfit.keys()) this.#unfit.set(id, 'tried_again');
    this.#grow();
  }

  #grow(): void {
    this.#unitsMax = Math.ceil(Math.max(1, this.#unitsMax) * 1.25);
  }
}
