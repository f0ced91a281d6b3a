/**
 * One queue before Kafka: records are written in the order in which they were offered, by any caller. What waits
 * while one send is under way goes out with the next, so that many small requests cost few sends.
 *
 * What is not written is sent again, with growing pauses, and nothing overtakes it: skipped over, an older change would land
 * behind a newer one when its sender repeats it. So a record may be written twice, but always before what was offered after it.
 */
import { writePauseMs } from '../core/target/retry.ts';
import type { Clock, Logger, LogTools, OutRecord, SendOutcome } from '../ports.ts';
import { errorText } from '../core/text/visible.ts';

export interface SendQueueOptions {
  readonly tools: Pick<LogTools, 'send'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  /** Offers that may wait, and the bytes of their records. */
  readonly offersMax: number;
  readonly bytesMax: number;
  /** Whether trying again may help. */
  isPassing(error: unknown): boolean;
}

/** Asked before each try: whether it may be written `now`, not yet, or never any more. */
export type Turn = () => 'now' | 'later' | 'never';

interface Offer {
  readonly records: readonly OutRecord[];
  /** By the record's place; what is missing is still to be sent. */
  readonly outcomes: Map<number, SendOutcome>;
  readonly bytes: number;
  readonly turn: Turn;
  resolve(outcomes: readonly SendOutcome[]): void;
  reject(error: unknown): void;
}

/** Until it is asked again whether it may be written. */
const TURN_MS = 500;
const LOG_EVERY_MS = 60_000;
/** A leader that moves is back by the third try. */
const STUCK_FAILURES = 3;
/** Its caller may not write it any more; it may be written all the same, if an answer was lost. */
export class UnwantedError extends Error {
  override name = 'UnwantedError';
}

export function falseIfUnwanted(error: unknown): false {
  if (error instanceof UnwantedError) return false;
  throw error;
}

/** Of one send; the sender splits what a partition does not take at once. */
const BATCH_RECORDS_MAX = 2_000;

export class SendQueue {
  readonly #options: SendQueueOptions;
  readonly #offers: Offer[] = [];
  /** Those that wait, and those that are under way. */
  readonly #unfinished = new Set<Offer>();
  /** Of their records. */
  #bytes = 0;
  #isSending = false;
  #broken: { readonly error: unknown } | null = null;
  /** Sends that failed one after the other; `since` in epoch ms. */
  #failing: { readonly since: number; readonly count: number; readonly error: unknown } | null = null;
  /** Ends the pauses that are under way. */
  readonly #wakes = new Set<() => void>();
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when no send can succeed any more. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor(options: SendQueueOptions) {
    this.#options = options;
    this.failed.catch(() => undefined);
  }

