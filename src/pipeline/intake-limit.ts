/** Whether more of the source is read. With hysteresis, so that a full memory does not pause and resume at every record. */

const RESUME_RATIO = 0.8;

export class IntakeLimit {
  readonly #limit: number;
  #isPaused = false;

  /** @param limit changes that may be pending (MAX_PENDING_INTENTS). */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** So many are pending. Answers what changes by it; null: nothing. */
  note(count: number): 'paused' | 'resumed' | null {
    const { isPaused } = this;
    if (!isPaused && count >= this.#limit) this.#isPaused = true;
    else if (isPaused && count <= this.#limit * RESUME_RATIO) this.#isPaused = false;
    if (isPaused === this.#isPaused) return null;
    return this.#isPaused ? 'paused' : 'resumed';
  }
}
