/**
 * Once the source is another log than the one that was read, its offsets name other records: nothing of it may be asked for,
 * reported or committed, and its owner refuses it.
 */
import { Violation } from '../violation.ts';

/** What must not change any more. */
export interface SourceFacts {
  readonly requests: number;
  readonly reports: bigint;
  readonly committed: bigint | null;
  /** A report names a member that only the other source names. */
  readonly areStrangersReported: () => boolean;
}

export class SourceOracle {
  #before: SourceFacts | null = null;
  /** Where the former source ended; null: it was replaced at rest, or not at all. */
  #formerEnd: bigint | null = null;

  get isOther(): boolean {
    return this.#before !== null || this.#formerEnd !== null;
  }

  /** What was read before may still be on its way: nothing of the other one may come after it. */
  becomesOtherUnderWay(end: bigint): void {
    this.#formerEnd = end;
  }

  /** From now on. */
  becomesOther(facts: SourceFacts): void {
    this.#before = facts;
  }

  check(facts: SourceFacts): void {
    if (this.#formerEnd !== null && (facts.committed ?? 0n) > this.#formerEnd)
      throw new Violation('same-source', `${facts.committed} is committed, and the former source ended before`);
    if (this.#formerEnd !== null && facts.areStrangersReported())
      throw new Violation('same-source', 'records of another source are reported');
    const before = this.#before;
    if (before === null) return;
    if (facts.committed !== before.committed)
      throw new Violation('same-source', `${facts.committed} is committed of a source that is another one`);
    if (facts.reports !== before.reports) throw new Violation('same-source', 'records of another source are reported');
    if (facts.requests !== before.requests) throw new Violation('same-source', 'records of another source are sent');
  }
}
