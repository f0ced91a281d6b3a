/**
 * Intents of source records that are begun in the ledger and not folded yet. One record may bring 100,000, and a whole batch
 * more: so many are folded in one turn of the event loop, and nothing more of the partition is read before the rest.
 */
import type { Intent } from '../core/change/change.ts';
import type { EventIntents } from '../core/change/pending.ts';

/** About 25 ms. A batch of usual records stays below it. */
const TURN_MAX = 5_000;

/** `known`: complete already, as the commit metadata says. */
type Standing = 'known' | 'new';

export class Inbox {
  readonly #waiting: { readonly intents: Iterator<Intent>; readonly standing: Standing }[] = [];
  /** Of the present turn. */
  #takenCount = 0;

  /** Everything that was put in is taken. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The turn has taken as many as it may. */
  get isFull(): boolean {
    return this.#takenCount >= TURN_MAX;
  }

  /** A turn of the event loop begins. */
  begin(): void {
    this.#takenCount = 0;
  }

  put(intents: EventIntents, standing: Standing): void {
    this.#waiting.push({ intents: intents[Symbol.iterator](), standing });
    // Reading so large a record has taken the time of a turn.
    if (intents.count > TURN_MAX) this.#takenCount = TURN_MAX;
  }

  /** In their order, as many as the turn may still take. */
  take(task: (intent: Intent, standing: Standing) => void): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.isFull; first = this.#waiting[0]) {
      const next = first.intents.next();
      if (next.done === true) {
        this.#waiting.shift();
        continue;
      }
      this.#takenCount += 1;
      task(next.value, first.standing);
    }
  }
}
