/**
 * What one run of a group has taken, and what of it the next step is about. A step costs as much as what it looks at, so it
 * gets a slice, however much is due. What the group shows to be so already, and what is unconfirmed, comes last: an answer to
 * the rest may tell more of it.
 */
import type { Intent } from '../../core/change/change.ts';

/** Ten requests of the usual size. */
export const SLICE_MAX = 500;

export interface Sieve {
  /** It is neither final, parked nor replaced since it was taken. */
  readonly isPending: (intent: Intent) => boolean;
  /** It waits for something that is not due. */
  readonly isKeptBack: (intent: Intent) => boolean;
  /** Nothing is to be sent for it, as far as is known. */
  readonly isSettled: (intent: Intent) => boolean;
}

export class DueQueue {
  /** How many it began with. */
  readonly takenCount: number;
  readonly #toSend: Set<Intent>;
  readonly #settled = new Set<Intent>();

  constructor(taken: Iterable<Intent>) {
    this.#toSend = new Set(taken);
    this.takenCount = this.#toSend.size;
  }

  has(intent: Intent): boolean {
    return this.#toSend.has(intent) || this.#settled.has(intent);
  }

  /** With what is no longer pending, as far as no slice has met it. */
  get size(): number {
    return this.#toSend.size + this.#settled.size;
  }

  *[Symbol.iterator](): Iterator<Intent> {
    yield* this.#toSend;
    yield* this.#settled;
  }

  /** The one goes on as the other. */
  replace(intent: Intent, next: Intent): void {
    const list = this.#settled.has(intent) ? this.#settled : this.#toSend;
    list.delete(intent);
    list.add(next);
  }

  /** As many as a step looks at; empty: nothing is left that could go on. */
  slice(sieve: Sieve): Intent[] {
    const toSend = this.#from(this.#toSend, sieve, (intent) => {
      if (!sieve.isSettled(intent)) return true;
      this.#toSend.delete(intent);
      this.#settled.add(intent);
      return false;
    });
    return toSend.length > 0 ? toSend : this.#from(this.#settled, sieve, () => true);
  }

  #from(list: Set<Intent>, { isPending, isKeptBack }: Sieve, isWanted: (intent: Intent) => boolean): Intent[] {
    const slice: Intent[] = [];
    for (const intent of list) {
      if (slice.length === SLICE_MAX) break;
      if (!isPending(intent)) list.delete(intent);
      else if (!isKeptBack(intent) && isWanted(intent)) slice.push(intent);
    }
    return slice;
  }
}
