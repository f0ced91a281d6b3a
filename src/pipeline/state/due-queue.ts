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
  /** By member, and so one for each; what goes on as another one keeps its place. */
  readonly #toSend: Map<string, Intent>;
  readonly #settled = new Map<string, Intent>();

  constructor(taken: Iterable<Intent>) {
    this.#toSend = new Map(Array.from(taken, (intent) => [intent.member, intent]));
    this.takenCount = this.#toSend.size;
  }

  has(intent: Intent): boolean {
    const { member } = intent;
    return (this.#toSend.get(member) ?? this.#settled.get(member)) === intent;
  }

  /** With what is no longer pending, as far as no slice has met it. */
  get size(): number {
    return this.#toSend.size + this.#settled.size;
  }

  *[Symbol.iterator](): Iterator<Intent> {
    yield* this.#toSend.values();
    yield* this.#settled.values();
  }

  /** The one goes on as the other, of the same member, in its place: what was sent together is sent together again. */
  replace(intent: Intent, next: Intent): void {
    const list = this.#settled.has(intent.member) ? this.#settled : this.#toSend;
    list.set(intent.member, next);
  }

  /** As many as a step looks at; empty: nothing is left that could go on. */
  slice(sieve: Sieve): Intent[] {
    const toSend = this.#from(this.#toSend, sieve, (intent) => {
      if (!sieve.isSettled(intent)) return true;
      this.#toSend.delete(intent.member);
      this.#settled.set(intent.member, intent);
      return false;
    });
    return toSend.length > 0 ? toSend : this.#from(this.#settled, sieve, () => true);
  }

  #from(list: Map<string, Intent>, { isPending, isKeptBack }: Sieve, isWanted: (intent: Intent) => boolean): Intent[] {
    const slice: Intent[] = [];
    for (const intent of list.values()) {
      if (slice.length === SLICE_MAX) break;
      if (!isPending(intent)) list.delete(intent.member);
      else if (!isKeptBack(intent) && isWanted(intent)) slice.push(intent);
    }
    return slice;
  }
}