  /**
   * Resolves when all are acknowledged, or refused for themselves (too large, invalid); rejects where that will not come about: with UnwantedError where `turn` has said
   * `never` before a try. null: too much waits already.
   */
  offer(records: readonly OutRecord[], turn: Turn = always): Promise<readonly SendOutcome[]> | null {
    const { offersMax, bytesMax } = this.#options;
    const bytes = records.reduce((sum, record) => sum + bytesOf(record), 0);
    // One alone is always taken, or it could never be.
    const count = this.#unfinished.size;
    if (count >= offersMax || (count > 0 && this.#bytes + bytes > bytesMax)) return null;
    if (this.#broken !== null) return Promise.reject(this.#broken.error);
    return new Promise((resolve, reject) => {
      const offer: Offer = { records, outcomes: new Map(), bytes, turn, resolve, reject };
      this.#offers.push(offer);
      this.#unfinished.add(offer);
      this.#bytes += bytes;
      void this.#sendAll();
    });
  }

  /** Why nothing is acknowledged at present; null: nothing is wrong, or not for long. */
  get stuck(): string | null {
    if (this.#failing === null || this.#failing.count < STUCK_FAILURES) return null;
    const { since, error } = this.#failing;
    const why = errorText(error);
    return `Kafka has not acknowledged since ${new Date(since).toISOString()}: ${why}`;
  }

  /** Before the next try; ends at once when nothing is tried any more. */
  async pause(delayMs: number): Promise<void> {
    if (this.#broken !== null) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      const cancel = this.#options.clock.schedule(delayMs, wake);
      this.#wakes.add(wake);
    });
  }

  /** Nothing is tried again from now on: what waits is given up, and no caller has seen it as written. */
  stop(): void {
    this.#break(new Error('the queue has been stopped'));
    for (const wake of this.#wakes) wake();
  }

  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    // All that came in with the same tick goes out together.
    await Promise.resolve();
    while (this.#offers.length > 0) await this.#sendSome(this.#takeBatch());
    this.#isSending = false;
  }

  #takeBatch(): readonly Offer[] {
    let count = 0;
    let records = 0;
    for (const offer of this.#offers) {
      if (count > 0 && records + offer.records.length > BATCH_RECORDS_MAX) break;
      count += 1;
      records += offer.records.length;
    }
    return this.#offers.splice(0, count);
  }

  async #sendSome(batch: readonly Offer[]): Promise<void> {
    try {
      await this.#sendSurely(batch);
    } catch (error) {
      this.#break(error);
      for (const offer of [...batch, ...this.#offers.splice(0)]) this.#reject(offer, error);
    } finally {
      this.#failing = null;
    }
  }

  async #sendSurely(batch: readonly Offer[]): Promise<void> {
    let failures = 0;
    let sinceLogMs = LOG_EVERY_MS;
    for (let wanted = this.#stillWanted(batch); wanted.length > 0; wanted = this.#stillWanted(wanted)) {
      if (this.#broken !== null) throw this.#broken.error;
      let delayMs = TURN_MS;
      if (wanted.every(({ turn }) => turn() === 'now')) {
        const problem = await this.#sendOnce(wanted);
        if (problem === null) return;
        if (!this.#options.isPassing(problem.error)) throw problem.error;
        failures += 1;
        const since = this.#failing?.since ?? this.#options.clock.now().wall;
        this.#failing = { since, count: failures, error: problem.error };
        delayMs = writePauseMs(failures);
        if (sinceLogMs >= LOG_EVERY_MS) {
          this.#options.logger.warn({ error: problem.error }, 'Kafka has not acknowledged, the records are sent again');
          sinceLogMs = 0;
        }
        sinceLogMs += delayMs;
        wanted = wanted.filter(({ outcomes, records }) => outcomes.size < records.length);
      }
      await this.pause(delayMs);
    }
  }

  /** What is not written of these, once; null: everything is. Resolves the offers that are done with. */
  async #sendOnce(offers: readonly Offer[]): Promise<{ readonly error: unknown } | null> {
    const left = offers.flatMap((offer) =>
      offer.records.flatMap((record, index) => (offer.outcomes.has(index) ? [] : [{ offer, record, index }])),
    );
    let problem: { readonly error: unknown } | null = null;
    try {
      const outcomes = await this.#options.tools.send(left.map(({ record }) => record));
      for (const [i, { offer, index }] of left.entries()) {
        const outcome = outcomes[i] ?? missing;
        if (typeof outcome === 'object' && outcome.kind === 'failed') problem = { error: outcome.error };
        else offer.outcomes.set(index, outcome);
      }
    } catch (error) {
      return { error };
    }
    for (const offer of offers) if (offer.outcomes.size === offer.records.length) this.#resolve(offer);
    return problem;
  }

  #stillWanted(offers: readonly Offer[]): readonly Offer[] {
    return offers.filter((offer) => {
      const isWanted = offer.turn() !== 'never';
      if (!isWanted) this.#reject(offer, new UnwantedError('what was offered may not be written any more'));
      return isWanted;
    });
  }

  #resolve(offer: Offer): void {
    this.#free(offer);
    offer.resolve(offer.records.map((_, index) => offer.outcomes.get(index) ?? missing));
  }

  #reject(offer: Offer, error: unknown): void {
    this.#free(offer);
    offer.reject(error);
  }

  /** Before its end is known: what takes its place needs its room. */
  #free(offer: Offer): void {
    if (this.#unfinished.delete(offer)) this.#bytes -= offer.bytes;
  }

  #break(error: unknown): void {
    this.#broken ??= { error };
    this.#fail(error);
  }
}

const always: Turn = () => 'now';

const missing: SendOutcome = { kind: 'failed', error: new Error('the log does not say what became of the record') };

const RECORD_OVERHEAD_BYTES = 64;

const bytesOf = ({ key, value }: OutRecord): number =>
  RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
