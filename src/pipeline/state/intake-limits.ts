/** Whether more of the source is read: by how much is pending, and by how many reports wait to be written. */
import { RepeatedCauses } from '../../core/text/repeated-causes.ts';

/** With hysteresis, so that a full memory does not pause and resume at every record. */
const RESUME_RATIO = 0.8;

/** @param limit MAX_PENDING_INTENTS. @returns with so many pending, and not one more, reading goes on before anything is sent */
export const intakeResumesAt = (limit: number): number => limit * RESUME_RATIO;

export class IntakeLimit {
  readonly #limit: number;
  #isPaused = false;

  /** @param limit from so many on no more is read. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Once it is paused: so many, and no more. */
  get resumesAt(): number {
    return intakeResumesAt(this.#limit);
  }

  /** So many there are. Answers what changes by it; null: nothing. */
  note(count: number): 'paused' | 'resumed' | null {
    const { isPaused } = this;
    if (!isPaused && count >= this.#limit) this.#isPaused = true;
    else if (isPaused && count <= this.resumesAt) this.#isPaused = false;
    if (isPaused === this.#isPaused) return null;
    return this.#isPaused ? 'paused' : 'resumed';
  }
}

/**
 * Of reports that wait to be written. While Kafka takes none they may be very many, and revocations are read all the same: also
 * afterwards, until those are written.
 *
 *   counting ──stuck──▶ lifted ──not stuck, fewer than the limit──▶ counting
 */
export class ReportLimit {
  readonly #max: number;
  readonly #limit: IntakeLimit;
  readonly #causes = new RepeatedCauses();
  #isLifted = false;

  /** @param limit as of IntakeLimit. */
  constructor(limit: number) {
    this.#max = limit;
    this.#limit = new IntakeLimit(limit);
  }

  get isPaused(): boolean {
    return this.#limit.isPaused;
  }

  /** So many wait. @param areStuck Kafka takes none at present. Answers what changes by it; null: nothing. */
  note(count: number, areStuck: boolean): 'paused' | 'resumed' | null {
    if (areStuck) this.#isLifted = true;
    else if (count < this.#max) this.#isLifted = false;
    return this.#limit.note(this.#isLifted ? 0 : count);
  }

  /** Kafka acknowledges none. Answers how many log lines of it were left out; null: this one is left out too. @param now monotonic ms */
  admitStall(now: number): number | null {
    return this.#causes.admit('stalled', now);
  }
}
