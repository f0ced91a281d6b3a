/**
 * One queue before Kafka: records are written in the order in which they were offered, whoever offered them. What waits
 * while one send is under way goes out with the next, so that many small requests cost few sends.
 *
 * A send that fails is sent again, and nothing overtakes it: skipped over, an older change would land behind a newer one
 * when its sender repeats it. So a record may be written twice, but always before what was offered after it.
 */
import type { Clock, Logger, LogTools, OutRecord, SendOutcome } from '../ports.ts';

export interface SendQueueOptions {
  readonly tools: Pick<LogTools, 'send'>;
  readonly clock: Pick<Clock, 'schedule'>;
  readonly log: Pick<Logger, 'warn'>;
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
  readonly bytes: number;
  readonly turn: Turn;
  resolve(outcomes: readonly SendOutcome[]): void;
  reject(error: unknown): void;
}

const RETRY_MS = 500;
/** Whoever offered it may not write it any more; it may be written all the same, if an answer was lost. */
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
  /** Of the offers that wait and of those that are under way. */
  #count = 0;
  #bytes = 0;
  #isSending = false;
  #broken: { readonly error: unknown } | null = null;
  #wake = (): void => undefined;
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
   * Resolves when all are acknowledged; rejects where that will not come about: with UnwantedError where `turn` has said
   * `never` before a try. null: too much waits already.
   */
  offer(records: readonly OutRecord[], turn: Turn = always): Promise<readonly SendOutcome[]> | null {
    const { offersMax, bytesMax } = this.#options;
    const bytes = records.reduce((sum, record) => sum + bytesOf(record), 0);
    // One alone is always taken, or it could never be.
    if (this.#count >= offersMax || (this.#count > 0 && this.#bytes + bytes > bytesMax)) return null;
    if (this.#broken !== null) return Promise.reject(this.#broken.error);
    this.#count += 1;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#offers.push({ records, bytes, turn, resolve, reject });
      void this.#sendAll();
    });
  }

  /** Nothing is tried again from now on: what waits is given up, and nobody has been told that it was written. */
  stop(): void {
    this.#break(new Error('the queue has been stopped'));
    this.#wake();
  }

  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    // Whatever came in with the same tick goes out together.
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
      for (const { reject } of [...batch, ...this.#offers.splice(0)]) reject(error);
    } finally {
      this.#count -= batch.length;
      this.#bytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
    }
  }

  async #sendSurely(batch: readonly Offer[]): Promise<void> {
    const { tools, log, isPassing } = this.#options;
    for (let wanted = stillWanted(batch); wanted.length > 0; wanted = stillWanted(wanted)) {
      if (this.#broken !== null) throw this.#broken.error;
      const records = wanted.flatMap((offer) => offer.records);
      try {
        if (wanted.every(({ turn }) => turn() === 'now')) return share(wanted, await tools.send(records));
      } catch (error) {
        if (!isPassing(error)) throw error;
        log.warn({ error, records: records.length }, 'Kafka has not acknowledged, the records are sent again');
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    if (this.#broken !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(RETRY_MS, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #break(error: unknown): void {
    this.#broken ??= { error };
    this.#fail(error);
  }
}

const always: Turn = () => 'now';

function stillWanted(offers: readonly Offer[]): readonly Offer[] {
  return offers.filter((offer) => {
    const isWanted = offer.turn() !== 'never';
    if (!isWanted) offer.reject(new UnwantedError('what was offered may not be written any more'));
    return isWanted;
  });
}

function share(offers: readonly Offer[], outcomes: readonly SendOutcome[]): void {
  let from = 0;
  for (const { records, resolve } of offers) {
    resolve(outcomes.slice(from, from + records.length));
    from += records.length;
  }
}

const RECORD_OVERHEAD_BYTES = 64;

const bytesOf = ({ key, value }: OutRecord): number =>
  RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
