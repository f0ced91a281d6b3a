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
}

export class SourceOracle {
  #before: SourceFacts | null = null;

  get isOther(): boolean {
    return this.#before !== null;
  }

  /** From now on. */
  becomesOther(facts: SourceFacts): void {
    this.#before = facts;
  }

  check(facts: SourceFacts): void {
    const before = this.#before;
    if (before === null) return;
    if (facts.committed !== before.committed)
      throw new Violation('same-source', `${facts.committed} is committed of a source that is another one`);
    if (facts.reports !== before.reports) throw new Violation('same-source', 'records of another source are reported');
    if (facts.requests !== before.requests) throw new Violation('same-source', 'records of another source are sent');
  }
}
